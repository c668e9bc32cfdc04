import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readDigests, writeDigest } from './auth-parameters.js';

const read = (text: string) => readDigests(text)?.map((digest) => Object.fromEntries(digest)) ?? null;

describe('authentication headers', () => {
  it('are read whatever the case, the spaces and the order are', () => {
    assert.deepEqual(read('DIGEST  Realm = "a, b=\\"c\\"" ,nonce=x,, qop="auth,auth-int"'), [
      { realm: 'a, b="c"', nonce: 'x', qop: 'auth,auth-int' },
    ]);
  });

  it('may be several in one text, with schemes between that are not ours', () => {
    const text = 'Digest realm="a", algorithm=SHA-256,Bearer scope="x",Digest realm="b"';
    assert.deepEqual(read(text), [{ realm: 'a', algorithm: 'SHA-256' }, { realm: 'b' }]);
    assert.deepEqual(read('Negotiate'), []);
    assert.deepEqual(read('Basic abc'), []);
  });

  it('take values that are neither tokens nor quoted, as some peers write URIs', () => {
    assert.deepEqual(read('Digest uri=sip:1@10.0.0.1:5060;transport=udp, nc=00000001'), [
      { uri: 'sip:1@10.0.0.1:5060;transport=udp', nc: '00000001' },
    ]);
  });

  it('are refused when they cannot be read, or name something twice', () => {
    for (const text of [
      'realm="a"',
      'Digest realm="a',
      'Digest realm=',
      'Digest username=a, username=b',
      '"',
      'Digest €',
    ]) {
      assert.equal(readDigests(text), null, text);
    }
    assert.equal(readDigests(`Digest realm="${'x'.repeat(9_000)}"`), null);
  });

  it('never throw, and are read as they were written', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void readDigests(text)));
    fc.assert(
      fc.property(fc.string(), fc.string(), (realm, username) => {
        assert.deepEqual(read(writeDigest({ realm, username, nc: '00000001' })), [{ realm, username, nc: '00000001' }]);
      }),
    );
  });
});
