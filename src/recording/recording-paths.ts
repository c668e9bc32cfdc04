// Names of recording files: a folder for each day (UTC), the call's id, and never a character that a peer chose.
import { createHash } from 'node:crypto';
import { join } from 'node:path';

export const UNFINISHED_FOLDER = 'unfinished';

const SAFE_ID = /^[A-Za-z0-9_-]{1,80}$/;
const PARTIAL_NAME = /^(\d{4})-(\d{2})-(\d{2})\.([A-Za-z0-9_-]{1,80})(?:\.([A-Za-z0-9_-]{1,80}))?\.partial\.wav$/;

//   DIR/2026/01/05/CALL.wav                      finished
//   DIR/2026/01/05/CALL.repaired.wav             found unfinished at a start, and repaired
//   DIR/unfinished/2026-01-05.CALL.partial.wav   being written

/** Where one recording's file is in each of its states. */
export interface RecordingPaths {
  readonly folder: string;
  readonly finished: string;
  readonly repaired: string;
  readonly partial: string;
}

export interface PartialFile {
  readonly callId: string;
  readonly recordingId: string;
  readonly paths: RecordingPaths;
}

export function recordingPaths(
  dir: string,
  ids: { readonly callId: string; readonly recordingId: string },
  startedWallMs: number,
): RecordingPaths {
  const day = new Date(startedWallMs).toISOString().slice(0, 10);
  const callId = safeId(ids.callId);
  const recordingId = safeId(ids.recordingId);
  return pathsOf(dir, day, callId === recordingId ? callId : `${callId}.${recordingId}`);
}

/** Where a recording is that should have been finished at this path, and was repaired instead. */
export function repairedPathOf(finished: string): string {
  return finished.replace(/\.wav$/, '.repaired.wav');
}

/** What a file in the folder of unfinished recordings is; null when it is none of ours. */
export function parsePartialName(dir: string, name: string): PartialFile | null {
  const match = PARTIAL_NAME.exec(name);
  if (match === null) return null;
  const [, year = '', month = '', date = '', callId = '', recordingId = callId] = match;
  const stem = callId === recordingId ? callId : `${callId}.${recordingId}`;
  return { callId, recordingId, paths: pathsOf(dir, `${year}-${month}-${date}`, stem) };
}

function pathsOf(dir: string, day: string, stem: string): RecordingPaths {
  const folder = join(dir, ...day.split('-'));
  const finished = join(folder, `${stem}.wav`);
  return {
    folder,
    finished,
    repaired: repairedPathOf(finished),
    partial: join(dir, UNFINISHED_FOLDER, `${day}.${stem}.partial.wav`),
  };
}

/** Ids are ours; one that could not be a file name all the same is replaced by its hash. */
function safeId(id: string): string {
  return SAFE_ID.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 32);
}
