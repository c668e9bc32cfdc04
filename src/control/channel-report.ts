// What `simtrunk channels` says of a channel: its SIM, what it does, what its gateway tells of it, and why it is suspended.
import type { ChannelState } from '../quota/ledger-view.js';

/** What a gateway tells of a SIM; each null when it does not. */
export interface SimStatusReport {
  readonly present: boolean | null;
  readonly registered: boolean | null;
  readonly signal: number | null;
  readonly balance: string | null;
  readonly inCall: boolean | null;
}

export interface SuspensionReport {
  /** The streak that it was suspended for. */
  readonly streak: string;
  /** Attempts in a row. */
  readonly count: number;
  readonly sinceMs: number;
}

export interface ChannelReport {
  readonly channelId: string;
  readonly simId: string;
  readonly simNumber: string;
  readonly state: ChannelState | 'disabled';
  /** Null while nothing is known. */
  readonly status: SimStatusReport | null;
  /** Since the status was told; null without one. */
  readonly statusAgeSeconds: number | null;
  /** What in it stands against calls; null for nothing. */
  readonly trouble: string | null;
  readonly suspension: SuspensionReport | null;
}

/** A gateway that is asked for the state of its SIMs. */
export interface PollReport {
  readonly gateway: string;
  readonly polls: number;
  readonly failures: number;
  /** Why the last one failed; null when it did not. */
  readonly trouble: string | null;
}

/** A gateway's count of a channel's calls against the ledger's. */
export interface ComparisonReport {
  readonly channelId: string;
  readonly sinceWallMs: number;
  readonly untilWallMs: number;
  /** Null: the gateway does not say, or has begun to count anew (`reset`). */
  readonly gatewayCalls: number | null;
  readonly gatewaySeconds: number | null;
  readonly ledgerCalls: number;
  readonly ledgerSeconds: number;
  readonly outcome: 'same' | 'differs' | 'reset';
}

export interface ChannelPort {
  /** Of the last days, newest first. */
  comparisons(days: number): Promise<readonly ComparisonReport[]>;
  /** Compares a gateway's count now; undefined when it is not compared. @throws Error when the gateway cannot be asked */
  compare(gateway: string): Promise<readonly ComparisonReport[] | undefined>;
  list(): readonly ChannelReport[];
  /** Takes a suspended channel into service again; what it was suspended for, or null when it is not. */
  resume(channelId: string): SuspensionReport | null;
  /** Places a probe call on a suspended channel; false when it is not suspended, or the config has no number for it. */
  probe(channelId: string): boolean;
}
