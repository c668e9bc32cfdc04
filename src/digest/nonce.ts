// Nonces that nobody has to remember: the time and a few random bytes, signed for the realm by a secret that nodes may
// share, so that one node takes the nonce of another. RFC 7616 §5.4.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Of the time in milliseconds: enough until the year 10889. */
const TIME_BYTES = 6;
const RANDOM_BYTES = 6;
const SIGNATURE_BYTES = 16;
const NONCE_BYTES = TIME_BYTES + RANDOM_BYTES + SIGNATURE_BYTES;
/** The clocks of two nodes may differ by so much. */
const LEAD_MS = 10_000;

export class NonceMint {
  readonly #secret: string;
  readonly #realm: string;
  readonly #lifetimeMs: number;

  constructor({ secret, realm, lifetimeMs }: { secret: string; realm: string; lifetimeMs: number }) {
    this.#secret = secret;
    this.#realm = realm;
    this.#lifetimeMs = lifetimeMs;
  }

  mint(wallMs: number): string {
    const nonce = Buffer.alloc(NONCE_BYTES);
    nonce.writeUIntBE(wallMs, 0, TIME_BYTES);
    randomBytes(RANDOM_BYTES).copy(nonce, TIME_BYTES);
    this.#sign(nonce).copy(nonce, TIME_BYTES + RANDOM_BYTES);
    return nonce.toString('base64url');
  }

  /** Whether it was minted for this realm, by us or by a node with our secret, and when it ends by the wall clock. */
  read(nonce: string, wallMs: number): { readonly ok: true; readonly endWallMs: number } | { readonly ok: false } {
    const bytes = Buffer.from(nonce, 'base64url');
    // A text that decodes to the same bytes in another way is another nonce, so that none has two spellings.
    if (bytes.length !== NONCE_BYTES || bytes.toString('base64url') !== nonce) return { ok: false };
    if (!timingSafeEqual(bytes.subarray(TIME_BYTES + RANDOM_BYTES), this.#sign(bytes))) return { ok: false };
    const mintedMs = bytes.readUIntBE(0, TIME_BYTES);
    const endWallMs = mintedMs + this.#lifetimeMs;
    return mintedMs <= wallMs + LEAD_MS && wallMs < endWallMs ? { ok: true, endWallMs } : { ok: false };
  }

  #sign(nonce: Buffer): Buffer {
    return createHmac('sha256', this.#secret)
      .update(nonce.subarray(0, TIME_BYTES + RANDOM_BYTES))
      .update(this.#realm)
      .digest()
      .subarray(0, SIGNATURE_BYTES);
  }
}
