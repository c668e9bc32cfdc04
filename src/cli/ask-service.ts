// Commands that ask the running service: where its control socket is, and what a refusal means to the shell.
import { join, resolve } from 'node:path';
import { askService, thisCaller } from '../control/control-client.js';
import { CONTROL_SOCKET_NAME } from '../control/control-protocol.js';
import { SimtrunkError } from '../lib/errors.js';
import { CONFIG_OPTIONS, loadConfigArgument } from './config-argument.js';

/** Options of `parseArgs` that every command takes which asks the service. */
export const SERVICE_OPTIONS = { ...CONFIG_OPTIONS, json: { type: 'boolean', default: false } } as const;

export interface ServiceAddress {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
}

const TIMEOUT_MS = 30_000;

/** `--data` alone says where a service is; else its config does. */
export async function controlSocketOf(address: ServiceAddress): Promise<string> {
  const dataDir = address.data === undefined ? (await loadConfigArgument(address)).dataDir : resolve(address.data);
  return join(dataDir, CONTROL_SOCKET_NAME);
}

/**
 * Asks the service and returns its result, which is of the type that its command gives.
 * @throws SimtrunkError SERVICE_NOT_RUNNING, CONTROL_FAILED, or USAGE or CONTROL_REFUSED with the service's words
 */
export async function ask<T>(
  address: ServiceAddress,
  command: string,
  given: Readonly<Record<string, unknown>> = {},
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  const socket = await controlSocketOf(address);
  const request = { id: 1, command, arguments: { ...given }, by: thisCaller() };
  const answer = await askService(socket, request, timeoutMs);
  if (!answer.ok) {
    const code = answer.code === 'bad-arguments' ? 'USAGE' : 'CONTROL_REFUSED';
    throw new SimtrunkError(code, answer.message);
  }
  return answer.result as T;
}

/** As {@link ask}, but null when no service runs: the command has another way. */
export async function askIfRunning<T>(
  address: ServiceAddress,
  command: string,
  given: Readonly<Record<string, unknown>> = {},
  timeoutMs = TIMEOUT_MS,
): Promise<{ readonly result: T } | null> {
  try {
    return { result: await ask<T>(address, command, given, timeoutMs) };
  } catch (error) {
    if (error instanceof SimtrunkError && error.code === 'SERVICE_NOT_RUNNING') return null;
    throw error;
  }
}
