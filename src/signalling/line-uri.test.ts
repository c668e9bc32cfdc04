import assert from 'node:assert/strict';
import { addressAtContact, hostOf, uriAtContact, withTransport } from './line-uri.js';

describe('the request-URI of a line that has registered', () => {
  const DIALLED = 'sip:1%2301012345678@registered.invalid;transport=udp';

  it('has the dialled user and the place of the contact', () => {
    assert.equal(uriAtContact(DIALLED, 'sip:line1@10.0.0.9:5062'), 'sip:1%2301012345678@10.0.0.9:5062;transport=udp');
    assert.equal(uriAtContact(DIALLED, 'sip:[fd00::9]'), 'sip:1%2301012345678@[fd00::9];transport=udp');
    assert.equal(hostOf('sip:line1@10.0.0.9:5062;x=1'), '10.0.0.9');
    assert.equal(hostOf('sip:[fd00::9]:5060'), '[fd00::9]');
  });

  it('stands in the caller ID’s headers too, and nowhere else', () => {
    const identity = '<sip:+821012340007@registered.invalid>';
    const headers = {
      'P-Asserted-Identity': identity,
      'Remote-Party-ID': `${identity};party=calling`,
      'X-Line': '1001',
    };
    const address = addressAtContact({ requestUri: DIALLED, fromUser: '1001', headers }, 'sip:1001@[fd00::9]:5062;x=1');
    assert.deepEqual(address.headers, {
      'P-Asserted-Identity': '<sip:+821012340007@[fd00::9]>',
      'Remote-Party-ID': '<sip:+821012340007@[fd00::9]>;party=calling',
      'X-Line': '1001',
    });
    assert.equal(address.fromUser, '1001');
  });

  it('keeps the contact’s transport and parameters, and those of the template', () => {
    const contact = 'sip:line1@10.0.0.9;transport=TCP;line=abc;port=9';
    assert.equal(
      uriAtContact('sip:0101@registered.invalid;transport=udp;port=1', contact),
      'sip:0101@10.0.0.9;transport=tcp;line=abc;port=1',
    );
  });

  it('says over which transport a contact is reached that leaves it open', () => {
    assert.equal(withTransport('sip:pbx@10.9.0.2:5061', 'tls'), 'sip:pbx@10.9.0.2:5061;transport=tls');
    assert.equal(withTransport('sip:[fd00::9];ob?x=y', 'tcp'), 'sip:[fd00::9];ob;transport=tcp?x=y');
    assert.equal(withTransport('sip:a;transport=x@b', 'tcp'), 'sip:a;transport=x@b;transport=tcp');
    assert.equal(withTransport('sip:pbx@10.9.0.2;transport=TCP', 'tls'), 'sip:pbx@10.9.0.2;transport=TCP');
    // RFC 3261 §26.2.2: TCP under TLS.
    assert.equal(withTransport('sips:pbx@10.9.0.2;transport=tcp', 'tls'), 'sip:pbx@10.9.0.2;transport=tls');
  });
});
