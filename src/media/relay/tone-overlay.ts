// A warning tone laid over a stream that passes: G.711 payloads become the tone's, headers and all other packets stay.
// The tone's place follows RTP timestamps (RFC 3550 §5.1), so a lost packet takes its part of the tone with it.
import type { G711Codec } from '../../call/ports.js';
import { payloadEndOf, payloadStartOf, payloadTypeOf, ssrcOf, timestampOf } from '../../rtp/rtp-header.js';
import { WARNING_TONE_SAMPLES, writeWarningTone } from '../../rtp/warning-tone.js';

/** A timestamp that leaps further, half a second, is a new clock: the tone goes on where it was. */
const LEAP_SAMPLES = 4_000;

export class ToneOverlay {
  readonly #codecs: Readonly<Record<number, G711Codec>>;
  #ssrc: number | null = null;
  /** Timestamp of the tone's first sample. */
  #origin = 0;
  /** First sample of the tone that no packet has carried yet. */
  #next = 0;

  /** @param codecs G.711 codec by payload type. */
  constructor(codecs: Readonly<Record<number, G711Codec>>) {
    this.#codecs = codecs;
  }

  get isOver(): boolean {
    return this.#next >= WARNING_TONE_SAMPLES;
  }

  /** The packet to send in place of `packet`: itself, or a copy with the tone; `packet` is never changed. */
  over(packet: Buffer): Buffer {
    const codec = this.#codecs[payloadTypeOf(packet)];
    const from = payloadStartOf(packet);
    const to = from < 0 ? -1 : payloadEndOf(packet, from);
    if (codec === undefined || from < 0 || to <= from) return packet;
    const position = this.#positionOf(packet);
    this.#next = Math.max(this.#next, position + to - from);
    if (position + to - from <= 0 || position >= WARNING_TONE_SAMPLES) return packet;
    const copy = Buffer.from(packet);
    writeWarningTone(copy.subarray(from, to), codec, position);
    return copy;
  }

  /** Of the packet's first sample in the tone; negative for a packet from before it began. */
  #positionOf(packet: Buffer): number {
    const ssrc = ssrcOf(packet);
    const timestamp = timestampOf(packet);
    const position = (timestamp - this.#origin) | 0;
    if (this.#ssrc === ssrc && Math.abs(position - this.#next) <= LEAP_SAMPLES) return position;
    this.#ssrc = ssrc;
    this.#origin = (timestamp - this.#next) >>> 0;
    return this.#next;
  }
}
