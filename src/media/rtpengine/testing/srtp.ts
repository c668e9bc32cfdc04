// SRTP with AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4), for peers in tests: a few hundred packets of one sender, so no rollover.
import { createCipheriv, createHmac } from 'node:crypto';
import { sequenceOf, ssrcOf } from '../../../rtp/rtp-header.js';

const HEADER_BYTES = 12;
const TAG_BYTES = 10;

/** Keys of one direction; `inline` is the base64 of master key and salt, as in `a=crypto` (RFC 4568 §6.1). */
export class SrtpKeys {
  readonly #cipherKey: Buffer;
  readonly #authKey: Buffer;
  readonly #salt: Buffer;

  constructor(inline: string) {
    const master = Buffer.from(inline, 'base64');
    const derive = (label: number, bytes: number) => {
      const iv = Buffer.alloc(16);
      master.copy(iv, 0, 16, 30);
      iv[7] = (iv[7] ?? 0) ^ label;
      return createCipheriv('aes-128-ctr', master.subarray(0, 16), iv).update(Buffer.alloc(bytes));
    };
    this.#cipherKey = derive(0, 16);
    this.#authKey = derive(1, 20);
    this.#salt = derive(2, 14);
  }

  protect(packet: Buffer): Buffer {
    const sealed = Buffer.concat([
      packet.subarray(0, HEADER_BYTES),
      this.#crypt(packet, packet.subarray(HEADER_BYTES)),
    ]);
    return Buffer.concat([sealed, this.#tag(sealed)]);
  }

  /** Null when the packet was not sealed with these keys. */
  open(packet: Buffer): Buffer | null {
    const sealed = packet.subarray(0, packet.length - TAG_BYTES);
    if (!this.#tag(sealed).equals(packet.subarray(packet.length - TAG_BYTES))) return null;
    return Buffer.concat([sealed.subarray(0, HEADER_BYTES), this.#crypt(sealed, sealed.subarray(HEADER_BYTES))]);
  }

  #crypt(packet: Buffer, payload: Buffer): Buffer {
    const iv = Buffer.alloc(16);
    this.#salt.copy(iv);
    iv.writeUInt32BE((iv.readUInt32BE(4) ^ ssrcOf(packet)) >>> 0, 4);
    iv.writeUInt16BE(iv.readUInt16BE(12) ^ sequenceOf(packet), 12);
    return createCipheriv('aes-128-ctr', this.#cipherKey, iv).update(payload);
  }

  #tag(sealed: Buffer): Buffer {
    const rolloverCounter = Buffer.alloc(4);
    return createHmac('sha1', this.#authKey).update(sealed).update(rolloverCounter).digest().subarray(0, TAG_BYTES);
  }
}
