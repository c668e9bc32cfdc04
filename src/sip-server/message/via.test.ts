import { strict as assert } from 'node:assert';
import { parseTopVia, stampVia } from './via.js';

function stamped(value: string, address = '192.0.2.9', port = 7000): string {
  const via = parseTopVia(value);
  assert.ok(via);
  return stampVia(value, via, address, port);
}

describe('stampVia', () => {
  it('writes the source port, and the address where it differs', () => {
    assert.equal(stamped('SIP/2.0/UDP 192.0.2.9:5060;branch=z'), 'SIP/2.0/UDP 192.0.2.9:5060;branch=z;rport=7000');
    assert.equal(
      stamped('SIP/2.0/UDP 10.0.0.1;branch=z'),
      'SIP/2.0/UDP 10.0.0.1;branch=z;received=192.0.2.9;rport=7000',
    );
  });

  it('leaves out the zone of a link-local address', () => {
    assert.equal(
      stamped('SIP/2.0/UDP [2001:db8::1];branch=z', 'fe80::1%eth0'),
      'SIP/2.0/UDP [2001:db8::1];branch=z;received=fe80::1;rport=7000',
    );
  });

  it('fills in an empty rport and then always says received (RFC 3581 §4)', () => {
    assert.equal(
      stamped('SIP/2.0/UDP 192.0.2.9;rport;branch=z'),
      'SIP/2.0/UDP 192.0.2.9;branch=z;received=192.0.2.9;rport=7000',
    );
  });

  it('replaces what the peer claims', () => {
    assert.equal(
      stamped('SIP/2.0/UDP 10.0.0.1;received=1.1.1.1;rport=9;branch=z'),
      'SIP/2.0/UDP 10.0.0.1;branch=z;received=192.0.2.9;rport=7000',
    );
  });

  it('touches the first of several only', () => {
    assert.equal(
      stamped('SIP/2.0/UDP 10.0.0.1;branch=z, SIP/2.0/UDP 10.0.0.2;rport'),
      'SIP/2.0/UDP 10.0.0.1;branch=z;received=192.0.2.9;rport=7000, SIP/2.0/UDP 10.0.0.2;rport',
    );
  });

  it('compares IPv6 addresses without their brackets', () => {
    assert.equal(
      stamped('SIP/2.0/UDP [2001:db8::1];branch=z', '2001:db8::1'),
      'SIP/2.0/UDP [2001:db8::1];branch=z;rport=7000',
    );
  });
});
