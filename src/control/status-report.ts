// What `simtrunk status` says of a running service.

import type { ChannelState } from '../quota/ledger-view.js';
import type { PollReport, SuspensionReport } from './channel-report.js';

export type ChannelTally = Readonly<Record<ChannelState | 'disabled', number>>;

export interface StatusReport {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  /** `draining` and `drained`: it takes no new call, but stays; `stopping`: it ends. */
  readonly state: 'running' | 'draining' | 'drained' | 'stopping';
  /** When a drain ends the calls that are left; null: it does not, or there is none. */
  readonly drainDeadlineAtMs: number | null;
  readonly startedAtMs: number;
  readonly upSeconds: number;
  readonly config: string;
  readonly dataDir: string;
  readonly listeners: readonly { readonly transport: string; readonly address: string; readonly port: number }[];
  readonly liveCalls: number;
  readonly channels: ChannelTally;
  readonly gateways: readonly {
    readonly name: string;
    readonly state: 'up' | 'down';
    /** False: it is never probed, and counts as up. */
    readonly isProbed: boolean;
    /** True while it is left alone for what it answered, whatever its probes say. */
    readonly isCooling: boolean;
    readonly channels: ChannelTally;
  }[];
  /** What has left the config while calls of it are live, with their number. */
  readonly leaving: readonly LeavingPeer[];
  readonly ledger: LedgerStatus;
  /** Of gateways whose lines register with us. */
  readonly lines: readonly LineStatus[];
  /** Ours elsewhere. */
  readonly registrations: readonly RegistrationStatus[];
  readonly suspended: readonly (SuspensionReport & { readonly channelId: string })[];
  /** Gateways that are asked for the state of their SIMs. */
  readonly simStatus: readonly PollReport[];
  readonly doNotCall: readonly DoNotCallStatus[];
  readonly counters: Readonly<Record<string, unknown>>;
}

export interface LeavingPeer {
  readonly kind: 'trunk' | 'gateway' | 'channel';
  readonly name: string;
  readonly calls: number;
}

/** All null while it is not registered. */
export interface LineStatus {
  readonly line: string;
  readonly contact: string | null;
  readonly source: string | null;
  readonly expiresAtMs: number | null;
}

export interface RegistrationStatus {
  readonly name: string;
  readonly state: 'registering' | 'registered' | 'failed';
  /** Of the registrar's last answer; null for none. */
  readonly status: number | null;
  /** Null while it does not hold. */
  readonly expiresAtMs: number | null;
}

export interface LedgerStatus {
  readonly kind: 'memory' | 'redis';
  readonly durability: string;
  /** The journal; of a shared ledger it has this node's part. */
  readonly file: string;
  /** True while a shared ledger cannot be reached. */
  readonly isAway: boolean;
  /** True while the journal does not commit in time: new calls are refused. */
  readonly isStalled: boolean;
  /** Reservations of an earlier process whose calls are being ended. */
  readonly orphans: number;
}

export interface DoNotCallStatus {
  readonly name: string;
  readonly numbers: number;
  /** Lines that are no number, and so keep nobody from being called; the first by its line's number. */
  readonly rejected: number;
  readonly firstRejectedLine: number | null;
  /** When the list was last known to be current; null while it has never been read. */
  readonly asOfWallMs: number | null;
  /** True: it is older than it may be, and calls are refused. */
  readonly isStale: boolean;
  /** Why it could not be read the last time; null when it could. */
  readonly trouble: string | null;
}

export interface TalliedChannel {
  readonly channelId: string;
  readonly gateway: string;
  readonly enabled: boolean;
}

/** Channels by state, all together (under null) and of each gateway. */
export function tallyChannels(
  channels: readonly TalliedChannel[],
  stateOf: (channelId: string) => ChannelState | undefined,
): ReadonlyMap<string | null, ChannelTally> {
  const none = (): Record<ChannelState | 'disabled', number> => ({ idle: 0, busy: 0, resting: 0, disabled: 0 });
  const all = none();
  const tallies = new Map<string | null, Record<ChannelState | 'disabled', number>>([[null, all]]);
  for (const { channelId, gateway, enabled } of channels) {
    const state = enabled ? (stateOf(channelId) ?? 'idle') : 'disabled';
    const tally = tallies.get(gateway) ?? none();
    tallies.set(gateway, tally);
    tally[state] += 1;
    all[state] += 1;
  }
  return tallies;
}
