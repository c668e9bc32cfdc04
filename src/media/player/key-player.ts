// Keys that are played into a leg as telephone-events (RFC 4733), one after another: packets every 20 ms with the timestamp of
// the beginning, the last three with the end bit, and a pause before the next key.
import { RTP_HEADER_BYTES } from '../../rtp/rtp-header.js';
import type { Paced } from './pacer.js';

/** The leg's outgoing stream. */
export interface KeyedLeg {
  /** Sends a packet of an event of `ticks` in all; `isFirst` begins it. */
  sendEvent(payloadType: number, packet: Uint8Array, isFirst: boolean, ticks: number, nowMs: number): void;
}

export interface Key {
  readonly playId: string;
  readonly digit: string;
  readonly durationMs: number;
  readonly payloadType: number;
  readonly clockRateHz: number;
}

const DIGITS = '0123456789*#ABCD';
const STEP_MS = 20;
/** RFC 4733 §2.5.1.4. */
const END_PACKETS = 3;
/** ITU-T Q.24 has 40 ms between two keys at least. */
const PAUSE_MS = 60;
/** RFC 4733 §2.3.3: -10 dBm0. */
const VOLUME = 10;
const END_BIT = 0x80;
/** Nobody keys faster than they are played, for long. */
const MAX_WAITING = 64;
/** Whoever is late by more begins anew: a burst of packets would only be lost. */
const MAX_LATE_MS = 200;

export class KeyPlayer implements Paced {
  readonly #leg: KeyedLeg;
  readonly #tell: (playId: string, end: 'finished' | 'stopped' | 'failed') => void;
  readonly #waiting: Key[] = [];
  #key: Key | null = null;
  /** Packets of the key that were sent. */
  #sent = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #restsUntilMs = 0;

  constructor(leg: KeyedLeg, tell: (playId: string, end: 'finished' | 'stopped' | 'failed') => void) {
    this.#leg = leg;
    this.#tell = tell;
  }

  /** A key is being played: what is said is not sent meanwhile. */
  get isPlaying(): boolean {
    return this.#key !== null;
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  play(key: Key, nowMs: number): void {
    if (!DIGITS.includes(key.digit) || key.digit.length !== 1 || this.#waiting.length >= MAX_WAITING) {
      this.#tell(key.playId, 'failed');
      return;
    }
    this.#waiting.push(key);
    if (this.#key === null) this.#dueMs = Math.max(nowMs, this.#restsUntilMs);
    this.tick(nowMs);
  }

  /** The call is over. */
  close(): void {
    for (const { playId } of this.#key === null ? this.#waiting : [this.#key, ...this.#waiting]) {
      this.#tell(playId, 'stopped');
    }
    this.#key = null;
    this.#waiting.length = 0;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  tick(nowMs: number): void {
    while (this.#dueMs <= nowMs) {
      if (this.#key === null && !this.#begin()) return;
      this.#sendNext(nowMs);
      this.#dueMs = nowMs - this.#dueMs > MAX_LATE_MS ? nowMs + STEP_MS : this.#dueMs + STEP_MS;
      this.#endIfDone();
    }
  }

  #begin(): boolean {
    this.#key = this.#waiting.shift() ?? null;
    this.#sent = 0;
    if (this.#key === null) this.#dueMs = Number.POSITIVE_INFINITY;
    return this.#key !== null;
  }

  #sendNext(nowMs: number): void {
    if (this.#key === null) return;
    const { digit, payloadType, clockRateHz } = this.#key;
    const steps = this.#steps;
    const ticks = (clockRateHz * STEP_MS) / 1_000;
    this.#sent += 1;
    const duration = Math.min(0xffff, Math.min(this.#sent, steps) * ticks);
    const packet = Buffer.alloc(RTP_HEADER_BYTES + 4);
    packet[RTP_HEADER_BYTES] = DIGITS.indexOf(digit);
    packet[RTP_HEADER_BYTES + 1] = (this.#sent >= steps ? END_BIT : 0) | VOLUME;
    packet.writeUInt16BE(duration, RTP_HEADER_BYTES + 2);
    this.#leg.sendEvent(payloadType, packet, this.#sent === 1, Math.min(0xffff, steps * ticks), nowMs);
  }

  /** Packets until the first with the end bit. */
  get #steps(): number {
    return Math.max(2, Math.ceil((this.#key?.durationMs ?? 0) / STEP_MS));
  }

  #endIfDone(): void {
    const key = this.#key;
    if (key === null || this.#sent < this.#steps + END_PACKETS - 1) return;
    this.#key = null;
    this.#restsUntilMs = this.#dueMs - STEP_MS + PAUSE_MS;
    this.#dueMs = this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : this.#restsUntilMs;
    this.#tell(key.playId, 'finished');
  }
}
