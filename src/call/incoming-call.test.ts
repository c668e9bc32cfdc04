import assert from 'node:assert/strict';
import { ANSWER, CallBench, sdp, settled } from './call-test-kit.js';
import type { FakeCaller, FakeLeg } from './fake-legs.js';
import { AGENT, announcementOf, CALLER, incomingOn, QUEUE, SIM_NUMBER } from './incoming-test-kit.js';

const FROM_GATEWAY = { offerSdp: sdp('192.0.2.10', 40_000) };

describe('a call from a mobile', () => {
  let bench: CallBench;

  beforeEach(() => {
    bench = new CallBench();
  });

  afterEach(() => {
    bench.assertQuiet();
  });

  async function offer(request = incomingOn([AGENT, QUEUE])): Promise<FakeCaller> {
    return bench.offer({ ...request, ...FROM_GATEWAY });
  }

  /** Both sides talk. */
  async function talk(request = incomingOn([AGENT, QUEUE])): Promise<FakeCaller> {
    const caller = await offer(request);
    bench.leg.sent();
    bench.leg.listener.progressed(180, null);
    bench.leg.answer(ANSWER);
    await settled();
    caller.connected();
    await settled();
    return caller;
  }

  it('reserves its channel before anybody hears of it, then rings the agent who had called', async () => {
    bench.journal.stall();
    const caller = await offer();
    assert.equal(bench.dialler.legs.length, 0);
    bench.journal.goOn();
    await settled();
    assert.ok(bench.at('commit reserve in-') < bench.at('callee INVITE'));
    assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
    assert.equal(bench.leg.request.address.requestUri, AGENT.address.requestUri);
    assert.equal(bench.leg.request.gateway, 'trunk:pbx');
    const live = bench.journal.live.get(caller.callId);
    assert.deepEqual([live?.record.incoming?.channelId, live?.record.attempts.length], ['gw1/1', 1]);
    caller.cancel();
    bench.leg.fail(487);
    await settled();
    const { record } = bench;
    assert.deepEqual([record.endReason, record.incoming?.destination], ['caller-cancelled', 'agent']);
    assert.deepEqual([record.incoming?.billedSeconds, record.calling], [0, CALLER]);
  });

  it('is charged from our 200 to the BYE of the gateway’s leg, by the channel’s reservation alone', async () => {
    const caller = await talk();
    assert.ok(bench.at('commit confirm in-') < bench.at('caller 200'));
    await bench.advance(12_000);
    caller.hangsUp();
    await settled();
    // The mobile has hung up: its channel is free, whatever the agent's phone does.
    assert.deepEqual(bench.ledger.busyChannels, []);
    bench.leg.clear();
    await settled();
    const { record } = bench;
    assert.deepEqual([...bench.ledger.charges.keys()], [record.incoming?.reservationId]);
    assert.deepEqual(
      [record.incoming?.billedSeconds, record.attempts[0]?.billedSeconds, record.endedBy],
      [12, 0, 'caller'],
    );
    assert.ok(record.recording !== null, 'recorded');
    assert.deepEqual(
      [record.trunk, record.agent, record.callee, record.dialled],
      ['pbx', '701', SIM_NUMBER, SIM_NUMBER],
    );
  });

  it('is charged from when our 200 left, however long that waited for a PRACK', async () => {
    const caller = await offer();
    bench.leg.sent();
    bench.leg.answer(ANSWER);
    await settled();
    await bench.advance(20_000);
    caller.connected();
    const answeredAtMs = bench.clock.wallMs();
    await bench.advance(5_000);
    caller.hangsUp();
    bench.leg.clear();
    await settled();
    const { incoming } = bench.record;
    assert.deepEqual([incoming?.billedSeconds, incoming?.answeredAtMs], [5, answeredAtMs]);
  });

  it('is charged to when the BYE of the gateway was read, not to when its turn came', async () => {
    const caller = await talk();
    await bench.advance(12_000);
    caller.hangsUp(undefined, 2_500);
    bench.leg.clear();
    await settled();
    assert.equal(bench.record.incoming?.billedSeconds, 10);
  });

  it('keeps its channel after the agent has hung up, until the gateway answers our BYE', async () => {
    const caller = await talk();
    await bench.advance(3_000);
    bench.leg.hangsUp();
    await settled();
    assert.ok(bench.trace.includes('caller BYE'));
    assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
    caller.clears();
    await settled();
    assert.deepEqual(bench.ledger.busyChannels, []);
    assert.deepEqual([bench.record.endedBy, bench.record.incoming?.billedSeconds], ['callee', 3]);
  });

  it('frees its channel when the BYE of the gateway crosses ours', async () => {
    const caller = await talk();
    bench.leg.hangsUp();
    await settled();
    caller.hangsUp();
    await settled();
    assert.deepEqual(bench.ledger.busyChannels, []);
    caller.clears();
    await settled();
  });

  it('goes to the default destination when the agent is busy, does not answer, or is not there', async () => {
    const failures: readonly ((agent: FakeLeg) => Promise<void> | void)[] = [
      (agent) => agent.fail(486),
      (agent) => agent.fail(603),
      (agent) => agent.fail(null, true),
      async (agent) => {
        agent.listener.progressed(180, null);
        await bench.advance(20_000);
        agent.fail(487);
      },
      async (agent) => {
        await bench.advance(4_000);
        agent.fail(408, true);
      },
    ];
    for (const fail of failures) {
      const caller = await offer();
      const agent = bench.leg;
      agent.sent();
      await fail(agent);
      await settled();
      assert.equal(agent.state, 'over');
      assert.equal(bench.leg.request.address.requestUri, QUEUE.address.requestUri);
      assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
      bench.leg.sent();
      bench.leg.answer(ANSWER);
      await settled();
      caller.connected();
      await settled();
      caller.hangsUp();
      bench.leg.clear();
      await settled();
      const { record } = bench;
      assert.deepEqual([record.incoming?.destination, record.attempts.length, record.sipStatus], ['default', 2, 200]);
    }
    assert.ok(!bench.trace.some((line) => line.startsWith('reported')), 'a PBX has no health');
  });

  it('tells the gateway what the last destination said of itself, and frees the channel', async () => {
    const caller = await offer();
    bench.leg.fail(408, true);
    await settled();
    bench.leg.fail(486);
    await settled();
    assert.equal(caller.told, 486);
    assert.deepEqual([bench.record.endReason, bench.record.q850], ['busy', 17]);
    assert.deepEqual([...bench.ledger.released.values()], [false]);
  });

  it('never has the gateway told that the number is wrong because the PBX does not know it', async () => {
    for (const status of [404, 484, 604]) {
      const caller = await offer();
      bench.leg.fail(408, true);
      await settled();
      bench.leg.fail(status);
      await settled();
      assert.equal(caller.told, 480);
      assert.deepEqual([bench.record.endReason, bench.record.q850], ['no-destination', 20]);
    }
  });

  it('is asked nothing by policy, which is about whom a trunk may call', async () => {
    bench.refusal = 'do-not-call';
    const caller = await offer();
    bench.leg.fail(486);
    await settled();
    bench.leg.fail(486);
    await settled();
    assert.equal(caller.told, 486);
  });

  it('is refused politely when it has nowhere to go', async () => {
    const caller = await offer(incomingOn([], { lastCall: null }));
    assert.equal(caller.told, 480);
    assert.ok(bench.trace.some((line) => line.startsWith('caller 480 Q.850;cause=20')));
    assert.deepEqual([bench.record.endReason, bench.record.incoming?.destination], ['no-destination', null]);
  });

  it('is not charged when the gateway cancels before our 200', async () => {
    const caller = await offer();
    bench.leg.sent();
    bench.leg.answer(ANSWER);
    await settled();
    assert.equal(caller.state, 'answering');
    caller.failsToConnect();
    await settled();
    bench.leg.clear();
    await settled();
    assert.equal(bench.ledger.charges.size, 0);
    assert.deepEqual([bench.record.sipStatus, bench.record.incoming?.answeredAtMs], [487, null]);
  });

  it('is charged when its end crosses our 200, for the moment until our BYE', async () => {
    const caller = await offer();
    bench.leg.sent();
    bench.leg.answer(ANSWER);
    await settled();
    bench.registry.endAll('operator');
    await settled();
    bench.leg.clear();
    await bench.advance(500);
    // Until it is known what became of the 200, the channel is taken.
    assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
    caller.connected();
    await settled();
    assert.deepEqual(bench.ledger.busyChannels, ['gw1/1']);
    caller.clears();
    await settled();
    assert.equal(bench.record.incoming?.billedSeconds, 1);
  });

  it('is not charged for a destination that answers after it was given up', async () => {
    const caller = await offer();
    bench.leg.sent();
    const agent = bench.leg;
    caller.cancel();
    await settled();
    assert.deepEqual(bench.ledger.busyChannels, []);
    agent.answer(ANSWER);
    await settled();
    agent.clear();
    await settled();
    assert.equal(bench.ledger.charges.size, 0);
    assert.equal(bench.record.attempts[0]?.answeredLate, true);
  });

  it('ends when the plan allows no further second, and warns the agent before', async () => {
    bench = new CallBench({ limits: { ...bench.settings.limits, warningToneSeconds: 10 } });
    bench.ledger.grants.push({ maxCallSeconds: 60, isFinal: true, limit: { holder: 'sim:s', allowanceId: 'in' } });
    const caller = await talk();
    await bench.advance(50_000);
    assert.ok(bench.trace.includes('media plays tone to callee (mix)'));
    await bench.advance(10_000);
    bench.leg.clear();
    caller.clears();
    await settled();
    assert.deepEqual([bench.record.endReason, bench.record.limit?.allowanceId], ['quota-exhausted', 'in']);
  });

  it('renews what is held for it by the channel’s reservation', async () => {
    bench.ledger.grants.push({ maxCallSeconds: 29, isFinal: false });
    const caller = await talk();
    await bench.advance(15_000);
    assert.ok(bench.trace.some((line) => line.startsWith('renew in-')));
    caller.hangsUp();
    bench.leg.clear();
    await settled();
  });

  it('ends when the ledger has lost its channel’s reservation', async () => {
    const caller = await talk();
    const [reservationId = ''] = [...bench.journal.reservations.keys()];
    bench.registry.loseReservations([reservationId]);
    await settled();
    bench.leg.clear();
    caller.clears();
    await settled();
    assert.equal(bench.record.endReason, 'ledger-away');
  });

  describe('that nobody takes', () => {
    const announced = () => incomingOn([AGENT, announcementOf('/srv/closed.wav')]);

    it('is answered, told so and hung up on; charged and recorded as any other', async () => {
      const caller = await offer(announced());
      bench.leg.fail(480);
      await settled();
      assert.equal(caller.state, 'answering');
      caller.connected();
      await settled();
      assert.ok(!bench.trace.some((line) => line.startsWith('media plays')), 'not before the mobile hears');
      await bench.advance(500);
      assert.ok(bench.trace.includes('media plays file to caller (replace)'));
      await bench.advance(4_000);
      for (const tell of bench.media.eventListeners) tell({ type: 'played', playId: 'play1', end: 'finished' });
      await settled();
      assert.ok(bench.trace.includes('caller BYE'));
      caller.clears();
      await settled();
      const { record } = bench;
      assert.deepEqual(
        [record.incoming?.destination, record.incoming?.billedSeconds, record.endReason, record.endedBy],
        ['announcement', 5, 'normal', 'callee'],
      );
      assert.equal(record.attempts.at(-1)?.requestUri, 'file:/srv/closed.wav');
    });

    it('may hang up before the end of what is played', async () => {
      const caller = await offer(announced());
      bench.leg.fail(480);
      await settled();
      caller.connected();
      await bench.advance(1_000);
      caller.hangsUp();
      await settled();
      assert.equal(bench.record.endedBy, 'caller');
    });

    it('may hang up before anything is played', async () => {
      const caller = await offer(incomingOn([announcementOf('/srv/closed.wav')]));
      caller.connected();
      caller.hangsUp();
      await settled();
      assert.equal(bench.record.endedBy, 'caller');
    });
  });

  describe('on a channel that is in use', () => {
    it('makes an attempt that nobody has heard ring give way, which goes on by another channel without cool-down', async () => {
      const outgoing = await bench.dial();
      const crossed = bench.leg;
      assert.equal(bench.ledger.busyChannels[0], 'gw1/1');
      const caller = await offer();
      assert.ok(crossed.isCancelled);
      const retried = bench.leg;
      assert.notEqual(retried, crossed);
      assert.ok(bench.ledger.busyChannels.includes('gw1/2'));
      crossed.fail(503);
      await settled();
      await bench.advance(100);
      assert.equal(bench.leg.request.gateway, 'trunk:pbx');
      assert.ok(!bench.trace.some((line) => line.startsWith('reported')), 'no failure of the channel');
      bench.leg.fail(486);
      await settled();
      bench.leg.fail(486);
      await settled();
      assert.equal(caller.told, 486);
      retried.fail(486);
      await settled();
      assert.equal(outgoing.told, 486);
      assert.deepEqual(
        bench.record.attempts.map(({ outcome }) => outcome),
        ['crossed', 'refused'],
      );
    });

    it('tells routing, for an attempt may have failed just before because the SIM was being rung', async () => {
      const outgoing = await bench.dial();
      bench.leg.fail(486);
      await settled();
      assert.equal(outgoing.told, 486);
      const caller = await offer();
      assert.ok(bench.at('reported gw1/1') < bench.at('received gw1/1'));
      caller.cancel();
      bench.leg.fail(487);
      await settled();
    });

    it('does not count the attempt that gave way among those that a call may make', async () => {
      bench = new CallBench({ limits: { ...bench.settings.limits, maxAttempts: 1 } });
      const outgoing = await bench.dial();
      const crossed = bench.leg;
      const caller = await offer();
      assert.equal(bench.dialler.legs.length, 2);
      caller.cancel();
      crossed.fail(487);
      await bench.advance(100);
      bench.leg.fail(486);
      await settled();
      assert.equal(outgoing.told, 486);
    });

    it('is busy when the attempt rings somebody already, or talks', async () => {
      const outgoing = await bench.dial();
      bench.leg.listener.progressed(180, null);
      const first = await offer();
      assert.equal(first.told, 486);
      bench.leg.answer(ANSWER);
      await settled();
      outgoing.connected();
      await settled();
      const second = await offer();
      assert.equal(second.told, 486);
      outgoing.hangsUp();
      bench.leg.clear();
      await settled();
    });

    it('is busy when another call from a mobile has it', async () => {
      const caller = await talk();
      const second = await offer();
      assert.equal(second.told, 486);
      caller.hangsUp();
      bench.dialler.legs[0]?.clear();
      await settled();
    });

    it('waits for a channel whose last call is being ended, but not for ever', async () => {
      const outgoing = await bench.talk();
      outgoing.hangsUp();
      await settled();
      const ending = bench.leg;
      const first = await offer();
      await bench.advance(5_000);
      await bench.advance(100);
      assert.equal(first.told, 486);
      const second = await offer();
      ending.clear();
      await settled();
      await bench.advance(100);
      assert.equal(bench.leg.request.gateway, 'trunk:pbx');
      second.cancel();
      bench.leg.fail(487);
      await settled();
    });

    it('never takes its channel from an emergency call', async () => {
      bench.numberClass = 'emergency';
      const outgoing = await bench.dial();
      const caller = await offer();
      assert.equal(caller.told, 486);
      outgoing.cancel();
      bench.leg.fail(487);
      await settled();
    });

    it('stops waiting when the mobile gives up', async () => {
      const outgoing = await bench.dial();
      const crossed = bench.leg;
      const caller = await offer();
      caller.cancel();
      await bench.advance(100);
      assert.equal(bench.record.endReason, 'caller-cancelled');
      crossed.fail(487);
      bench.leg.fail(486);
      await settled();
      assert.equal(outgoing.told, 486);
    });
  });
});
