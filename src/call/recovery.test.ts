import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { OrphanReservation } from '../quota/ledger.js';
import type { AttemptRecord, CallRecord } from './call-record.js';
import { openAttempt, openCall } from './call-state.js';
import { candidateOf, identityOf, requestOf, SETTINGS, settled } from './call-test-kit.js';
import { FakeBooks, FakeJournal, FakeLedger } from './fake-journal.js';
import { FakeDialler } from './fake-legs.js';
import { AGENT, incomingOn } from './incoming-test-kit.js';
import type { LiveCall } from './ports.js';
import { type LeftBehind, recoverCalls } from './recovery.js';
import type { RecordingReport } from './reports.js';
import { chosenFrom } from './select-channel.js';

const HOLD_SECONDS = 60;
const CALL_ID = 'call-1';
const ATTEMPT_ID = 'attempt-1';

describe('recovery after a crash', () => {
  let trace: string[];
  let clock: ManualClock;
  let journal: FakeJournal;
  let ledger: FakeLedger;
  let dialler: FakeDialler;
  let stopped: AbortController;
  let startedMs: number;

  beforeEach(() => {
    trace = [];
    clock = new ManualClock();
    journal = new FakeJournal(trace);
    ledger = new FakeLedger(journal, clock, trace);
    dialler = new FakeDialler(trace, clock);
    stopped = new AbortController();
    startedMs = clock.wallMs();
  });

  afterEach(() => {
    assert.deepEqual(ledger.violations, []);
    assert.equal(clock.pendingTimers, 0);
  });

  /** A record with one attempt, begun a minute before the crash. */
  function recordWith(
    attempt: Partial<AttemptRecord> = {},
    changes: Partial<CallRecord> = {},
    attemptId = ATTEMPT_ID,
  ): CallRecord {
    const offeredAtMs = startedMs - 60_000;
    const { record } = openCall(requestOf({ callId: CALL_ID }), SETTINGS.limits, offeredAtMs);
    const channel = chosenFrom(candidateOf('gw1/1'), attemptId, 600);
    const opened = openAttempt(channel, offeredAtMs).record;
    return { ...record, attempts: [{ ...opened, ...attempt }], ...changes };
  }

  function orphan(changes: Partial<OrphanReservation> = {}): OrphanReservation {
    const made = {
      ...{ reservationId: ATTEMPT_ID, callId: CALL_ID, channelId: 'gw1/1', simId: 'sim gw1/1', callee: '+8210' },
      ...{ answeredWallMs: null, coveredUntilWallMs: null, renewedWallMs: null, settled: false },
      ...changes,
    };
    ledger.addOrphan(made);
    return made;
  }

  /** A call in which both sides talked, for 50 s until now; its last slice ends in 10 s. */
  function talking(): LiveCall {
    orphan({
      answeredWallMs: startedMs - 50_000,
      coveredUntilWallMs: startedMs + 10_000,
      renewedWallMs: startedMs - 20_000,
    });
    const recording = { recordingId: CALL_ID, path: '/recordings/call-1.wav', report: null };
    return {
      record: recordWith({ answeredAtMs: startedMs - 50_000 }, { answeredAtMs: startedMs - 50_000, recording }),
      caller: identityOf('caller-leg'),
      callees: [{ attemptId: ATTEMPT_ID, identity: identityOf('callee-leg') }],
    };
  }

  /** The same of a call from a mobile, whose gateway is the caller. */
  function received(changes: Partial<OrphanReservation> = {}): LiveCall {
    const { reservationId } = orphan({ reservationId: 'in-1', ...changes });
    const offeredAtMs = startedMs - 60_000;
    const request = requestOf({ ...incomingOn([AGENT], { reservationId }), callId: CALL_ID });
    const { record } = openCall(request, SETTINGS.limits, offeredAtMs);
    const channel = { ...chosenFrom(candidateOf('gw1/1'), ATTEMPT_ID, 600), channelId: 'trunk:pbx' };
    const opened = openAttempt(channel, offeredAtMs).record;
    const answeredAtMs = changes.answeredWallMs ?? null;
    return {
      record: { ...record, answeredAtMs, attempts: [{ ...opened, answeredAtMs }] },
      caller: answeredAtMs === null ? null : identityOf('gateway-leg'),
      callees: answeredAtMs === null ? [] : [{ attemptId: ATTEMPT_ID, identity: identityOf('agent-leg') }],
    };
  }

  function recover(left: Partial<LeftBehind>) {
    for (const call of left.live ?? []) journal.live.set(call.record.callId, call);
    for (const record of left.open ?? []) journal.open.set(record.callId, record);
    const log = createLogger({ level: 'silent', redactNumbers: false });
    return recoverCalls(
      { ledger, dialler, books: new FakeBooks(journal, clock), clock, log },
      { live: [], open: [], recordings: new Map(), ...left },
      { holdSeconds: HOLD_SECONDS },
      stopped.signal,
    );
  }

  function published(): CallRecord {
    assert.deepEqual(
      journal.published.map(({ revision }) => revision),
      [1],
    );
    assert.deepEqual([journal.live.size, journal.open.size, ledger.busyChannels.length], [0, 0, 0]);
    return journal.published[0]?.record as CallRecord;
  }

  it('has nothing to do after a clean end', async () => {
    assert.deepEqual(await recover({}), { calls: 0, settled: 0, released: 0 });
    assert.deepEqual([journal.published, trace], [[], []]);
  });

  it('ends both legs of a call in which both sides talked, and charges it until the gateway’s answer', async () => {
    dialler.orphanAnswers.set('callee-leg', 200);
    assert.deepEqual(await recover({ live: [talking()] }), { calls: 1, settled: 1, released: 0 });
    assert.deepEqual(dialler.orphans.sort(), ['callee-leg', 'caller-leg']);
    const record = published();
    assert.deepEqual(
      [record.endReason, record.endedBy, record.sipStatus, record.durationMs],
      ['interrupted', 'simtrunk', 200, 50_000],
    );
    const [attempt] = record.attempts;
    assert.deepEqual([attempt?.outcome, attempt?.billedSeconds, attempt?.estimated], ['answered', 50, true]);
    assert.equal(record.endedAtMs, startedMs);
  });

  it('charges a leg until its own end, however long another one of the call is waited for', async () => {
    const live = talking();
    orphan({ reservationId: 'attempt-0', channelId: 'gw2/1' });
    dialler.orphanAnswers.set('callee-leg', 200);
    const recovering = recover({ live: [live] });
    await settled();
    clock.advance(HOLD_SECONDS * 1_000);
    await recovering;
    const charged = published().attempts.find(({ attemptId }) => attemptId === ATTEMPT_ID);
    assert.equal(charged?.billedSeconds, 50);
  });

  for (const [where, sinceAnswerMs] of [
    ['before the answer', -3_600_000],
    ['to after the answer', 30_000],
  ] as const) {
    it(`charges what was renewed when the clock was set back meanwhile ${where}`, async () => {
      for (const answer of [200, 481]) {
        const live = talking();
        const answeredWallMs = startedMs - sinceAnswerMs;
        const coveredUntilWallMs = answeredWallMs + 90_000;
        const renewedWallMs = answeredWallMs + 60_000;
        const [before] = ledger.orphaned as [OrphanReservation];
        ledger.orphaned = [{ ...before, answeredWallMs, coveredUntilWallMs, renewedWallMs }];
        dialler.orphanAnswers.set('callee-leg', answer);
        await recover({ live: [live] });
        assert.equal(journal.published.at(-1)?.record.attempts[0]?.billedSeconds, 90, `${answer}`);
        ledger.charges.clear();
      }
    });
  }

  it('charges until the gateway’s answer a call of slices that were longer, at its first one and after', async () => {
    for (const renewedWallMs of [null, startedMs - 40_000]) {
      const live = talking();
      const answeredWallMs = startedMs - 100_000;
      const coveredUntilWallMs = (renewedWallMs ?? answeredWallMs) + 300_000;
      const [before] = ledger.orphaned as [OrphanReservation];
      ledger.orphaned = [{ ...before, answeredWallMs, coveredUntilWallMs, renewedWallMs }];
      dialler.orphanAnswers.set('callee-leg', 200);
      await recover({ live: [live] });
      assert.equal(journal.published.at(-1)?.record.attempts[0]?.billedSeconds, 100);
      ledger.charges.clear();
    }
  });

  it('charges to the end of the last slice, never beyond now, when the gateway knows the call no more', async () => {
    const live = talking();
    ledger.orphaned[0] = { ...(ledger.orphaned[0] as OrphanReservation), coveredUntilWallMs: startedMs - 20_000 };
    dialler.orphanAnswers.set('callee-leg', 481);
    await recover({ live: [live] });
    assert.equal(published().attempts[0]?.billedSeconds, 30);
  });

  it('charges an attempt that rang when the process was killed and is answered while its channel is held', async () => {
    orphan();
    const recovering = recover({ live: [{ record: recordWith(), caller: null, callees: [] }] });
    clock.advance(HOLD_SECONDS * 500);
    await settled();
    dialler.answerUnclaimed('nobody');
    assert.deepEqual(ledger.busyChannels, ['gw1/1']);
    dialler.answerUnclaimed(ATTEMPT_ID);
    assert.deepEqual(await recovering, { calls: 1, settled: 1, released: 0 });
    const { sipStatus, answeredAtMs, attempts } = published();
    assert.deepEqual([sipStatus, answeredAtMs], [null, null]);
    const [attempt] = attempts;
    assert.deepEqual([attempt?.outcome, attempt?.answeredLate, attempt?.billedSeconds], ['answered', true, 1]);
  });

  it('charges no second that is still to come', async () => {
    dialler.orphanAnswers.set('callee-leg', 481);
    await recover({ live: [talking()] });
    assert.equal(published().attempts[0]?.billedSeconds, 50);
  });

  it('holds the channel while the gateway does not answer, for as long as the setting says', async () => {
    for (const answer of ['none ever', 'a timeout'] as const) {
      journal.published.length = 0;
      startedMs = clock.wallMs();
      if (answer === 'a timeout') dialler.orphanAnswers.set('callee-leg', null);
      const recovering = recover({ live: [talking()] });
      clock.advance(HOLD_SECONDS * 1000 - 1);
      await settled();
      assert.deepEqual(ledger.busyChannels, ['gw1/1']);
      clock.advance(1);
      await recovering;
      assert.equal(published().attempts[0]?.billedSeconds, 60);
      ledger.charges.clear();
    }
  });

  it('releases an attempt that was not answered, after the hold: its phone may still ring', async () => {
    orphan();
    const recovering = recover({ live: [{ record: recordWith(), caller: null, callees: [] }] });
    clock.advance(HOLD_SECONDS * 1000 - 1);
    await settled();
    assert.deepEqual(ledger.busyChannels, ['gw1/1']);
    clock.advance(1);
    assert.deepEqual(await recovering, { calls: 1, settled: 0, released: 1 });
    const record = published();
    assert.deepEqual([record.sipStatus, record.answeredAtMs, record.durationMs], [null, null, 0]);
    assert.deepEqual([record.attempts[0]?.outcome, record.attempts[0]?.billedSeconds], ['interrupted', 0]);
    assert.deepEqual(dialler.orphans, []);
  });

  it('writes the record of a call between two attempts, which held no channel', async () => {
    const failed = { outcome: 'refused', sipStatus: 503, endedAtMs: startedMs - 100 } as const;
    await recover({ live: [{ record: recordWith(failed), caller: null, callees: [] }] });
    const record = published();
    assert.deepEqual([record.attempts[0]?.outcome, record.endedAtMs], ['refused', startedMs]);
  });

  it('charges nothing twice when only the response to the BYE was missing', async () => {
    orphan({ answeredWallMs: startedMs - 50_000, coveredUntilWallMs: startedMs, settled: true });
    const ended = { answeredAtMs: startedMs - 50_000, endedAtMs: startedMs - 1_000, endReason: 'normal' } as const;
    const attempt = { outcome: 'answered', billedSeconds: 49, endedAtMs: startedMs - 1_000 } as const;
    dialler.orphanAnswers.set('callee-leg', 481);
    const record = recordWith(attempt, ended);
    const callees = [{ attemptId: ATTEMPT_ID, identity: identityOf('callee-leg') }];
    assert.deepEqual(await recover({ open: [record], live: [{ record, caller: null, callees }] }), {
      ...{ calls: 1, settled: 0, released: 1 },
    });
    assert.equal(ledger.charges.size, 0);
    assert.deepEqual(published(), record);
  });

  it('shows an attempt of which only the reservation survived', async () => {
    orphan();
    orphan({ reservationId: 'attempt-2', channelId: 'gw2/1', simId: 'sim gw2/1', answeredWallMs: startedMs - 5_000 });
    const recovering = recover({ live: [{ record: recordWith(), caller: null, callees: [] }] });
    clock.advance(HOLD_SECONDS * 1000);
    await recovering;
    const [, unknown] = published().attempts;
    assert.deepEqual(
      [unknown?.attemptId, unknown?.channelId, unknown?.gateway, unknown?.outcome, unknown?.billedSeconds],
      ['attempt-2', 'gw2/1', 'gw2', 'answered', 1],
    );
  });

  it('frees the channel of a reservation whose call is not known at all', async () => {
    orphan({ callId: 'unknown' });
    const recovering = recover({});
    clock.advance(HOLD_SECONDS * 1000);
    assert.deepEqual(await recovering, { calls: 1, settled: 0, released: 1 });
    assert.deepEqual([journal.published, ledger.busyChannels], [[], []]);
  });

  it('completes a record by what the recorder found, also when its row did not name the recording yet', async () => {
    const recording = { recordingId: CALL_ID, path: '/recordings/call-1.wav', report: null };
    const found: RecordingReport = {
      ...{ state: 'partial', path: '/recordings/call-1.repaired.wav', sha256: '00', bytes: 44, durationMs: 1_000 },
      ...{ packets: null, reanchored: null, lostPackets: null },
    };
    const record = recordWith({ outcome: 'answered' }, { endReason: 'normal', endedAtMs: startedMs, recording });
    await recover({ open: [record], recordings: new Map([[CALL_ID, found]]) });
    assert.deepEqual(published(), { ...record, recording: { ...recording, report: found } });
    journal.published.length = 0;
    await recover({ open: [{ ...record, recording: null }], recordings: new Map([[CALL_ID, found]]) });
    assert.deepEqual(published().recording?.report, found);
  });

  it('leaves a recording unfinished of which no file was found', async () => {
    dialler.orphanAnswers.set('callee-leg', 200);
    await recover({ live: [talking()] });
    assert.equal(published().recording?.report, null);
  });

  it('writes nothing once it is stopped, and does all of it at the next start', async () => {
    const live = talking();
    const recovering = recover({ live: [live] });
    await settled();
    stopped.abort();
    assert.deepEqual(await recovering, { calls: 1, settled: 0, released: 0 });
    assert.deepEqual([journal.published.length, journal.live.size, ledger.busyChannels], [0, 1, ['gw1/1']]);
    assert.deepEqual(await recover({ live: [live] }), { calls: 1, settled: 0, released: 0 });
    stopped = new AbortController();
    dialler.orphanAnswers.set('callee-leg', 200);
    await recover({ live: [live] });
    assert.equal(published().attempts[0]?.billedSeconds, 50);
  });

  it('does nothing a second time', async () => {
    dialler.orphanAnswers.set('callee-leg', 200);
    await recover({ live: [talking()] });
    await recover({ live: [...journal.live.values()], open: [...journal.open.values()] });
    assert.equal(published().attempts[0]?.billedSeconds, 50);
  });

  it('ends the others when one cannot be booked, and leaves that one to the next start', async () => {
    const live = talking();
    const other = { ...recordWith({ attemptId: 'attempt-2' }), callId: 'call-2' };
    orphan({ reservationId: 'attempt-2', callId: 'call-2', channelId: 'gw1/2' });
    const settle = ledger.settle.bind(ledger);
    ledger.settle = () => Promise.reject(new Error('broken'));
    dialler.orphanAnswers.set('callee-leg', 200);
    const recovering = recover({ live: [live, { record: other, caller: null, callees: [] }] });
    clock.advance(HOLD_SECONDS * 1000);
    await recovering;
    assert.deepEqual(
      journal.published.map(({ record }) => record.callId),
      ['call-2'],
    );
    assert.deepEqual([...journal.live.keys()], [CALL_ID]);
    ledger.settle = settle;
    await recover({ live: [live] });
    assert.equal(journal.published.length, 2);
  });

  describe('of a call from a mobile', () => {
    it('ends both legs, and charges its channel until the gateway has answered', async () => {
      dialler.orphanAnswers.set('gateway-leg', 200);
      const call = received({ answeredWallMs: startedMs - 50_000, coveredUntilWallMs: startedMs + 10_000 });
      const result = await recover({ live: [call] });
      assert.deepEqual([...dialler.orphans].sort(), ['agent-leg', 'gateway-leg']);
      assert.deepEqual([result.settled, result.released, journal.charged.get('in-1')], [1, 0, 50]);
      const record = journal.published.at(-1)?.record;
      assert.deepEqual(
        [record?.incoming?.billedSeconds, record?.incoming?.estimated, record?.attempts.length, record?.endReason],
        [50, true, 1, 'interrupted'],
      );
      assert.equal(record?.attempts[0]?.outcome, 'interrupted');
    });

    it('charges its channel up to the last slice when the gateway answers no BYE', async () => {
      const call = received({ answeredWallMs: startedMs - 50_000, coveredUntilWallMs: startedMs - 20_000 });
      const recovering = recover({ live: [call] });
      await settled();
      clock.advance(HOLD_SECONDS * 1000);
      await recovering;
      assert.equal(journal.charged.get('in-1'), 30);
    });

    it('frees its channel at once when it was not answered: nothing of ours rings there', async () => {
      const result = await recover({ live: [received()] });
      assert.deepEqual([result.released, ledger.released.get('in-1')], [1, false]);
      assert.equal(journal.published.at(-1)?.record.incoming?.billedSeconds, 0);
    });
  });
});
