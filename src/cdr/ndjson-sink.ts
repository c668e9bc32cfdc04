// CDRs as lines of JSON, one file a UTC day, and records of messages in files of their own. A batch is on the disk (fdatasync) before it counts as written;
// a line that a crash cut is removed at the next start, and records already there are not written twice.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { groupBy } from '../lib/group-by.js';
import type { Cdr } from './cdr.js';
import { isMessageRecord, type PublishedRecord, type Sink } from './sink.js';

/** How much of a file's end is read for what a crash may have written but not acknowledged. */
const TAIL_BYTES = 4 * 1024 * 1024;

export interface NdjsonOptions {
  readonly tailBytes?: number;
  /** For tests of a failing disk. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
}

interface OpenFile {
  readonly day: string;
  readonly path: string;
  readonly inode: number;
  readonly handle: FileHandle;
  /** Keys of the records that its end holds, or of the last batch. */
  present: ReadonlySet<string>;
  bytes: number;
}

export class NdjsonSink implements Sink {
  readonly name: string;
  readonly #dir: string;
  readonly #tailBytes: number;
  readonly #openFile: (path: string) => Promise<FileHandle>;
  /** The last of each kind. */
  readonly #files = new Map<Kind, OpenFile>();

  constructor(dir: string, options: NdjsonOptions = {}) {
    this.name = `ndjson:${dir}`;
    this.#dir = dir;
    this.#tailBytes = options.tailBytes ?? TAIL_BYTES;
    this.#openFile = options.openFile ?? ((path) => open(path, constants.O_RDWR | constants.O_CREAT, 0o640));
  }

  /** The file that a record of this end time goes to. */
  static pathFor(dir: string, cdr: Pick<Cdr, 'endedAt'>): string {
    return join(dir, `cdr-${dayOf(cdr)}.ndjson`);
  }

  async write(records: readonly PublishedRecord[]): Promise<void> {
    for (const [kind, ofKind] of groupBy(records, kindOf)) {
      for (const [day, ofDay] of groupBy(ofKind, dayOf)) await this.#append(kind, day, ofDay);
    }
  }

  async close(): Promise<void> {
    for (const kind of [...this.#files.keys()]) await this.#close(kind);
  }

  async #close(kind: Kind): Promise<void> {
    const file = this.#files.get(kind);
    this.#files.delete(kind);
    await file?.handle.close();
  }

  async #append(kind: Kind, day: string, records: readonly PublishedRecord[]): Promise<void> {
    const file = await this.#open(kind, day);
    const fresh = records.filter((record) => !file.present.has(keyOf(record)));
    const lines = fresh.map((record) => `${JSON.stringify(record)}\n`);
    if (lines.length === 0) return;
    const bytes = Buffer.from(lines.join(''), 'utf8');
    try {
      await writeWhole(file.handle, bytes, file.bytes);
      await file.handle.datasync();
    } catch (error) {
      // Part of the batch may be there: the next write goes over it, from where the last good batch ended.
      await file.handle.truncate(file.bytes).catch(() => {});
      throw error;
    }
    file.bytes += bytes.length;
    // From here on only a batch whose acknowledgement failed can come again.
    file.present = new Set(records.map(keyOf));
  }

  async #open(kind: Kind, day: string): Promise<OpenFile> {
    const open = this.#files.get(kind);
    if (open?.day === day && (await isInPlace(open))) return open;
    await this.#close(kind);
    await mkdir(this.#dir, { recursive: true });
    const path = join(this.#dir, `${kind}-${day}.ndjson`);
    const handle = await this.#openFile(path);
    try {
      const { ino } = await handle.stat();
      const file = { day, path, inode: ino, handle, ...(await repairTail(handle, this.#tailBytes)) };
      this.#files.set(kind, file);
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

/** What its files begin with. */
type Kind = 'cdr' | 'messages';

function kindOf(record: PublishedRecord): Kind {
  return isMessageRecord(record) ? 'messages' : 'cdr';
}

function dayOf({ endedAt }: Pick<Cdr, 'endedAt'>): string {
  return endedAt.slice(0, 10);
}

function keyOf(record: PublishedRecord): string {
  return `${isMessageRecord(record) ? record.messageId : record.callId}:${record.revision}`;
}

/** False when somebody moved, removed or cut the file: what is written to it then would be nowhere to be found. */
async function isInPlace(file: OpenFile): Promise<boolean> {
  try {
    const { ino, size } = await stat(file.path);
    return ino === file.inode && size === file.bytes;
  } catch {
    return false;
  }
}

/** A disk that is filling up takes a part of a write without an error. */
async function writeWhole(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    if (bytesWritten === 0) throw new Error('the disk takes no more bytes');
    written += bytesWritten;
  }
}

async function repairTail(
  handle: FileHandle,
  tailBytes: number,
): Promise<{ bytes: number; present: ReadonlySet<string> }> {
  const { size } = await handle.stat();
  const start = Math.max(0, size - tailBytes);
  const tail = Buffer.alloc(size - start);
  await handle.read(tail, 0, tail.length, start);
  const whole = tail.lastIndexOf(0x0a) + 1;
  if (whole < tail.length) await handle.truncate(start + whole);
  const present = new Set<string>();
  for (const line of tail.subarray(0, whole).toString('utf8').split('\n')) {
    const key = readKey(line);
    if (key !== undefined) present.add(key);
  }
  return { bytes: start + whole, present };
}

function readKey(line: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null || !('revision' in parsed)) return undefined;
    const id = 'messageId' in parsed ? parsed.messageId : 'callId' in parsed ? parsed.callId : undefined;
    return id === undefined ? undefined : `${String(id)}:${String(parsed.revision)}`;
  } catch {
    return undefined;
  }
}
