// Where messages are seen as they pass the transport: by the traces that run, and by the mirror. While there is neither,
// a message costs the look at one boolean.
import type { Clock } from '../../lib/clock.js';
import type { SipTraceRefusal, SipTraceRequest, SipTraceState } from '../control.js';
import type { Flow } from '../transport/flow.js';
import { type CapturedMessage, capture, headOf } from './captured-message.js';
import { Trace } from './trace.js';

/** Traces that are kept, running and stopped. */
const MOST_TRACES = 8;
/** The wall clock has been set when it moves so far against the monotonic one. */
const CLOCK_SET_MS = 50;

export interface MessageMirror {
  send(message: CapturedMessage): void;
}

export class MessageTap {
  /** Asked before {@link see} is called. */
  isOn = false;
  readonly #clock: Clock;
  #traces: Trace[] = [];
  #lastId = 0;
  #mirror: MessageMirror | null = null;
  #wallOffsetMs = Number.NaN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets or takes away who gets a copy of everything. */
  setMirror(mirror: MessageMirror | null): void {
    this.#mirror = mirror;
    this.#switch();
  }

  start(request: SipTraceRequest): { readonly ok: true; readonly id: string } | SipTraceRefusal {
    const nowMs = this.#clock.monotonicMs();
    if (this.#traces.length >= MOST_TRACES) {
      const ended = this.#traces.find((trace) => !trace.isRunning(nowMs));
      if (ended === undefined) return { ok: false, reason: 'too-many-traces' };
      this.#traces = this.#traces.filter((trace) => trace !== ended);
    }
    this.#lastId++;
    const id = String(this.#lastId);
    this.#traces.push(new Trace(id, request, nowMs));
    this.#switch();
    return { ok: true, id };
  }

  /** Takes no more messages into a trace; what it has stays readable. False when there is no such trace. */
  stop(id: string): boolean {
    const trace = this.find(id);
    trace?.stop();
    this.#switch();
    return trace !== undefined;
  }

  find(id: string): Trace | undefined {
    return this.#traces.find((trace) => trace.id === id);
  }

  states(): SipTraceState[] {
    const nowMs = this.#clock.monotonicMs();
    return this.#traces.map((trace) => trace.state(nowMs));
  }

  see(isReceived: boolean, bytes: Buffer, flow: Flow): void {
    const nowMs = this.#clock.monotonicMs();
    let message: CapturedMessage | null = null;
    if (this.#mirror !== null) {
      message = capture(isReceived, bytes, flow, this.#wallMs(nowMs));
      this.#mirror.send(message);
    }
    let head: string | null = null;
    let hasEnded = false;
    for (const trace of this.#traces) {
      if (!trace.isRunning(nowMs)) {
        hasEnded = true;
        continue;
      }
      head ??= headOf(bytes);
      if (!trace.matches(head)) continue;
      message ??= capture(isReceived, bytes, flow, this.#wallMs(nowMs));
      trace.add(message);
    }
    if (hasEnded) this.#switch();
  }

  #switch(): void {
    const nowMs = this.#clock.monotonicMs();
    this.isOn = this.#mirror !== null || this.#traces.some((trace) => trace.isRunning(nowMs));
  }

  /** The wall clock at the resolution of the monotonic one: messages of one millisecond keep their order. */
  #wallMs(monotonicMs: number): number {
    const offsetMs = this.#clock.wallMs() - monotonicMs;
    if (!(Math.abs(offsetMs - this.#wallOffsetMs) < CLOCK_SET_MS)) this.#wallOffsetMs = offsetMs;
    return monotonicMs + this.#wallOffsetMs;
  }
}
