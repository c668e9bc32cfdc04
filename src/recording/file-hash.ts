// SHA-256 of a finished file, in slices: the thread that writes recordings goes on between them.
import { createHash } from 'node:crypto';
import type { RecordingFiles } from './recording-files.js';

const SLICE_BYTES = 262_144;

/** Hex SHA-256 and size of a file. Throws what the file system says. */
export async function hashFile(files: RecordingFiles, path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  const file = files.open(path);
  try {
    const slice = Buffer.allocUnsafe(Math.min(SLICE_BYTES, Math.max(1, files.size(file))));
    let bytes = 0;
    for (let read = files.read(file, slice, 0); read > 0; read = files.read(file, slice, bytes)) {
      hash.update(slice.subarray(0, read));
      bytes += read;
      if (read === slice.length) await new Promise((resolve) => setImmediate(resolve));
    }
    return { sha256: hash.digest('hex'), bytes };
  } finally {
    files.close(file);
  }
}
