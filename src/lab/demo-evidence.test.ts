import assert from 'node:assert/strict';
import { CDR_VERSION, type Cdr, cdrSchema } from '../cdr/cdr.js';
import type { AllowanceUsage, SimUsage } from '../quota/ledger.js';
import { DEMO_CALLS } from './demo-calls.js';
import { type CallEvidence, findProblems, matchVoices } from './demo-evidence.js';
import type { GatewayCallRecord } from './gateway-log.js';
import { speak } from './speech.js';

const SIM = '8982050000000000007';
const AT = '2026-11-21T03:00:00.000Z';

const stream = {
  packets: 200,
  bytes: 32_000,
  lost: 0,
  jitterMs: 0.1,
  outOfOrder: 0,
  duplicates: 0,
  rtcpPackets: 0,
  dropped: {},
  source: '127.0.0.1:40000',
  firstPacketAt: AT,
};

const attempt: Cdr['attempts'][number] = {
  attemptId: 'a1',
  channel: 'gw1/7',
  gateway: 'gw1',
  sim: SIM,
  simNumber: '+821012340007',
  requestUri: 'sip:7%2301055550101@127.0.0.1:5080',
  sipCallId: 'b-leg',
  startedAt: AT,
  firstResponseAt: AT,
  ringingAt: AT,
  answeredAt: AT,
  endedAt: AT,
  outcome: 'answered',
  sipStatus: 200,
  reasons: [],
  cause: null,
  meaning: null,
  answeredLate: false,
  forkedAnswers: 0,
  billedSeconds: 4,
  cost: '0',
  currency: 'KRW',
  estimated: false,
};

const cdr: Cdr = cdrSchema.parse({
  version: CDR_VERSION,
  callId: 'c1',
  revision: 1,
  sipCallId: 'a-leg',
  trunk: 'pbx',
  traffic: 'commercial',
  agent: null,
  payers: ['trunk:pbx'],
  calling: 'agent7',
  dialled: '01055550101',
  callee: '+821055550101',
  numberClass: 'mobile',
  offeredAt: AT,
  routedAt: AT,
  ringingAt: AT,
  answeredAt: AT,
  endedAt: AT,
  durationMs: 4000,
  attempts: [attempt],
  decision: { considered: 44, refused: {}, winner: { channel: 'gw1/7', score: 0, terms: {} }, version: 1, seed: 0 },
  limit: null,
  endedBy: 'caller',
  endReason: 'normal',
  sipStatus: 200,
  q850: 16,
  billedSeconds: 4,
  codec: 'PCMA',
  calleeCodec: 'PCMA',
  transcoded: false,
  media: { caller: stream, callee: stream },
  recording: {
    recordingId: 'c1',
    state: 'complete',
    path: 'c1.wav',
    sha256: 'abc',
    bytes: 128_044,
    durationMs: 4000,
    packets: { caller: 200, callee: 200 },
    reanchored: 0,
    lostPackets: 0,
  },
});

const gatewayCall: GatewayCallRecord = {
  sipCallId: 'b-leg',
  port: 7,
  number: '01055550101',
  invitedMs: 0,
  ringingMs: 300,
  answeredMs: 1200,
  endedMs: 5200,
  status: 200,
  endedBy: 'peer',
  talkedMs: 3990,
  billedSeconds: 4,
  packetsHeard: 200,
  packetsSent: 200,
};

const allowance = (used: number, held = 0): AllowanceUsage => ({
  allowanceId: 'seconds-day',
  counts: 'seconds',
  window: 'day',
  windowStartWallMs: 0,
  used,
  held,
  limit: 1800,
});
const usage = (...allowances: AllowanceUsage[]): Map<string, SimUsage> => new Map([[SIM, { simId: SIM, allowances }]]);

const call = DEMO_CALLS[0] ?? assert.fail();
const calleeSaid = call.attempts[0]?.says ?? assert.fail();
const FRAMES = 32_000;
const left = call.callerSays.slice(0, FRAMES);
const right = calleeSaid.slice(0, FRAMES);

const voices = { callerSaid: call.callerSays, calleeSaid, callerHeard: right, calleeHeard: left };
const goodChannels = [left, right];
const goodMatch = matchVoices({ sampleRateHz: 8000, channels: goodChannels }, voices);

function evidenceWith(change: Partial<CallEvidence>, channels: readonly Int16Array[] = goodChannels): CallEvidence {
  const recording = { audio: { sampleRateHz: 8000, channels }, sha256: 'abc' };
  return {
    call,
    outcome: {
      sipCallId: 'a-leg',
      answered: true,
      status: 200,
      reason: '',
      endedBy: 'caller',
      ringingAfterMs: 300,
      answeredAfterMs: 1200,
      talkedMs: 4010,
      timeline: [],
    },
    cdrs: [cdr],
    gatewayCalls: [gatewayCall],
    violations: [],
    usageBefore: usage(allowance(10)),
    usageAfter: usage(allowance(14)),
    simsOfOthers: new Set(),
    recording,
    match: channels === goodChannels ? goodMatch : matchVoices(recording.audio, voices),
    ...change,
  };
}

/** Evidence with one thing wrong, and the complaint that has to follow. */
const FAULTS: readonly (readonly [string, () => CallEvidence, RegExp])[] = [
  ['no CDR', () => evidenceWith({ cdrs: [] }), /no CDR/],
  ['two CDRs for one INVITE', () => evidenceWith({ cdrs: [cdr, cdr] }), /2 CDRs/],
  ['a wrong end reason', () => evidenceWith({ cdrs: [{ ...cdr, endReason: 'no-media' }] }), /end reason/],
  ['the wrong side hanging up', () => evidenceWith({ cdrs: [{ ...cdr, endedBy: 'callee' }] }), /who hung up/],
  ['a channel tried twice', () => evidenceWith({ cdrs: [{ ...cdr, attempts: [attempt, attempt] }] }), /tried twice/],
  ['a duration that is off', () => evidenceWith({ cdrs: [{ ...cdr, durationMs: 5000 }] }), /talked time/],
  ['a call that the gateway never saw', () => evidenceWith({ gatewayCalls: [] }), /at the gateway/],
  [
    'another port at the gateway',
    () => evidenceWith({ gatewayCalls: [{ ...gatewayCall, port: 8 }] }),
    /port, status and seconds/,
  ],
  [
    'seconds that the gateway does not know of',
    () => evidenceWith({ gatewayCalls: [{ ...gatewayCall, billedSeconds: 6 }] }),
    /port, status and seconds/,
  ],
  [
    'a second call on a port',
    () => evidenceWith({ violations: [{ kind: 'port-in-use', atMs: 0, sipCallId: 'x', user: '7#010' }] }),
    /port-in-use/,
  ],
  ['a ledger that charged nothing', () => evidenceWith({ usageAfter: usage(allowance(10)) }), /counts nothing/],
  ['a ledger that charged too much', () => evidenceWith({ usageAfter: usage(allowance(15)) }), /grew by 5 s/],
  ['a ledger that still holds seconds', () => evidenceWith({ usageAfter: usage(allowance(14, 30)) }), /still holds/],
  ['no recording', () => evidenceWith({ recording: undefined }), /not recorded/],
  ['swapped channels', () => evidenceWith({}, [right, left]), /left channel is not the caller/],
  ['one voice on both channels', () => evidenceWith({}, [left, left]), /caller is on the right/],
  ['a silent channel', () => evidenceWith({}, [left, new Int16Array(FRAMES)]), /right channel is not the callee/],
  ['another voice', () => evidenceWith({}, [left, speak(999, 4)]), /right channel is not the callee/],
  ['a recording cut short', () => evidenceWith({}, [left.slice(0, 24_000), right.slice(0, 24_000)]), /length/],
  [
    'a hash that is not the file’s',
    () => evidenceWith({ recording: { audio: { sampleRateHz: 8000, channels: [left, right] }, sha256: 'def' } }),
    /hash/,
  ],
];

describe('the evidence of a demo call', () => {
  it('is without problems when all witnesses agree', () => {
    assert.deepEqual(findProblems(evidenceWith({})), []);
  });

  it('does not blame a call for what others did on the same or another SIM, and still asks for its own seconds', () => {
    const other = '8982050000000000008';
    const before = new Map([...usage(allowance(10)), [other, { simId: other, allowances: [allowance(0)] }]]);
    const usedAfter = (used: number): Map<string, SimUsage> =>
      new Map([...usage(allowance(used, 30)), [other, { simId: other, allowances: [allowance(2, 30)] }]]);
    const simsOfOthers = new Set([SIM, other]);
    const problemsWith = (change: Partial<CallEvidence>) =>
      findProblems(evidenceWith({ usageBefore: before, ...change }));
    assert.deepEqual(problemsWith({ usageAfter: usedAfter(16), simsOfOthers }), []);
    assert.match(problemsWith({ usageAfter: usedAfter(12), simsOfOthers }).join(), /counts nothing of 4 s/);
    assert.match(
      problemsWith({ usageAfter: usedAfter(14), simsOfOthers: new Set([SIM]) }).join(),
      /SIM \d+8 grew by 2 s/,
    );
  });

  for (const [fault, evidence, complaint] of FAULTS) {
    it(`shows ${fault}`, () => {
      const problems = findProblems(evidence());
      assert.ok(
        problems.some((problem) => complaint.test(problem)),
        JSON.stringify(problems),
      );
    });
  }
});
