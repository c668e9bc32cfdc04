// What the main thread and the recording thread say to each other.
import type { MessagePort } from 'node:worker_threads';
import type { RecordingLossCause, RecordingRequest } from '../call/ports.js';
import type { RecordingReport } from '../call/reports.js';
import type { RepairedRecording } from './partial-files.js';
import type { RecordingPaths } from './recording-paths.js';

export interface RecorderThreadSettings {
  readonly dir: string;
  /** Less than this is a full disk. */
  readonly minFreeBytes: number;
}

/** Monotonic times are the same in every thread of the process. */
export type RecorderInput =
  | {
      readonly type: 'begin';
      readonly recordingId: string;
      readonly paths: RecordingPaths;
      readonly codecs: RecordingRequest['codecs'];
      readonly startMs: number;
    }
  | { readonly type: 'codecs'; readonly recordingId: string; readonly codecs: RecordingRequest['codecs'] }
  | { readonly type: 'finish'; readonly recordingId: string; readonly endMs: number }
  | { readonly type: 'recover' }
  | { readonly type: 'tap'; readonly port: MessagePort }
  | { readonly type: 'shutdown' };

export type RecorderOutput =
  | { readonly type: 'ready'; readonly unready: RecordingLossCause | null }
  | { readonly type: 'failed'; readonly message: string }
  /** Whether a new recording can begin: null, or why not. */
  | { readonly type: 'readiness'; readonly unready: RecordingLossCause | null; readonly message: string }
  | {
      readonly type: 'loss';
      readonly recordingId: string;
      readonly cause: RecordingLossCause;
      readonly message: string;
    }
  /** Null for a recording that the thread does not know. */
  | { readonly type: 'finished'; readonly recordingId: string; readonly report: RecordingReport | null }
  | {
      readonly type: 'recovered';
      readonly repaired: readonly RepairedRecording[];
      readonly failures: readonly { readonly path: string; readonly message: string }[];
    };
