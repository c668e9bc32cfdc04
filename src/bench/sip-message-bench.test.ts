import assert from 'node:assert/strict';
import { benchMessages, median } from './sip-message-bench.js';

describe('benchMessages', () => {
  it('measures each type of message, all of which the server can read', () => {
    const results = benchMessages(60);
    assert.deepEqual(
      results.map(({ type }) => type),
      ['INVITE', 'ACK', 'BYE', 'OPTIONS', '180', '200'],
    );
    for (const { parseNs, serialiseNs } of results) assert.ok(parseNs > 0 && serialiseNs > 0);
  });
});

describe('median', () => {
  it('is the middle one, or the mean of the middle two', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });
});
