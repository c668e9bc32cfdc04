import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HeldCallees } from './held-callees.js';

describe('HeldCallees', () => {
  it('holds what a plain list holds, however many calls there are', () => {
    const callees = fc.constantFrom('a', 'b', 'c', 'd');
    const steps = fc.array(fc.record({ callee: callees, adds: fc.boolean() }), { maxLength: 80 });
    fc.assert(
      fc.property(fc.nat({ max: 30 }), steps, (crowd, history) => {
        const held = new HeldCallees();
        const plain: string[] = [];
        const add = (callee: string): void => {
          held.add(callee);
          plain.push(callee);
        };
        for (let count = 0; count < crowd; count += 1) add(`crowd ${count}`);
        for (const { callee, adds } of history) {
          if (adds) add(callee);
          else if (plain.includes(callee)) {
            held.remove(callee);
            plain.splice(plain.indexOf(callee), 1);
          }
          for (const each of ['a', 'b', 'c', 'd', 'crowd 3']) assert.equal(held.has(each), plain.includes(each), each);
        }
      }),
    );
  });

  it('is not upset by letting go of a callee that nobody holds', () => {
    const held = new HeldCallees();
    held.add('a');
    held.remove('b');
    assert.equal(held.has('a'), true);
  });
});
