// Starts the server in a thread of its own and gives out its control port.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { TypedEmitter } from '../lib/typed-events.js';
import type { RunningSipServer, SipServerEvents, SipServerSettings } from './control.js';
import type { ControlCalls, ControlRequest, ControlResult, WorkerMessage, WorkerSettings } from './worker-protocol.js';

const CLOSE_PATIENCE_MS = 5_000;

interface Waiting {
  resolve(value: unknown): void;
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
  const events = new TypedEmitter<SipServerEvents>((err, event) =>
    log?.error({ err, event }, 'a listener of the SIP server failed'),
  );
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
        case 'event':
          events.emit(message.event, message.what as never);
          break;
        case 'log':
          log?.[message.level](message.fields ?? {}, message.message);
          break;
      }
    });
  });

  function ask<K extends keyof ControlCalls>(call: K, ...args: Parameters<ControlCalls[K]>): Promise<ControlResult<K>> {
    if (exitCause !== null) return Promise.reject(exitCause);
    lastId++;
    const request: ControlRequest<K> = { id: lastId, call, args };
    return new Promise((resolve, reject) => {
      waiting.set(request.id, { resolve: (value) => resolve(value as ControlResult<K>), reject });
      worker.postMessage(request);
    });
  }

  return {
    adminAddress: settings.admin.address,
    adminPort: ready.adminPort,
    listeners: settings.listeners.map((listener, index) => ({
      ...listener,
      port: ready.listenerPorts[index] ?? listener.port,
    })),
    setSources: (sources) => ask('setSources', sources),
    setPeers: (peers) => ask('setPeers', peers),
    setCertificate: (listener, tls) => ask('setCertificate', listener, tls),
    peerNames: (address, port) => ask('peerNames', address, port),
    counters: () => ask('counters'),
    setDrain: (drain) => ask('setDrain', drain),
    ban: (source, seconds) => ask('ban', source, seconds),
    unban: (source) => ask('unban', source),
    bans: () => ask('bans'),
    sources: (limit) => ask('sources', limit),
    startTrace: (request) => ask('startTrace', request),
    stopTrace: (id) => ask('stopTrace', id),
    traces: () => ask('traces'),
    traceLadder: (id, options = {}) => ask('traceLadder', id, options),
    tracePcap: (id) => ask('tracePcap', id),
    setMirror: (mirror) => ask('setMirror', mirror),
    on: (event, listener) => events.on(event, listener),
    onTrying(listener) {
      tryingListeners.push(listener);
      // Nothing is posted to a thread that nobody listens to; a dead thread is onExit's story.
      if (tryingListeners.length === 1) void ask('watchTrying').catch(() => undefined);
    },
    onExit(listener) {
      if (exitCause !== null && !isClosing) listener(exitCause);
      else exitListeners.push(listener);
    },
    async close() {
      if (!isClosing) {
        isClosing = true;
        // A thread that is gone already, that cannot close or does not answer, is ended all the same.
        const patience = new AbortController();
        const tooLong = delay(CLOSE_PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
        await Promise.race([ask('close').catch(() => undefined), tooLong]);
        patience.abort();
        await worker.terminate();
      }
      await exited;
    },
  };
}
