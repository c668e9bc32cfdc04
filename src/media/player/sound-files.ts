// Sound files for the player, read off the media path and kept while they do not change; the oldest go when memory runs out.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { readSound } from './read-sound.js';

/** Eighteen minutes of 16-bit PCM. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** A pipe is no file: it must not hold up whoever opens it. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

export type SoundFileResult =
  | { readonly ok: true; readonly samples: Int16Array }
  | { readonly ok: false; readonly problem: string };

interface KeptSound {
  readonly changedMs: number;
  readonly fileBytes: number;
  readonly samples: Int16Array;
}

export class SoundFiles {
  /** Oldest use first. */
  readonly #kept = new Map<string, KeptSound>();
  readonly #maxKeptBytes: number;
  #keptBytes = 0;

  constructor(maxKeptBytes = MAX_KEPT_BYTES) {
    this.#maxKeptBytes = maxKeptBytes;
  }

  /** The samples of a file as it is now, in shared memory. Never rejects. */
  async read(path: string): Promise<SoundFileResult> {
    try {
      return await this.#read(path);
    } catch (error) {
      return { ok: false, problem: error instanceof Error ? error.message : String(error) };
    }
  }

  async #read(path: string): Promise<SoundFileResult> {
    const file = await open(path, READ);
    try {
      const stat = await file.stat();
      const { mtimeMs: changedMs, size: fileBytes } = stat;
      if (!stat.isFile()) return { ok: false, problem: 'it is no file' };
      if (fileBytes > MAX_FILE_BYTES) return { ok: false, problem: `it has more than ${MAX_FILE_BYTES} bytes` };
      const kept = this.#kept.get(path);
      if (kept?.changedMs === changedMs && kept.fileBytes === fileBytes) {
        this.#forget(path);
        this.#keep(path, kept);
        return { ok: true, samples: kept.samples };
      }
      const sound = readSound(await file.readFile());
      if (!sound.ok) return sound;
      this.#forget(path);
      this.#keep(path, { changedMs, fileBytes, samples: sound.samples });
      return sound;
    } finally {
      await file.close();
    }
  }

  #keep(path: string, sound: KeptSound): void {
    this.#kept.set(path, sound);
    this.#keptBytes += sound.samples.byteLength;
    for (const oldest of this.#kept.keys()) {
      if (this.#keptBytes <= this.#maxKeptBytes) break;
      this.#forget(oldest);
    }
  }

  #forget(path: string): void {
    const kept = this.#kept.get(path);
    if (kept === undefined) return;
    this.#kept.delete(path);
    this.#keptBytes -= kept.samples.byteLength;
  }
}
