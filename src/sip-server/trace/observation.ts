// What operators see of the messages: traces as text and pcap, and the mirror. The control port's part of it.
import type { Clock } from '../../lib/clock.js';
import type {
  SipLadderOptions,
  SipMirrorSettings,
  SipTraceRefusal,
  SipTraceRequest,
  SipTraceState,
} from '../control.js';
import type { ReportEvent } from '../defence/defence.js';
import { HepMirror } from './hep-mirror.js';
import { writeLadder } from './ladder.js';
import { MessageTap } from './message-tap.js';
import { writePcap } from './pcap.js';

export class Observation {
  readonly tap: MessageTap;
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  #mirror: HepMirror | null = null;
  /** What earlier mirrors counted. */
  #mirrored = 0;
  #mirrorDropped = 0;

  constructor(clock: Clock, report: ReportEvent) {
    this.tap = new MessageTap(clock);
    this.#clock = clock;
    this.#report = report;
  }

  startTrace(request: SipTraceRequest): { readonly ok: true; readonly id: string } | SipTraceRefusal {
    return this.tap.start(request);
  }

  stopTrace(id: string): boolean {
    return this.tap.stop(id);
  }

  traces(): SipTraceState[] {
    return this.tap.states();
  }

  traceLadder(id: string, options: SipLadderOptions): string | null {
    const trace = this.tap.find(id);
    if (trace === undefined) return null;
    const { maskSecrets = true, withMessages = true } = options;
    return writeLadder(trace.messages(), trace.forgotten, { maskSecrets, withMessages });
  }

  tracePcap(id: string): Uint8Array | null {
    const trace = this.tap.find(id);
    return trace === undefined ? null : writePcap(trace.messages());
  }

  setMirror(settings: SipMirrorSettings | null): void {
    this.close();
    this.#mirror = settings === null ? null : new HepMirror(settings, this.#clock, this.#report);
    this.tap.setMirror(this.#mirror);
  }

  counts(): { mirrored: number; mirrorDropped: number } {
    return {
      mirrored: this.#mirrored + (this.#mirror?.sent ?? 0),
      mirrorDropped: this.#mirrorDropped + (this.#mirror?.dropped ?? 0),
    };
  }

  /** Ends the mirror. */
  close(): void {
    const { mirrored, mirrorDropped } = this.counts();
    this.#mirrored = mirrored;
    this.#mirrorDropped = mirrorDropped;
    this.#mirror?.close();
    this.#mirror = null;
    this.tap.setMirror(null);
  }
}
