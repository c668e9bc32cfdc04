import assert from 'node:assert/strict';
import { seededOrder } from './tie-order.js';

describe('seededOrder', () => {
  it('is a permutation, the same for the same seed and another for another', () => {
    const order = seededOrder(100, 7);
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, index) => index),
    );
    assert.deepEqual(order, seededOrder(100, 7));
    assert.notDeepEqual(order, seededOrder(100, 8));
  });

  it('leaves everything in its place with seed 0', () => {
    assert.deepEqual(seededOrder(4, 0), [0, 1, 2, 3]);
  });
});
