// Starts the server in a thread of its own and gives out its control port.
import { Worker } from 'node:worker_threads';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import type { RunningSipServer, SipServerCounters, SipServerSettings } from './control.js';
import type { ControlRequest, WorkerMessage, WorkerSettings } from './worker-protocol.js';

type Unnumbered<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;

interface Waiting {
  resolve(value: SipServerCounters | null): void;
  reject(cause: Error): void;
}

/**
 * Starts the embedded SIP server. Resolves when every port is bound.
 * @throws SimtrunkError LISTENER_UNAVAILABLE, naming the address; nothing stays bound then
 */
export async function startSipServer(settings: SipServerSettings, log?: Logger): Promise<RunningSipServer> {
  const workerData: WorkerSettings = { server: settings, isDebugWanted: log?.isLevelEnabled('debug') ?? false };
  const worker = new Worker(new URL('./sip-server-worker.js', import.meta.url), { workerData });
  const waiting = new Map<number, Waiting>();
  const exitListeners: ((cause: Error) => void)[] = [];
  const tryingListeners: ((callId: string) => void)[] = [];
  let lastId = 0;
  let isClosing = false;
  let exitCause: Error | null = null;

  const exited = new Promise<void>((resolve) => {
    const onEnd = (cause: Error): void => {
      if (exitCause !== null) return;
      exitCause = cause;
      for (const { reject } of waiting.values()) reject(cause);
      waiting.clear();
      if (!isClosing) for (const listener of exitListeners.splice(0)) listener(cause);
    };
    worker.on('error', onEnd);
    worker.on('exit', (code) => {
      onEnd(new Error(`The SIP server's thread ended with code ${code}`));
      resolve();
    });
  });

  let unavailable: SimtrunkError | null = null;
  const ready = await new Promise<Extract<WorkerMessage, { kind: 'ready' }>>((resolve, reject) => {
    worker.once('error', reject);
    // A thread that could not bind says so first; when it has ended, nothing of it is bound any more.
    worker.once('exit', () => reject(unavailable ?? new Error("The SIP server's thread ended while starting")));
    worker.on('message', (message: WorkerMessage) => {
      switch (message.kind) {
        case 'ready':
          resolve(message);
          break;
        case 'unavailable': {
          const text = `Cannot listen on ${message.address}: ${message.reason}. Free the port or change the config.`;
          unavailable = new SimtrunkError('LISTENER_UNAVAILABLE', text);
          break;
        }
        case 'answer':
          waiting.get(message.id)?.resolve(message.value);
          waiting.delete(message.id);
          break;
        case 'refused':
          waiting.get(message.id)?.reject(new RangeError(message.reason));
          waiting.delete(message.id);
          break;
        case 'trying':
          for (const listener of tryingListeners) listener(message.callId);
          break;
        case 'log':
          log?.[message.level](message.fields ?? {}, message.message);
          break;
      }
    });
  });

  function ask(request: Unnumbered<ControlRequest>): Promise<SipServerCounters | null> {
    if (exitCause !== null) return Promise.reject(exitCause);
    lastId++;
    const id = lastId;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...request, id });
    });
  }

  return {
    adminAddress: settings.admin.address,
    adminPort: ready.adminPort,
    listeners: ready.listeners,
    async setSources(sources) {
      await ask({ kind: 'set-sources', sources });
    },
    async counters() {
      const counters = await ask({ kind: 'counters' });
      if (counters === null) throw new Error('The SIP server gave no counters');
      return counters;
    },
    onTrying(listener) {
      tryingListeners.push(listener);
      // Nothing is posted to a thread that nobody listens to; a dead thread is onExit's story.
      if (tryingListeners.length === 1) void ask({ kind: 'watch-trying' }).catch(() => undefined);
    },
    onExit(listener) {
      if (exitCause !== null && !isClosing) listener(exitCause);
      else exitListeners.push(listener);
    },
    async close() {
      if (!isClosing) {
        isClosing = true;
        // A thread that is gone already, or that cannot close, is ended all the same.
        await ask({ kind: 'close' }).catch(() => undefined);
        await worker.terminate();
      }
      await exited;
    },
  };
}
