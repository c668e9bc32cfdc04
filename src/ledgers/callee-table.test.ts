import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hashOf } from '../numbers/e164-number.js';
import { CalleeTable, KEY } from './callee-table.js';

const VALUE = 1;
const WORD = 6;

describe('CalleeTable', () => {
  it('finds what a plain map finds, through any course of adding and removing', () => {
    // Few keys, so that they are removed and come back; many that lie in a row, as telephone numbers do.
    const key = fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 821_000_000_000, max: 821_000_000_030 }),
      fc.integer({ min: -5, max: -1 }),
      fc.constantFrom(999_999_999_999_999, 2 ** 32, 2 ** 33),
    );
    fc.assert(
      fc.property(fc.array(fc.record({ key, adds: fc.boolean() }), { maxLength: 300 }), (steps) => {
        const table = new CalleeTable(1_000, () => 0, assert.fail);
        const model = new Map<number, number>();
        for (const [step, { key, adds }] of steps.entries()) {
          const slot = table.find(key);
          assert.equal(slot >= 0, model.has(key));
          if (slot >= 0) assert.equal(table.number(slot, VALUE), model.get(key));
          if (adds && slot < 0) {
            table.setNumber(table.add(key), VALUE, step);
            model.set(key, step);
          } else if (!adds && slot >= 0) {
            table.remove(slot);
            model.delete(key);
          }
          assert.equal(table.size, model.size);
        }
        for (const [key, value] of model) {
          assert.equal(table.number(table.find(key), VALUE), value);
        }
      }),
    );
  });

  it('keeps every field while it grows', () => {
    const table = new CalleeTable(100_000, () => 0, assert.fail);
    for (let key = 1; key <= 20_000; key++) {
      const slot = table.add(key * 7);
      table.setNumber(slot, VALUE, key / 2);
      table.setWord(slot, WORD, -key);
    }
    for (let key = 1; key <= 20_000; key++) {
      const slot = table.find(key * 7);
      assert.equal(table.number(slot, VALUE), key / 2);
      assert.equal(table.word(slot, WORD), -key);
    }
    assert.equal(table.find(3), -1);
  });

  it('lets go of what may go when it would grow', () => {
    const forgotten: number[] = [];
    // Odd ones may go at any time.
    const table: CalleeTable = new CalleeTable(
      100_000,
      (slot) => (table.number(slot, KEY) % 2 === 1 ? Number.POSITIVE_INFINITY : 0),
      (key) => forgotten.push(key),
    );
    for (let key = 1; key <= 1_000; key++) table.add(key);
    assert.ok(forgotten.length >= 200);
    assert.ok(forgotten.every((key) => key % 2 === 1 && table.find(key) === -1));
    assert.equal(table.size, 1_000 - forgotten.length);
  });

  it('never holds more than its bound, and lets old ones go first', () => {
    const forgotten: number[] = [];
    let now = 0;
    const table: CalleeTable = new CalleeTable(
      500,
      (slot) => now - table.number(slot, VALUE),
      (key) => forgotten.push(key),
    );
    for (now = 1; now <= 2_000; now++) table.setNumber(table.add(now), VALUE, now);
    assert.equal(table.size, 500);
    assert.equal(forgotten.length, 1_500);
    // The oldest of a few, not of all: by far most of what is left is recent.
    let recent = 0;
    for (let key = 1_251; key <= 2_000; key++) if (table.find(key) >= 0) recent += 1;
    assert.ok(recent > 400, `${recent} of 500 are recent`);
  });

  it('lets old ones go where keys that were chosen to meet would fill a segment', () => {
    const forgotten: number[] = [];
    let now = 0;
    const table: CalleeTable = new CalleeTable(
      100_000,
      (slot) => now - table.number(slot, VALUE),
      (key) => forgotten.push(key),
    );
    const add = (key: number) => table.setNumber(table.add(key), VALUE, ++now);
    // However often it splits, it is the same segment: the last bits of their hashes are alike.
    const met: number[] = [];
    for (let key = 1; met.length < 4_000; key++) if ((hashOf(key) & 0xff) === 0) met.push(key);
    for (let key = -1; key >= -1_000; key--) if ((hashOf(key) & 0xff) !== 0) add(key);
    for (const key of met) add(key);
    assert.ok(forgotten.length > 1_000);
    assert.ok(forgotten.every((key) => table.find(key) === -1));
    assert.ok(forgotten.filter((key) => key < 0).length < 300);
    assert.equal(table.find(2_000_000_000), -1);
  });
});
