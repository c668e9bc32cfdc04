import assert from 'node:assert/strict';
import { type AttemptEnd, attemptEnds } from './attempt-ends.js';
import type { AttemptRecord } from './call-record.js';
import type { Attempt, CallState } from './call-state.js';

const RECORD = {
  ...{ attemptId: 'a1', channelId: 'gw1/1', sipCallId: 'x@y', startedAtMs: 1_000, ringingAtMs: null },
  ...{ answeredAtMs: null, endedAtMs: null, outcome: null, means: null },
} as unknown as AttemptRecord;

function stateOf(records: readonly Partial<AttemptRecord>[], billableMs: number | null = null, incoming?: object) {
  const attempts = records.map((record): Attempt => {
    const channel = { channelId: 'gw1/1', gateway: { name: 'gw1' } };
    return { channel, billableMs, record: { ...RECORD, ...record } } as unknown as Attempt;
  });
  return { attempts, request: { incoming } } as unknown as CallState;
}

function endsOf(record: Partial<AttemptRecord>, billableMs: number | null = null): AttemptEnd | undefined {
  return attemptEnds(stateOf([{}]), stateOf([{ endedAtMs: 1_300, ...record }], billableMs))[0];
}

describe('attemptEnds', () => {
  it('tells a refusal by what its gateway’s settings take it for', () => {
    const told = (['channel', 'give-up', 'callee', 'gateway'] as const).map((means) => {
      return endsOf({ outcome: 'refused', means })?.outcome;
    });
    assert.deepEqual(told, ['refused', 'refused', 'callee', 'other']);
    assert.deepEqual(endsOf({ outcome: 'refused', means: 'channel' }), {
      ...{ channelId: 'gw1/1', gateway: 'gw1', outcome: 'refused', alerted: false, setupMs: 300, talkedMs: null },
    });
  });

  it('tells an answer with its talk time, whether anything rang before or not', () => {
    const answered = { outcome: 'answered' as const, answeredAtMs: 1_200, endedAtMs: 9_000 };
    assert.deepEqual(endsOf(answered, 7_800), {
      ...{ channelId: 'gw1/1', gateway: 'gw1', outcome: 'answered', alerted: false, setupMs: 200, talkedMs: 7_800 },
    });
    assert.equal(endsOf({ ...answered, ringingAtMs: 1_100 }, 7_800)?.alerted, true);
  });

  it('tells who gave up, and takes a silent or unreachable gateway for nothing that the channel did', () => {
    const told = (['cancelled', 'silent', 'unreachable'] as const).map((outcome) => endsOf({ outcome })?.outcome);
    assert.deepEqual(told, ['given-up', 'other', 'other']);
  });

  it('tells each end once, and nothing of an INVITE that never left or of a call from a mobile', () => {
    const over = { outcome: 'refused' as const, means: 'channel' as const, endedAtMs: 1_300 };
    assert.deepEqual(attemptEnds(stateOf([over]), stateOf([over])), []);
    assert.equal(attemptEnds(stateOf([over]), stateOf([over, over])).length, 1);
    assert.equal(endsOf({ ...over, sipCallId: null }), undefined);
    assert.deepEqual(attemptEnds(stateOf([{}], null, {}), stateOf([over], null, {})), []);
  });
});
