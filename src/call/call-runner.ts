// The guarded runner of one call's machine: one input at a time, its effects carried out before the next; an input that means
// nothing in its phase is a logged no-op. It alone changes the call's state.
import type { Logger } from '../lib/logger.js';
import type { Charge } from '../quota/ledger.js';
import type { CallEffect, CallInput, Instant } from './call-events.js';
import { stepCall } from './call-machine.js';
import { type CallRecord, chargedFurther, chargedWith } from './call-record.js';
import type { Attempt, CallState } from './call-state.js';

export interface RunnerHolder {
  now(): Instant;
  /** After an expected input, before its effects. */
  onStepped(before: CallState, after: CallState): void;
  carryOut(effects: readonly CallEffect[]): void;
}

export class CallRunner {
  readonly #holder: RunnerHolder;
  readonly #log: Logger;
  #state: CallState;
  /** Inputs that came while effects of an earlier one are carried out. */
  readonly #inputs: CallInput[] = [];
  #isStepping = false;

  constructor(state: CallState, log: Logger, holder: RunnerHolder) {
    this.#state = state;
    this.#log = log;
    this.#holder = holder;
  }

  get state(): CallState {
    return this.#state;
  }

  attempt(attemptId: string): Attempt | undefined {
    return this.#state.attempts.find((attempt) => attempt.channel.attemptId === attemptId);
  }

  /** What the effects of an input cause at once comes after them. */
  feed(input: CallInput): void {
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    } finally {
      this.#isStepping = false;
    }
  }

  /** Facts that decide nothing: they go into the record alone. */
  amend(change: Partial<CallRecord>): void {
    this.#state = { ...this.#state, record: { ...this.#state.record, ...change } };
  }

  /** What an attempt is charged by its own reservation, or further answers of its INVITE by ids of theirs. */
  noteCharge(attemptId: string, charge: Charge): void {
    const charged = charge.reservationId === attemptId ? chargedWith : chargedFurther;
    const attempts = this.#state.attempts.map((attempt) =>
      attempt.channel.attemptId === attemptId
        ? { ...attempt, record: { ...attempt.record, ...charged(attempt.record, charge) } }
        : attempt,
    );
    this.#state = { ...this.#state, attempts };
  }

  #step(input: CallInput): void {
    const before = this.#state;
    const step = stepCall(before, input, this.#holder.now());
    if (!step.expected) {
      this.#log.debug({ phase: before.phase, input: input.type }, 'input means nothing in this phase');
      return;
    }
    this.#state = step.state;
    if (step.state.phase !== before.phase) {
      this.#log.debug({ from: before.phase, to: step.state.phase, cause: input.type }, 'call moved');
    }
    this.#holder.onStepped(before, step.state);
    this.#holder.carryOut(step.effects);
  }
}
