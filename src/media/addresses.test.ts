import assert from 'node:assert/strict';
import { addressMatcher, canonicalAddress, isPrivateAddress } from './addresses.js';

describe('canonicalAddress', () => {
  it('has one spelling for each address', () => {
    assert.equal(canonicalAddress('192.0.2.1'), '192.0.2.1');
    assert.equal(canonicalAddress('2001:DB8:0:0::1'), '2001:db8::1');
    assert.equal(canonicalAddress('fe80::1%eth0'), 'fe80::1');
    assert.equal(canonicalAddress('::ffff:192.0.2.1'), '192.0.2.1');
  });

  it('knows what is no address', () => {
    for (const text of ['', 'pbx.example.com', '1.2.3', '192.0.2.1:5060', '192.0.2.0/24']) {
      assert.equal(canonicalAddress(text), null);
    }
  });
});

describe('isPrivateAddress', () => {
  it('tells private, shared and local addresses from public ones', () => {
    for (const address of [
      '10.1.2.3',
      '172.31.0.1',
      '192.168.0.1',
      '100.64.9.9',
      '169.254.1.1',
      'fd00::1',
      'fe80::1',
    ]) {
      assert.ok(isPrivateAddress(address), address);
    }
    for (const address of ['172.32.0.1', '192.0.2.1', '100.128.0.1', '2001:db8::1']) {
      assert.equal(isPrivateAddress(address), false, address);
    }
  });
});

describe('addressMatcher', () => {
  it('matches addresses and blocks of both families, and nothing by broken entries', () => {
    const matches = addressMatcher(['192.0.2.7', '198.51.100.0/24', '2001:db8::/32', 'nonsense', '10.0.0.0/99']);
    for (const address of ['192.0.2.7', '198.51.100.200', '2001:db8::5']) assert.ok(matches(address), address);
    for (const address of ['192.0.2.8', '198.51.101.1', '2001:db9::5', '10.0.0.1']) {
      assert.equal(matches(address), false, address);
    }
    assert.equal(addressMatcher([])('192.0.2.7'), false);
  });
});
