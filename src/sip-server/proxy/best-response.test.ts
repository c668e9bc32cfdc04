import assert from 'node:assert/strict';
import { parseMessage } from '../message/parse-message.js';
import type { SipMessage } from '../message/sip-message.js';
import { bestResponse, challengesOf } from './best-response.js';

function response(status: number, headers = ''): SipMessage {
  const text = `SIP/2.0 ${status} Said\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n${headers}\r\n`;
  const message = parseMessage(Buffer.from(text), { body: 'declared' });
  assert.ok(message);
  return message;
}

function best(...statuses: number[]): number | undefined {
  return bestResponse(statuses.map((status) => response(status)))?.status;
}

describe('bestResponse', () => {
  it('takes a 6xx before anything, then the lowest class', () => {
    assert.equal(best(404, 603, 302), 603);
    assert.equal(best(503, 486, 302), 302);
    assert.equal(best(500, 404), 404);
    assert.equal(best(), undefined);
  });

  it('prefers what the caller can do something about, and else who spoke first', () => {
    assert.equal(best(404, 407, 486), 407);
    assert.equal(best(486, 484), 484);
    assert.equal(best(480, 486), 480);
  });
});

describe('challengesOf', () => {
  it('finds every challenge of a 401 or 407, folded ones whole, and none elsewhere', () => {
    const lines =
      'WWW-Authenticate: Digest realm="a",\r\n nonce="1"\r\nX: y\r\nproxy-authenticate: Digest realm="b"\r\n';
    assert.equal(
      challengesOf(response(401, lines)),
      'WWW-Authenticate: Digest realm="a",\r\n nonce="1"\r\nproxy-authenticate: Digest realm="b"\r\n',
    );
    assert.equal(challengesOf(response(486, lines)), '');
  });
});
