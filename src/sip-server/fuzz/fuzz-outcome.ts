// What a run of the fuzzer came to.
import fc from 'fast-check';

export interface FuzzFailure {
  readonly property: string;
  /** Of the round that failed: it fails again when a run begins with it. */
  readonly seed: number;
  /** What went wrong, and the shrunk counterexample. */
  readonly report: string;
}

export interface FuzzOutcome {
  readonly rounds: number;
  /** Messages, streams or batches that were tried. */
  readonly runs: number;
  /** Null when nothing was found. */
  readonly failure: FuzzFailure | null;
}

/** Rounds of a run have seeds of their own, in a row. */
export function seedOfRound(seed: number, round: number): number {
  return (seed + round) | 0;
}

/** Null when the property held. */
export function failureOf<T>(property: string, seed: number, details: fc.RunDetails<T>): FuzzFailure | null {
  if (!details.failed) return null;
  const { errorInstance } = details;
  const cause = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : 'no error';
  return { property, seed, report: `${cause}\n${fc.defaultReportMessage(details) ?? 'no report'}` };
}
