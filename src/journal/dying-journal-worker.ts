// For tests: the journal's thread, which ends by itself at its nth group, before it commits it or before it says so.
// Ending it from outside would not do: a thread that is terminated inside the native driver takes the process with it.
import { parentPort, workerData } from 'node:worker_threads';
import type { FromJournalWorker, JournalWorkerData, ToJournalWorker } from './journal-protocol.js';

export interface DyingJournalWorkerData extends JournalWorkerData {
  readonly diesAtGroup: number;
  readonly dies: 'before-commit' | 'after-commit';
}

const { diesAtGroup, dies } = workerData as DyingJournalWorkerData;
let groups = 0;

function dieAtLast(isGroup: boolean): void {
  if (!isGroup) return;
  groups += 1;
  if (groups === diesAtGroup) throw new Error('journal thread ends by itself');
}

if (parentPort !== null && dies === 'before-commit') {
  const on = parentPort.on.bind(parentPort) as (event: string, listener: (message: ToJournalWorker) => void) => void;
  parentPort.on = ((event: string, listener: (message: ToJournalWorker) => void) =>
    on(event, (message) => {
      dieAtLast(message.kind === 'group');
      listener(message);
    })) as typeof parentPort.on;
} else if (parentPort !== null) {
  const post = parentPort.postMessage.bind(parentPort);
  parentPort.postMessage = (message: FromJournalWorker) => {
    dieAtLast(message.kind === 'group-done');
    post(message);
  };
}

await import('./journal-worker.js');
