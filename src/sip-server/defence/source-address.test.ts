import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { parseIpRange } from '../../lib/ip-range.js';
import { SourceAddress } from './source-address.js';

function numberOf(address: SourceAddress): bigint {
  const words = [address.word0, address.word1, address.word2, address.word3].map((word) => BigInt(word >>> 0));
  const [first = 0n, second = 0n, third = 0n, fourth = 0n] = words;
  return address.family === 4 ? first : (first << 96n) | (second << 64n) | (third << 32n) | fourth;
}

describe('SourceAddress', () => {
  const address = new SourceAddress();

  function assertAsRange(text: string): void {
    const expected = parseIpRange(text);
    assert.equal(address.read(text), expected !== undefined, text);
    if (expected === undefined) return;
    assert.equal(address.family, expected.family, text);
    assert.equal(numberOf(address), expected.base, text);
  }

  it('reads every address as the config reader does', () => {
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), assertAsRange));
  });

  it('reads or refuses any mixture of digits, dots and colons as the config reader does', () => {
    const character = fc.constantFrom('0', '1', '2', '5', '9', 'a', 'f', 'F', 'g', '.', ':', '::', '.1', ':ffff');
    fc.assert(
      fc.property(
        fc.array(character, { maxLength: 20 }).map((characters) => characters.join('')),
        assertAsRange,
      ),
      { numRuns: 2_000 },
    );
  });

  for (const text of ['::', '::1', '1::', 'fe80::1:2', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::ffff:192.0.2.1']) {
    it(`reads ${text}`, () => assertAsRange(text));
  }

  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
  ]) {
    it(`refuses "${text}"`, () => {
      assert.equal(isIP(text), 0);
      assert.equal(address.read(text), false);
    });
  }

  it('leaves out the scope of a link-local address', () => {
    assert.equal(address.read('fe80::1%eth0'), true);
    assert.equal(numberOf(address), (0xfe80n << 112n) | 1n);
  });
});
