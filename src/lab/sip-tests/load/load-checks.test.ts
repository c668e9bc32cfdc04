import assert from 'node:assert/strict';
import { judgeLoad } from './load-checks.js';
import { type LoadCdr, type LoadEvidence, readCallerLog } from './load-evidence.js';

const tones = { callerHz: 300, calleeHz: 315 };

/** Two sound calls: an answered one with RTP, and one that failed over from a busy SIM. */
function soundEvidence(): LoadEvidence {
  const attempt = {
    channel: 'gw1/1',
    sim: 's1',
    sipCallId: 'b1',
    startedAt: '2026-01-05T01:00:00.000Z',
    answeredAt: '2026-01-05T01:00:00.500Z',
    endedAt: '2026-01-05T01:00:03.000Z',
    outcome: 'answered',
    answeredLate: false,
    billedSeconds: 3,
  };
  const cdr = {
    callId: 'c1',
    revision: 1,
    sipCallId: 'a1',
    dialled: '1',
    sipStatus: 200,
    endedBy: 'caller',
    billedSeconds: 3,
    attempts: [attempt],
    recording: { state: 'complete', path: 'x.wav' },
  };
  const second = {
    ...cdr,
    ...{ callId: 'c2', sipCallId: 'a2', dialled: '2', billedSeconds: 1 },
    attempts: [
      { ...attempt, channel: 'gw1/2', sim: 's2', sipCallId: 'b2', outcome: 'refused', billedSeconds: 0 },
      { ...attempt, channel: 'gw1/3', sim: 's3', sipCallId: 'b3', billedSeconds: 1 },
    ],
  };
  const sight = { gateway: 'gw1', invitedMs: 0, answeredMs: 1, endedMs: 3000, talkedMs: 2400 };
  return {
    plan: [
      { number: '1', kind: 'caller-hangs-up', talkMs: 2400, tones },
      { number: '2', kind: 'busy-sim', talkMs: 400, tones: null },
    ],
    callers: [
      { number: '1', sipCallId: 'a1', invitedAtMs: 0, status: 200, isEnded: true },
      { number: '2', sipCallId: 'a2', invitedAtMs: 0, status: 200, isEnded: true },
    ],
    cdrs: [cdr, second],
    gateways: [
      { ...sight, port: 1, number: '1', sipCallId: 'b1', billedSeconds: 3 },
      { ...sight, port: 2, number: '2', sipCallId: 'b2', answeredMs: null, billedSeconds: 0 },
      { ...sight, port: 3, number: '2', sipCallId: 'b3', billedSeconds: 1 },
    ],
    gatewayViolations: [],
    usage: {
      s1: { 'seconds-day': 3, 'callees-day': 1 },
      s2: { 'seconds-day': 0, 'callees-day': 0 },
      s3: { 'seconds-day': 1, 'callees-day': 1 },
    },
    limits: { s1: { 'seconds-day': 3, 'callees-day': 1 }, s2: {}, s3: {} },
    tones: [
      {
        number: '1',
        problem: null,
        left: { caller: 0.99, callee: 0, seconds: 2 },
        right: { caller: 0, callee: 0.99, seconds: 2 },
        heardByCaller: 0.99,
      },
    ],
    leakedPorts: 0,
  };
}

/** The evidence with its first CDR changed. */
function withCdr(change: (cdr: LoadCdr) => Partial<LoadCdr>): LoadEvidence {
  const sound = soundEvidence();
  return { ...sound, cdrs: sound.cdrs.map((cdr, i) => (i === 0 ? { ...cdr, ...change(cdr) } : cdr)) };
}

function assertViolation(evidence: LoadEvidence, pattern: RegExp): void {
  const { violations } = judgeLoad(evidence);
  assert.ok(
    violations.some((violation) => pattern.test(violation)),
    `none of ${JSON.stringify(violations)} is like ${pattern}`,
  );
}

describe('the judgement of a load run', () => {
  it('passes a sound run', () => {
    assert.deepEqual(judgeLoad(soundEvidence()), { failed: [], violations: [] });
  });

  it('counts a call whose outcome differs from the plan, whoever saw it', () => {
    const sound = soundEvidence();
    const seen = sound.callers.map((caller) => (caller.number === '1' ? { ...caller, status: 503 } : caller));
    assert.equal(judgeLoad({ ...sound, callers: seen }).failed.length, 1);
    assert.equal(judgeLoad(withCdr(() => ({ sipStatus: 503 }))).failed.length, 1);
    assert.equal(judgeLoad(withCdr(() => ({ endedBy: 'callee' }))).failed.length, 1);
    assert.equal(judgeLoad(withCdr((cdr) => ({ attempts: [...cdr.attempts, ...cdr.attempts] }))).failed.length, 1);
  });

  it('misses a CDR, and notices one too many', () => {
    const sound = soundEvidence();
    assertViolation({ ...sound, cdrs: sound.cdrs.slice(1) }, /0 CDRs for the INVITE to 1/);
    const [first] = sound.cdrs;
    assert.ok(first !== undefined);
    assertViolation({ ...sound, cdrs: [...sound.cdrs, { ...first, callId: 'c3' }] }, /2 CDRs for the INVITE to 1/);
    assertViolation({ ...sound, cdrs: [...sound.cdrs, { ...first, callId: 'c3', sipCallId: 'a9' }] }, /never sent/);
  });

  it('takes the highest revision of a CDR and counts it once', () => {
    const sound = soundEvidence();
    const [first] = sound.cdrs;
    assert.ok(first !== undefined);
    const early = { ...first, revision: 0, billedSeconds: 0, attempts: [] };
    assert.deepEqual(judgeLoad({ ...sound, cdrs: [early, ...sound.cdrs] }), { failed: [], violations: [] });
  });

  it('notices two calls at once on a channel, by the CDRs and by the gateways', () => {
    assertViolation(
      withCdr((cdr) => ({ attempts: cdr.attempts.map((attempt) => ({ ...attempt, channel: 'gw1/3' })) })),
      /gw1\/3 had two calls at once by the CDRs/,
    );
    const sound = soundEvidence();
    const gateways = sound.gateways.map((sight) => ({ ...sight, port: 1 }));
    assertViolation({ ...sound, gateways }, /gw1\/1 had two calls at once by the gateways/);
  });

  it('takes seconds that differ for the same when messages were under way as a second turned, and only then', () => {
    const sound = soundEvidence();
    const sent = Date.parse('2026-01-05T01:00:00.000Z');
    // The 200 took 500 ms and the BYE 300 ms: 2.5 s between our ends of them are 3.3 s between the gateway's.
    const seen = (changes: object): LoadEvidence => {
      const times = { answeredMs: sent, endedMs: sent + 3_300, talkedMs: 3_300, billedSeconds: 4 };
      return { ...sound, gateways: sound.gateways.map((s, i) => (i === 0 ? { ...s, ...times, ...changes } : s)) };
    };
    assert.deepEqual(judgeLoad(seen({})).violations, []);
    assertViolation(seen({ talkedMs: 3_900 }), /3 s in the CDR, 4 s at the gateway/);
    assertViolation(seen({ answeredMs: sent + 600 }), /3 s in the CDR, 4 s at the gateway/);
    assertViolation(seen({ endedMs: sent + 9_000, talkedMs: 9_000 }), /3 s in the CDR, 4 s at the gateway/);
  });

  it('notices seconds that differ between ledger, CDR and gateway', () => {
    const sound = soundEvidence();
    assertViolation({ ...sound, usage: { ...sound.usage, s3: { 'seconds-day': 2, 'callees-day': 1 } } }, /SIM s3: 2 s/);
    const gateways = sound.gateways.map((sight) => ({ ...sight, billedSeconds: sight.billedSeconds + 1 }));
    assertViolation({ ...sound, gateways }, /3 s in the CDR, 4 s at the gateway/);
    assertViolation(
      withCdr(() => ({ billedSeconds: 7 })),
      /bills 7 s, its attempts 3 s/,
    );
    assertViolation({ ...sound, gateways: sound.gateways.slice(1) }, /no gateway knows the attempt of 1/);
    assertViolation({ ...sound, cdrs: sound.cdrs.slice(1) }, /call to 1 that no CDR knows/);
  });

  it('notices an allowance that was exceeded, also when the ledger denies it', () => {
    const sound = soundEvidence();
    assertViolation({ ...sound, limits: { s1: { 'seconds-day': 2 } } }, /SIM s1 used 3 of 2 of its seconds-day/);
    const usage = { ...sound.usage, s1: { 'seconds-day': 3, 'callees-day': 0 } };
    assertViolation({ ...sound, usage }, /0 callees in the ledger, 1 in the CDRs/);
    assertViolation({ ...sound, usage, limits: { s1: { 'callees-day': 0 } } }, /used 1 of 0 of its callees-day/);
  });

  it('notices a tone that is missing, too short, or on the wrong channel', () => {
    const sound = soundEvidence();
    assertViolation({ ...sound, tones: [] }, /has no recording/);
    const refused = withCdr(() => ({ sipStatus: 503, recording: null }));
    assert.ok(!judgeLoad({ ...refused, tones: [] }).violations.some((text) => text.includes('has no recording')));
    const [tone] = sound.tones;
    assert.ok(tone !== undefined);
    assertViolation({ ...sound, tones: [{ ...tone, left: tone.right, right: tone.left }] }, /not in the left channel/);
    assertViolation({ ...sound, tones: [{ ...tone, left: { ...tone.left, seconds: 0.2 } }] }, /99 % of 0.2 s/);
    assertViolation({ ...sound, tones: [{ ...tone, left: { ...tone.left, callee: 0.3 } }] }, /mixed/);
    assertViolation({ ...sound, tones: [{ ...tone, heardByCaller: 0 }] }, /did not hear/);
    assertViolation({ ...sound, tones: [{ ...tone, problem: 'partial' }] }, /partial/);
  });

  it('notices ports that were not given back, and what the gateways complain of', () => {
    assertViolation({ ...soundEvidence(), leakedPorts: 2 }, /2 RTP ports/);
    assertViolation({ ...soundEvidence(), gatewayViolations: ['gw1: port-in-use'] }, /port-in-use/);
  });

  it('reads the log that SIPp writes', () => {
    const log = [
      'invited;0102;1-9@127.0.0.1;2026-01-05\t01:00:00.5\t1767574800.500000;',
      'answered;0102;1-9@127.0.0.1;2026-01-05\t01:00:00.6\t1767574800.600000;',
      'hungUp;0102;1-9@127.0.0.1;2026-01-05\t01:00:00.7\t1767574800.700000;',
      'invited;0103;2-9@127.0.0.1;2026-01-05\t01:00:01.0\t1767574801.000000;',
      'refused;0103;2-9@127.0.0.1;486;',
      'invited;0104;3-9@127.0.0.1;2026-01-05\t01:00:01.0\t1767574801.000000;',
    ].join('\n');
    assert.deepEqual(
      readCallerLog(log).map(({ number, status, isEnded, invitedAtMs }) => [number, status, isEnded, invitedAtMs]),
      [
        ['0102', 200, true, 1767574800500],
        ['0103', 486, true, 1767574801000],
        ['0104', null, false, 1767574801000],
      ],
    );
  });
});
