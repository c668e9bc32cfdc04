// The response of digest authentication. RFC 7616 §3.4, RFC 3261 §22.4.
import { type DigestAlgorithm, digestHash } from './digest-algorithm.js';

export interface DigestParts {
  readonly algorithm: DigestAlgorithm;
  /** {@link secretHash} of the account. */
  readonly secretHash: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  /** Null without `qop`, as in RFC 2069. */
  readonly protection: {
    readonly qop: 'auth' | 'auth-int';
    /** Eight hexadecimal digits. */
    readonly nc: string;
    readonly cnonce: string;
    /** Of the message; counts with `auth-int` only. */
    readonly body: string;
  } | null;
}

/** What stands for a password, in one realm. */
export function secretHash(algorithm: DigestAlgorithm, username: string, realm: string, password: string): string {
  return digestHash(algorithm, username, realm, password);
}

/** In hexadecimal digits of lower case. */
export function digestResponse(parts: DigestParts): string {
  const { algorithm, method, uri, nonce, protection } = parts;
  if (protection === null) return digestHash(algorithm, parts.secretHash, nonce, digestHash(algorithm, method, uri));
  const { qop, nc, cnonce, body } = protection;
  const request =
    qop === 'auth'
      ? digestHash(algorithm, method, uri)
      : digestHash(algorithm, method, uri, digestHash(algorithm, body));
  return digestHash(algorithm, parts.secretHash, nonce, nc, cnonce, qop, request);
}
