import assert from 'node:assert/strict';
import { compareCounts } from './compare-counts.js';

const EXACT = { callsMayDiffer: 0, secondsMayDifferPerCall: 2 };

describe('compareCounts', () => {
  const before = { calls: 80, seconds: 9_600 };

  it('finds the same where calls are equal and seconds are near', () => {
    const found = compareCounts(before, { calls: 83, seconds: 9_706 }, { calls: 3, seconds: 100.4 }, EXACT);
    assert.deepEqual(found, {
      ...{ gatewayCalls: 3, gatewaySeconds: 106, ledgerCalls: 3, ledgerSeconds: 100, outcome: 'same' },
    });
  });

  it('finds a difference in calls, or in more seconds than rounding explains', () => {
    const ledger = { calls: 3, seconds: 100 };
    assert.equal(compareCounts(before, { calls: 84, seconds: 9_700 }, ledger, EXACT).outcome, 'differs');
    assert.equal(compareCounts(before, { calls: 83, seconds: 9_707 }, ledger, EXACT).outcome, 'differs');
    const tolerance = { callsMayDiffer: 1, secondsMayDifferPerCall: 2 };
    assert.equal(compareCounts(before, { calls: 84, seconds: 9_700 }, ledger, tolerance).outcome, 'same');
  });

  it('finds calls that the ledger does not know at all, and the reverse', () => {
    assert.equal(
      compareCounts(before, { calls: 81, seconds: 9_660 }, { calls: 0, seconds: 0 }, EXACT).outcome,
      'differs',
    );
    assert.equal(compareCounts(before, before, { calls: 1, seconds: 5 }, EXACT).outcome, 'differs');
    assert.equal(compareCounts(before, before, { calls: 0, seconds: 0 }, EXACT).outcome, 'same');
  });

  it('compares only what the gateway tells', () => {
    const found = compareCounts(
      { calls: 5, seconds: null },
      { calls: 6, seconds: null },
      { calls: 1, seconds: 900 },
      EXACT,
    );
    assert.deepEqual([found.gatewayCalls, found.gatewaySeconds, found.outcome], [1, null, 'same']);
  });

  it('says nothing when the gateway has begun to count anew', () => {
    const found = compareCounts(before, { calls: 2, seconds: 40 }, { calls: 7, seconds: 100 }, EXACT);
    assert.deepEqual([found.gatewayCalls, found.gatewaySeconds, found.outcome], [null, null, 'reset']);
  });
});
