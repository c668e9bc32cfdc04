// Entry of the thread that reads one list: a list of millions takes seconds, which no call should wait for.
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { readListText } from './list-text.js';

export interface ListTask {
  readonly file: string;
  readonly country: string;
}

const { file, country } = workerData as ListTask;
const numbers = readListText(readFileSync(file), country);
parentPort?.postMessage(numbers, [numbers.keys.buffer]);
