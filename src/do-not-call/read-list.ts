// A list's file read in a thread of its own, and whether what it holds can be a list at all.
import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { NumberSet } from '../policy/do-not-call.js';
import type { ListNumbers } from './list-text.js';
import type { ListTask } from './list-worker.js';

export interface ReadList {
  readonly numbers: NumberSet;
  readonly rejected: number;
  readonly firstRejectedLine: number | null;
  /** Of the file that was read. */
  readonly version: FileVersion;
}

/** Tells one content of a file from another. */
export interface FileVersion {
  readonly mtimeMs: number;
  readonly bytes: number;
  readonly inode: number;
}

/**
 * @throws Error that says why this is no list: not there, too large, no number in it, or more lines that are none than
 * numbers, as in a page of HTML.
 */
export async function readList(task: ListTask, maxBytes: number, signal: AbortSignal): Promise<ReadList> {
  const version = await versionOf(task.file);
  if (version.bytes > maxBytes) throw new Error(`it has ${version.bytes} bytes; maxBytes allows ${maxBytes}`);
  const { keys, rejected, firstRejectedLine } = await inThread(task, signal);
  const after = await versionOf(task.file);
  if (!isSameVersion(version, after)) throw new Error('it was being written');
  if (keys.length === 0) throw new Error('it holds no number');
  if (rejected > keys.length) {
    throw new Error(
      `${rejected} of its lines are no number, and ${keys.length} are; the first is line ${firstRejectedLine}`,
    );
  }
  return { numbers: new NumberSet(keys), rejected, firstRejectedLine, version };
}

export async function versionOf(file: string): Promise<FileVersion> {
  const found = await stat(file);
  // A pipe would be waited for without end.
  if (!found.isFile()) throw new Error('it is not a file');
  return { mtimeMs: found.mtimeMs, bytes: found.size, inode: found.ino };
}

export function isSameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.mtimeMs === b.mtimeMs && a.bytes === b.bytes && a.inode === b.inode;
}

async function inThread(task: ListTask, signal: AbortSignal): Promise<ListNumbers> {
  const worker = new Worker(new URL('./list-worker.js', import.meta.url), { workerData: task });
  const abort = () => void worker.terminate();
  signal.addEventListener('abort', abort);
  try {
    return await new Promise<ListNumbers>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('reading was stopped')));
      if (signal.aborted) abort();
    });
  } finally {
    signal.removeEventListener('abort', abort);
    await worker.terminate();
  }
}
