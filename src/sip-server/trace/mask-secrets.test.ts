import assert from 'node:assert/strict';
import fc from 'fast-check';
import { maskSecrets } from './mask-secrets.js';

describe('maskSecrets', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'the response of a digest',
      'Authorization: Digest username="a", realm="r", nonce="n", response="6629fae4", uri="sip:r"',
      'Authorization: Digest username="a", realm="r", nonce="n", response="***", uri="sip:r"',
    ],
    [
      'one that is not quoted, folded, in any case',
      'PROXY-AUTHORIZATION : digest username="a",\r\n RESPONSE = 6629fae4,nc=1',
      'PROXY-AUTHORIZATION : digest username="a",\r\n RESPONSE = "***",nc=1',
    ],
    [
      'a proof of the server',
      'Authentication-Info: rspauth="abc", qop=auth',
      'Authentication-Info: rspauth="***", qop=auth',
    ],
    ['all of what follows another scheme', 'Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic ***'],
    ['all of a folded token', 'Authorization: Bearer abc\r\n def', 'Authorization: Bearer ***'],
    ['a password in a URI', 'To: <sip:alice:s3cret@example.com>', 'To: <sip:alice:***@example.com>'],
    [
      'a media key',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^20|1:32',
    ],
    ['the password of ICE', 'a=ice-pwd:asd88fgpdd777uzjYhagZg', 'a=ice-pwd:***'],
  ];
  for (const [what, text, masked] of cases) {
    it(`masks ${what}`, () => assert.equal(maskSecrets(`${text}\r\n`), `${masked}\r\n`));
  }

  it('leaves a challenge, URIs with ports and all else as it is', () => {
    const text = [
      'INVITE sip:bob@example.com:5060;transport=udp SIP/2.0',
      'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5',
      'Contact: <sip:alice@10.0.0.1:5062>, <sip:10.0.0.1:5060>',
      'X-Note: response="kept"',
      '',
      'o=- 1 1 IN IP4 10.0.0.1',
    ].join('\r\n');
    assert.equal(maskSecrets(text), text);
  });

  it('lets no response of a digest through, and takes no long time over any text', () => {
    const piece = fc.constantFrom(
      'Authorization:',
      'Digest ',
      'response=',
      '"',
      'Zq7secret',
      ',',
      '\r\n',
      ' ',
      'sip:',
      ':',
      '@',
      'a',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const header = `Authorization: Digest nonce="n", response="Zq7secret"`;
        const masked = maskSecrets(`${pieces.join('')}\r\n${header}\r\n`);
        assert.ok(!masked.endsWith(`response="Zq7secret"\r\n`));
      }),
    );
    const startMs = performance.now();
    for (const text of ['sip:'.repeat(16_000), 'sip:a:'.repeat(10_000), 'Authorization:\r\n '.repeat(4_000)])
      maskSecrets(text);
    assert.ok(performance.now() - startMs < 2_000);
  });
});
