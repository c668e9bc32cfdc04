// The caller of a probe call, who is nobody: it waits for the sign that its channel is sound again, and then gives up or hangs up
// before it costs more than it must. To the call it is a leg as any other, so that it is charged, recorded and written down as
// any other.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { CallerLeg, CallerLegListener, ReofferAnswer } from './ports.js';
import type { DialogMessage, MessageAnswered } from './ports-dialog.js';

/**
 * What shows that a channel is sound: `alerting`: a 18x, or an answer. `alerting-first`: a 18x before any answer. `talk`: an
 * answer that lasts so long.
 */
export type ProbeSign =
  | { readonly kind: 'alerting' }
  | { readonly kind: 'alerting-first' }
  | { readonly kind: 'talk'; readonly lastingMs: number };

/** `unsound` also when the call could not be placed. */
export type ProbeOutcome = 'sound' | 'unsound';

export class ProbeLeg implements CallerLeg {
  readonly identity = null;
  readonly #sign: ProbeSign;
  readonly #clock: Clock;
  readonly #onOutcome: (outcome: ProbeOutcome) => void;
  #listener: CallerLegListener | undefined;
  #timer: ClockTimer | undefined;
  #isAnswered = false;
  #isOver = false;

  /** Tells once what became of it. */
  constructor(sign: ProbeSign, clock: Clock, onOutcome: (outcome: ProbeOutcome) => void) {
    this.#sign = sign;
    this.#clock = clock;
    this.#onOutcome = onOutcome;
  }

  listen(listener: CallerLegListener): void {
    this.#listener = listener;
  }

  ring(): void {
    if (this.#sign.kind !== 'talk') this.#leave('sound');
  }

  progress(): void {
    this.ring();
  }

  connect(): void {
    this.#later((listener) => {
      this.#isAnswered = true;
      listener.connected();
      listener.acknowledged(null);
      if (this.#isOver) listener.hungUp('bye');
      else if (this.#sign.kind === 'talk') {
        this.#timer = this.#clock.after(this.#sign.lastingMs, () => this.#leave('sound'));
      } else this.#leave(this.#sign.kind === 'alerting' ? 'sound' : 'unsound');
    });
  }

  refuse(): void {
    this.#decide('unsound');
  }

  hangUp(): void {
    this.#decide('unsound');
    this.#later((listener) => listener.cleared?.());
  }

  reoffer(_sdp: string, answered: (answer: ReofferAnswer) => void): void {
    answered({ status: 488, sdp: null });
  }

  send(_message: DialogMessage, answered: MessageAnswered): void {
    answered(405);
  }

  #leave(outcome: ProbeOutcome): void {
    if (this.#isOver) return;
    this.#decide(outcome);
    this.#later((listener) => {
      if (this.#isAnswered) listener.hungUp('bye');
      else listener.cancelled();
    });
  }

  #decide(outcome: ProbeOutcome): void {
    this.#timer?.cancel();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOutcome(outcome);
  }

  /** A call is not told anything while it tells. */
  #later(tell: (listener: CallerLegListener) => void): void {
    queueMicrotask(() => {
      if (this.#listener !== undefined) tell(this.#listener);
    });
  }
}
