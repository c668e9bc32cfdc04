import assert from 'node:assert/strict';
import type { CallSettings } from './call.js';
import { ANSWER, CallBench, SETTINGS, sdp, settled } from './call-test-kit.js';
import type { EndReason } from './end-reason.js';

const recording = (changes: Partial<CallSettings['recording']>) => ({
  recording: { ...SETTINGS.recording, ...changes },
});

describe('a call', () => {
  let bench: CallBench;

  beforeEach(() => {
    bench = new CallBench();
  });

  afterEach(() => {
    bench.assertQuiet();
  });

  /** The callee hangs up, and all that was under way ends. */
  async function hangUp(): Promise<void> {
    bench.leg.hangsUp();
    await settled();
  }

  describe('and the journal', () => {
    it('sends no INVITE before its reservation has committed, with what a crash would need', async () => {
      bench.journal.stall();
      const caller = await bench.offer();
      assert.equal(bench.dialler.legs.length, 0);
      bench.journal.goOn();
      await settled();
      assert.ok(bench.at('commit reserve') < bench.at('callee INVITE'));
      const live = bench.journal.live.get(caller.callId);
      const { attemptId, address } = bench.leg.request;
      const { requestUri } = address;
      assert.deepEqual(
        [live?.record.attempts[0]?.attemptId, live?.record.attempts[0]?.requestUri],
        [attemptId, requestUri],
      );
      assert.match(requestUri, /^sip:/);
      bench.leg.fail(486);
      await settled();
    });

    it('answers the caller only when the answer has committed, with the identity of the gateway’s leg', async () => {
      const caller = await bench.dial();
      bench.journal.stall();
      bench.leg.answer(ANSWER);
      await settled();
      assert.equal(caller.state, 'ringing');
      bench.journal.goOn();
      await settled();
      assert.ok(bench.at('commit confirm') < bench.at('caller 200'));
      assert.equal(bench.journal.live.get(caller.callId)?.callees[0]?.attemptId, bench.leg.request.attemptId);
      assert.equal(bench.journal.live.get(caller.callId)?.caller, null);
      caller.connected();
      await settled();
      assert.notEqual(bench.journal.live.get(caller.callId)?.caller, null);
      await hangUp();
    });

    it('keeps the record in the transaction of the settlement, and publishes it with both reports', async () => {
      await bench.talk();
      await bench.advance(10_000);
      bench.media.gate.isHeld = true;
      await hangUp();
      assert.match(bench.trace[bench.at('commit settle')] ?? '', /^commit settle \S+, open \S+$/);
      assert.equal(bench.journal.published.length, 0);
      bench.media.gate.release();
      await settled();
      assert.equal(bench.record.attempts[0]?.billedSeconds, 10);
      assert.equal(bench.record.media?.caller.packets, 10);
      assert.equal(bench.record.recording?.report?.state, 'complete');
    });

    it('keeps the record in the transaction of the release when nobody answered', async () => {
      const caller = await bench.dial();
      bench.leg.fail(486);
      await settled();
      assert.match(bench.trace[bench.at('commit release')] ?? '', /^commit release \S+, open \S+$/);
      assert.equal(bench.record.endReason, 'busy');
      assert.equal(caller.state, 'over');
    });

    it('publishes nothing before the settlement has committed, however early relay and recorder report', async () => {
      await bench.talk();
      bench.journal.stall();
      await hangUp();
      assert.equal(bench.journal.published.length, 0);
      assert.equal(bench.registry.size, 1);
      bench.journal.goOn();
      await settled();
      bench.journal.goOn();
      await settled();
      assert.equal(bench.journal.published.length, 1);
    });

    it('lets the caller talk when the journal stalls at the answer', async () => {
      const caller = await bench.dial();
      bench.journal.stall();
      bench.leg.answer(ANSWER);
      await settled();
      await bench.advance(1_999);
      assert.equal(caller.state, 'ringing');
      await bench.advance(1);
      assert.equal(caller.state, 'answering');
      caller.connected();
      bench.journal.goOn();
      await settled();
      await hangUp();
      assert.equal(bench.record.endReason, 'normal');
    });

    it('tells the ledger that no INVITE left when the caller cancels while the reservation is under way', async () => {
      bench.journal.stall();
      const caller = await bench.offer();
      caller.cancel();
      await settled();
      bench.journal.goOn();
      await settled();
      assert.deepEqual([...bench.ledger.released.values()], [false]);
      assert.equal(bench.record.endReason, 'caller-cancelled');
      assert.deepEqual([bench.ledger.busyChannels, bench.dialler.legs.length], [[], 0]);
    });

    it('does not bring a call back whose answer commits after its end', async () => {
      const caller = await bench.dial();
      bench.journal.failures = 1;
      bench.leg.answer(ANSWER);
      await settled();
      await bench.advance(500);
      caller.cancel();
      await settled();
      bench.leg.clear();
      await settled();
      assert.equal(bench.journal.published.length, 0);
      await bench.advance(500);
      assert.equal(bench.journal.published.length, 1);
      assert.equal(bench.journal.live.size, 0);
    });

    it('refuses the caller with 503 when its reservation does not commit', async () => {
      bench.journal.failures = 1;
      await bench.offer();
      bench.at('caller 503 Q.850;cause=41;text="journal-stalled"');
      assert.equal(bench.dialler.legs.length, 0);
    });

    it('writes the record of a refused call although the disk is full for a while', async () => {
      bench.refusal = 'class-not-allowed';
      bench.journal.failures = 3;
      await bench.offer();
      for (let tries = 0; tries < 3; tries++) await bench.advance(1_000);
      assert.equal(bench.record.endReason, 'class-not-allowed');
    });

    it('is over although the journal has stopped for good, so that the service can end', async () => {
      await bench.talk();
      bench.journal.stall();
      await hangUp();
      await bench.advance(1_999);
      assert.equal(bench.registry.size, 1);
      await bench.advance(1);
      assert.equal(bench.registry.size, 0);
      await bench.registry.whenIdle();
      bench.journal.goOn();
      await settled();
      bench.journal.goOn();
      await settled();
    });
  });

  describe('and its recording', () => {
    it('is not recorded before it is answered, and until both sides are done', async () => {
      await bench.talk();
      assert.ok(bench.at('recording begun') < bench.at('caller 200'));
      await hangUp();
      assert.ok(bench.at('media unforked') < bench.at('media closed'));
    });

    it('is refused with 503 when it must be recorded and cannot be', async () => {
      bench = new CallBench(recording({ required: true }));
      bench.recorder.unready = 'disk-full';
      await bench.offer();
      bench.at('caller 503 Q.850;cause=41;text="recording-unavailable"');
      assert.equal(bench.media.openSessions, 0);
    });

    it('goes on without when it need not be recorded', async () => {
      bench.recorder.unready = 'disk-full';
      await bench.talk();
      await hangUp();
      assert.equal(bench.record.recording?.report?.state, 'lost');
    });

    it('ends when it cannot be recorded from its answer on and no audio may be lost', async () => {
      bench = new CallBench(recording({ onLoss: 'end' }));
      const caller = await bench.dial();
      bench.recorder.unready = 'disk-full';
      bench.leg.answer(ANSWER);
      await settled();
      caller.connected();
      bench.leg.clear();
      await settled();
      assert.equal(bench.record.endReason, 'recording-unavailable');
      assert.equal(bench.record.recording?.report?.state, 'lost');
    });

    it('never stands in the way of an emergency call', async () => {
      bench = new CallBench(recording({ required: true, onLoss: 'end' }));
      bench.recorder.unready = 'disk-full';
      bench.numberClass = 'emergency';
      const caller = await bench.talk();
      assert.equal(caller.state, 'talking');
      await hangUp();
    });

    it('goes on when the recording is lost, and says so', async () => {
      const caller = await bench.talk();
      bench.recorder.lose('disk-full');
      assert.equal(caller.state, 'talking');
      await hangUp();
    });

    it('ends when the recording is lost and no audio may be', async () => {
      bench = new CallBench(recording({ onLoss: 'end' }));
      const caller = await bench.talk();
      bench.recorder.lose('recorder-down');
      assert.equal(caller.state, 'over');
      assert.equal(bench.leg.state, 'hanging-up');
      bench.leg.clear();
      await settled();
      assert.deepEqual([bench.record.endReason, bench.record.endedBy], ['recording-unavailable', 'simtrunk']);
    });

    it('gives the caller one final response when the recording is lost as it begins', async () => {
      bench = new CallBench(recording({ onLoss: 'end' }));
      const caller = await bench.dial();
      bench.recorder.isLost = true;
      bench.leg.answer(ANSWER);
      await settled();
      bench.leg.clear();
      caller.connected();
      await settled();
      assert.deepEqual([bench.record.endReason, bench.record.sipStatus], ['recording-unavailable', 200]);
    });

    it('is published at the deadline as unfinished, and again when the recorder has reported', async () => {
      bench.recorder.gate.isHeld = true;
      await bench.talk();
      await hangUp();
      await bench.advance(29_999);
      assert.equal(bench.journal.published.length, 0);
      await bench.advance(1);
      assert.equal(bench.record.recording?.report, null);
      assert.equal(bench.registry.size, 1);
      bench.recorder.gate.release();
      await settled();
      assert.deepEqual(
        bench.journal.published.map(({ revision, record }) => [revision, record.recording?.report?.state]),
        [
          [1, undefined],
          [2, 'complete'],
        ],
      );
    });
  });

  describe('and its media', () => {
    it('ends on both sides when the relay loses its session', async () => {
      const caller = await bench.talk();
      for (const lost of bench.media.lost) lost();
      assert.equal(caller.state, 'over');
      bench.leg.clear();
      await settled();
      assert.equal(bench.record.endReason, 'media-lost');
    });

    for (const [refusal, reason] of [
      ['no-media-ports', 'no-media-ports'],
      ['relay-down', 'media-lost'],
    ] as const) {
      it(`is refused before a channel is reserved when there is ${refusal}`, async () => {
        bench.media.refusal = refusal;
        await bench.offer();
        assert.equal(bench.record.endReason, reason);
        assert.equal(bench.record.attempts.length, 0);
      });
    }

    it('is refused, and leaves nothing, when the relay fails unexpectedly', async () => {
      bench.media.refusal = 'throws';
      await bench.offer();
      assert.equal(bench.record.sipStatus, 500);
    });

    it('ends when neither side sends for as long as the setting says', async () => {
      bench = new CallBench({ noMediaTimeoutMs: 20_000 });
      await bench.talk();
      bench.media.lastPacketAgeMs = 100;
      for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 5_000) await bench.advance(5_000);
      assert.equal(bench.leg.state, 'talking');
      bench.media.lastPacketAgeMs = 20_000;
      await bench.advance(5_000);
      bench.leg.clear();
      await settled();
      assert.equal(bench.record.endReason, 'no-media');
    });

    it('ends when no packet ever came for as long as the setting says', async () => {
      bench = new CallBench({ noMediaTimeoutMs: 20_000 });
      bench.media.lastPacketAgeMs = null;
      await bench.talk();
      for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 5_000) {
        assert.equal(bench.leg.state, 'talking');
        await bench.advance(5_000);
      }
      bench.leg.clear();
      await settled();
      assert.equal(bench.record.endReason, 'no-media');
    });

    it('is listened to for one-way media from its answer on, and goes on through what is told of it', async () => {
      bench = new CallBench({ silentAfterMs: 7_000 });
      await bench.talk();
      assert.deepEqual(bench.media.silenceWatches, [7_000]);
      for (const tell of bench.media.eventListeners) {
        tell({ type: 'silent', side: 'callee', silentMs: 7_000 });
        tell({ type: 'dtmf', side: 'caller', event: '1', durationMs: 100, by: 'rfc4733' });
        tell({ type: 'heard', side: 'callee' });
      }
      assert.equal(bench.media.eventListeners.length, 1);
      assert.equal(bench.leg.state, 'talking');
      bench.leg.hangsUp();
      await settled();
      assert.equal(bench.record.endReason, 'normal');
    });

    it('ends the gateway’s leg, charged, when its answer has no codec of ours', async () => {
      await bench.dial();
      bench.leg.answer(sdp('192.0.2.10', 30_000, '18'));
      assert.equal(bench.leg.state, 'hanging-up');
      bench.at('caller 488');
      bench.leg.clear();
      await settled();
      assert.deepEqual([bench.record.endReason, bench.ledger.charges.size], ['no-common-codec', 1]);
    });

    for (const [what, answer] of [
      ['no SDP', null],
      ['an SDP that cannot be read', 'v=0'],
    ] as const) {
      it(`blames the gateway for an answer with ${what}`, async () => {
        await bench.dial();
        bench.leg.answer(answer);
        bench.at('caller 503');
        bench.leg.clear();
        await settled();
        assert.deepEqual([bench.record.endReason, bench.ledger.charges.size], ['gateway-failure', 1]);
      });
    }
  });

  describe('and answers that come late', () => {
    it('is published after the late answer, which is ended, charged and in the record', async () => {
      await bench.dial();
      const silent = bench.leg;
      await bench.advance(4_000);
      bench.leg.sent();
      assert.equal(silent.isCancelled, true);
      assert.equal(bench.leg.request.gateway, 'gw2');
      bench.leg.fail(486);
      await settled();
      assert.equal(bench.journal.published.length, 0);
      silent.answer(ANSWER);
      await settled();
      assert.equal(silent.state, 'hanging-up');
      assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
      silent.clear();
      await settled();
      const [late, busy] = bench.record.attempts;
      assert.deepEqual([late?.answeredLate, late?.outcome, busy?.outcome], [true, 'answered', 'refused']);
      assert.equal(bench.record.endReason, 'busy');
    });

    it('keeps the channel of an attempt that was given up until its last word, or 64·T1', async () => {
      const caller = await bench.dial();
      bench.leg.listener.progressed(180, null);
      caller.cancel();
      await bench.advance(32_999);
      assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
      assert.equal(bench.journal.published.length, 0);
      await bench.advance(1);
      assert.deepEqual(bench.ledger.busyChannels, []);
      assert.equal(bench.record.endReason, 'caller-cancelled');
    });

    it('keeps the channel until the BYE has its response, or 64·T1', async () => {
      const caller = await bench.talk();
      caller.hangsUp();
      await bench.advance(32_999);
      assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
      assert.equal(bench.journal.published.length, 1);
      await bench.advance(1);
      assert.deepEqual(bench.ledger.busyChannels, []);
    });

    it('connects the caller and then hangs up when the callee’s BYE crossed our 200', async () => {
      const caller = await bench.dial();
      bench.leg.answer(ANSWER);
      bench.leg.hangsUp();
      await settled();
      assert.equal(caller.state, 'answering');
      caller.connected();
      await settled();
      assert.ok(bench.at('caller 200') < bench.at('caller BYE'));
      assert.deepEqual([bench.record.endedBy, bench.record.sipStatus], ['callee', 200]);
      assert.notEqual(bench.record.answeredAtMs, null);
    });
  });

  describe('that loses its signalling', () => {
    it('goes on while media flows, and ends ten seconds after the last packet', async () => {
      await bench.talk();
      for (const call of bench.registry.calls()) {
        call.loseSignalling();
        call.loseSignalling();
      }
      for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 2_500) await bench.advance(2_500);
      assert.equal(bench.leg.state, 'talking');
      bench.media.lastPacketAgeMs = 10_000;
      await bench.advance(2_500);
      assert.equal(bench.leg.state, 'hanging-up');
      bench.leg.clear();
      await settled();
      assert.equal(bench.record.endReason, 'signalling-lost');
    });

    it('is watched once, however often that happens', async () => {
      await bench.talk();
      for (let times = 0; times < 3; times++) {
        for (const call of bench.registry.calls()) call.loseSignalling();
        await bench.advance(1_000);
      }
      await hangUp();
    });

    it('ends at once while it is being set up, and keeps the channel of the attempt', async () => {
      await bench.dial();
      for (const call of bench.registry.calls()) call.loseSignalling();
      await settled();
      bench.at('caller 503 Q.850;cause=41;text="signalling-lost"');
      assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
      await bench.advance(33_000);
      assert.equal(bench.record.attempts[0]?.outcome, 'cancelled');
      assert.deepEqual([...bench.ledger.released.values()], [true]);
    });
  });

  describe('that is ended by a shutdown', () => {
    const reason: EndReason = 'shutdown';

    it('is refused when it comes after the service has stopped', async () => {
      bench.registry.refuse('shutdown');
      await bench.offer();
      bench.at('caller 503');
      assert.equal(bench.record.endReason, reason);
    });

    it('gives its reservation back when that was under way', async () => {
      bench.journal.stall();
      await bench.offer();
      bench.registry.endAll(reason);
      bench.journal.goOn();
      await settled();
      bench.at('caller 503');
      assert.equal(bench.dialler.legs.length, 0);
      assert.equal(bench.record.endReason, reason);
    });

    it('cancels its attempt', async () => {
      await bench.dial();
      bench.registry.endAll(reason);
      bench.at('callee CANCEL');
      bench.leg.fail(487);
      await settled();
      assert.deepEqual([bench.record.endReason, bench.record.sipStatus], [reason, 503]);
    });

    it('refuses the caller and ends the callee between the answer and its commit', async () => {
      await bench.dial();
      bench.journal.stall();
      bench.leg.answer(ANSWER);
      bench.registry.endAll(reason);
      bench.at('caller 503');
      bench.at('callee BYE');
      bench.journal.goOn();
      await settled();
      bench.journal.goOn();
      bench.leg.clear();
      await settled();
      assert.equal(bench.ledger.charges.size, 1);
    });

    it('follows its 200 by a BYE when that is on its way, never by a second final response', async () => {
      const caller = await bench.dial();
      bench.leg.answer(ANSWER);
      await settled();
      bench.registry.endAll(reason);
      bench.leg.clear();
      await settled();
      caller.connected();
      await settled();
      assert.ok(bench.at('caller 200') < bench.at('caller BYE'));
      assert.ok(!bench.trace.some((line) => line.startsWith('caller 503')));
    });

    it('hangs up on both sides', async () => {
      const caller = await bench.talk();
      bench.registry.endAll(reason);
      assert.deepEqual([caller.state, bench.leg.state], ['over', 'hanging-up']);
      const idle = bench.registry.whenIdle();
      bench.leg.clear();
      await idle;
    });

    it('takes a second end for nothing', async () => {
      const caller = await bench.talk();
      caller.hangsUp();
      bench.registry.endAll(reason);
      bench.leg.clear();
      await settled();
      assert.equal(bench.record.endReason, 'normal');
    });
  });

  describe('that is refused', () => {
    for (const [defect, changes, status] of [
      ['no Contact', { hasContact: false }, 400],
      ['our own marker', { looped: true }, 482],
      ['no hop left', { maxForwards: 0 }, 483],
      ['SDP that cannot be read', { offerSdp: 'nonsense' }, 400],
      ['a codec that nobody has', { offerSdp: sdp('192.0.2.20', 40_000, '18') }, 488],
    ] as const) {
      it(`gets ${status} and one record for an INVITE with ${defect}`, async () => {
        await bench.offer(changes);
        assert.equal(bench.record.sipStatus, status);
        assert.equal(bench.journal.published.length, 1);
      });
    }

    it('gets an answer and one record although its admission fails unexpectedly', async () => {
      bench.refusal = 'throws';
      await bench.offer();
      assert.equal(bench.record.sipStatus, 500);
    });

    it('gets 503 when every channel is busy, and one record with every attempt', async () => {
      await bench.dial();
      for (let attempts = 1; attempts <= 3; attempts++) {
        bench.leg.fail(503);
        await settled();
      }
      assert.deepEqual([bench.record.attempts.length, bench.record.endReason], [3, 'no-channel']);
      assert.deepEqual(
        bench.record.attempts.map(({ channelId, outcome }) => `${channelId} ${outcome}`),
        ['gw1/1 refused', 'gw1/2 refused', 'gw2/1 refused'],
      );
    });
  });

  describe('and what the ledger grants it', () => {
    it('is renewed every half slice, and lasts as long as the last renewal allows', async () => {
      const cap = { holder: 'trunk:pbx', allowanceId: 'seconds-day' };
      bench.ledger.grants.push({ maxCallSeconds: 30, isFinal: false }, { maxCallSeconds: 45, isFinal: false });
      bench.ledger.grants.push({ maxCallSeconds: 50, isFinal: true, limit: cap });
      bench.ledger.grants.push({ maxCallSeconds: 50, isFinal: true, limit: cap });
      const caller = await bench.talk();
      for (let seconds = 0; seconds < 49; seconds += 1) await bench.advance(1_000);
      assert.equal(bench.trace.filter((line) => line.startsWith('renew')).length, 3);
      assert.deepEqual([caller.state, bench.leg.state], ['talking', 'talking']);
      await bench.advance(1_000);
      assert.deepEqual([caller.state, bench.leg.state], ['over', 'hanging-up']);
      bench.leg.clear();
      await settled();
      assert.deepEqual([bench.record.endReason, bench.record.limit], ['cap-exhausted', cap]);
      assert.equal(bench.record.attempts[0]?.billedSeconds, 50);
    });

    it('warns the caller once before the end', async () => {
      bench = new CallBench({ limits: { ...SETTINGS.limits, warningToneSeconds: 10 } });
      bench.ledger.grants.push({ maxCallSeconds: 60, isFinal: true });
      bench.ledger.maxCallSeconds = 60;
      await bench.talk();
      for (let seconds = 0; seconds < 59; seconds += 1) await bench.advance(1_000);
      const warnings = bench.trace.filter((line) => line.startsWith('media plays'));
      assert.deepEqual(warnings, ['media plays tone to caller (mix)']);
      assert.ok(bench.at('media plays') > bench.at('caller 200'));
      await bench.advance(1_000);
      bench.leg.clear();
      await settled();
      assert.equal(bench.record.endReason, 'max-duration');
    });

    it('ends cleanly, charged and recorded, when the ledger has nothing more to say', async () => {
      bench.ledger.grants.push({ maxCallSeconds: 30, isFinal: false });
      bench.ledger.isDeaf = true;
      const caller = await bench.talk();
      for (let seconds = 0; seconds < 30; seconds += 1) await bench.advance(1_000);
      assert.equal(caller.state, 'over');
      bench.leg.clear();
      await bench.advance(SETTINGS.journalTimeoutMs);
      assert.deepEqual([bench.record.endReason, bench.record.sipStatus], ['ledger-away', 200]);
      assert.equal(bench.record.attempts[0]?.billedSeconds, 30);
    });

    it('goes on as granted when a renewal fails, and further when the next one does not', async () => {
      bench.ledger.grants.push({ maxCallSeconds: 40, isFinal: false }, { maxCallSeconds: 60, isFinal: false });
      bench.ledger.grants.push({ maxCallSeconds: 90, isFinal: true });
      await bench.talk();
      bench.journal.failures = 1;
      for (let seconds = 0; seconds < 89; seconds += 1) await bench.advance(1_000);
      assert.equal(bench.leg.state, 'talking');
      await hangUp();
      assert.equal(bench.record.endReason, 'normal');
    });

    it('is renewed by how long it lasts, however the wall clock is set meanwhile', async () => {
      for (let slice = 1; slice <= 5; slice++) bench.ledger.grants.push({ maxCallSeconds: 29 * slice, isFinal: false });
      const answeredWallMs = bench.clock.wallMs();
      await bench.talk();
      for (const jumpMs of [-3_600_000, 7_200_000, 86_400_000]) {
        bench.clock.jumpWallTo(bench.clock.wallMs() + jumpMs);
        await bench.advance(15_000);
      }
      const asked = bench.ledger.renewedUntil.map((wallMs) => wallMs - answeredWallMs);
      assert.deepEqual(asked, [45_000, 60_000, 75_000]);
      await hangUp();
    });

    it('takes no notice of a renewal that is answered after the call is over', async () => {
      bench.ledger.grants.push({ maxCallSeconds: 30, isFinal: false });
      await bench.talk();
      bench.journal.stall();
      await bench.advance(15_000);
      bench.leg.hangsUp();
      bench.journal.goOn();
      await settled();
      bench.journal.goOn();
      await settled();
      assert.deepEqual([bench.record.endReason, bench.record.attempts[0]?.billedSeconds], ['normal', 15]);
    });

    it('ends cleanly when its reservation is lost, whatever it is doing, but for an emergency call', async () => {
      const talking = await bench.talk();
      const attempts = [bench.leg.request.attemptId];
      const ringing = await bench.dial();
      attempts.push(bench.leg.request.attemptId);
      bench.numberClass = 'emergency';
      const emergency = await bench.talk();
      attempts.push(bench.leg.request.attemptId);
      bench.registry.loseReservations(['another node’s', ...attempts]);
      await settled();
      assert.deepEqual([talking.state, ringing.told, emergency.state], ['over', 503, 'talking']);
      emergency.hangsUp();
      bench.dialler.legs[1]?.fail(487);
      for (const leg of [bench.dialler.legs[0], bench.dialler.legs[2]]) leg?.clear();
      await settled();
      const reasons = new Map(bench.over.map(({ callId, endReason }) => [callId, endReason]));
      assert.deepEqual(
        [talking, ringing, emergency].map(({ callId }) => reasons.get(callId)),
        ['ledger-away', 'ledger-away', 'normal'],
      );
    });

    it('is refused when a cap has nothing left, and its record names the cap', async () => {
      const cap = { holder: 'agent:pbx/201', allowanceId: 'credits-month' };
      bench.refusal = 'cap-exhausted';
      bench.refusedBy = cap;
      const caller = await bench.offer();
      assert.equal(caller.told, 403);
      assert.deepEqual([bench.record.endReason, bench.record.limit], ['cap-exhausted', cap]);
    });
  });

  it('is refused when its INVITE waited too long for its turn, but for an emergency call', async () => {
    await bench.offer({ waitedMs: 2_001 });
    assert.deepEqual([bench.record.endReason, bench.record.sipStatus, bench.record.q850], ['overloaded', 503, 42]);
    assert.deepEqual(bench.record.attempts, []);
    for (const [numberClass, waitedMs] of [
      ['emergency', 20_000],
      ['mobile', 1_999],
    ] as const) {
      bench.numberClass = numberClass;
      const caller = await bench.offer({ waitedMs });
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      caller.connected();
      await settled();
      await hangUp();
      assert.equal(bench.record.endReason, 'normal');
    }
  });

  it('is billed from when the 200 came to when the BYE came, however long either waited', async () => {
    const caller = await bench.dial();
    bench.clock.advance(3_000);
    bench.leg.answer(ANSWER, 2_000);
    await settled();
    caller.connected();
    await settled();
    bench.clock.advance(20_000);
    bench.leg.hangsUp(3_000);
    await settled();
    const [attempt] = bench.record.attempts;
    assert.equal(attempt?.billedSeconds, 19);
    assert.equal((attempt?.endedAtMs ?? 0) - (attempt?.answeredAtMs ?? 0), 19_000);
  });

  it('is not billed from before its INVITE, whatever is said of the 200', async () => {
    const caller = await bench.dial();
    bench.clock.advance(1_000);
    bench.leg.answer(ANSWER, 25_000);
    await settled();
    caller.connected();
    await settled();
    bench.clock.advance(5_000);
    bench.leg.hangsUp();
    await settled();
    assert.equal(bench.record.attempts[0]?.billedSeconds, 6);
  });

  it('tells policy once when it has a channel and once when it has ended, whatever is left of its attempts', async () => {
    const told = (what: string) => bench.trace.filter((line) => line.startsWith(`${what} `)).length;
    await bench.talk();
    assert.deepEqual([told('placed'), told('ended')], [1, 0]);
    await hangUp();
    assert.deepEqual([told('placed'), told('ended')], [1, 1]);
    bench.refusal = 'do-not-call';
    await bench.offer();
    assert.deepEqual([told('placed'), told('ended')], [1, 2]);
  });

  it('counts offered, answered and ended calls', async () => {
    await bench.talk();
    await hangUp();
    bench.refusal = 'do-not-call';
    await bench.offer();
    assert.deepEqual(bench.registry.counters, { offered: 2, answered: 1, ended: { normal: 1, 'do-not-call': 1 } });
  });
});
