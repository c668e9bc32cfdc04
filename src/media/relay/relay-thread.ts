// The main thread's end of one relay thread: starts it, pairs requests with replies, tells when it has ended.
import { type MessagePort, Worker } from 'node:worker_threads';
import type { MediaEvent } from '../../call/ports.js';
import { SimtrunkError } from '../../lib/errors.js';
import type { Precedence } from './precedence.js';
import type {
  RelayNotice,
  RelayOutput,
  RelayReply,
  RelayRequest,
  RelaySockets,
  RelayThreadSettings,
} from './relay-messages.js';

type ReplyTo<T extends RelayRequest['type']> = Extract<RelayReply, { type: T }>;

export class RelayThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (reply: RelayReply | null) => void>();
  readonly #exitListeners: ((cause: Error) => void)[] = [];
  #eventListener: (session: number, event: MediaEvent) => void = () => {};
  #nextId = 1;
  #sockets: RelaySockets = { kind: 'dgram', detail: null };
  #precedence: Precedence = 'none';
  #isClosing = false;
  #hasEnded = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /**
   * Resolves when the thread is ready to relay.
   * @throws {SimtrunkError} LISTENER_UNAVAILABLE when a network's address cannot be bound.
   */
  static async start(settings: RelayThreadSettings): Promise<RelayThread> {
    const worker = new Worker(new URL('./relay-worker.js', import.meta.url), { workerData: settings, name: 'relay' });
    const thread = new RelayThread(worker);
    await new Promise<void>((resolve, reject) => {
      let failure: Error | null = null;
      worker.on('message', (message: RelayOutput) => {
        if (message.type === 'reply') return thread.#settle(message.id, message.reply);
        if (message.type === 'event') return thread.#eventListener(message.session, message.event);
        if (message.type === 'ready') {
          thread.#sockets = message.sockets;
          thread.#precedence = message.precedence;
          return resolve();
        }
        const text = `Network ${message.network}: its bind address cannot be used for media: ${message.message}. Correct it in networks.`;
        return reject(new SimtrunkError('LISTENER_UNAVAILABLE', text));
      });
      worker.on('error', (error) => {
        failure = error;
      });
      worker.on('exit', (code) => {
        const cause = failure ?? new Error(`the relay thread ended with code ${code}`);
        reject(new SimtrunkError('RELAY_UNAVAILABLE', 'The media relay did not start.', { cause }));
        thread.#end(cause);
      });
    });
    return thread;
  }

  get sockets(): RelaySockets {
    return this.#sockets;
  }

  get precedence(): Precedence {
    return this.#precedence;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Null when the thread ended before it replied. */
  async request<T extends RelayRequest['type']>(
    request: Extract<RelayRequest, { type: T }>,
  ): Promise<ReplyTo<T> | null> {
    if (this.#hasEnded) return null;
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, (reply) => resolve(reply as ReplyTo<T> | null));
      this.#worker.postMessage({ ...request, id });
    });
  }

  notify(notice: RelayNotice, transferred: readonly MessagePort[] = []): void {
    if (!this.#hasEnded) this.#worker.postMessage(notice, transferred);
  }

  onEvent(listener: (session: number, event: MediaEvent) => void): void {
    this.#eventListener = listener;
  }

  /** Called once if the thread ends by itself. */
  onExit(listener: (cause: Error) => void): void {
    this.#exitListeners.push(listener);
  }

  /** Idempotent. */
  async close(graceMs = 1_000): Promise<void> {
    if (this.#hasEnded) return;
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    if (!this.#isClosing) {
      this.#isClosing = true;
      void this.request({ type: 'shutdown' });
    }
    const timer = setTimeout(() => void this.#worker.terminate(), graceMs);
    await ended;
    clearTimeout(timer);
  }

  #settle(id: number, reply: RelayReply | null): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(reply);
  }

  #end(cause: Error): void {
    this.#hasEnded = true;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null);
    if (this.#isClosing) return;
    for (const listener of this.#exitListeners) listener(cause);
  }
}
