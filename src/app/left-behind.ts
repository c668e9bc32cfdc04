// What an earlier process left in the journal and on the disk, put together for recovery.
import type { CallRecord } from '../call/call-record.js';
import type { LeftBehind } from '../call/recovery.js';
import type { RecordingReport } from '../call/reports.js';
import type { Outbox } from '../cdr/outbox.js';
import type { RunningRecorder } from '../recording/recorder.js';

export async function readLeftBehind(
  outbox: Outbox,
  recordings: Pick<RunningRecorder, 'recover' | 'find'> | null,
): Promise<LeftBehind> {
  const live = await outbox.leftLive();
  const open = await outbox.leftOpen();
  const reports = new Map<string, RecordingReport>();
  for (const { recordingId, path, sha256, bytes, durationMs } of (await recordings?.recover()) ?? []) {
    const unknown = { packets: null, reanchored: null, lostPackets: null };
    reports.set(recordingId, { state: 'partial', path, sha256, bytes, durationMs, ...unknown });
  }
  // A recording may have been finished, or repaired by a start that was killed too, without the journal knowing.
  for (const { recording } of [...open, ...live.map((call): CallRecord => call.record)]) {
    if (recording === null || recording.report !== null || reports.has(recording.recordingId)) continue;
    const found = await recordings?.find(recording.path);
    if (found) reports.set(recording.recordingId, found);
  }
  return { live, open, recordings: reports };
}
