// Waits until something listens at the drachtio server's admin port. drachtio-srf would try for ever, and its socket to a
// host that swallows packets could not be ended: a start that fails must leave nothing.
import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 200;

/** Resolves to null once connected, else to the last attempt's error code when the time is over. */
export async function reachServer(host: string, port: number, timeoutMs: number): Promise<string | null> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const failure = await tryOnce(host, port, Math.max(1, endMs - performance.now()));
    if (failure === null || performance.now() + PAUSE_MS >= endMs) return failure;
    await delay(PAUSE_MS);
  }
}

function tryOnce(host: string, port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const settle = (failure: string | null): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.setTimeout(timeoutMs, () => settle('ETIMEDOUT'));
    socket.once('connect', () => settle(null));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
  });
}
