import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SourceAddress } from './source-address.js';
import { SourceTable } from './source-table.js';

const address = new SourceAddress();

function read(text: string): SourceAddress {
  assert.ok(address.read(text), text);
  return address;
}

describe('SourceTable', () => {
  it('keeps the newest sources up to its capacity, as a plain list does, through any history', () => {
    const step = fc.record({ what: fc.constantFrom('touch', 'touch', 'touch', 'remove'), host: fc.nat({ max: 12 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (capacity, steps) => {
        const owners = new Map<number, string>();
        const table = new SourceTable(capacity, (slot) => owners.delete(slot));
        let expected: string[] = [];
        for (const { what, host } of steps) {
          const text = host % 2 === 0 ? `10.0.0.${host}` : `2001:db8:0:${host}::/64`;
          const source = read(text.replace('/64', '7'));
          const known = table.find(source);
          assert.equal(known !== -1, expected.includes(text));
          expected = expected.filter((other) => other !== text);
          if (what === 'remove') {
            if (known !== -1) table.remove(known);
          } else {
            const slot = table.touch(source);
            assert.ok(!owners.has(slot) || owners.get(slot) === text, 'a slot passes on without being cleared');
            owners.set(slot, text);
            expected = [text, ...expected].slice(0, capacity);
          }
          assert.deepEqual(
            table.slots().map((slot) => table.textOf(slot)),
            expected,
          );
          assert.equal(table.size, expected.length);
          assert.equal(table.oldest === -1 ? undefined : table.textOf(table.oldest), expected.at(-1));
        }
      }),
    );
  });

  it('takes the addresses of one IPv6 network of 64 bits for one source', () => {
    const table = new SourceTable(4, () => undefined);
    const slot = table.touch(read('2001:db8:1:2::1'));
    assert.equal(table.touch(read('2001:db8:1:2:ffff::9')), slot);
    assert.notEqual(table.touch(read('2001:db8:1:3::1')), slot);
    assert.equal(table.textOf(slot), '2001:db8:1:2::/64');
  });

  it('holds 16,384 sources and finds each', () => {
    const table = new SourceTable(16_384, () => undefined);
    const text = (index: number) => `10.${index >> 14}.${(index >> 7) & 127}.${index & 127}`;
    for (let index = 0; index < 20_000; index++) table.touch(read(text(index)));
    assert.equal(table.size, 16_384);
    for (let index = 0; index < 20_000; index++) assert.equal(table.find(read(text(index))) !== -1, index >= 3_616);
  });
});
