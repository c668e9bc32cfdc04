// Where each forked sample belongs in a recording (semantics: "Recording timeline"). Pure: times and packets are given.
// Frames wait in a ring until nothing can change them any more; they leave it in order, each exactly once.
import { SAMPLES_PER_MS } from './wav-file.js';

/** Frames stay open for packets this long after they were due: more than a packet can be late without re-anchoring. */
const HOLD_MS = 650;
/** Distance of RTP time from arrival time beyond which a run is anchored anew. */
const MAX_DRIFT_MS = 500;
/** Frames are taken out in steps of at least this, so that a packet seldom causes a write. */
const STEP_MS = 300;
/** No packet moves the write position further past now. */
const MAX_AHEAD_MS = 2_000;
/** HOLD_MS + STEP_MS + MAX_DRIFT_MS and a long packet fit into 2,048 ms. */
const RING_FRAMES = 16_384;
const RING_MASK = RING_FRAMES - 1;

const HOLD_FRAMES = HOLD_MS * SAMPLES_PER_MS;
const STEP_FRAMES = STEP_MS * SAMPLES_PER_MS;
const MAX_DRIFT_FRAMES = MAX_DRIFT_MS * SAMPLES_PER_MS;

/** RTP of one SSRC from one side, as long as its timestamps agree with arrival. */
interface Run {
  readonly ssrc: number;
  timestamp: number;
  /** Frame at which that timestamp lies. */
  frame: number;
}

/** Takes interleaved frames, left and right; the array is valid during the call. */
export type FrameSink = (frames: Int16Array) => void;

//   taken ──────┬──────────── window: packets may still land here ────────────┬─ beyond the ring: cut off
//               │◄── HOLD_MS ──► now ◄── 500 ms by the anchor rule ──►        │
export class RecordingTimeline {
  /** Times a run was anchored anew. */
  reanchored = 0;
  /** Packets of which nothing landed: they came after their place had been taken. */
  latePackets = 0;

  readonly #startMs: number;
  readonly #ring = new Int16Array(RING_FRAMES * 2);
  readonly #runs: [Run | null, Run | null] = [null, null];
  #taken = 0;

  /** `startMs`: monotonic time of frame 0. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Frames that have left the ring. */
  get takenFrames(): number {
    return this.#taken;
  }

  /** The frame of a monotonic time. */
  frameAt(ms: number): number {
    return Math.round((ms - this.#startMs) * SAMPLES_PER_MS);
  }

  /** Whether frames should be taken before a packet of this arrival time is placed. */
  isDue(nowMs: number): boolean {
    return this.frameAt(nowMs) - HOLD_FRAMES - this.#taken >= STEP_FRAMES;
  }

  /** Places the G.711 payload `packet[from..to)` of one side; `toLinear` is its law's table. */
  place(
    isCallee: boolean,
    rtp: { readonly ssrc: number; readonly timestamp: number },
    arrivalMs: number,
    toLinear: Int16Array,
    packet: Uint8Array,
    from: number,
    to: number,
  ): void {
    const first = this.#frameOf(isCallee, rtp.ssrc, rtp.timestamp, this.frameAt(arrivalMs));
    const limit = Math.min(this.#taken + RING_FRAMES, this.frameAt(arrivalMs + MAX_AHEAD_MS));
    const begin = Math.max(first, this.#taken);
    const end = Math.min(first + to - from, limit);
    if (end <= begin) {
      this.latePackets += 1;
      return;
    }
    const channel = isCallee ? 1 : 0;
    const shift = from - first;
    for (let frame = begin; frame < end; frame += 1) {
      this.#ring[((frame & RING_MASK) << 1) + channel] = toLinear[packet[frame + shift] ?? 0] ?? 0;
    }
  }

  /** Takes all frames that no packet can reach any more at `nowMs`. */
  takeSettled(nowMs: number, sink: FrameSink): void {
    this.takeUntil(this.frameAt(nowMs) - HOLD_FRAMES, sink);
  }

  /** Takes all frames before `end`; where nobody sent they are silence. */
  takeUntil(end: number, sink: FrameSink): void {
    while (this.#taken < end) {
      const offset = this.#taken & RING_MASK;
      const frames = Math.min(end - this.#taken, RING_FRAMES - offset);
      const piece = this.#ring.subarray(offset * 2, (offset + frames) * 2);
      sink(piece);
      piece.fill(0);
      this.#taken += frames;
    }
  }

  #frameOf(isCallee: boolean, ssrc: number, timestamp: number, arrivalFrame: number): number {
    const side = isCallee ? 1 : 0;
    const run = this.#runs[side];
    if (run !== null && run.ssrc === ssrc) {
      const frame = run.frame + ((timestamp - run.timestamp) | 0);
      if (Math.abs(frame - arrivalFrame) <= MAX_DRIFT_FRAMES) {
        run.timestamp = timestamp;
        run.frame = frame;
        return frame;
      }
    }
    if (run !== null) this.reanchored += 1;
    this.#runs[side] = { ssrc, timestamp, frame: arrivalFrame };
    return arrivalFrame;
  }
}
