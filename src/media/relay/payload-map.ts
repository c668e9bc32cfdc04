// What becomes of each payload type of one side on its way to the other: its number there, a transcoding, or nothing.
// Made when a side's codecs change; the hot path reads its tables. Numbers of legs differ legally (RFC 3264 §5.1).
import type { MediaCodec } from '../../call/ports.js';
import { isSameCodec, isTelephoneEvent } from '../../sdp/codecs.js';

/** What kind of packet a payload type makes; 0 was not negotiated. */
export const NOT_NEGOTIATED = 0;
export const AUDIO = 1;
export const EVENT = 2;
export const COMFORT_NOISE = 3;

/** What is done to the payload. */
export const UNCHANGED = 0;
export const TO_MU_LAW = 1;
export const TO_A_LAW = 2;

/** The other side has no such codec, and none that it can be made into. */
export const NOWHERE = 255;

export class PayloadMap {
  /** By payload type of the side that sends. */
  readonly kinds = new Uint8Array(128);
  readonly clockRatesHz = new Uint32Array(128);
  /** The other side's payload type, or NOWHERE. */
  readonly types = new Uint8Array(128).fill(NOWHERE);
  readonly changes = new Uint8Array(128);
  /**
   * The four of the type that was looked at last. A stream seldom has another, and the tables of hundreds of streams are not in the
   * processor's caches: reading them was a third of what JavaScript did for a packet.
   */
  kind = NOT_NEGOTIATED;
  clockRateHz = 0;
  type = NOWHERE;
  change = UNCHANGED;
  #lookedAt = -1;
  #sent: readonly MediaCodec[] = [];
  #received: readonly MediaCodec[] | null = null;

  /** @param sent What the side may send. */
  setSent(sent: readonly MediaCodec[]): void {
    this.#sent = sent;
    this.#make();
  }

  /** @param received What the other side may be sent; null while it is not known. */
  setReceived(received: readonly MediaCodec[] | null): void {
    this.#received = received;
    this.#make();
  }

  /** Sets the fields of one type. */
  look(payloadType: number): void {
    if (payloadType === this.#lookedAt) return;
    this.#lookedAt = payloadType;
    this.kind = this.kinds[payloadType] ?? NOT_NEGOTIATED;
    this.clockRateHz = this.clockRatesHz[payloadType] ?? 0;
    this.type = this.types[payloadType] ?? NOWHERE;
    this.change = this.changes[payloadType] ?? UNCHANGED;
  }

  /** The codec behind a payload type of the side that sends. */
  codecOf(payloadType: number): MediaCodec | null {
    return this.#sent.find((codec) => codec.payloadType === payloadType) ?? null;
  }

  #make(): void {
    this.#lookedAt = -1;
    this.kinds.fill(NOT_NEGOTIATED);
    this.clockRatesHz.fill(0);
    this.types.fill(NOWHERE);
    this.changes.fill(UNCHANGED);
    // The first of two with one number counts.
    for (const codec of this.#sent.toReversed()) {
      const type = codec.payloadType & 0x7f;
      this.kinds[type] = kindOf(codec);
      this.clockRatesHz[type] = codec.clockRateHz;
      const same = this.#sameOf(codec);
      const other = same === null ? this.#otherLawOf(codec) : null;
      this.types[type] = (same ?? other)?.payloadType ?? NOWHERE;
      this.changes[type] = other === null ? UNCHANGED : isNamed(codec, 'pcma') ? TO_MU_LAW : TO_A_LAW;
    }
  }

  /** Under its own number where it can be: two entries of one codec differ by parameters. */
  #sameOf(codec: MediaCodec): MediaCodec | null {
    const same = (this.#received ?? []).filter((other) => isSameCodec(other, codec));
    return same.find((other) => other.payloadType === codec.payloadType) ?? same[0] ?? null;
  }

  #otherLawOf(codec: MediaCodec): MediaCodec | null {
    const wanted = isNamed(codec, 'pcma') ? 'pcmu' : isNamed(codec, 'pcmu') ? 'pcma' : null;
    if (wanted === null) return null;
    const { clockRateHz, channels = 1 } = codec;
    const isLaw = (other: MediaCodec) =>
      isNamed(other, wanted) && other.clockRateHz === clockRateHz && (other.channels ?? 1) === channels;
    return (this.#received ?? []).find(isLaw) ?? null;
  }
}

function kindOf(codec: MediaCodec): number {
  if (isTelephoneEvent(codec)) return EVENT;
  return isNamed(codec, 'cn') ? COMFORT_NOISE : AUDIO;
}

function isNamed(codec: MediaCodec, lowerCaseName: string): boolean {
  return codec.name.toLowerCase() === lowerCaseName;
}
