import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AttemptRecord, CallRecord, IncomingRecord, RecordingState } from '../call/call-record.js';
import { END_REASONS } from '../call/end-reason.js';
import type { MediaReport, StreamReport } from '../call/reports.js';
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import { cdrSchema } from './cdr.js';
import { callRecord } from './cdr-test-kit.js';
import { toCdr } from './to-cdr.js';

/** Reasons and terms are words of our own, never of a peer. */
const code = fc.stringMatching(/^[a-z][a-zA-Z-]{0,20}$/);
const text = fc.string({ unit: 'grapheme' });
const wallMs = fc.integer({ min: 0, max: Date.UTC(2200, 0) });
const count = fc.nat();
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

const attempt: fc.Arbitrary<AttemptRecord> = fc.record({
  attemptId: fc.uuid(),
  channelId: text,
  gateway: text,
  simId: text,
  simNumber: text,
  requestUri: text,
  sipCallId: orNull(text),
  startedAtMs: wallMs,
  firstResponseAtMs: orNull(wallMs),
  ringingAtMs: orNull(wallMs),
  answeredAtMs: orNull(wallMs),
  endedAtMs: orNull(wallMs),
  outcome: orNull(
    fc.constantFrom('answered', 'refused', 'silent', 'cancelled', 'unreachable', 'interrupted' as const),
  ) as fc.Arbitrary<AttemptRecord['outcome']>,
  sipStatus: orNull(fc.integer({ min: 100, max: 699 })),
  reasons: fc.array(text, { maxLength: 3 }),
  cause: orNull(fc.integer({ min: 1, max: 127 })),
  means: orNull(fc.constantFrom('channel', 'gateway', 'callee', 'give-up' as const)) as fc.Arbitrary<
    AttemptRecord['means']
  >,
  answeredLate: fc.boolean(),
  forkedAnswers: fc.nat(3),
  billedSeconds: count,
  cost: fc.constantFrom('0', '1.98', '350000'),
  currency: orNull(text),
  estimated: fc.boolean(),
});

const stream: fc.Arbitrary<StreamReport> = fc.record({
  packets: count,
  bytes: count,
  lost: fc.integer(),
  jitterMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  outOfOrder: count,
  duplicates: count,
  rtcpPackets: count,
  rtcpGenerated: count,
  transcoded: count,
  roundTripMs: orNull(fc.double({ min: 0, max: 1e6, noNaN: true })),
  peerReport: orNull(fc.record({ lost: count, jitterMs: fc.double({ min: 0, max: 1e6, noNaN: true }) })),
  mos: orNull(fc.double({ min: 1, max: 4.5, noNaN: true })),
  silentMs: count,
  dtmfEvents: count,
  dtmfDigits: orNull(text),
  dropped: fc.record({
    source: count,
    ssrc: count,
    'payload-type': count,
    malformed: count,
    'no-destination': count,
    'send-error': count,
  }),
  source: orNull(text),
  firstPacketWallMs: orNull(fc.double({ min: 0, max: 4e12, noNaN: true })),
});

const media: fc.Arbitrary<MediaReport> = fc.record({
  caller: stream,
  callee: stream,
  lastPacketAgeMs: orNull(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
});

const decision = fc.record({
  considered: count,
  refused: fc.dictionary(code, count, { maxKeys: 3, noNullPrototype: true }),
  winner: orNull(
    fc.record({
      channelId: text,
      score: count,
      terms: fc.dictionary(code, count, { maxKeys: 3, noNullPrototype: true }),
    }),
  ),
  runnersUp: fc.array(fc.record({ channelId: text, score: count }), { maxLength: 7 }),
  codecs: fc.array(text, { maxLength: 3 }),
  decidedWallMs: wallMs,
  version: count,
  seed: count,
});

const recording: fc.Arbitrary<RecordingState> = fc.record({
  recordingId: fc.uuid(),
  path: text,
  report: orNull(
    fc.record({
      state: fc.constantFrom('complete' as const, 'partial' as const, 'lost' as const),
      path: text,
      sha256: orNull(text),
      bytes: count,
      durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      packets: orNull(fc.record({ caller: count, callee: count })),
      reanchored: orNull(count),
      lostPackets: orNull(count),
    }),
  ),
});

const incoming: fc.Arbitrary<IncomingRecord> = fc.record({
  reservationId: fc.uuid(),
  channelId: text,
  gateway: text,
  simId: text,
  simNumber: text,
  lastAgent: orNull(text),
  lastCalledAtMs: orNull(wallMs),
  destination: orNull(fc.constantFrom('agent' as const, 'default' as const, 'announcement' as const)),
  answeredAtMs: orNull(wallMs),
  billedSeconds: count,
  cost: text,
  currency: orNull(text),
  estimated: fc.boolean(),
});

const transfer: fc.Arbitrary<CallRecord['transfers'][number]> = fc.record({
  atMs: wallMs,
  kind: fc.constantFrom('blind' as const, 'attended' as const),
  by: fc.constantFrom('simtrunk' as const, 'gateway' as const),
  target: text,
  callId: orNull(fc.uuid()),
  sipStatus: orNull(fc.integer({ min: 100, max: 699 })),
});

const record: fc.Arbitrary<CallRecord> = fc.record({
  callId: fc.uuid(),
  sipCallId: text,
  trunk: text,
  traffic: fc.constantFrom('commercial' as const, 'personal' as const),
  calling: text,
  agent: orNull(text),
  payers: fc.array(text, { maxLength: 3 }),
  dialled: text,
  callee: orNull(text),
  numberClass: orNull(fc.constantFrom(...NUMBER_CLASSES)),
  offeredAtMs: wallMs,
  routedAtMs: orNull(wallMs),
  ringingAtMs: orNull(wallMs),
  answeredAtMs: orNull(wallMs),
  endedAtMs: orNull(wallMs),
  durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  attempts: fc.array(attempt, { maxLength: 4 }),
  decision: orNull(decision),
  laterDecisions: fc.array(decision, { maxLength: 2 }),
  endedBy: fc.constantFrom('caller' as const, 'callee' as const, 'simtrunk' as const, null),
  endReason: fc.constantFrom(...END_REASONS, null),
  limit: orNull(fc.record({ holder: text, allowanceId: orNull(text) })),
  sipStatus: orNull(fc.integer({ min: 100, max: 699 })),
  q850: orNull(fc.integer({ min: 1, max: 127 })),
  codec: orNull(text),
  calleeCodec: orNull(text),
  transcoded: fc.boolean(),
  media: orNull(media),
  recording: orNull(recording),
  incoming: orNull(incoming),
  probe: fc.boolean(),
  transfers: fc.array(transfer, { maxLength: 2 }),
  transferOf: orNull(fc.uuid()),
});

describe('toCdr', () => {
  it('gives a CDR that the schema accepts, whatever the record says, also after the journal', () => {
    fc.assert(
      fc.property(record, fc.integer({ min: 1, max: 9 }), (any, revision) => {
        const cdr = toCdr(any, revision);
        assert.deepEqual(cdrSchema.parse(JSON.parse(JSON.stringify(cdr))), JSON.parse(JSON.stringify(cdr)));
        assert.deepEqual(toCdr(JSON.parse(JSON.stringify(any)) as CallRecord, revision), cdr);
        assert.equal(cdr.revision, revision);
      }),
    );
  });

  it('bills a call the sum of what its attempts were billed, and one from a mobile what its channel was', () => {
    fc.assert(
      fc.property(record, (any) => {
        const cdr = toCdr(any, 1);
        const sum = cdr.attempts.reduce((seconds, { billedSeconds }) => seconds + billedSeconds, 0);
        assert.equal(cdr.billedSeconds, any.incoming?.billedSeconds ?? sum);
        assert.equal(cdr.direction, any.incoming === null ? 'out' : 'in');
      }),
    );
  });

  it('writes every time with its zone, and the very instant', () => {
    fc.assert(
      fc.property(wallMs, (instant) => {
        const cdr = toCdr(callRecord('a', { offeredAtMs: instant, endedAtMs: instant }), 1);
        assert.match(cdr.offeredAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(Date.parse(cdr.offeredAt), instant);
        assert.equal(Date.parse(cdr.endedAt), instant);
      }),
    );
  });

  it('calls a recording unfinished until the recorder has reported', () => {
    const cdr = toCdr(callRecord('a', { recording: { recordingId: 'a', path: '/x/a.wav', report: null } }), 1);
    assert.deepEqual(
      [cdr.recording?.state, cdr.recording?.sha256, cdr.recording?.path],
      ['unfinished', null, '/x/a.wav'],
    );
  });
});
