import assert from 'node:assert/strict';
import { type DigestAlgorithm, digestHash } from './digest-algorithm.js';
import { digestResponse, secretHash } from './digest-response.js';

describe('the response of digest authentication', () => {
  const mufasa = (algorithm: DigestAlgorithm) =>
    digestResponse({
      algorithm,
      secretHash: secretHash(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life'),
      method: 'GET',
      uri: '/dir/index.html',
      nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
      protection: {
        qop: 'auth',
        nc: '00000001',
        cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
        body: '',
      },
    });

  it('is that of RFC 7616 §3.9.1, by MD5 and by SHA-256', () => {
    assert.equal(mufasa('MD5'), '8ca523f5e9506fed4657c9700eebdbec');
    assert.equal(mufasa('SHA-256'), '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1');
  });

  it('hashes by SHA-512-256 as FIPS 180-4 has it', () => {
    assert.equal(digestHash('SHA-512-256', 'abc'), '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23');
  });

  it('is that of RFC 2617 §3.5 and, without qop, of RFC 2069', () => {
    const given = {
      algorithm: 'MD5',
      secretHash: secretHash('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life'),
      method: 'GET',
      uri: '/dir/index.html',
      nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    } as const;
    const protection = { qop: 'auth', nc: '00000001', cnonce: '0a4f113b', body: '' } as const;
    assert.equal(digestResponse({ ...given, protection }), '6629fae49393a05397450978507c4ef1');
    // Erratum 749 of RFC 2069 has another realm and response; this is its formula on the values of RFC 2617.
    assert.equal(digestResponse({ ...given, protection: null }), '670fd8c2df070c60b045671b8b24ff02');
  });
});
