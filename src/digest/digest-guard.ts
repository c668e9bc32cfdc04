// The side that asks for credentials: challenges, and checks what comes back. RFC 7616, RFC 8760, RFC 3261 §22.
// It keeps nothing of a challenge; only counts of nonces that were used rightly, against replays.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type AuthParameters, readDigests, writeDigest } from './auth-parameters.js';
import { type DigestAlgorithm, digestAlgorithmOf } from './digest-algorithm.js';
import { digestResponse, secretHash } from './digest-response.js';
import { NonceMint } from './nonce.js';
import { NonceCounts } from './nonce-counts.js';

export interface DigestSettings {
  readonly realm: string;
  /** Offered in this order, most wanted first (RFC 8760 §2.3). */
  readonly algorithms: readonly DigestAlgorithm[];
  /** Nodes that share it take each other's nonces. */
  readonly nonceSecret: string;
  readonly nonceLifetimeMs: number;
}

export interface DigestAccount {
  readonly username: string;
  readonly password: string;
}

/** The request that is to be let in, as it came. */
export interface GuardedRequest {
  readonly method: string;
  readonly uri: string;
  readonly body: string;
  /** Its Authorization header, or several joined with commas. */
  readonly authorization: string | undefined;
}

export type DigestVerdict<A> =
  | { readonly ok: true; readonly account: A }
  /**
   * `absent`: no credentials for our realm. `stale`: they are right, but the nonce is over, foreign or used up. `refused`:
   * they are wrong, and nothing says which part of them.
   */
  | { readonly ok: false; readonly reason: 'absent' | 'stale' | 'refused' };

export class DigestGuard<A extends DigestAccount> {
  readonly #settings: DigestSettings;
  readonly #mint: NonceMint;
  readonly #counts: NonceCounts;
  readonly #accounts = new Map<string, A>();
  /** By algorithm and user. */
  readonly #secretHashes = new Map<string, string>();
  /** Nobody's password: an unknown user takes as long to refuse as a wrong password. */
  readonly #nobody = randomBytes(16).toString('hex');

  /** `before`: the guard whose place it takes; what was used up there is used up here. */
  constructor(settings: DigestSettings, accounts: readonly A[], before?: DigestGuard<A>) {
    this.#settings = settings;
    this.#counts = before === undefined ? new NonceCounts() : before.#counts;
    this.#mint = new NonceMint({
      secret: settings.nonceSecret,
      realm: settings.realm,
      lifetimeMs: settings.nonceLifetimeMs,
    });
    for (const account of accounts) this.#accounts.set(account.username, account);
  }

  /** One challenge for each algorithm, of one nonce: a peer that takes the first and answers it with MD5 is let in, too. */
  challenges(wallMs: number, isStale: boolean): readonly string[] {
    const { realm, algorithms } = this.#settings;
    const nonce = this.#mint.mint(wallMs);
    return algorithms.map((algorithm) =>
      writeDigest({ realm, nonce, algorithm, qop: 'auth', ...(isStale ? { stale: 'true' } : {}) }),
    );
  }

  check(request: GuardedRequest, wallMs: number): DigestVerdict<A> {
    if (request.authorization === undefined) return { ok: false, reason: 'absent' };
    const digests = readDigests(request.authorization);
    const digest = digests?.find((candidate) => candidate.get('realm') === this.#settings.realm);
    if (digest === undefined) return { ok: false, reason: 'absent' };
    return this.#checkDigest(digest, request, wallMs);
  }

  #checkDigest(digest: AuthParameters, request: GuardedRequest, wallMs: number): DigestVerdict<A> {
    const claim = readClaim(digest);
    if (claim === null || !this.#settings.algorithms.includes(claim.algorithm)) return { ok: false, reason: 'refused' };
    const account = this.#accounts.get(claim.username);
    const expected = digestResponse({
      algorithm: claim.algorithm,
      secretHash: this.#secretHash(claim.algorithm, account),
      method: request.method,
      uri: claim.uri,
      nonce: claim.nonce,
      protection: claim.count === null ? null : { ...claim.count, qop: 'auth', body: request.body },
    });
    const isRight = isSameText(expected, claim.response);
    if (account === undefined || !isRight || !isSameTarget(claim.uri, request.uri)) {
      return { ok: false, reason: 'refused' };
    }
    const nonce = this.#mint.read(claim.nonce, wallMs);
    if (!nonce.ok) return { ok: false, reason: 'stale' };
    // Without qop nothing is counted, so each response of such a peer is good for once.
    const counted = claim.count === null ? `${claim.nonce} ${claim.response}` : claim.nonce;
    const count = claim.count === null ? 1 : Number.parseInt(claim.count.nc, 16);
    const isFresh = this.#counts.use(counted, count, nonce.endWallMs, wallMs);
    return isFresh ? { ok: true, account } : { ok: false, reason: 'stale' };
  }

  #secretHash(algorithm: DigestAlgorithm, account: A | undefined): string {
    const key = account === undefined ? algorithm : `${algorithm} ${account.username}`;
    const known = this.#secretHashes.get(key);
    if (known !== undefined) return known;
    const { username, password } = account ?? { username: '', password: this.#nobody };
    const hash = secretHash(algorithm, username, this.#settings.realm, password);
    this.#secretHashes.set(key, hash);
    return hash;
  }
}

interface Claim {
  readonly username: string;
  readonly algorithm: DigestAlgorithm;
  readonly uri: string;
  readonly nonce: string;
  /** In lower case. */
  readonly response: string;
  /** Null without `qop`, by MD5 alone: RFC 3261 §22.4 (8) keeps clients of RFC 2069. */
  readonly count: { readonly nc: string; readonly cnonce: string } | null;
}

/** Null when a part is missing or cannot be. */
function readClaim(digest: AuthParameters): Claim | null {
  const algorithm = digestAlgorithmOf(digest.get('algorithm'));
  const [username, uri, nonce] = [digest.get('username'), digest.get('uri'), digest.get('nonce')];
  const response = digest.get('response')?.toLowerCase();
  if (algorithm === undefined || username === undefined || uri === undefined) return null;
  if (nonce === undefined || response === undefined) return null;
  const claim = { username, algorithm, uri, nonce, response };
  const qop = digest.get('qop');
  if (qop === undefined) return algorithm === 'MD5' ? { ...claim, count: null } : null;
  const [nc = '', cnonce = ''] = [digest.get('nc'), digest.get('cnonce')];
  if (qop.toLowerCase() !== 'auth' || !/^[0-9a-f]{8}$/i.test(nc) || /^0+$/.test(nc) || cnonce === '') return null;
  return { ...claim, count: { nc, cnonce } };
}

/** In a time that does not tell where they differ. */
function isSameText(expected: string, claimed: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(claimed)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Whether credentials were given for what is asked: the same user of a URI, so that they cannot be spent on another number.
 * Deviation: the host may differ (RFC 3261 §22.4), as a proxy between rewrites it, and some clients sign the host alone.
 */
function isSameTarget(signed: string, requested: string): boolean {
  const userOf = (uri: string): string => /^sips?:([^@]*)@/i.exec(uri)?.[1]?.split(';')[0] ?? '';
  const user = userOf(signed);
  return user === '' || user === userOf(requested);
}
