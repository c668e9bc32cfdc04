import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CalleeSet } from './callee-set.js';

describe('CalleeSet', () => {
  it('holds what a set of strings holds', () => {
    const callee = fc.oneof(
      fc.integer({ min: 821_012_340_000, max: 821_012_340_200 }).map((number) => `+${number}`),
      fc.constantFrom('112', '+', '+0', '+82 2', '+8210x', '0.5', '+999999999999999', '+9999999999999999', ''),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(callee, { maxLength: 400 }), fc.array(callee, { maxLength: 50 }), (added, asked) => {
        const callees = new CalleeSet();
        const model = new Set<string>();
        for (const callee of added) {
          assert.equal(callees.add(callee), !model.has(callee));
          model.add(callee);
          assert.equal(callees.size, model.size);
        }
        for (const callee of [...added, ...asked]) assert.equal(callees.has(callee), model.has(callee), callee);
      }),
    );
  });

  it('holds many that lie in a row', () => {
    const callees = new CalleeSet();
    for (let number = 821_000_000_000; number < 821_000_020_000; number++) callees.add(`+${number}`);
    assert.equal(callees.size, 20_000);
    assert.ok(callees.has('+821000019999'));
    assert.ok(!callees.has('+821000020000'));
  });
});
