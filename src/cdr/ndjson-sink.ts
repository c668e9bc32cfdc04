// CDRs as lines of JSON, one file a UTC day. A batch is on the disk (fdatasync) before it counts as written;
// a line that a crash cut is removed at the next start, and records already there are not written twice.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { groupBy } from '../lib/group-by.js';
import type { Cdr } from './cdr.js';
import type { Sink } from './sink.js';

/** How much of a file's end is read for what a crash may have written but not acknowledged. */
const TAIL_BYTES = 4 * 1024 * 1024;

interface OpenFile {
  readonly day: string;
  readonly handle: FileHandle;
  readonly present: Set<string>;
  bytes: number;
}

export class NdjsonSink implements Sink {
  readonly name: string;
  readonly #dir: string;
  #file: OpenFile | undefined;

  constructor(dir: string) {
    this.name = `ndjson:${dir}`;
    this.#dir = dir;
  }

  /** The file that a record of this end time goes to. */
  static pathFor(dir: string, cdr: Pick<Cdr, 'endedAt'>): string {
    return join(dir, `cdr-${cdr.endedAt.slice(0, 10)}.ndjson`);
  }

  async write(records: readonly Cdr[]): Promise<void> {
    const byDay = groupBy(records, (cdr) => cdr.endedAt.slice(0, 10));
    for (const [day, cdrs] of byDay) await this.#append(day, cdrs);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  async #append(day: string, cdrs: readonly Cdr[]): Promise<void> {
    const file = await this.#open(day, cdrs[0]);
    const lines = cdrs.filter((cdr) => !file.present.has(keyOf(cdr))).map((cdr) => `${JSON.stringify(cdr)}\n`);
    if (lines.length === 0) return;
    const bytes = Buffer.from(lines.join(''), 'utf8');
    try {
      await file.handle.write(bytes, 0, bytes.length, file.bytes);
      await file.handle.datasync();
    } catch (error) {
      // Part of the batch may be there: the next write goes over it, from where the last good batch ended.
      await file.handle.truncate(file.bytes).catch(() => {});
      throw error;
    }
    file.bytes += bytes.length;
    // Only a crash makes duplicates; from the first acknowledged batch on there are none to look for.
    file.present.clear();
    for (const cdr of cdrs) file.present.add(keyOf(cdr));
  }

  async #open(day: string, cdr: Cdr | undefined): Promise<OpenFile> {
    if (this.#file?.day === day) return this.#file;
    await this.close();
    await mkdir(this.#dir, { recursive: true });
    const path = NdjsonSink.pathFor(this.#dir, cdr ?? { endedAt: day });
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o640);
    const { bytes, present } = await repairTail(handle);
    this.#file = { day, handle, bytes, present };
    return this.#file;
  }
}

function keyOf(cdr: Pick<Cdr, 'callId' | 'revision'>): string {
  return `${cdr.callId}:${cdr.revision}`;
}

async function repairTail(handle: FileHandle): Promise<{ bytes: number; present: Set<string> }> {
  const { size } = await handle.stat();
  const start = Math.max(0, size - TAIL_BYTES);
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
    if (typeof parsed !== 'object' || parsed === null || !('callId' in parsed) || !('revision' in parsed))
      return undefined;
    return `${String(parsed.callId)}:${String(parsed.revision)}`;
  } catch {
    return undefined;
  }
}
