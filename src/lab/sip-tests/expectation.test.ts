import assert from 'node:assert/strict';
import { differencesFrom, valueAt } from './expectation.js';

describe('what a case expects', () => {
  it('ignores keys that it does not name', () => {
    assert.deepEqual(differencesFrom({ a: 1 }, { a: 1, b: 2 }), []);
  });

  it('names the path of each difference', () => {
    assert.deepEqual(differencesFrom({ a: [{ b: 1 }, { b: 2 }], c: 'x' }, { a: [{ b: 1 }, { b: 3 }] }), [
      'a[1].b: expected 2, got 3',
      'c: expected "x", got nothing',
    ]);
  });

  it('holds a list to its length, in both directions', () => {
    assert.deepEqual(differencesFrom([], [1]), ['expected 0 entries, got 1']);
    assert.deepEqual(differencesFrom([1, 2], [1]), ['expected 2 entries, got 1']);
  });

  it('understands patterns, ranges and presence', () => {
    assert.deepEqual(differencesFrom({ id: '/^gw1\\/[12]$/' }, { id: 'gw1/2' }), []);
    assert.deepEqual(differencesFrom({ id: '/^gw1/' }, { id: 'gw2/2' }), [
      'id: expected text like /^gw1/, got "gw2/2"',
    ]);
    assert.deepEqual(differencesFrom({ n: { $from: 1, $to: 3 } }, { n: 2 }), []);
    assert.deepEqual(differencesFrom({ n: { $from: 1 } }, { n: 0 }), [
      'n: expected a number from 1 to Infinity, got 0',
    ]);
    assert.deepEqual(differencesFrom({ n: { $from: 1 } }, { n: 'many' }), [
      'n: expected a number from 1 to Infinity, got "many"',
    ]);
    assert.deepEqual(differencesFrom({ t: { $present: true } }, { t: null }), ['t: expected a value, got null']);
    assert.deepEqual(differencesFrom({ t: { $present: false } }, {}), []);
  });

  it('distinguishes null, nothing and zero', () => {
    assert.equal(differencesFrom(null, undefined).length, 1);
    assert.equal(differencesFrom(0, null).length, 1);
    assert.deepEqual(differencesFrom(null, null), []);
  });

  it('finds a counter by its dotted path', () => {
    assert.equal(valueAt({ sip: { dropped: { 'unknown-source': 3 } } }, 'sip.dropped.unknown-source'), 3);
    assert.equal(valueAt({ sip: null }, 'sip.dropped.malformed'), undefined);
  });
});
