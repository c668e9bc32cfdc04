// The shape that all four transaction machines share: a table `state × input → next state, actions`, and a guarded runner.
import type { ServerLog } from '../server-log.js';

export interface Step<S extends string, A extends string> {
  readonly next: S;
  readonly actions: readonly A[];
}

export type MachineTable<S extends string, I extends string, A extends string> = Readonly<
  Record<S, Readonly<Partial<Record<I, Step<S, A>>>>>
>;

/** Writes one cell of a table. */
export function to<S extends string, A extends string>(next: S, ...actions: A[]): Step<S, A> {
  return { next, actions };
}

/**
 * Finds the step for an input. An input that the state does not expect is logged and changes nothing: packets arrive late,
 * twice and in any order, and none of that may be an exception.
 */
export function stepFor<S extends string, I extends string, A extends string>(
  table: MachineTable<S, I, A>,
  machine: string,
  state: S,
  input: I,
  log: ServerLog,
): Step<S, A> | undefined {
  const step = table[state][input];
  if (log.isDebugWanted) {
    if (step === undefined)
      log.write('debug', 'Unexpected input to a transaction', { machine, from: state, cause: input });
    else if (step.next !== state) {
      log.write('debug', 'Transaction changes state', { machine, from: state, to: step.next, cause: input });
    }
  }
  return step;
}
