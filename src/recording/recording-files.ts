// The file system as recordings use it, as a role: tests put a full or broken disk in its place.
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statfsSync,
  writeSync,
} from 'node:fs';

export interface RecordingFiles {
  makeFolder(path: string): void;
  /** Throws unless files can be made in the folder. */
  checkWritable(path: string): void;
  /** A new file to write; the file must not exist. */
  create(path: string): number;
  /** An existing file to read and write. */
  open(path: string): number;
  /** Bytes written; it may be fewer than asked for. */
  write(file: number, bytes: Uint8Array, position: number): number;
  /** Bytes read; 0 at the end. */
  read(file: number, into: Uint8Array, position: number): number;
  size(file: number): number;
  truncate(file: number, bytes: number): void;
  close(file: number): void;
  rename(from: string, to: string): void;
  list(folder: string): string[];
  freeBytes(path: string): number;
}

export const diskFiles: RecordingFiles = {
  makeFolder: (path) => {
    mkdirSync(path, { recursive: true });
  },
  checkWritable: (path) => accessSync(path, constants.W_OK | constants.X_OK),
  create: (path) => openSync(path, 'wx+', 0o640),
  open: (path) => openSync(path, 'r+'),
  write: (file, bytes, position) => writeSync(file, bytes, 0, bytes.length, position),
  read: (file, into, position) => readSync(file, into, 0, into.length, position),
  size: (file) => fstatSync(file).size,
  truncate: (file, bytes) => ftruncateSync(file, bytes),
  close: (file) => closeSync(file),
  rename: (from, to) => renameSync(from, to),
  list: (folder) => readdirSync(folder),
  freeBytes: (path) => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  },
};

/** Writes all bytes, or throws what the file system said. */
export function writeAll(files: RecordingFiles, file: number, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    const step = files.write(file, bytes.subarray(written), position + written);
    if (step <= 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' });
    written += step;
  }
}
