// Where each forked sample belongs in a recording (semantics: "Recording timeline"). Pure: times and packets are given.
// Frames wait in pages until nothing can change them any more; they leave them in order, each exactly once. A page is had from
// its first sample until its last frame has left: a second of a call, not all that could be late, takes memory.
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
const WINDOW_FRAMES = 16_384;
const PAGE_BITS = 10;
const PAGE_FRAMES = 1 << PAGE_BITS;
const IN_PAGE = PAGE_FRAMES - 1;
/** A window lies on one page more than it fills. */
const PAGES = (2 * WINDOW_FRAMES) / PAGE_FRAMES;
/** 4 MiB of pages without a call wait for the next. */
const MAX_FREE_PAGES = 1_024;

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

/** All of nought. */
const freePages: Int16Array[] = [];
/** In which frames leave: one write for many pages. */
const taking = new Int16Array(WINDOW_FRAMES * 2);

/** Takes interleaved frames, left and right; the array is valid during the call. */
export type FrameSink = (frames: Int16Array) => void;

//   taken ──────┬──────────── window: packets may still land here ────────────┬─ beyond it: cut off
//               │◄── HOLD_MS ──► now ◄── 500 ms by the anchor rule ──►        │
export class RecordingTimeline {
  /** Times a run was anchored anew. */
  reanchored = 0;
  /** Packets of which nothing landed: they came after their place had been taken. */
  latePackets = 0;

  readonly #startMs: number;
  readonly #pages = new Array<Int16Array | null>(PAGES).fill(null);
  readonly #runs: [Run | null, Run | null] = [null, null];
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
    const limit = Math.min(this.#taken + WINDOW_FRAMES, this.frameAt(arrivalMs + MAX_AHEAD_MS));
    const begin = Math.max(first, this.#taken);
    const end = Math.min(first + to - from, limit);
    if (end <= begin) {
      this.latePackets += 1;
      return;
    }
    const channel = isCallee ? 1 : 0;
    let octet = from + begin - first;
    for (let frame = begin; frame < end; ) {
      const page = this.#pageOf(frame);
      const stop = Math.min(end, (frame | IN_PAGE) + 1);
      let at = ((frame & IN_PAGE) << 1) + channel;
      for (; frame < stop; frame += 1) {
        page[at] = toLinear[packet[octet] as number] as number;
        octet += 1;
        at += 2;
      }
    }
  }

  /** Takes all frames that no packet can reach any more at `nowMs`. */
  takeSettled(nowMs: number, sink: FrameSink): void {
    this.takeUntil(this.frameAt(nowMs) - HOLD_FRAMES, sink);
  }

  /** Takes all frames before `end`; where nobody sent they are silence. */
  takeUntil(end: number, sink: FrameSink): void {
    while (this.#taken < end) {
      const frames = Math.min(end - this.#taken, WINDOW_FRAMES);
      for (let copied = 0; copied < frames; ) copied += this.#take(this.#taken + copied, frames - copied, copied);
      sink(taking.subarray(0, frames * 2));
      this.#taken += frames;
    }
  }

  /** Takes what one page has from a frame on, `most` frames of it at most; returns how many. */
  #take(frame: number, most: number, to: number): number {
    const from = frame & IN_PAGE;
    const frames = Math.min(most, PAGE_FRAMES - from);
    const number = (frame >> PAGE_BITS) & (PAGES - 1);
    const page = this.#pages[number] ?? null;
    if (page === null) taking.fill(0, to * 2, (to + frames) * 2);
    else taking.set(page.subarray(from * 2, (from + frames) * 2), to * 2);
    if (page === null || from + frames < PAGE_FRAMES) return frames;
    this.#pages[number] = null;
    if (freePages.length < MAX_FREE_PAGES) freePages.push(page.fill(0));
    return frames;
  }

  #pageOf(frame: number): Int16Array {
    const number = (frame >> PAGE_BITS) & (PAGES - 1);
    const page = this.#pages[number] ?? freePages.pop() ?? new Int16Array(PAGE_FRAMES * 2);
    this.#pages[number] = page;
    return page;
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
