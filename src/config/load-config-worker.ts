// Reads and checks a config in a thread of its own: thousands of channels take a second, for which calls would wait.
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { SimtrunkError } from '../lib/errors.js';
import { readConfigFile } from './load-config.js';
import type { ReadAside, ReadOrder } from './load-config-aside.js';

// On Linux that is this thread's alone: where processors are few, calls come first.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW);

const { file, options } = workerData as ReadOrder;
let read: ReadAside;
try {
  read = { ok: true, written: await readConfigFile(file, options) };
} catch (error) {
  if (!(error instanceof SimtrunkError)) throw error;
  read = { ok: false, code: error.code, message: error.message };
}
parentPort?.postMessage(read);
