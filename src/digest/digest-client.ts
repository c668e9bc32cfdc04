// The side that is asked for credentials: answers a challenge of 401 or 407. RFC 7616 §3.4, RFC 8760 §2.4, RFC 3261 §22.2.
import { randomBytes } from 'node:crypto';
import { type AuthParameters, readDigests, writeDigest } from './auth-parameters.js';
import { type DigestAlgorithm, digestAlgorithmOf } from './digest-algorithm.js';
import type { DigestAccount } from './digest-guard.js';
import { digestResponse, secretHash } from './digest-response.js';

export interface SignedRequest {
  readonly method: string;
  /** The request-URI as it stands on the wire. */
  readonly uri: string;
  readonly body: string;
}

export interface DigestAnswer {
  /** Value of Authorization or Proxy-Authorization. */
  readonly credentials: string;
  /** The challenge said that only its nonce was over: worth a second answer to the same request. */
  readonly isStale: boolean;
}

/**
 * @param challenge WWW-Authenticate or Proxy-Authenticate, or several joined with commas; of those that we can answer the
 * first counts, as the server prefers (RFC 8760 §2.4)
 * @returns null when there is none that we can answer
 */
export function answerChallenge(
  challenge: string,
  request: SignedRequest,
  account: DigestAccount,
): DigestAnswer | null {
  for (const digest of readDigests(challenge) ?? []) {
    const algorithm = digestAlgorithmOf(digest.get('algorithm'));
    const nonce = digest.get('nonce');
    const qop = qopOf(digest);
    if (algorithm === undefined || nonce === undefined || qop === undefined) continue;
    const isStale = digest.get('stale')?.toLowerCase() === 'true';
    return { credentials: sign(digest, { algorithm, nonce, qop }, request, account), isStale };
  }
  return null;
}

function sign(
  digest: AuthParameters,
  asked: { algorithm: DigestAlgorithm; nonce: string; qop: 'auth' | 'auth-int' | null },
  { method, uri, body }: SignedRequest,
  { username, password }: DigestAccount,
): string {
  const { algorithm, nonce, qop } = asked;
  const realm = digest.get('realm') ?? '';
  const opaque = digest.get('opaque');
  // Each request answers a challenge of its own, so that a nonce of ours is never used twice.
  const count = { nc: '00000001', cnonce: randomBytes(12).toString('hex') };
  const response = digestResponse({
    algorithm,
    secretHash: secretHash(algorithm, username, realm, password),
    method,
    uri,
    nonce,
    protection: qop === null ? null : { ...count, qop, body },
  });
  return writeDigest(
    {
      ...{ username, realm, nonce, uri, response },
      // RFC 7616 §3.4: as the challenge has it; one without means MD5, and its server may not know the word.
      ...(digest.has('algorithm') ? { algorithm } : {}),
      ...(qop === null ? {} : { qop, nc: count.nc, cnonce: count.cnonce }),
      ...(opaque === undefined ? {} : { opaque }),
    },
    ['qop'],
  );
}

/** Null when the challenge has none, as in RFC 2069; undefined when none of those it has is ours. */
function qopOf(digest: AuthParameters): 'auth' | 'auth-int' | null | undefined {
  const qop = digest.get('qop');
  if (qop === undefined) return null;
  const offered = qop.toLowerCase().split(/[\s,]+/);
  return (['auth', 'auth-int'] as const).find((candidate) => offered.includes(candidate));
}
