// One recording in progress: forked packets in, a stereo WAV file out that is playable at any moment.
// A failing disk costs the frames of that time, never the timeline: what follows is written where it belongs.
import type { G711Codec, RecordingLossCause, RecordingRequest } from '../call/ports.js';
import type { RecordingReport } from '../call/reports.js';
import { isRtp, payloadEndOf, payloadStartOf, payloadTypeOf, ssrcOf, timestampOf } from '../rtp/rtp-header.js';
import { hashFile } from './file-hash.js';
import { type RecordingFiles, writeAll } from './recording-files.js';
import type { RecordingPaths } from './recording-paths.js';
import { RecordingTimeline } from './timeline.js';
import { durationMsOf, FRAME_BYTES, WAV_HEADER_BYTES, wavHeader } from './wav-file.js';

/** The header is brought up to date in steps of this; after a kill it is repaired from the file's size. */
const HEADER_STEP_MS = 1_000;

/** What is known of one side's packets. */
class RecordedSide {
  packets = 0;
  // RFC 3551 §6: payload types 0 and 8 mean nothing else, so they are audio whatever was negotiated.
  readonly #codecs = new Map<number, G711Codec>([
    [0, 'PCMU'],
    [8, 'PCMA'],
  ]);
  /** Of the packet that came last: the next one seldom has another. */
  #payloadType = -1;
  #codec: G711Codec | undefined;

  add(codecs: Readonly<Record<number, G711Codec>>): void {
    for (const [payloadType, codec] of Object.entries(codecs)) this.#codecs.set(Number(payloadType), codec);
    this.#payloadType = -1;
  }

  codecOf(payloadType: number): G711Codec | undefined {
    if (payloadType !== this.#payloadType) {
      this.#payloadType = payloadType;
      this.#codec = this.#codecs.get(payloadType);
    }
    return this.#codec;
  }
}

export interface WriterRequest {
  readonly paths: RecordingPaths;
  readonly codecs: RecordingRequest['codecs'];
  /** Monotonic time of the first frame. */
  readonly startMs: number;
}

export class RecordingWriter {
  readonly paths: RecordingPaths;
  readonly #files: RecordingFiles;
  readonly #timeline: RecordingTimeline;
  readonly #onLoss: (cause: RecordingLossCause, error: unknown) => void;
  readonly #caller = new RecordedSide();
  readonly #callee = new RecordedSide();
  #file: number | null = null;
  /** Frames that the header tells of. */
  #headerFrames = 0;
  #lostPackets = 0;
  /** Packets placed since frames were last written: lost with them if that fails. */
  #unwrittenPackets = 0;
  #hasLostFrames = false;
  #isFinished = false;

  constructor(
    files: RecordingFiles,
    request: WriterRequest,
    onLoss: (cause: RecordingLossCause, error: unknown) => void,
  ) {
    this.#files = files;
    this.paths = request.paths;
    this.#timeline = new RecordingTimeline(request.startMs);
    this.#onLoss = onLoss;
    this.setCodecs(request.codecs);
  }

  /** Adds payload types; those of before stay, for packets on their way still have them. */
  setCodecs(codecs: RecordingRequest['codecs']): void {
    this.#caller.add(codecs.caller);
    this.#callee.add(codecs.callee);
  }

  /** A forked packet; what is not audio leaves silence. */
  add(isCallee: boolean, arrivalMs: number, packet: Uint8Array): void {
    // A relay that stood still may bring more when nobody waits for it any longer.
    if (this.#isFinished || !isRtp(packet)) return;
    const side = isCallee ? this.#callee : this.#caller;
    const codec = side.codecOf(payloadTypeOf(packet));
    if (codec === undefined) return;
    const from = payloadStartOf(packet);
    const to = from < 0 ? -1 : payloadEndOf(packet, from);
    if (to <= from) return;
    this.writeSettled(arrivalMs);
    const rtp = { ssrc: ssrcOf(packet), timestamp: timestampOf(packet) };
    this.#timeline.place(isCallee, rtp, arrivalMs, codec === 'PCMA', packet, from, to);
    side.packets += 1;
    this.#unwrittenPackets += 1;
  }

  /** Packets that a full queue kept from us. */
  addLost(packets: number): void {
    this.#lostPackets += packets;
  }

  /** Writes what no packet can change any more. */
  writeSettled(nowMs: number): void {
    if (!this.#timeline.takeSettled(nowMs, this.#write)) return;
    const frames = this.#timeline.takenFrames;
    if (this.#file !== null && durationMsOf((frames - this.#headerFrames) * FRAME_BYTES) >= HEADER_STEP_MS) {
      this.#attempt(() => this.#writeHeader());
    }
  }

  /** Ends at `endMs`, gives the file its name and hashes it. */
  async finish(endMs: number): Promise<RecordingReport> {
    const frames = Math.max(0, this.#timeline.frameAt(endMs), this.#timeline.takenFrames);
    this.#timeline.takeUntil(frames, this.#write);
    this.#timeline.close();
    this.#isFinished = true;
    this.#lostPackets += this.#timeline.lostPackets;
    const isNamed = this.#attempt(() => this.#complete(frames));
    const hashed = isNamed ? await this.#hash() : null;
    const isWhole = hashed !== null && this.#lostPackets === 0 && !this.#hasLostFrames;
    return {
      state: isWhole ? 'complete' : hashed === null ? 'lost' : 'partial',
      path: this.paths.finished,
      sha256: hashed?.sha256 ?? null,
      bytes: hashed?.bytes ?? 0,
      durationMs: durationMsOf(frames * FRAME_BYTES),
      packets: { caller: this.#caller.packets, callee: this.#callee.packets },
      reanchored: this.#timeline.reanchored,
      lostPackets: this.#lostPackets,
    };
  }

  async #hash(): Promise<{ sha256: string; bytes: number } | null> {
    try {
      return await hashFile(this.#files, this.paths.finished);
    } catch (error) {
      this.#onLoss('write-error', error);
      return null;
    }
  }

  #complete(frames: number): void {
    const file = this.#open();
    this.#writeHeader();
    // Frames that could not be written leave a hole, which reads as silence; the last ones need the length told.
    this.#files.truncate(file, WAV_HEADER_BYTES + frames * FRAME_BYTES);
    this.#files.close(file);
    this.#file = null;
    this.#files.makeFolder(this.paths.folder);
    this.#files.rename(this.paths.partial, this.paths.finished);
  }

  #write = (frames: Int16Array, begin: number): void => {
    const position = WAV_HEADER_BYTES + begin * FRAME_BYTES;
    const bytes = new Uint8Array(frames.buffer, frames.byteOffset, frames.byteLength);
    const isWritten = this.#attempt(() => writeAll(this.#files, this.#open(), bytes, position));
    if (!isWritten) {
      this.#lostPackets += this.#unwrittenPackets;
      this.#hasLostFrames = true;
    }
    this.#unwrittenPackets = 0;
  };

  #writeHeader(): void {
    const frames = this.#timeline.takenFrames;
    writeAll(this.#files, this.#open(), wavHeader(frames * FRAME_BYTES), 0);
    this.#headerFrames = frames;
  }

  /** The file, made at the first write, or at a later one when the disk was full. */
  #open(): number {
    if (this.#file === null) {
      this.#file = this.#files.create(this.paths.partial);
      writeAll(this.#files, this.#file, wavHeader(0), 0);
    }
    return this.#file;
  }

  #attempt(step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      this.#onLoss(lossCauseOf(error), error);
      return false;
    }
  }
}

/** What an error of the file system means for recordings. */
export function lossCauseOf(error: unknown): RecordingLossCause {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'write-error';
}
