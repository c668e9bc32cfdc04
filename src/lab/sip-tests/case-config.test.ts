import assert from 'node:assert/strict';
import { mergeOver } from './case-config.js';

describe('the adjustments of a case', () => {
  it('merge objects by key and replace scalars and lists of scalars', () => {
    assert.deepEqual(mergeOver({ a: 1, b: { c: 2, d: [1, 2] } }, { b: { c: 3, d: [4] } }), {
      a: 1,
      b: { c: 3, d: [4] },
    });
  });

  it('merge a list of objects by place, and add what is more', () => {
    assert.deepEqual(mergeOver([{ a: 1 }, { a: 2 }], [{ b: 1 }]), [{ a: 1, b: 1 }, { a: 2 }]);
    assert.deepEqual(mergeOver([{ a: 1 }], [{}, { a: 2 }]), [{ a: 1 }, { a: 2 }]);
  });

  it('add keys that the base has not', () => {
    assert.deepEqual(mergeOver({}, { call: { maxAttempts: 1 } }), { call: { maxAttempts: 1 } });
  });
});
