// Entry of the recording thread.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { monotonicNowMs } from '../lib/clock.js';
import { shiftNiceness } from '../lib/thread-priority.js';
import type { TapMessage } from '../rtp/tap-batch.js';
import { RecorderCore, type TapPort } from './recorder-core.js';
import type { RecorderInput, RecorderOutput, RecorderThreadSettings } from './recorder-messages.js';
import { diskFiles } from './recording-files.js';

/** Packets have what is settled before them written; this does it for calls that have none. */
const TICK_MS = 250;
const DISK_CHECK_MS = 1_000;
/** What is recorded waits in its queue; what is relayed is late. On a full machine this thread lets the relay go first. */
const NICENESS_SHIFT = 3;

if (parentPort === null) throw new Error('recorder-worker.js runs as a worker thread only');
const control = parentPort;
shiftNiceness(NICENESS_SHIFT);
const settings = workerData as RecorderThreadSettings;

function post(message: RecorderOutput): void {
  control.postMessage(message);
}

const core = new RecorderCore(settings, diskFiles, monotonicNowMs, {
  readiness: (unready, message) => post({ type: 'readiness', unready, message }),
  loss: (recordingId, cause, message) => post({ type: 'loss', recordingId, cause, message }),
});

function connectTap(port: MessagePort): void {
  const tap: TapPort = {
    postMessage: (message, transferred) => port.postMessage(message, transferred),
    drain: () => {
      const messages: TapMessage[] = [];
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        messages.push(next.message as TapMessage);
      }
      if (messages.some((message) => message.type === 'fork')) drainControl();
      return messages;
    },
  };
  core.connectTap(tap);
  port.on('message', (message: TapMessage) => {
    if (message.type === 'fork') drainControl();
    core.handle(tap, message);
  });
  port.on('close', () => core.disconnectTap(tap));
}

/** The main thread begins a recording before it has it forked, but on another port: that port goes first. */
function drainControl(): void {
  for (let next = receiveMessageOnPort(control); next !== undefined; next = receiveMessageOnPort(control)) {
    handle(next.message as RecorderInput);
  }
}

function handle(input: RecorderInput): void {
  switch (input.type) {
    case 'begin':
      core.begin(input);
      return;
    case 'codecs':
      core.setCodecs(input.recordingId, input.codecs);
      return;
    case 'finish':
      // Not from within the draining of a tap: its messages stay in order.
      setImmediate(() => void finish(input.recordingId, input.endMs));
      return;
    case 'recover':
      void recover();
      return;
    case 'tap':
      connectTap(input.port);
      return;
    case 'shutdown':
      process.exit(0);
  }
}

async function finish(recordingId: string, endMs: number): Promise<void> {
  const report = await core.finish(recordingId, endMs);
  post({ type: 'finished', recordingId, report });
}

async function recover(): Promise<void> {
  const failures: { path: string; message: string }[] = [];
  const repaired = await core
    .recover((path, error) => failures.push({ path, message: String(error) }))
    .catch((error: unknown) => {
      failures.push({ path: settings.dir, message: String(error) });
      return [];
    });
  post({ type: 'recovered', repaired, failures });
}

try {
  core.prepare();
  control.on('message', handle);
  setInterval(() => core.tick(), TICK_MS);
  setInterval(() => core.checkDisk(), DISK_CHECK_MS);
  post({ type: 'ready', unready: core.unready });
} catch (error) {
  post({ type: 'failed', message: String(error) });
}
