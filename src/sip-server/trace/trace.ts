// One trace: the last messages that its filter let through, bounded in number and bytes.
import type { SipTraceRequest, SipTraceState } from '../control.js';
import type { CapturedMessage } from './captured-message.js';
import { TraceFilter } from './trace-filter.js';

const MOST_MESSAGES = 10_000;
const USUAL_MESSAGES = 1_000;
const MOST_BYTES = 16 * 1024 * 1024;

export class Trace {
  readonly id: string;
  readonly request: SipTraceRequest;
  readonly #filter: TraceFilter;
  readonly #mostMessages: number;
  readonly #untilMs: number;
  /** A ring: `#first` is the oldest. */
  readonly #ring: (CapturedMessage | undefined)[] = [];
  #first = 0;
  #size = 0;
  #bytes = 0;
  #forgotten = 0;
  #isStopped = false;

  /** @param nowMs monotonic */
  constructor(id: string, request: SipTraceRequest, nowMs: number) {
    this.id = id;
    this.request = request;
    this.#filter = new TraceFilter(request.match);
    this.#mostMessages = Math.max(1, Math.min(Math.floor(request.maxMessages ?? USUAL_MESSAGES), MOST_MESSAGES));
    this.#untilMs = request.forSeconds === undefined ? Number.POSITIVE_INFINITY : nowMs + request.forSeconds * 1_000;
  }

  /** Messages that made room for newer ones. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Whether it still takes messages; it ends by itself when its time is up. */
  isRunning(nowMs: number): boolean {
    if (nowMs >= this.#untilMs) this.#isStopped = true;
    return !this.#isStopped;
  }

  stop(): void {
    this.#isStopped = true;
  }

  matches(head: string): boolean {
    return this.#filter.matches(head);
  }

  add(message: CapturedMessage): void {
    if (this.#size === this.#mostMessages) this.#forgetOldest();
    this.#ring[(this.#first + this.#size) % this.#mostMessages] = message;
    this.#size++;
    this.#bytes += message.bytes.length;
    while (this.#bytes > MOST_BYTES && this.#size > 1) this.#forgetOldest();
  }

  /** Oldest first. */
  messages(): CapturedMessage[] {
    const messages: CapturedMessage[] = [];
    for (let at = 0; at < this.#size; at++) {
      const message = this.#ring[(this.#first + at) % this.#mostMessages];
      if (message !== undefined) messages.push(message);
    }
    return messages;
  }

  state(nowMs: number): SipTraceState {
    return {
      id: this.id,
      match: this.request.match,
      isRunning: this.isRunning(nowMs),
      messages: this.#size,
      bytes: this.#bytes,
      forgotten: this.#forgotten,
    };
  }

  #forgetOldest(): void {
    this.#bytes -= this.#ring[this.#first]?.bytes.length ?? 0;
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#mostMessages;
    this.#size--;
    this.#forgotten++;
  }
}
