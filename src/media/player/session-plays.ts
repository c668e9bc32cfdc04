// What is played in one session, at the main thread's end: names each play, fetches its file, and hands it to the relay thread.
import type { MediaEvent, PlayRequest } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import type { Logger } from '../../lib/logger.js';
import type { SoundSource } from './sound.js';
import type { SoundFiles } from './sound-files.js';

export interface StartPlay {
  readonly side: Side;
  readonly playId: string;
  readonly source: SoundSource;
  readonly loop: boolean;
  readonly mode: PlayRequest['mode'];
}

/** The relay thread's end. */
export interface PlayThread {
  startPlaying(play: StartPlay): void;
  stopPlaying(playId: string): void;
}

export class SessionPlays {
  readonly #sessionId: string;
  readonly #files: SoundFiles;
  readonly #thread: PlayThread;
  readonly #tell: (event: MediaEvent) => void;
  readonly #log: Logger;
  /** Plays whose file is being read. */
  readonly #reading = new Set<string>();
  #next = 1;

  constructor(
    sessionId: string,
    files: SoundFiles,
    thread: PlayThread,
    tell: (event: MediaEvent) => void,
    log: Logger,
  ) {
    this.#sessionId = sessionId;
    this.#files = files;
    this.#thread = thread;
    this.#tell = tell;
    this.#log = log;
  }

  /** The play's id; whatever becomes of it is told by one event, never before this returns. */
  play(side: Side, { source, loop = false, mode }: PlayRequest): string {
    const playId = `${this.#sessionId}/${this.#next++}`;
    if (source.kind !== 'file') {
      this.#thread.startPlaying({ side, playId, source, loop, mode });
      return playId;
    }
    this.#reading.add(playId);
    void this.#files.read(source.path).then((read) => {
      // Stopped, or the call is over.
      if (!this.#reading.delete(playId)) return;
      if (read.ok) {
        const samples = { kind: 'samples', samples: read.samples } as const;
        this.#thread.startPlaying({ side, playId, source: samples, loop, mode });
        return;
      }
      this.#log.warn({ callId: this.#sessionId, file: source.path, problem: read.problem }, 'sound cannot be played');
      this.#tell({ type: 'played', playId, end: 'failed' });
    });
    return playId;
  }

  /** Nothing happens when it has ended. */
  stop(playId: string): void {
    if (!this.#reading.delete(playId)) this.#thread.stopPlaying(playId);
    else queueMicrotask(() => this.#tell({ type: 'played', playId, end: 'stopped' }));
  }

  /** The call is over: nothing more is told of files that are being read. */
  close(): void {
    this.#reading.clear();
  }
}
