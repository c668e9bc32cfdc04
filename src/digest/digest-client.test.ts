import assert from 'node:assert/strict';
import { readDigests } from './auth-parameters.js';
import { answerChallenge } from './digest-client.js';
import { digestResponse, secretHash } from './digest-response.js';

const REQUEST = { method: 'BYE', uri: 'sip:channel@10.0.0.20:5060', body: 'v=0' };
const ACCOUNT = { username: 'line"1', password: 'secret' };

describe('a client that is asked for credentials', () => {
  const answered = (challenge: string) => {
    const answer = answerChallenge(challenge, REQUEST, ACCOUNT);
    return answer === null ? null : Object.fromEntries(readDigests(answer.credentials)?.[0] ?? []);
  };

  it('answers the first challenge that it can', () => {
    const challenge =
      'Digest realm="g", nonce="n1", algorithm=SHA-3,Digest realm="g", nonce="n2", algorithm=sha-256, qop="auth"';
    assert.deepEqual([answered(challenge)?.nonce, answered(challenge)?.algorithm], ['n2', 'SHA-256']);
    assert.equal(answered('Digest realm="g", nonce="n", algorithm=SHA-256-sess'), null);
    assert.equal(answered('Digest realm="g", nonce="n", qop="privacy"'), null);
    assert.equal(answered('Basic realm="g"'), null);
    assert.equal(answered('Digest "'), null);
  });

  it('repeats realm and opaque, quotes what has quotes, and names no algorithm where none was named', () => {
    const answer = answered('DIGEST realm="a \\"b\\"", nonce="n", opaque="o", qop="auth"');
    assert.deepEqual(
      [answer?.realm, answer?.opaque, answer?.username, answer?.algorithm],
      ['a "b"', 'o', 'line"1', undefined],
    );
    assert.match(
      answerChallenge('Digest realm="g", nonce="n", qop="auth"', REQUEST, ACCOUNT)?.credentials ?? '',
      /qop=auth, nc=00000001/,
    );
  });

  it('protects the body where nothing less is offered', () => {
    const answer = answered('Digest realm="g", nonce="n", qop="auth-int"');
    const expected = digestResponse({
      algorithm: 'MD5',
      secretHash: secretHash('MD5', ACCOUNT.username, 'g', ACCOUNT.password),
      method: 'BYE',
      uri: REQUEST.uri,
      nonce: 'n',
      protection: { qop: 'auth-int', nc: '00000001', cnonce: answer?.cnonce ?? '', body: 'v=0' },
    });
    assert.deepEqual([answer?.qop, answer?.response], ['auth-int', expected]);
  });

  it('says whether only the nonce was over', () => {
    const stale = (text: string) => answerChallenge(`Digest realm="g", nonce="n"${text}`, REQUEST, ACCOUNT)?.isStale;
    assert.deepEqual(
      [stale(', stale=TRUE'), stale(', stale="true"'), stale(', stale=false'), stale('')],
      [true, true, false, false],
    );
  });
});
