// Repairs what a killed process left: the header told for the samples that are there, the file named as repaired.
import { join } from 'node:path';
import { hashFile } from './file-hash.js';
import { type RecordingFiles, writeAll } from './recording-files.js';
import { type PartialFile, parsePartialName, UNFINISHED_FOLDER } from './recording-paths.js';
import { durationMsOf, WAV_HEADER_BYTES, wavHeader, wholeFrameBytes } from './wav-file.js';

/** A recording that was not finished and now is as complete as it can be. */
export interface RepairedRecording {
  readonly recordingId: string;
  readonly callId: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly durationMs: number;
}

/** Repairs every partial file but those of `isLive`; a file that cannot be repaired stays, and is told. */
export async function repairPartialFiles(
  files: RecordingFiles,
  dir: string,
  isLive: (recordingId: string) => boolean,
  onFailure: (path: string, error: unknown) => void,
): Promise<RepairedRecording[]> {
  const repaired: RepairedRecording[] = [];
  for (const name of files.list(join(dir, UNFINISHED_FOLDER)).sort()) {
    const partial = parsePartialName(dir, name);
    if (partial === null || isLive(partial.recordingId)) continue;
    try {
      repaired.push(await repairPartialFile(files, partial));
    } catch (error) {
      onFailure(partial.paths.partial, error);
    }
  }
  return repaired;
}

/** Repairs one partial file. Throws what the file system says. */
export async function repairPartialFile(files: RecordingFiles, partial: PartialFile): Promise<RepairedRecording> {
  const { paths, callId, recordingId } = partial;
  const file = files.open(paths.partial);
  let dataBytes: number;
  try {
    dataBytes = wholeFrameBytes(files.size(file));
    writeAll(files, file, wavHeader(dataBytes), 0);
    files.truncate(file, WAV_HEADER_BYTES + dataBytes);
  } finally {
    files.close(file);
  }
  files.makeFolder(paths.folder);
  files.rename(paths.partial, paths.repaired);
  const { sha256, bytes } = await hashFile(files, paths.repaired);
  return { recordingId, callId, path: paths.repaired, sha256, bytes, durationMs: durationMsOf(dataBytes) };
}
