// Taking the service out of use without cutting a call: new calls get 503 and OPTIONS too, emergency calls are taken all the
// same, and it is over when the last call is, or at a deadline, when the rest gets BYE. Nothing ends an emergency call.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';

export interface DrainedCalls {
  readonly size: number;
  calls(): readonly { readonly state: { readonly emergency: boolean }; end(reason: 'draining'): void }[];
  /** From now on, new calls are refused, or taken again. */
  refuse(reason: 'draining' | null): void;
  /** Resolves when no call is live. */
  whenIdle(): Promise<void>;
}

export interface DrainRequest {
  /** Null: as long as the calls last. */
  readonly deadlineSeconds: number | null;
  /** The service ends when it is over. */
  readonly stops: boolean;
}

export interface DrainWays {
  /** Told when it begins, and when it is taken back. */
  onChange(isDraining: boolean): void;
  /** New calls are taken for so long still: whoever gives them to several nodes hears of it a little later. */
  readonly graceMs: number;
}

export interface DrainState {
  /** `draining`: calls are live; `drained`: none is left. */
  readonly state: 'draining' | 'drained';
  readonly liveCalls: number;
  readonly sinceMs: number;
  /** Null: none. */
  readonly deadlineAtMs: number | null;
  readonly stops: boolean;
}

interface Current {
  readonly sinceMs: number;
  deadlineAtMs: number | null;
  stops: boolean;
  isOver: boolean;
}

export class Drain {
  readonly #calls: DrainedCalls;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #ways: DrainWays;
  #current: Current | null = null;
  #timer: ClockTimer | undefined;
  /** While it lasts, new calls are taken. */
  #grace: ClockTimer | undefined;
  #stop: () => void = () => {};
  /** Resolves when a drain that is to end the service is over. */
  readonly stopWanted: Promise<void>;

  constructor(calls: DrainedCalls, clock: Clock, log: Logger, ways: DrainWays) {
    this.#calls = calls;
    this.#clock = clock;
    this.#log = log;
    this.#ways = ways;
    this.stopWanted = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  /** Null while the service takes calls. */
  get state(): DrainState | null {
    if (this.#current === null) return null;
    const { sinceMs, deadlineAtMs, stops, isOver } = this.#current;
    const liveCalls = this.#calls.size;
    // An emergency call may still come when it was over.
    const state = isOver && liveCalls === 0 ? 'drained' : 'draining';
    return { state, liveCalls, sinceMs, deadlineAtMs, stops };
  }

  /** Begins it; of one that is under way, the deadline and what follows are those of the last request. */
  begin({ deadlineSeconds, stops }: DrainRequest): DrainState {
    const nowMs = this.#clock.wallMs();
    const isNew = this.#current === null;
    this.#current ??= { sinceMs: nowMs, deadlineAtMs: null, stops, isOver: false };
    const current = this.#current;
    current.stops = stops;
    current.deadlineAtMs = deadlineSeconds === null ? null : nowMs + deadlineSeconds * 1_000;
    this.#timer?.cancel();
    this.#timer =
      deadlineSeconds === null ? undefined : this.#clock.after(deadlineSeconds * 1_000, () => this.#endRest());
    if (isNew) {
      const { graceMs } = this.#ways;
      if (graceMs === 0) this.#refuse(current);
      else {
        this.#grace = this.#clock.after(graceMs, () => this.#endGrace());
        const { deadlineAtMs } = current;
        this.#log.warn({ graceMs, deadlineAtMs }, 'draining: new calls are taken for a moment still');
      }
      this.#ways.onChange(true);
    }
    if (this.#grace === undefined) this.#awaitLast(current);
    return this.state as DrainState;
  }

  /** Takes new calls again; false when it was not draining. */
  resume(): boolean {
    if (this.#current === null) return false;
    this.close();
    this.#current = null;
    this.#calls.refuse(null);
    this.#ways.onChange(false);
    this.#log.warn({}, 'no longer draining: new calls are taken');
    return true;
  }

  close(): void {
    this.#timer?.cancel();
    this.#grace?.cancel();
    this.#grace = undefined;
  }

  #endGrace(): void {
    this.#grace?.cancel();
    this.#grace = undefined;
    if (this.#current === null) return;
    this.#refuse(this.#current);
    this.#awaitLast(this.#current);
  }

  #refuse({ deadlineAtMs }: Current): void {
    this.#calls.refuse('draining');
    this.#log.warn({ liveCalls: this.#calls.size, deadlineAtMs }, 'draining: new calls are refused');
  }

  #awaitLast(current: Current): void {
    void this.#calls.whenIdle().then(() => this.#over(current));
  }

  #endRest(): void {
    if (this.#grace !== undefined) this.#endGrace();
    const rest = this.#calls.calls().filter(({ state }) => !state.emergency);
    this.#log.warn(
      { ended: rest.length, liveCalls: this.#calls.size },
      'draining: the deadline has passed, calls are ended',
    );
    for (const call of rest) call.end('draining');
  }

  #over(drained: Current): void {
    // Taken back, or said twice.
    if (this.#current !== drained) return;
    if (!drained.isOver) this.#log.warn({}, 'drained: no call is live');
    drained.isOver = true;
    this.#timer?.cancel();
    if (drained.stops) this.#stop();
  }
}
