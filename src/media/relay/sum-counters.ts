// The counters of several relay threads as those of one relay.
import type { RelayCounters } from './relay-messages.js';

/** Adds up every figure; of at least one. */
export function sumCounters(all: readonly RelayCounters[]): RelayCounters {
  const figures = all as unknown as readonly Figures[];
  return figures.reduce(added) as unknown as RelayCounters;
}

type Figures = { readonly [name: string]: number | Figures };

function added(a: Figures, b: Figures): Figures {
  const sum: Record<string, number | Figures> = {};
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [left, right] = [a[name], b[name]];
    if (typeof left === 'object' || typeof right === 'object') {
      sum[name] = added((left ?? {}) as Figures, (right ?? {}) as Figures);
    } else {
      sum[name] = (left ?? 0) + (right ?? 0);
    }
  }
  return sum;
}
