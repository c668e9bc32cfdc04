// Digits in RTP (RFC 4733 telephone-event): a sequence of packets, each repeated and some lost, read as one event, told once.
// Pure: time is given. An event is known by its timestamp (§2.5.1.2).
import { hasMarker, payloadStartOf, ssrcOf, timestampOf } from './rtp-header.js';

/** The events of §3.2 that are digits. */
const DIGITS = '0123456789*#ABCD';
/** Without a packet for so long the end packets were lost (§2.5.1.2 has an update every 50 ms or so). */
const END_LOST_MS = 250;
const MAX_DURATION = 0xffff;
/** A packet from further back is of a sender that began anew. */
const LATE_SECONDS = 5;
const NONE = -1;

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     event     |E|R| volume    |          duration             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
export class TelephoneEvents {
  /** Digits told so far. */
  count = 0;

  readonly #tell: (digit: string, durationMs: number) => void;
  #ssrc = NONE;
  #timestamp = 0;
  #event = NONE;
  /** Longest seen of this segment, and the sum of the segments before it (§2.5.1.3). */
  #duration = 0;
  #durationBefore = 0;
  #clockRateHz = 8_000;
  #isTold = true;
  #lastPacketMs = 0;

  constructor(tell: (digit: string, durationMs: number) => void) {
    this.#tell = tell;
  }

  /** Takes an RTP packet of telephone-event. */
  receive(packet: Uint8Array, clockRateHz: number, nowMs: number): void {
    const from = payloadStartOf(packet);
    if (from < 0 || packet.length < from + 4) return;
    const event = packet[from] ?? 0;
    const duration = ((packet[from + 2] ?? 0) << 8) | (packet[from + 3] ?? 0);
    if (!this.#isUnderWay(packet, event, duration) && !this.#begin(packet, event, clockRateHz)) return;
    this.#lastPacketMs = nowMs;
    this.#duration = Math.max(this.#duration, duration);
    if (((packet[from + 1] ?? 0) & 0x80) !== 0) this.end();
  }

  /** To be called now and then: an event whose end packets were lost is told. */
  tick(nowMs: number): void {
    if (!this.#isTold && nowMs - this.#lastPacketMs >= END_LOST_MS) this.end();
  }

  /** Tells the event under way, if there is one, for instance because the stream is over. */
  end(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const digit = DIGITS[this.#event];
    if (digit === undefined) return;
    this.count += 1;
    this.#tell(digit, Math.round(((this.#durationBefore + this.#duration) * 1_000) / this.#clockRateHz));
  }

  /** Whether the packet is of the event under way, or repeats the one that was told last. */
  #isUnderWay(packet: Uint8Array, event: number, duration: number): boolean {
    if (event !== this.#event || ssrcOf(packet) !== this.#ssrc) return false;
    const timestamp = timestampOf(packet);
    const ahead = (timestamp - this.#timestamp) | 0;
    if (ahead === 0) return true;
    if (ahead < 0 || hasMarker(packet)) return false;
    if (ahead === MAX_DURATION) {
      // §2.5.1.3: a long event goes on in another segment.
      this.#durationBefore += MAX_DURATION;
      this.#duration = 0;
    } else if (ahead > this.#duration && !(this.#duration === 0 && ahead === duration)) {
      return false;
    }
    // Deviation: some gateways move the timestamp during an event. The next one cannot begin before this one was over.
    this.#timestamp = timestamp;
    return true;
  }

  /** False for a late packet of an event from before. */
  #begin(packet: Uint8Array, event: number, clockRateHz: number): boolean {
    const ssrc = ssrcOf(packet);
    const timestamp = timestampOf(packet);
    const behind = (this.#timestamp - timestamp) | 0;
    if (ssrc === this.#ssrc && behind >= 0 && behind < LATE_SECONDS * clockRateHz) return false;
    this.end();
    this.#ssrc = ssrc;
    this.#timestamp = timestamp;
    this.#event = event;
    this.#duration = 0;
    this.#durationBefore = 0;
    this.#clockRateHz = clockRateHz;
    this.#isTold = false;
    return true;
  }
}
