// The hash algorithms of digest authentication: MD5 of RFC 3261 §22, SHA-256 and SHA-512-256 of RFC 8760 §2.
import { createHash } from 'node:crypto';

export const DIGEST_ALGORITHMS = ['MD5', 'SHA-256', 'SHA-512-256'] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

const HASHES: Readonly<Record<DigestAlgorithm, string>> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
};

/** What is hashed together stands with colons between (RFC 7616 §3.4). */
export function digestHash(algorithm: DigestAlgorithm, ...parts: readonly string[]): string {
  return createHash(HASHES[algorithm]).update(parts.join(':')).digest('hex');
}

/** Undefined for one that is not ours, such as MD5-sess; a message that names none means MD5 (RFC 7616 §3.3). */
export function digestAlgorithmOf(token: string | undefined): DigestAlgorithm | undefined {
  if (token === undefined) return 'MD5';
  return DIGEST_ALGORITHMS.find((algorithm) => algorithm.toLowerCase() === token.toLowerCase());
}
