// The main thread's end of the fork thread: starts it, pairs requests with replies, tells when it has ended.
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Side } from '../../call/reports.js';
import { SimtrunkError } from '../../lib/errors.js';
import type { TapConnection } from '../relay/relay-threads.js';
import type { ForkOrigin } from './fork-description.js';
import type {
  ForkCounters,
  ForkedDtmf,
  ForkInput,
  ForkOutput,
  ForkReport,
  ForkThreadSettings,
} from './fork-messages.js';

export class ForkThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (output: ForkOutput | null) => void>();
  readonly #exitListeners: ((cause: Error) => void)[] = [];
  readonly #dtmfListeners: ((dtmf: ForkedDtmf) => void)[] = [];
  #port = 0;
  #nextId = 1;
  #isClosing = false;
  #hasEnded = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /**
   * Resolves when copies can arrive.
   * @throws {SimtrunkError} LISTENER_UNAVAILABLE when the address cannot be bound.
   */
  static async start(settings: ForkThreadSettings): Promise<ForkThread> {
    const worker = new Worker(new URL('./fork-worker.js', import.meta.url), { workerData: settings, name: 'fork' });
    const thread = new ForkThread(worker);
    await new Promise<void>((resolve, reject) => {
      let failure: Error | null = null;
      worker.on('message', (output: ForkOutput) => {
        if (output.type === 'ready') {
          thread.#port = output.port;
          resolve();
        } else if (output.type === 'failed') {
          const text = `${settings.bind.address} cannot be used for copies of calls: ${output.message}. Correct media.rtpengine.fork.`;
          reject(new SimtrunkError('LISTENER_UNAVAILABLE', text));
        } else if (output.type === 'dtmf') {
          for (const listener of thread.#dtmfListeners) listener(output.dtmf);
        } else {
          thread.#settle(output.id, output);
        }
      });
      worker.on('error', (error) => {
        failure = error;
      });
      worker.on('exit', (code) => {
        const cause = failure ?? new Error(`the fork thread ended with code ${code}`);
        reject(new SimtrunkError('RELAY_UNAVAILABLE', 'The thread for copies of calls did not start.', { cause }));
        thread.#end(cause);
      });
    });
    return thread;
  }

  /** Where copies are to be sent to. */
  get port(): number {
    return this.#port;
  }

  begin(fork: number, recordingId: string, taps: readonly string[] | undefined): void {
    this.#post({ type: 'begin', fork, recordingId, taps });
  }

  /** Says where the copies of a fork come from, from now on. */
  expect(fork: number, sources: Readonly<Record<Side, ForkOrigin>>, engineAddress: string | null): void {
    this.#post({ type: 'expect', fork, sources, engineAddress });
  }

  interrupt(fork: number, side: Side): void {
    this.#post({ type: 'interrupt', fork, side });
  }

  end(fork: number): void {
    this.#post({ type: 'end', fork });
  }

  connectTap({ name, flushMs, connect }: TapConnection): void {
    if (this.#hasEnded) return;
    const { port1, port2 } = new MessageChannel();
    this.#worker.postMessage({ type: 'tap', name, flushMs, port: port1 } satisfies ForkInput, [port1]);
    connect(port2);
  }

  /** Null for a fork that is not there, or when the thread has ended. */
  async report(fork: number): Promise<ForkReport | null> {
    const output = await this.#request((id) => ({ type: 'report', id, fork }));
    return output?.type === 'report' ? output.report : null;
  }

  async counters(): Promise<ForkCounters | null> {
    const output = await this.#request((id) => ({ type: 'counters', id }));
    return output?.type === 'counters' ? output.counters : null;
  }

  /** Called with each digit that is heard in copies. */
  onDtmf(listener: (dtmf: ForkedDtmf) => void): void {
    this.#dtmfListeners.push(listener);
  }

  /** Called once if the thread ends by itself. */
  onExit(listener: (cause: Error) => void): void {
    this.#exitListeners.push(listener);
  }

  /** Idempotent. */
  async close(graceMs = 1_000): Promise<void> {
    if (this.#hasEnded) return;
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.#isClosing = true;
    this.#post({ type: 'shutdown' });
    const timer = setTimeout(() => void this.#worker.terminate(), graceMs);
    await ended;
    clearTimeout(timer);
  }

  #request(inputOf: (id: number) => ForkInput): Promise<ForkOutput | null> {
    if (this.#hasEnded) return Promise.resolve(null);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#post(inputOf(id));
    });
  }

  #post(input: ForkInput): void {
    if (!this.#hasEnded) this.#worker.postMessage(input);
  }

  #settle(id: number, output: ForkOutput | null): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(output);
  }

  #end(cause: Error): void {
    this.#hasEnded = true;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null);
    if (this.#isClosing) return;
    for (const listener of this.#exitListeners) listener(cause);
  }
}
