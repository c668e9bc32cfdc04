import assert from 'node:assert/strict';
import { readDigests, writeDigest } from './auth-parameters.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from './digest-algorithm.js';
import { answerChallenge } from './digest-client.js';
import { DigestGuard, type DigestSettings } from './digest-guard.js';
import { digestResponse, secretHash } from './digest-response.js';

const REQUEST = { method: 'INVITE', uri: 'sip:01012345678@10.0.0.1', body: '' };
const PBX = { username: 'pbx', password: 'open sesame' };
const NOW = Date.UTC(2026, 10, 21);

const settings = (changes: Partial<DigestSettings> = {}): DigestSettings => ({
  realm: 'simtrunk',
  algorithms: ['SHA-256', 'MD5'],
  nonceSecret: 'of all nodes',
  nonceLifetimeMs: 300_000,
  ...changes,
});

/** What a client answers to the challenges of a guard. */
function answer(guard: DigestGuard<typeof PBX>, account = PBX, wallMs = NOW, request = REQUEST): string {
  return answerChallenge(guard.challenges(wallMs, false).join(','), request, account)?.credentials ?? '';
}

/** The answer with other values; null takes one away. */
function changed(credentials: string, changes: Readonly<Record<string, string | null>>): string {
  const values = Object.fromEntries(readDigests(credentials)?.[0] ?? []);
  const merged = Object.entries({ ...values, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  return writeDigest(Object.fromEntries(merged), ['qop']);
}

describe('a guard that asks for credentials', () => {
  const guardOf = (changes: Partial<DigestSettings> = {}) => new DigestGuard(settings(changes), [PBX]);
  const verdict = (
    guard: DigestGuard<typeof PBX>,
    authorization: string | undefined,
    wallMs = NOW,
    request = REQUEST,
  ) => {
    const checked = guard.check({ ...request, authorization }, wallMs);
    return checked.ok ? checked.account.username : checked.reason;
  };

  for (const algorithm of DIGEST_ALGORITHMS) {
    it(`lets in who knows the password, by ${algorithm}`, () => {
      const guard = guardOf({ algorithms: [algorithm] });
      assert.equal(verdict(guard, answer(guard)), 'pbx');
    });
  }

  it('offers its algorithms in its order, all with one nonce', () => {
    const digests = readDigests(guardOf({ algorithms: DIGEST_ALGORITHMS }).challenges(NOW, true).join(',')) ?? [];
    assert.deepEqual(
      digests.map((digest) => digest.get('algorithm')),
      [...DIGEST_ALGORITHMS],
    );
    assert.equal(new Set(digests.map((digest) => digest.get('nonce'))).size, 1);
    assert.deepEqual(new Set(digests.map((digest) => digest.get('stale'))), new Set(['true']));
  });

  it('says the same of a wrong password, of an unknown user and of an algorithm that it did not offer', () => {
    const guard = guardOf();
    assert.equal(verdict(guard, answer(guard, { ...PBX, password: 'wrong' })), 'refused');
    assert.equal(verdict(guard, answer(guard, { username: 'nobody', password: 'open sesame' })), 'refused');
    assert.equal(verdict(guard, changed(answer(guard), { algorithm: 'SHA-512-256' })), 'refused');
    assert.equal(verdict(guard, changed(answer(guard), { algorithm: 'MD5-sess' })), 'refused');
  });

  it('asks who brings nothing, or something for another realm', () => {
    const guard = guardOf();
    for (const text of [undefined, '', 'Basic abc', changed(answer(guard), { realm: 'other' }), 'Digest "']) {
      assert.equal(verdict(guard, text), 'absent', text);
    }
  });

  it('finds its own among credentials for several realms', () => {
    const guard = guardOf();
    assert.equal(verdict(guard, `Digest realm="proxy", nonce="x",${answer(guard)}`), 'pbx');
  });

  it('takes a nonce until it ends, and tells who knows the password that only the nonce is over', () => {
    const guard = guardOf();
    const credentials = answer(guard);
    assert.equal(verdict(guard, changed(credentials, {}), NOW + 300_000), 'stale');
    assert.equal(verdict(guard, credentials, NOW + 299_999), 'pbx');
    assert.equal(verdict(guard, answer(guard, { ...PBX, password: 'wrong' }), NOW + 300_000), 'refused');
  });

  it('takes the nonces of a node with the same secret, and of no other', () => {
    const guard = guardOf();
    assert.equal(verdict(guard, answer(guardOf())), 'pbx');
    assert.equal(verdict(guard, answer(guardOf({ nonceSecret: 'another' }))), 'stale');
    assert.equal(verdict(guard, answer(guardOf({ realm: 'elsewhere' }))), 'absent');
    // The clocks of nodes differ, but not by much.
    assert.equal(verdict(guard, answer(guardOf(), PBX, NOW + 5_000)), 'pbx');
    assert.equal(verdict(guard, answer(guardOf(), PBX, NOW + 60_000)), 'stale');
  });

  it('takes each count of a nonce once, in any order', () => {
    const guard = guardOf({ algorithms: ['MD5'] });
    const nonce = readDigests(guard.challenges(NOW, false).join(','))?.[0]?.get('nonce') ?? '';
    const counted = (nc: string) =>
      verdict(guard, signWithCount(nonce, nc, { ...PBX, algorithm: 'MD5', realm: 'simtrunk' }));
    assert.deepEqual(
      ['00000001', '00000003', '00000002', '00000003', '00000002', '00000001', '00000040', '00000004'].map(counted),
      ['pbx', 'pbx', 'pbx', 'stale', 'stale', 'stale', 'pbx', 'stale'],
    );
    assert.equal(counted('00000000'), 'refused');
    assert.equal(counted('1'), 'refused');
  });

  it('takes MD5 without qop, each response once, and no other algorithm so', () => {
    const guard = guardOf();
    const bare = (algorithm: DigestAlgorithm) => {
      const [challenge = ''] = guardOf({ algorithms: [algorithm] }).challenges(NOW, false);
      return answerChallenge(challenge.replace(/, qop="auth"/, ''), REQUEST, PBX)?.credentials ?? '';
    };
    const credentials = bare('MD5');
    assert.equal(verdict(guard, credentials), 'pbx');
    assert.equal(verdict(guard, credentials), 'stale');
    assert.equal(verdict(guard, bare('SHA-256')), 'refused');
  });

  it('refuses credentials that were given for another method or another number', () => {
    const guard = guardOf();
    assert.equal(verdict(guard, answer(guard), NOW, { ...REQUEST, method: 'REGISTER' }), 'refused');
    assert.equal(verdict(guard, answer(guard), NOW, { ...REQUEST, uri: 'sip:0601234567@10.0.0.1' }), 'refused');
    // A proxy between may have written another host, and some clients sign the host alone.
    assert.equal(verdict(guard, answer(guard), NOW, { ...REQUEST, uri: 'sip:01012345678@simtrunk.example' }), 'pbx');
    const hostAlone = answer(guard, PBX, NOW, { ...REQUEST, uri: 'sip:10.0.0.1:5060' });
    assert.equal(verdict(guard, hostAlone), 'pbx');
  });

  it('refuses a nonce that was changed, or written in another way', () => {
    const guard = guardOf({ algorithms: ['MD5'] });
    const nonce = readDigests(guard.challenges(NOW, false).join(','))?.[0]?.get('nonce') ?? '';
    const given = { ...PBX, algorithm: 'MD5', realm: 'simtrunk' } as const;
    for (const forged of [`B${nonce.slice(1)}`, `${nonce}=`, nonce.slice(0, -4), '', 'x'.repeat(38)]) {
      assert.equal(verdict(guard, signWithCount(forged, '00000001', given)), 'stale', forged);
    }
  });
});

/** Credentials right in all but what is given. */
function signWithCount(
  nonce: string,
  nc: string,
  { username, password, algorithm, realm }: typeof PBX & { algorithm: DigestAlgorithm; realm: string },
): string {
  const text = writeDigest({ username, realm, nonce, uri: REQUEST.uri, algorithm, qop: 'auth', nc, cnonce: 'c' }, [
    'qop',
  ]);
  const response = digestResponse({
    algorithm,
    secretHash: secretHash(algorithm, username, realm, password),
    method: REQUEST.method,
    uri: REQUEST.uri,
    nonce,
    protection: { qop: 'auth', nc, cnonce: 'c', body: '' },
  });
  return `${text}, response="${response}"`;
}
