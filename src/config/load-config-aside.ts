// As `loadConfig`, but the reading and checking is done in another thread: for a service that has calls.
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, SimtrunkError } from '../lib/errors.js';
import { type Config, resolveConfig } from './config.js';
import type { LoadConfigOptions } from './load-config.js';
import type { ConfigFile } from './schema.js';

export interface ReadOrder {
  readonly file: string;
  readonly options: LoadConfigOptions;
}

export type ReadAside =
  | { readonly ok: true; readonly written: ConfigFile }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** @throws SimtrunkError as `loadConfig` */
export async function loadConfigAside(file: string, options: LoadConfigOptions): Promise<Config> {
  const order: ReadOrder = { file, options: { ...options, env: { ...options.env } } };
  const worker = new Worker(new URL('./load-config-worker.js', import.meta.url), { workerData: order });
  const ended = once(worker, 'exit').then(() => Promise.reject(new Error('the thread that reads the config ended')));
  const [read] = (await Promise.race([once(worker, 'message'), ended])) as [ReadAside];
  // It ends by itself now.
  ended.catch(() => undefined);
  if (!read.ok) throw new SimtrunkError(read.code, read.message);
  return resolveConfig(read.written, resolve(file), options.env, options.dataDir);
}
