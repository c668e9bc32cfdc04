import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NumberSet, numberKey } from './do-not-call.js';

const setOf = (...numbers: readonly string[]) => new NumberSet(Float64Array.from(numbers, numberKey));

describe('NumberSet', () => {
  it('holds the numbers that it was given and no other', () => {
    const set = setOf('+821099999999', '119', '+821012345678', '+821012345678', '000');
    for (const number of ['+821012345678', '+821099999999', '119', '000']) assert.equal(set.has(number), true, number);
    for (const number of ['+821012345679', '+82101234567', '+119', '00', '0000', '11', '+0']) {
      assert.equal(set.has(number), false, number);
    }
    assert.equal(setOf().has('+821012345678'), false);
  });

  it('is exact for every number of up to fifteen digits', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 14 });
    const number = fc.tuple(fc.constantFrom('+1', '+8', '1', '9', '0'), digits).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(number, { maxLength: 40 }), fc.array(number, { maxLength: 40 }), (listed, others) => {
        const set = setOf(...listed);
        for (const candidate of [...listed, ...others]) assert.equal(set.has(candidate), listed.includes(candidate));
      }),
    );
  });
});
