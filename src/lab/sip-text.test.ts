import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  headerOf,
  headersOf,
  hostOf,
  parameterOf,
  parseSip,
  type SipRequest,
  uriIn,
  userOf,
  writeSip,
} from './sip-text.js';

const INVITE = [
  'INVITE sip:7%2301012345678@127.0.0.1:5080 SIP/2.0',
  'v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKabc;rport',
  'From: "Kim, J" <sip:100@10.0.0.1>;tag=1',
  't: <sip:200@10.0.0.2>',
  'Record-Route: <sip:a;lr>, <sip:b,c;lr>',
  'Record-Route: <sip:d>',
  'Subject: folded',
  '  here',
  'Content-Length: 3',
  '',
  'v=0',
].join('\r\n');

describe('SIP text', () => {
  const invite = parseSip(INVITE) as SipRequest;

  it('is read with its start line, compact names, folded lines and body', () => {
    assert.deepEqual([invite.method, invite.body], ['INVITE', 'v=0']);
    assert.equal(headerOf(invite, 'via'), 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKabc;rport');
    assert.equal(headerOf(invite, 'subject'), 'folded here');
    assert.equal(headerOf(invite, 'call-id'), '');
  });

  it('splits lists at commas outside quotes and brackets', () => {
    assert.deepEqual(headersOf(invite, 'record-route'), ['<sip:a;lr>', '<sip:b,c;lr>', '<sip:d>']);
    assert.deepEqual(headersOf(invite, 'from'), ['"Kim, J" <sip:100@10.0.0.1>;tag=1']);
  });

  it('gives parameters of the header and not of the URI in it', () => {
    assert.equal(parameterOf('<sip:a@b;tag=uri>;tag=header', 'tag'), 'header');
    assert.equal(parameterOf('<sip:a@b;tag=uri>', 'tag'), undefined);
    assert.equal(parameterOf('";tag=name" <sip:a@b>', 'tag'), undefined);
  });

  it('takes URIs apart', () => {
    assert.equal(userOf(invite.uri), '7#01012345678');
    assert.equal(userOf('sip:host'), undefined);
    assert.equal(userOf('sip:%zz@host'), undefined);
    assert.equal(uriIn('"x" <sip:a@b;lr>;tag=1'), 'sip:a@b;lr');
    assert.deepEqual(hostOf('sip:a@[::1]:5070;lr'), { address: '::1', port: 5070 });
    assert.deepEqual(hostOf('sip:10.0.0.9'), { address: '10.0.0.9', port: 5060 });
  });

  it('is written so that it reads the same, with the right Content-Length', () => {
    const text = writeSip({ ...invite, body: 'größe' });
    assert.match(text, /Content-Length: 7\r\n\r\ngröße$/);
    assert.deepEqual(parseSip(writeSip(invite)), {
      ...invite,
      headers: [...invite.headers.filter(([name]) => name !== 'Content-Length'), ['Content-Length', '3']],
    });
  });

  it('that is no SIP is undefined, and never an exception', () => {
    for (const text of [
      '',
      '\r\n\r\n',
      'hello',
      'INVITE sip:x SIP/3.0\r\n\r\n',
      INVITE.replace('Subject: folded', 'no header'),
    ]) {
      assert.equal(parseSip(text), undefined);
    }
    fc.assert(
      fc.property(fc.string(), fc.nat(INVITE.length), (noise, at) => {
        parseSip(noise);
        const message = parseSip(INVITE.slice(0, at) + noise + INVITE.slice(at));
        if (message !== undefined) writeSip(message);
      }),
    );
  });
});
