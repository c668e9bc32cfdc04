import assert from 'node:assert/strict';
import fc from 'fast-check';
import { normaliseCallee } from '../numbers/normalise-callee.js';
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import { calleeNumber } from './callee-numbers.js';

describe('calleeNumber', () => {
  for (const numberClass of NUMBER_CLASSES) {
    it(`makes ${numberClass} numbers that are read as such`, () => {
      fc.assert(
        fc.property(fc.nat(200_000_000), (serial) => {
          const read = normaliseCallee(calleeNumber(numberClass, serial), { country: 'KR' });
          assert.equal(read.ok && read.numberClass, numberClass, calleeNumber(numberClass, serial));
        }),
        { numRuns: 300 },
      );
    });
  }

  it('makes different numbers of different serials', () => {
    for (const numberClass of ['mobile', 'landline', 'internet', 'representative'] as const) {
      const numbers = new Set(Array.from({ length: 100_000 }, (_, serial) => calleeNumber(numberClass, serial)));
      assert.equal(numbers.size, 100_000, numberClass);
    }
  });
});
