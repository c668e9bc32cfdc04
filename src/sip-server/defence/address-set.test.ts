import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ipRangeContains, parseIpRange } from '../../lib/ip-range.js';
import { AddressSet } from './address-set.js';
import { SourceAddress } from './source-address.js';

const address = new SourceAddress();

function has(set: AddressSet, text: string): boolean {
  assert.ok(address.read(text), text);
  return set.has(address);
}

/** Few values for each octet or group, so that blocks and addresses meet. */
const v4 = fc.tuple(...[10, 0, 0, 255].map((usual) => fc.constantFrom(usual, 0, 1, 127, 128, 255)));
const v6 = fc.array(fc.constantFrom('0', '1', '7fff', '8000', 'ffff'), { minLength: 8, maxLength: 8 });
const anyAddress = fc.oneof(
  v4.map((octets) => octets.join('.')),
  v6.map((groups) => groups.join(':')),
);

function cutTo(text: string, bits: number): string | undefined {
  const range = parseIpRange(text);
  if (range === undefined) return undefined;
  const width = range.family === 4 ? 32 : 128;
  const prefix = Math.min(bits, width);
  const hostBits = BigInt(width - prefix);
  const base = (range.base >> hostBits) << hostBits;
  const parts = range.family === 4 ? 4 : 8;
  const bitsEach = BigInt(width / parts);
  const texts = Array.from({ length: parts }, (_, index) => {
    const part = (base >> (bitsEach * BigInt(parts - 1 - index))) & ((1n << bitsEach) - 1n);
    return range.family === 4 ? part.toString() : part.toString(16);
  });
  return `${texts.join(range.family === 4 ? '.' : ':')}/${prefix}`;
}

const block = fc.tuple(anyAddress, fc.integer({ min: 0, max: 128 })).map(([text, bits]) => cutTo(text, bits) ?? text);

describe('AddressSet', () => {
  it('holds just what its blocks hold, whatever their order and overlap', () => {
    fc.assert(
      fc.property(
        fc.array(block, { maxLength: 12 }),
        fc.array(anyAddress, { minLength: 1, maxLength: 20 }),
        (blocks, asked) => {
          const set = new AddressSet(blocks);
          const ranges = blocks.map((text) => parseIpRange(text));
          for (const text of asked) {
            const expected = ranges.some((range) => range !== undefined && ipRangeContains(range, text));
            assert.equal(has(set, text), expected, text);
          }
        },
      ),
    );
  });

  it('holds single addresses, blocks, and nothing when it is empty', () => {
    const set = new AddressSet(['192.0.2.1', '10.0.0.0/8', 'fd00::/8', '2001:db8::1']);
    for (const inside of ['192.0.2.1', '10.255.0.9', 'fdff::1', '2001:db8::1', '::ffff:10.1.1.1']) {
      assert.equal(has(set, inside), true, inside);
    }
    for (const outside of ['192.0.2.2', '11.0.0.0', '9.255.255.255', 'fe00::', '2001:db8::2']) {
      assert.equal(has(set, outside), false, outside);
    }
    assert.equal(has(new AddressSet([]), '10.0.0.1'), false);
  });

  it('holds everything with 0.0.0.0/0 and ::/0', () => {
    const set = new AddressSet(['0.0.0.0/0', '::/0']);
    for (const text of ['0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']) {
      assert.equal(has(set, text), true, text);
    }
  });

  for (const entry of ['nonsense', '10.0.0.1/8', '10.0.0.0/33', '10.0.0.0/', '2001:db8::/129']) {
    it(`refuses ${entry}`, () => assert.throws(() => new AddressSet([entry]), RangeError));
  }
});
