// What is sent to one side, as one RTP stream: where continuity is set, SSRC, sequence numbers and timestamps go on through
// failover, transfer, re-INVITE and announcements; else headers pass as they came. RFC 3550 §5.1.
import { RTP_HEADER_BYTES, sequenceOf, ssrcOf, timestampOf, writeRtpHeader } from '../../rtp/rtp-header.js';

/** RFC 3550 §A.1: a step of this many packets or more is a restart of the sender, not loss. */
const MAX_DROPOUT = 3_000;
/** A timestamp that goes back by more, or ahead of the time that has passed, is of another clock. One that lags tells of a pause. */
const LEAP_SECONDS = 2;
/** So many packets in a row of a source that was replaced bring it back; fewer are stragglers. */
const COMEBACK_PACKETS = 3;
const NOBODY = -1;

/**
 * Begins with the numbers of its first source, so that a call with one source passes unchanged. Another source, or one that began
 * anew, is anchored: its first packet follows the last that was sent by one in sequence, by the time in between in timestamp, and
 * has the marker of a talkspurt (RFC 3551 §4.1). The newest source is the one that is passed: of two that send at a time, as the
 * forks of early media can, only one would be heard in one stream anyway.
 */
export class OutgoingStream {
  /** Of the packet sent last; null before the first. */
  ssrc: number | null = null;
  /** Packets and payload octets sent under this SSRC (RFC 3550 §6.4.1). */
  packets = 0;
  octets = 0;

  readonly #isContinuous: boolean;
  readonly #random32: () => number;
  /** SSRC of the source that is passed now. */
  #source = NOBODY;
  /** The source before it, and its packets since the present one sent last. */
  #replaced = NOBODY;
  #strays = 0;
  /** Highest of the source, unrewritten. */
  #sequence = 0;
  #timestamp = 0;
  #sequenceOffset = 0;
  #timestampOffset = 0;
  #clockRateHz = 8_000;
  /** As sent last in sequence. */
  #sentSequence = 0;
  #sentTimestamp = 0;
  #sentMs = 0;
  /** Timestamp units from the packet sent last to the one that would follow it at once. */
  #stepTicks = 160;
  /** Packets of the source from before this one have the offset from before it. */
  #skippedSequence = NOBODY;

  constructor(isContinuous: boolean, random32: () => number) {
    this.#isContinuous = isContinuous;
    this.#random32 = random32;
  }

  /** Makes the header of a source's packet that of the stream, in place; false for one of a source that was replaced. */
  pass(packet: Uint8Array, clockRateHz: number, arrivalMs: number): boolean {
    const ssrc = ssrcOf(packet);
    const sequence = sequenceOf(packet);
    const timestamp = timestampOf(packet);
    const step = ((sequence - this.#sequence) << 16) >> 16;
    if (this.#isContinuous && this.#isStray(ssrc)) return false;
    if (
      ssrc !== this.#source ||
      step >= MAX_DROPOUT ||
      step <= -MAX_DROPOUT ||
      (step > 0 && this.#isLeap(timestamp, clockRateHz, arrivalMs))
    ) {
      this.#anchor(packet, ssrc, sequence, timestamp, clockRateHz, arrivalMs);
    } else if (step > 0) {
      const ticks = (timestamp - this.#timestamp) | 0;
      if (ticks > 0 && step === 1) this.#stepTicks = ticks < clockRateHz ? ticks : this.#stepTicks;
      this.#sequence = sequence;
      this.#timestamp = timestamp;
      this.#sentSequence = (sequence + this.#sequenceOffset) & 0xffff;
      this.#sentTimestamp = (timestamp + this.#timestampOffset) >>> 0;
      this.#sentMs = arrivalMs;
    }
    this.#count(packet.length);
    if (this.#isContinuous) this.#rewrite(packet, ssrc, sequence, timestamp, step);
    return true;
  }

  /** A packet of the source that is not sent: it leaves no hole in the sequence. */
  skip(packet: Uint8Array): void {
    if (!this.#isContinuous || ssrcOf(packet) !== this.#source) return;
    const sequence = sequenceOf(packet);
    const step = ((sequence - this.#sequence) << 16) >> 16;
    if (step <= 0 || step >= MAX_DROPOUT) return;
    this.#sequence = sequence;
    this.#sequenceOffset = (this.#sequenceOffset - 1) & 0xffff;
    this.#skippedSequence = sequence;
    this.#sentSequence = (sequence + this.#sequenceOffset) & 0xffff;
  }

  /**
   * Writes the header of a packet of our own with `ticks` of timestamp in it, which goes on from what was sent last; the source
   * that is passed after it is anchored anew.
   */
  compose(packet: Uint8Array, payloadType: number, ticks: number, clockRateHz: number, nowMs: number): void {
    const isFirst = this.#source !== NOBODY || this.ssrc === null;
    if (this.ssrc === null) this.#begin(this.#random32(), this.#random32() & 0xffff, this.#random32());
    else this.#advance(clockRateHz, nowMs);
    if (isFirst && !this.#isContinuous) this.#become(this.#random32());
    this.#source = NOBODY;
    this.#stepTicks = ticks;
    this.#sentMs = nowMs;
    this.#clockRateHz = clockRateHz;
    writeRtpHeader(packet, {
      payloadType,
      marker: isFirst,
      sequence: this.#sentSequence,
      timestamp: this.#sentTimestamp,
      ssrc: this.ssrc ?? 0,
    });
    this.#count(packet.length);
  }

  /** A further packet of the event that was composed last: with its timestamp (RFC 4733 §2.5.1.2). */
  composeAgain(packet: Uint8Array, payloadType: number): void {
    this.#sentSequence = (this.#sentSequence + 1) & 0xffff;
    writeRtpHeader(packet, {
      payloadType,
      marker: false,
      sequence: this.#sentSequence,
      timestamp: this.#sentTimestamp,
      ssrc: this.ssrc ?? 0,
    });
    this.#count(packet.length);
  }

  /** The stream's timestamp at a moment, for sender reports (RFC 3550 §6.4.1). */
  timestampAt(nowMs: number): number {
    return (this.#sentTimestamp + Math.round(((nowMs - this.#sentMs) * this.#clockRateHz) / 1_000)) >>> 0;
  }

  /** When something was sent last, by the clock of arrival times. */
  get sentMs(): number {
    return this.#sentMs;
  }

  /** The source's own numbers are not those that leave: RTCP about them is translated. */
  get isRenumbered(): boolean {
    if (!this.#isContinuous || this.ssrc === null) return false;
    return this.#source !== this.ssrc || this.#sequenceOffset !== 0 || this.#timestampOffset !== 0;
  }

  /** SSRC of the source that is passed now; null for none. */
  get sourceSsrc(): number | null {
    return this.#source === NOBODY ? null : this.#source;
  }

  /** What is added to the source's sequence numbers and timestamps, modulo 2^16 and 2^32. */
  get sequenceOffset(): number {
    return this.#sequenceOffset;
  }

  get timestampOffset(): number {
    return this.#timestampOffset;
  }

  #isStray(ssrc: number): boolean {
    if (ssrc === this.#source) {
      this.#strays = 0;
      return false;
    }
    if (ssrc !== this.#replaced || this.#source === NOBODY) return false;
    this.#strays += 1;
    return this.#strays < COMEBACK_PACKETS;
  }

  #isLeap(timestamp: number, clockRateHz: number, arrivalMs: number): boolean {
    if (clockRateHz !== this.#clockRateHz) return true;
    const ticks = (timestamp - this.#timestamp) | 0;
    const elapsedTicks = ((arrivalMs - this.#sentMs) * clockRateHz) / 1_000;
    const leapTicks = LEAP_SECONDS * clockRateHz;
    return ticks < -leapTicks || ticks > elapsedTicks + leapTicks;
  }

  #anchor(
    packet: Uint8Array,
    ssrc: number,
    sequence: number,
    timestamp: number,
    clockRateHz: number,
    arrivalMs: number,
  ): void {
    if (this.ssrc === null) {
      this.#begin(ssrc, sequence, timestamp);
    } else if (this.#isContinuous) {
      this.#advance(clockRateHz, arrivalMs);
      // The second byte's first bit.
      packet[1] = (packet[1] ?? 0) | 0x80;
    } else {
      this.#begin(ssrc, sequence, timestamp);
    }
    if (ssrc !== this.#source) {
      this.#replaced = this.#source;
      this.#strays = 0;
    }
    this.#source = ssrc;
    this.#sequence = sequence;
    this.#timestamp = timestamp;
    this.#sequenceOffset = (this.#sentSequence - sequence) & 0xffff;
    this.#timestampOffset = (this.#sentTimestamp - timestamp) >>> 0;
    this.#skippedSequence = NOBODY;
    this.#clockRateHz = clockRateHz;
    this.#sentMs = arrivalMs;
  }

  #begin(ssrc: number, sequence: number, timestamp: number): void {
    if (ssrc !== this.ssrc) this.#become(ssrc);
    this.#sentSequence = sequence;
    this.#sentTimestamp = timestamp;
  }

  #become(ssrc: number): void {
    this.ssrc = ssrc;
    this.packets = 0;
    this.octets = 0;
  }

  /** One packet on, and as much in timestamp as time has passed, at least the last packet's own. */
  #advance(clockRateHz: number, nowMs: number): void {
    const elapsedTicks = Math.round(((nowMs - this.#sentMs) * clockRateHz) / 1_000);
    const isLate = elapsedTicks > 4 * this.#stepTicks || this.#source !== NOBODY;
    const ticks = isLate ? Math.max(this.#stepTicks, elapsedTicks) : this.#stepTicks;
    this.#sentSequence = (this.#sentSequence + 1) & 0xffff;
    this.#sentTimestamp = (this.#sentTimestamp + ticks) >>> 0;
  }

  #rewrite(packet: Uint8Array, ssrc: number, sequence: number, timestamp: number, step: number): void {
    if (this.#sequenceOffset !== 0) {
      const isBeforeSkip = step < 0 && ((sequence - this.#skippedSequence) << 16) >> 16 < 0;
      const offset = isBeforeSkip && this.#skippedSequence !== NOBODY ? this.#sequenceOffset + 1 : this.#sequenceOffset;
      const sent = (sequence + offset) & 0xffff;
      packet[2] = sent >> 8;
      packet[3] = sent & 0xff;
    }
    if (this.#timestampOffset !== 0) writeWord(packet, 4, timestamp + this.#timestampOffset);
    if (this.ssrc !== ssrc) writeWord(packet, 8, this.ssrc ?? 0);
  }

  #count(bytes: number): void {
    this.packets += 1;
    this.octets += bytes - RTP_HEADER_BYTES;
  }
}

function writeWord(packet: Uint8Array, offset: number, value: number): void {
  packet[offset] = (value >>> 24) & 0xff;
  packet[offset + 1] = (value >>> 16) & 0xff;
  packet[offset + 2] = (value >>> 8) & 0xff;
  packet[offset + 3] = value & 0xff;
}
