import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseMessage } from '../message/parse-message.js';
import type { SipMessage } from '../message/sip-message.js';
import { fakeFlow } from '../testing/fake-wire.js';
import { forwardedRequest, isLoop } from './forwarded-request.js';
import { forwardedResponse } from './forwarded-response.js';

const FLOW = fakeFlow();
const CHANGES = {
  uri: 'sip:b@192.0.2.9',
  routes: ['<sip:p;lr>'],
  added: 'Record-Route: <sip:us;lr>\r\n',
  extra: 'X: 1\r\n',
};

function parse(text: string): SipMessage {
  const message = parseMessage(Buffer.from(text, 'latin1'), { body: 'declared' });
  assert.ok(message);
  return message;
}

const INVITE =
  'INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa\r\nv: SIP/2.0/UDP h;branch=z9hG4bKb\r\n' +
  'Route: <sip:us;lr>, <sip:p;lr>\r\nMax-Forwards: 10\r\nf: <sip:a@b>;tag=f\r\nTo: <sip:b@c>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n' +
  'x-Odd:  folded\r\n value\r\nl: 3\r\n\r\nabc';

describe('forwardedRequest', () => {
  it('changes what a proxy must, and nothing else', () => {
    const { text, branch } = forwardedRequest(parse(INVITE), FLOW, FLOW, CHANGES);
    assert.equal(
      text,
      `INVITE sip:b@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;rport;branch=${branch}\r\n` +
        'Record-Route: <sip:us;lr>\r\nRoute: <sip:p;lr>\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa;rport=5060\r\n' +
        'v: SIP/2.0/UDP h;branch=z9hG4bKb\r\nf: <sip:a@b>;tag=f\r\nTo: <sip:b@c>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n' +
        'x-Odd: folded\r\n value\r\nl: 3\r\nMax-Forwards: 9\r\nX: 1\r\n\r\nabc',
    );
  });

  it('says how long a body is that came to the end of its datagram', () => {
    const { text } = forwardedRequest(parse(INVITE.replace('l: 3\r\n', '')), FLOW, FLOW, CHANGES);
    assert.match(text, /\r\nContent-Length: 3\r\n/);
  });

  it('is known again when it comes back, and only while it asks for the same', () => {
    const sent = parse(forwardedRequest(parse(INVITE), FLOW, FLOW, { ...CHANGES, uri: 'sip:b@example.com' }).text);
    const back = sent.head + sent.body;
    // The routes are those that it came with the first time.
    const looped = parse(back.replace('Route: <sip:p;lr>', 'Route: <sip:us;lr>, <sip:p;lr>'));
    assert.equal(isLoop(looped, ['192.0.2.1']), true);
    assert.equal(isLoop(parse(back.replace('sip:b@example.com', 'sip:c@example.com')), ['192.0.2.1']), false);
    assert.equal(isLoop(parse(INVITE), ['192.0.2.1']), false);
  });
});

describe('forwardedResponse', () => {
  it('takes our Via off, whether it has a line of its own or not', () => {
    const rest = 'From: a\r\nContent-Length: 0\r\n\r\n';
    const ours = 'SIP/2.0/UDP us;branch=z9hG4bK1';
    const theirs = 'SIP/2.0/UDP h;x="a,b";branch=z9hG4bK2';
    assert.equal(
      forwardedResponse(parse(`SIP/2.0 180 Ringing\r\nVia: ${ours}\r\nVia: ${theirs}\r\n${rest}`)),
      `SIP/2.0 180 Ringing\r\nVia: ${theirs}\r\n${rest}`,
    );
    assert.equal(
      forwardedResponse(parse(`SIP/2.0 180 Ringing\r\nv: ${ours} , ${theirs}\r\n${rest}`)),
      `SIP/2.0 180 Ringing\r\nv: ${theirs}\r\n${rest}`,
    );
  });

  it('gives another status and the challenges of others when told to', () => {
    const text = forwardedResponse(
      parse('SIP/2.0 503 Later\r\nVia: x\r\nl: 0\r\n\r\n'),
      500,
      'WWW-Authenticate: a\r\n',
    );
    assert.equal(text, 'SIP/2.0 500 Server Internal Error\r\nl: 0\r\nWWW-Authenticate: a\r\n\r\n');
  });

  it('gives a request back byte for byte but for the Via that was added, for any header', () => {
    const value = fc.string({ unit: fc.constantFrom('a', ' ', '"', ';', ',', '\t', 'é', '<'), maxLength: 20 });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        const headers = values.map((text, index) => `X-${index}: ${`a${text}b`}\r\n`).join('');
        const message = parse(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP us\r\n${headers}Content-Length: 0\r\n\r\n`);
        assert.equal(forwardedResponse(message), `SIP/2.0 200 OK\r\n${headers}Content-Length: 0\r\n\r\n`);
      }),
    );
  });
});
