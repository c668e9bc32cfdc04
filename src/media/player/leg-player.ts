// What one leg is played: sounds in place of what the other side says, or laid over it, and noise or silence while that says
// nothing. Packets that pass are changed in place and never held up; where none passes, packets of our own keep the time.
import type { MediaCodec, MediaEvent } from '../../call/ports.js';
import {
  payloadEndOf,
  payloadStartOf,
  payloadTypeOf,
  RTP_HEADER_BYTES,
  ssrcOf,
  timestampOf,
} from '../../rtp/rtp-header.js';
import { clamped, comfortNoiseTypeOf, type LinearCodec, linearCodecsOf } from './linear-codec.js';
import { Noise, SAMPLE_RATE_HZ, SILENCE, type Sound } from './sound.js';

/** The leg's outgoing stream. */
export interface PlayedLeg {
  /** Sends a packet of our own: 12 octets for its header, then the payload. It is the leg's from now on. */
  send(payloadType: number, packet: Uint8Array, ticks: number, dueMs: number): void;
}

export interface Play {
  readonly playId: string;
  readonly sound: Sound;
  readonly loop: boolean;
  readonly mode: 'replace' | 'mix';
}

interface LivePlay extends Play {
  /** Of its first sample, on the leg's own count of samples. */
  readonly startSamples: number;
}

/** What a leg gets while the other side says nothing: G.711 silence, or comfort noise so many dB below overload. */
export type SilenceFill = 'silence' | { readonly noiseDbov: number };

/** A leg that has CN (RFC 3389) makes the noise itself, of one octet. */
interface ComfortNoise {
  readonly payloadType: number;
  readonly noiseDbov: number;
}

type PlayEnd = Extract<MediaEvent, { type: 'played' }>['end'];

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1_000;
const DEFAULT_PTIME_MS = 20;
/** RFC 3389 §4 leaves it to the sender how often a level is told again. */
const COMFORT_NOISE_INTERVAL_MS = 1_000;
/** After so long without a packet of the other side our own fill in. */
const FLOW_GAP_MS = 100;
/** After a longer stall the lost time is left out, for a burst would only fill the peer's jitter buffer. */
const MAX_CATCH_UP_MS = 200;
/** A timestamp that leaps further, half a second, is a new clock: what is played goes on where it was. */
const LEAP_SAMPLES = 4_000;
const MAX_PLAYS = 8;
/** The longest payload that is mixed: 200 ms. */
const MAX_MIXED_SAMPLES = 1_600;

// One for all legs of a thread: nothing in it outlives a call.
const scratch = new Int32Array(MAX_MIXED_SAMPLES);

export class LegPlayer {
  readonly #leg: PlayedLeg;
  readonly #tell: (playId: string, end: PlayEnd) => void;
  #codecs: readonly LinearCodec[] = [];
  #frameSamples = DEFAULT_PTIME_MS * SAMPLES_PER_MS;
  #plays: LivePlay[] = [];
  #comfortNoiseType: number | null = null;
  #background: Sound | ComfortNoise | null = null;
  /** What to fill with whenever the other side has been silent for so long. */
  #standing: { readonly fill: SilenceFill; readonly afterMs: number } | null = null;
  /** The other side's own comfort noise has passed. */
  #isTold = false;
  /** When a packet of the other side passed last, or would have but for what is played in its place. */
  #flowMs = Number.NEGATIVE_INFINITY;
  /** Samples that the leg has been given since the player began, on which plays are placed. */
  #samples = 0;
  /** The source whose timestamps place its packets, and the timestamp of sample 0. */
  #source: { readonly ssrc: number; readonly origin: number } | null = null;
  /** When the next packet of our own is due; null while none is. */
  #dueMs: number | null = null;

  constructor(leg: PlayedLeg, tell: (playId: string, end: PlayEnd) => void) {
    this.#leg = leg;
    this.#tell = tell;
  }

  /** What may be sent to the leg; without G.711 nothing can be played. */
  setCodecs(codecs: readonly MediaCodec[], ptimeMs = DEFAULT_PTIME_MS): void {
    this.#codecs = linearCodecsOf(codecs);
    this.#comfortNoiseType = comfortNoiseTypeOf(codecs);
    const frameMs = ptimeMs >= 10 && ptimeMs <= 60 ? Math.round(ptimeMs / 10) * 10 : DEFAULT_PTIME_MS;
    this.#frameSamples = frameMs * SAMPLES_PER_MS;
    if (this.#canPlay) return;
    this.#background = null;
    this.#endAll('failed');
  }

  /** Begins at once. `flowMs`: when the other side was heard last. */
  play(play: Play, flowMs: number | null, nowMs: number): void {
    if (!this.#canPlay || this.#plays.length >= MAX_PLAYS || play.sound.lengthSamples < 1) {
      this.#tell(play.playId, 'failed');
      return;
    }
    this.#flowMs = Math.max(this.#flowMs, flowMs ?? this.#flowMs);
    if (this.#plays.length === 0) {
      // Packets that passed in the meantime were not followed.
      this.#source = null;
      this.#dueMs = null;
    }
    const { playId, sound, loop, mode } = play;
    this.#plays.push({ playId, sound, loop, mode, startSamples: this.#samples });
    this.tick(nowMs);
  }

  stop(playId: string): void {
    const found = this.#plays.find((play) => play.playId === playId);
    if (found !== undefined) this.#end(found, 'stopped');
  }

  /** The call is over. */
  close(): void {
    this.#endAll('stopped');
    this.#background = null;
    this.#standing = null;
  }

  /** The other side is silent from now on, until its next packet; what is sent in its place, if the leg can be sent it. */
  fill(fill: SilenceFill, nowMs: number): void {
    if (!this.#canPlay) return;
    if (this.#plays.length === 0) this.#dueMs = null;
    this.#background = this.#backgroundOf(fill);
    this.#flowMs = Number.NEGATIVE_INFINITY;
    this.tick(nowMs);
  }

  /** The same whenever the other side says nothing for so long, from now on; null: not any more. */
  fillWhenSilent(standing: { readonly fill: SilenceFill; readonly afterMs: number } | null, nowMs: number): void {
    if (standing !== null && this.#standing === null) this.#flowMs = Math.max(this.#flowMs, nowMs);
    if (standing === null) this.#background = null;
    this.#standing = standing;
  }

  /** Nothing is to be done with packets or time. */
  get isIdle(): boolean {
    const standsBy = this.#standing !== null && this.#canPlay && !this.#isTold;
    return this.#plays.length === 0 && this.#background === null && !standsBy;
  }

  get #canPlay(): boolean {
    return this.#codecs.length > 0;
  }

  /** When `tick` has something to do, in ms of the same clock; Infinity while it has not. */
  get dueMs(): number {
    if (this.isIdle) return Number.POSITIVE_INFINITY;
    if (this.#dueMs !== null) return this.#dueMs;
    if (this.isReplacing) return 0;
    return this.#flowMs + (this.#isStandingBy ? (this.#standing?.afterMs ?? 0) : FLOW_GAP_MS);
  }

  /** Something is played in place of what the other side says: that is not to be sent. */
  get isReplacing(): boolean {
    for (const { mode } of this.#plays) if (mode === 'replace') return true;
    return false;
  }

  /**
   * A packet of the other side, audio or comfort noise, as it goes to the leg, or would but for what is played in its place:
   * lays over it what is mixed, in place.
   */
  over(packet: Uint8Array, isComfortNoise: boolean, nowMs: number): void {
    this.#background = null;
    // After comfort noise the leg makes noise by itself: nothing is to be filled.
    this.#isTold = isComfortNoise;
    if (isComfortNoise) return;
    this.#flowMs = nowMs;
    if (this.#plays.length > 0 && !this.isReplacing) this.#mixInto(packet);
  }

  /** Sends what is due. */
  tick(nowMs: number): void {
    while (!this.isIdle) {
      if (this.#isStandingBy && !this.#standIn(nowMs)) break;
      if (!this.isReplacing && nowMs - this.#flowMs < FLOW_GAP_MS) break;
      const stepMs = this.#stepMs;
      this.#dueMs ??= nowMs;
      if (this.#dueMs > nowMs) return;
      if (nowMs - this.#dueMs > MAX_CATCH_UP_MS) this.#dueMs += Math.floor((nowMs - this.#dueMs) / stepMs) * stepMs;
      this.#sendNext(this.#dueMs);
      this.#dueMs += stepMs;
    }
    this.#dueMs = null;
  }

  /** There is nothing to send before the other side falls silent. */
  get #isStandingBy(): boolean {
    return this.#plays.length === 0 && this.#background === null;
  }

  #standIn(nowMs: number): boolean {
    if (this.#standing === null || this.#isTold || nowMs - this.#flowMs < this.#standing.afterMs) return false;
    this.#background = this.#backgroundOf(this.#standing.fill);
    return true;
  }

  #backgroundOf(fill: SilenceFill): Sound | ComfortNoise {
    if (fill === 'silence') return SILENCE;
    const payloadType = this.#comfortNoiseType;
    return payloadType === null ? new Noise(fill.noiseDbov) : { payloadType, noiseDbov: fill.noiseDbov };
  }

  /** Null while audio is sent. */
  get #comfortNoise(): ComfortNoise | null {
    return this.#plays.length === 0 && this.#background !== null && 'noiseDbov' in this.#background
      ? this.#background
      : null;
  }

  get #stepMs(): number {
    return this.#comfortNoise === null ? this.#frameSamples / SAMPLES_PER_MS : COMFORT_NOISE_INTERVAL_MS;
  }

  #sendNext(dueMs: number): void {
    const comfortNoise = this.#comfortNoise;
    if (comfortNoise === null) {
      this.#sendFrame(dueMs);
      return;
    }
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + 1);
    packet[RTP_HEADER_BYTES] = comfortNoise.noiseDbov;
    this.#leg.send(comfortNoise.payloadType, packet, this.#frameSamples, dueMs);
  }

  #sendFrame(dueMs: number): void {
    const codec = this.#codecs[0];
    if (codec === undefined) return;
    const samples = this.#frameSamples;
    scratch.fill(0, 0, samples);
    const background = this.isReplacing ? null : this.#background;
    if (background !== null && 'addTo' in background) background.addTo(scratch, 0, samples, 0);
    this.#addPlays(this.#samples, samples);
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + samples);
    for (let at = 0; at < samples; at += 1) {
      packet[RTP_HEADER_BYTES + at] = codec.fromLinear(clamped(scratch[at] ?? 0));
    }
    this.#source = null;
    this.#leg.send(codec.payloadType, packet, samples, dueMs);
    this.#reach(this.#samples + samples);
  }

  #mixInto(packet: Uint8Array): void {
    const type = payloadTypeOf(packet);
    const codec = this.#codecs.find(({ payloadType }) => payloadType === type);
    const from = payloadStartOf(packet);
    const to = from < 0 ? -1 : payloadEndOf(packet, from);
    const count = to - from;
    if (codec === undefined || from < 0 || count <= 0 || count > MAX_MIXED_SAMPLES) return;
    const position = this.#positionOf(packet);
    scratch.fill(0, 0, count);
    this.#addPlays(position, count);
    for (let at = 0; at < count; at += 1) {
      const added = scratch[at] ?? 0;
      // What nothing is added to passes as it is, to the last bit.
      if (added === 0) continue;
      const heard = codec.toLinear[packet[from + at] ?? 0] ?? 0;
      packet[from + at] = codec.fromLinear(clamped(heard + added));
    }
    this.#reach(Math.max(this.#samples, position + count));
  }

  /** Of the packet's first sample on the leg's count: by its timestamp, so that loss and disorder leave no seam. */
  #positionOf(packet: Uint8Array): number {
    const ssrc = ssrcOf(packet);
    const timestamp = timestampOf(packet);
    if (this.#source?.ssrc === ssrc) {
      // Both counts wrap at 2^32; what is played is within half a second of the last packet.
      const ahead = (timestamp - this.#source.origin - this.#samples) | 0;
      if (Math.abs(ahead) <= LEAP_SAMPLES) return this.#samples + ahead;
    }
    this.#source = { ssrc, origin: (timestamp - this.#samples) >>> 0 };
    return this.#samples;
  }

  #addPlays(position: number, count: number): void {
    for (const { sound, loop, startSamples } of this.#plays) {
      const length = sound.lengthSamples;
      let at = Math.max(0, startSamples - position);
      while (at < count) {
        const played = position + at - startSamples;
        if (!loop && played >= length) break;
        const within = Number.isFinite(length) ? played % length : played;
        const some = Math.min(count - at, length - within);
        sound.addTo(scratch, at, some, within);
        at += some;
      }
    }
  }

  /** The leg has been given the samples before this one. */
  #reach(samples: number): void {
    this.#samples = samples;
    for (const play of this.#plays) {
      if (!play.loop && samples - play.startSamples >= play.sound.lengthSamples) this.#end(play, 'finished');
    }
  }

  #endAll(end: PlayEnd): void {
    for (const play of this.#plays) this.#end(play, end);
  }

  #end(play: LivePlay, end: PlayEnd): void {
    this.#plays = this.#plays.filter((other) => other !== play);
    this.#tell(play.playId, end);
  }
}
