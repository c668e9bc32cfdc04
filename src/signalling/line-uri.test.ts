import assert from 'node:assert/strict';
import { hostOf, uriAtContact } from './line-uri.js';

describe('the request-URI of a line that has registered', () => {
  const DIALLED = 'sip:1%2301012345678@registered.invalid;transport=udp';

  it('has the dialled user and the place of the contact', () => {
    assert.equal(uriAtContact(DIALLED, 'sip:line1@10.0.0.9:5062'), 'sip:1%2301012345678@10.0.0.9:5062;transport=udp');
    assert.equal(uriAtContact(DIALLED, 'sip:[fd00::9]'), 'sip:1%2301012345678@[fd00::9];transport=udp');
    assert.equal(hostOf('sip:line1@10.0.0.9:5062;x=1'), '10.0.0.9');
    assert.equal(hostOf('sip:[fd00::9]:5060'), '[fd00::9]');
  });

  it('keeps the contact’s transport and parameters, and those of the template', () => {
    const contact = 'sip:line1@10.0.0.9;transport=TCP;line=abc;port=9';
    assert.equal(
      uriAtContact('sip:0101@registered.invalid;transport=udp;port=1', contact),
      'sip:0101@10.0.0.9;transport=tcp;line=abc;port=1',
    );
  });
});
