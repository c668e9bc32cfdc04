// Where each forked sample belongs in a recording (semantics: "Recording timeline"). Pure: times and packets are given.
// Audio waits until nothing can change what comes before it any more; frames leave in order, each exactly once.
import { WaitingAudio } from './waiting-audio.js';
import { FRAME_BYTES, SAMPLES_PER_MS, WAV_HEADER_BYTES } from './wav-file.js';

/** Frames stay open for packets this long after they were due: more than a packet can be late without re-anchoring. */
const HOLD_MS = 650;
/** Distance of RTP time from arrival time beyond which a run is anchored anew. */
const MAX_DRIFT_MS = 500;
/** No packet moves the write position further past now. */
const MAX_AHEAD_MS = 2_000;
/** HOLD_MS + MAX_DRIFT_MS, a step and a long packet fit into 2,048 ms. */
const WINDOW_FRAMES = 16_384;
/** What is settled leaves by whole pages of the file: one that is written in parts is looked up, filled up and marked each time. */
const PAGE_FRAMES = 4_096 / FRAME_BYTES;
const HEADER_FRAMES = WAV_HEADER_BYTES / FRAME_BYTES;
/** So many at a time, of 128 ms each, so that a packet seldom causes a write. */
const STEP_PAGES = 2;

const HOLD_FRAMES = HOLD_MS * SAMPLES_PER_MS;
const MAX_DRIFT_FRAMES = MAX_DRIFT_MS * SAMPLES_PER_MS;

/** RTP of one SSRC from one side, as long as its timestamps agree with arrival. */
interface Run {
  readonly ssrc: number;
  /** Modulo 2^32, signed. */
  timestamp: number;
  /** Frame at which that timestamp lies. */
  frame: number;
}

/** In which frames leave: hot in the cache, for it serves all recordings. */
const taking = new Int16Array(WINDOW_FRAMES * 2);

/** Takes interleaved frames, left and right, of which the first is number `begin`; the array is valid during the call. */
export type FrameSink = (frames: Int16Array, begin: number) => void;

//   taken ──────┬──────────── window: packets may still land here ────────────┬─ beyond it: cut off
//               │◄── HOLD_MS ──► now ◄── 500 ms by the anchor rule ──►        │
export class RecordingTimeline {
  /** Times a run was anchored anew. */
  reanchored = 0;
  /** Packets of which something is missing: they came after their place had been taken, or too many at a time. */
  lostPackets = 0;

  readonly #startMs: number;
  readonly #waiting = new WaitingAudio();
  #callerRun: Run | null = null;
  #calleeRun: Run | null = null;
  #taken = 0;

  /** `startMs`: monotonic time of frame 0. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Frames that have left. */
  get takenFrames(): number {
    return this.#taken;
  }

  /** The frame of a monotonic time. */
  frameAt(ms: number): number {
    return Math.round((ms - this.#startMs) * SAMPLES_PER_MS);
  }

  /** Places the G.711 payload `packet[from..to)` of one side. */
  place(
    isCallee: boolean,
    rtp: { readonly ssrc: number; readonly timestamp: number },
    arrivalMs: number,
    isALaw: boolean,
    packet: Uint8Array,
    from: number,
    to: number,
  ): void {
    const first = this.#frameOf(isCallee, rtp.ssrc, rtp.timestamp, this.frameAt(arrivalMs));
    const limit = Math.min(this.#taken + WINDOW_FRAMES, this.frameAt(arrivalMs + MAX_AHEAD_MS));
    const begin = Math.max(first, this.#taken);
    const end = Math.min(first + to - from, limit);
    const isPlaced =
      end > begin && this.#waiting.add(isCallee, isALaw, begin, packet, from + begin - first, end - begin);
    if (!isPlaced) this.lostPackets += 1;
  }

  /** Takes the pages that no packet can reach any more at `nowMs`; false when there are not enough of them yet. */
  takeSettled(nowMs: number, sink: FrameSink): boolean {
    const settled = this.#settledAt(nowMs);
    // The header stands in the first page.
    if (settled - this.#taken < STEP_PAGES * PAGE_FRAMES - HEADER_FRAMES) return false;
    this.takeUntil(settled, sink);
    return true;
  }

  /** Takes all frames before `end`; where nobody sent they are silence. */
  takeUntil(end: number, sink: FrameSink): void {
    while (this.#taken < end) {
      const begin = this.#taken;
      const frames = taking.subarray(0, Math.min(end - begin, WINDOW_FRAMES) * 2).fill(0);
      this.#taken += frames.length / 2;
      this.#waiting.decode(begin, this.#taken, frames);
      this.#waiting.forget(this.#taken);
      sink(frames, begin);
    }
  }

  /** Gives back the memory of what still waits: nothing may be placed or taken any more. */
  close(): void {
    this.#waiting.forget(Number.POSITIVE_INFINITY);
  }

  /** The last frame before which nothing can change at `nowMs`, and a page of the file ends. */
  #settledAt(nowMs: number): number {
    const settled = this.frameAt(nowMs) - HOLD_FRAMES + HEADER_FRAMES;
    return settled - (settled % PAGE_FRAMES) - HEADER_FRAMES;
  }

  #frameOf(isCallee: boolean, ssrc: number, timestamp: number, arrivalFrame: number): number {
    const run = isCallee ? this.#calleeRun : this.#callerRun;
    if (run !== null && run.ssrc === ssrc) {
      const frame = run.frame + ((timestamp - run.timestamp) | 0);
      if (Math.abs(frame - arrivalFrame) <= MAX_DRIFT_FRAMES) {
        run.timestamp = timestamp | 0;
        run.frame = frame;
        return frame;
      }
    }
    if (run !== null) this.reanchored += 1;
    const anchored = { ssrc, timestamp: timestamp | 0, frame: arrivalFrame };
    if (isCallee) this.#calleeRun = anchored;
    else this.#callerRun = anchored;
    return arrivalFrame;
  }
}
