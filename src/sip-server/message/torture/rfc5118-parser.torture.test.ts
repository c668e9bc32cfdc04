// The messages of RFC 5118, read: IPv6 addresses in URIs, Via and Contact.
import { strict as assert } from 'node:assert';
import { checkMessage } from '../check-message.js';
import { parseNameAddress, splitElements } from '../name-address.js';
import { parseMessage } from '../parse-message.js';
import type { SipMessage } from '../sip-message.js';
import { parseSipUri } from '../uri.js';
import { parseTopVia, stampVia } from '../via.js';
import { RFC5118 } from './rfc5118-ipv6.js';

function accepted(tag: keyof typeof RFC5118): SipMessage {
  const message = parseMessage(RFC5118[tag], { body: 'declared' });
  assert.ok(message);
  assert.equal(checkMessage(message), null);
  return message;
}

function hostAndPort(uri: string): (string | number | undefined)[] {
  const parsed = parseSipUri(uri);
  return [parsed?.host, parsed?.port];
}

function stamped(message: SipMessage): string {
  assert.ok(message.via);
  return stampVia(message.value('via') ?? '', message.via, '2001:db8::9:255', 5060);
}

describe('RFC 5118 in the parser', () => {
  it('ipv6-good (RFC 5118 §4.1): reads references in Request-URI, Via and Contact', () => {
    const message = accepted('ipv6-good');
    assert.deepEqual(hostAndPort(message.uri), ['2001:db8::10', undefined]);
    assert.equal(message.via?.host, '[2001:db8::9:1]');
    const contact = parseNameAddress(message.value('contact') ?? '');
    assert.deepEqual(hostAndPort(contact?.uri ?? ''), ['2001:db8::1', undefined]);
  });

  it('ipv6-bad (RFC 5118 §4.2): refuses with 400 a Request-URI whose address has no brackets', () => {
    const message = parseMessage(RFC5118['ipv6-bad'], { body: 'declared' });
    assert.ok(message);
    assert.equal(checkMessage(message)?.status, 400);
  });

  it('port-ambiguous (RFC 5118 §4.3): what stands inside the brackets is address, not port', () => {
    assert.deepEqual(hostAndPort(accepted('port-ambiguous').uri), ['2001:db8::10:5070', undefined]);
  });

  it('port-unambiguous (RFC 5118 §4.4): what stands after the brackets is the port', () => {
    assert.deepEqual(hostAndPort(accepted('port-unambiguous').uri), ['2001:db8::10', 5070]);
  });

  it('via-received-param-with-delim (RFC 5118 §4.5): takes a received parameter with brackets, and writes one without', () => {
    const message = accepted('via-received-param-with-delim');
    assert.equal(message.via?.branch, 'z9hG4bKas3-111');
    assert.equal(
      stamped(message),
      'SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111;received=2001:db8::9:255;rport=5060',
    );
  });

  it('via-received-param-no-delim (RFC 5118 §4.5): takes a received parameter without brackets', () => {
    const message = accepted('via-received-param-no-delim');
    assert.equal(message.via?.branch, 'z9hG4bKas3');
    assert.equal(stamped(message), 'SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3;received=2001:db8::9:255;rport=5060');
  });

  it('ipv6-in-sdp (RFC 5118 §4.6): passes on SDP with bare IPv6 addresses', () => {
    const message = accepted('ipv6-in-sdp');
    assert.equal(message.body.length, 251);
    assert.match(message.body, /c=IN IP6 2001:db8::20\r\n/);
  });

  it('mult-ip-in-header (RFC 5118 §4.7): reads Vias of both families', () => {
    const vias = splitElements(accepted('mult-ip-in-header').values('via')).map((via) => parseTopVia(via));
    assert.deepEqual(
      vias.map((via) => [via?.transport, via?.host, via?.port]),
      [
        ['UDP', '[2001:db8::9:1]', 6050],
        ['UDP', '192.0.2.1', undefined],
        ['TCP', '[2001:db8::9:255]', undefined],
      ],
    );
  });

  it('mult-ip-in-sdp (RFC 5118 §4.8): passes on SDP with an address of each family', () => {
    assert.match(accepted('mult-ip-in-sdp').body, /c=IN IP4 192\.0\.2\.1\r\n.*\r\nc=IN IP6 2001:db8::1\r\n/);
  });

  it('ipv4-mapped-ipv6 (RFC 5118 §4.9): reads mapped addresses in Via and Contact', () => {
    const message = accepted('ipv4-mapped-ipv6');
    assert.equal(message.via?.host, '[::ffff:192.0.2.10]');
    assert.equal(message.via.port, 19823);
    const contact = parseNameAddress(message.value('contact') ?? '');
    assert.deepEqual(hostAndPort(contact?.uri ?? ''), ['::ffff:192.0.2.2', undefined]);
  });

  it('ipv6-bug-abnf-3-colons (RFC 5118 §4.10): reads three colons as two', () => {
    const message = accepted('ipv6-bug-abnf-3-colons');
    assert.deepEqual(hostAndPort(message.uri), ['2001:db8::192.0.2.1', undefined]);
    assert.equal(message.to?.uri, 'sip:user@[2001:db8:::192.0.2.1]');
  });

  it('ipv6-correct-abnf-2-colons (RFC 5118 §4.10): reads two colons before an IPv4 address', () => {
    assert.deepEqual(hostAndPort(accepted('ipv6-correct-abnf-2-colons').uri), ['2001:db8::192.0.2.1', undefined]);
  });
});
