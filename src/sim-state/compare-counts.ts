// A gateway's count of a channel's calls against the ledger's, over the same span: what is the same, what differs, and what cannot be
// compared.
import type { GatewayCount } from './read-counts.js';

/** Answered calls of a channel, and how long they lasted. */
export interface CallCount {
  readonly calls: number;
  readonly seconds: number;
}

export interface CountTolerance {
  readonly callsMayDiffer: number;
  /** Both sides measure, and round, each call for themselves. */
  readonly secondsMayDifferPerCall: number;
}

export interface CountDifference {
  /** Of the gateway over the span; null: it does not say. */
  readonly gatewayCalls: number | null;
  readonly gatewaySeconds: number | null;
  readonly ledgerCalls: number;
  readonly ledgerSeconds: number;
  /** `reset`: its totals are less than they were, and say nothing. */
  readonly outcome: 'same' | 'differs' | 'reset';
}

/** What a total has grown by; null when it does not say, NaN when it has shrunk. */
function grown(before: number | null, now: number | null): number | null {
  if (before === null || now === null) return null;
  return now < before ? Number.NaN : now - before;
}

/** `before` is what the totals were at the start of the span; zeros where calls were counted one by one. */
export function compareCounts(
  before: GatewayCount,
  now: GatewayCount,
  ledger: CallCount,
  tolerance: CountTolerance,
): CountDifference {
  const calls = grown(before.calls, now.calls);
  const seconds = grown(before.seconds, now.seconds);
  const isReset = Number.isNaN(calls) || Number.isNaN(seconds);
  const most = Math.max(calls ?? 0, ledger.calls);
  const differs =
    (calls !== null && Math.abs(calls - ledger.calls) > tolerance.callsMayDiffer) ||
    (seconds !== null && Math.abs(seconds - ledger.seconds) > tolerance.secondsMayDifferPerCall * most);
  return {
    gatewayCalls: isReset ? null : calls,
    gatewaySeconds: isReset ? null : seconds,
    ledgerCalls: ledger.calls,
    ledgerSeconds: Math.round(ledger.seconds),
    outcome: isReset ? 'reset' : differs ? 'differs' : 'same',
  };
}
