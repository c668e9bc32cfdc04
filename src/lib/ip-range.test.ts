import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import fc from 'fast-check';
import { parseHostPort } from './host-port.js';
import { ipRangeContains, ipRangeCovers, parseIpRange } from './ip-range.js';

function contains(range: string, address: string): boolean {
  const parsed = parseIpRange(range);
  assert.ok(parsed !== undefined, range);
  return ipRangeContains(parsed, address);
}

describe('parseIpRange', () => {
  it('refuses what is no block: host bits set, prefixes too long, names, zones', () => {
    for (const text of [
      '10.0.0.1/8',
      '10.0.0.0/33',
      'fd00::/129',
      '10.0.0',
      'lan',
      '',
      '10.0.0.0/',
      '10.0.0.0/-1',
      'fe80::1%eth0',
    ]) {
      assert.equal(parseIpRange(text), undefined, text);
    }
  });

  it('takes an address as a block of one', () => {
    assert.equal(contains('10.0.0.5', '10.0.0.5'), true);
    assert.equal(contains('10.0.0.5', '10.0.0.6'), false);
    assert.equal(contains('fd00::5', 'fd00:0:0:0:0:0:0:5'), true);
  });

  it('finds an IPv4 peer of a dual-stack socket in an IPv4 block', () => {
    assert.equal(contains('10.0.0.0/24', '::ffff:10.0.0.9'), true);
  });

  it('agrees with the platform’s block list for any IPv4 block and address', () => {
    const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(octets, fc.integer({ min: 0, max: 32 }), fc.nat(0xffff), (base, bits, offset) => {
        const value = base.reduce((sum, octet) => sum * 256 + octet, 0);
        const start = bits === 0 ? 0 : Math.floor(value / 2 ** (32 - bits)) * 2 ** (32 - bits);
        const dotted = (n: number) => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.');
        const list = new BlockList();
        list.addSubnet(dotted(start), bits);
        const address = dotted((start + offset) % 2 ** 32);
        assert.equal(contains(`${dotted(start)}/${bits}`, address), list.check(address));
      }),
    );
  });
});

describe('ipRangeCovers', () => {
  it('is true for a block within a block, and false for one that sticks out or is of the other family', () => {
    const covers = (outer: string, inner: string): boolean => {
      const [outerRange, innerRange] = [parseIpRange(outer), parseIpRange(inner)];
      assert.ok(outerRange !== undefined && innerRange !== undefined);
      return ipRangeCovers(outerRange, innerRange);
    };
    assert.equal(covers('10.0.0.0/8', '10.1.0.0/16'), true);
    assert.equal(covers('10.0.0.0/8', '10.0.0.0/8'), true);
    assert.equal(covers('10.1.0.0/16', '10.0.0.0/8'), false);
    assert.equal(covers('10.1.0.0/16', '10.2.0.1'), false);
    assert.equal(covers('::/0', '10.2.0.1'), false);
    assert.equal(covers('fd00::/8', 'fd12::1'), true);
  });
});

describe('parseHostPort', () => {
  it('reads names and addresses with and without a port', () => {
    assert.deepEqual(parseHostPort('10.0.0.20'), { host: '10.0.0.20', port: undefined });
    assert.deepEqual(parseHostPort('gw.example:5080'), { host: 'gw.example', port: 5080 });
    assert.deepEqual(parseHostPort('[fd00::20]:5060'), { host: 'fd00::20', port: 5060 });
    assert.deepEqual(parseHostPort('fd00::20'), { host: 'fd00::20', port: undefined });
  });

  it('refuses mistyped addresses instead of taking them for names', () => {
    for (const text of [
      '10.0.0.300',
      '10.0.0',
      '10.0.0.1:0',
      '10.0.0.1:65536',
      'a:b',
      '[10.0.0.1]:5',
      '-x',
      'sip:a',
      '',
    ]) {
      assert.equal(parseHostPort(text), undefined, text);
    }
  });
});
