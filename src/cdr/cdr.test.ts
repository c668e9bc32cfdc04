import assert from 'node:assert/strict';
import type { CallRecord } from '../call/call-record.js';
import { anyCdrSchema, cdrSchema } from './cdr.js';
import { callRecord } from './cdr-test-kit.js';
import { toCdr } from './to-cdr.js';

/** As a build before version 2 kept the record of a call in the journal. */
function olderRecord(): CallRecord {
  const { agent, payers, limit, laterDecisions, ...known } = callRecord('a');
  const decision = {
    ...{ considered: 3, refused: { 'channel-busy': 2 }, version: 7 },
    winner: { channelId: 'gw1/3', terms: { sameCallee: 0, order: 3 } },
  };
  return JSON.parse(JSON.stringify({ ...known, decision })) as CallRecord;
}

/** As such a build published it. */
function olderCdr(): unknown {
  const { agent, payers, limit, laterDecisions, ...known } = toCdr(olderRecord(), 1);
  const decision = {
    ...{ considered: 3, refused: { 'channel-busy': 2 }, version: 7 },
    winner: { channel: 'gw1/3', terms: { sameCallee: 0, order: 3 } },
  };
  return { ...known, version: 1, decision };
}

describe('records of version 1', () => {
  it('are read beside those of today, and neither is taken for the other', () => {
    const older = olderCdr();
    assert.deepEqual(anyCdrSchema.parse(older), older);
    assert.equal(cdrSchema.safeParse(older).success, false);
    const today = toCdr(callRecord('a'), 1);
    assert.deepEqual(anyCdrSchema.parse(today), today);
    const { limit, ...without } = today;
    assert.equal(anyCdrSchema.safeParse(without).success, false);
  });

  it('that were left in the journal are published as records of today, with null for what they do not know', () => {
    const cdr = toCdr(olderRecord(), 1);
    assert.deepEqual(cdrSchema.parse(cdr), cdr);
    assert.deepEqual([cdr.agent, cdr.payers, cdr.limit], [null, [], null]);
    assert.deepEqual([cdr.decision?.seed, cdr.decision?.winner?.score], [null, null]);
  });
});
