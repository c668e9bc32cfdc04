// What the control commands need of the running service, as app.ts gives it.
import type { Logger } from '../lib/logger.js';
import type { Ledger } from '../quota/ledger.js';
import type { ChannelPort } from './channel-report.js';
import type { LiveCallReport } from './live-call-report.js';
import type { RouteReport, RouteSelection } from './route-report.js';
import type { ServicePort } from './service-report.js';
import type { StatusReport } from './status-report.js';

export interface ControlPorts {
  status(): Promise<StatusReport>;
  /** Not ok when there is no such trunk, or several and none is named. */
  route(
    selection: RouteSelection,
  ): { readonly ok: true; readonly report: RouteReport } | { readonly ok: false; readonly message: string };
  readonly calls: {
    list(): readonly LiveCallReport[];
    /** Ends a call by our id or by the Call-ID of its caller's leg: what it was, or null when it is not there. */
    hangUp(callId: string): LiveCallReport | null;
  };
  /** Null with an external drachtio-server, which has its own means. */
  readonly sip: (TracePort & BanPort) | null;
  /** Null with the embedded relay. */
  readonly engines: EnginePort | null;
  readonly service: ServicePort;
  readonly ledger: LedgerPort;
  readonly channels: ChannelPort;
  readonly log: Logger;
}

/** What the ledger's commands need of it. */
export interface LedgerPort extends Pick<Ledger, 'verify' | 'adjust' | 'adjustments' | 'usageOf' | 'usageOfPayer'> {
  readonly sims: readonly { readonly simId: string; readonly number: string }[];
  wallMs(): number;
  /** True while a shared ledger cannot be reached. */
  isAway(): boolean;
}

export type TraceMatch =
  | { readonly kind: 'call-id'; readonly callId: string }
  | { readonly kind: 'number'; readonly number: string }
  | { readonly kind: 'all' };

export interface TraceReport {
  readonly id: string;
  readonly match: TraceMatch;
  /** One that has ended can still be read. */
  readonly isRunning: boolean;
  readonly messages: number;
  readonly bytes: number;
  /** Older messages that made room for newer ones. */
  readonly forgotten: number;
}

export interface TracePort {
  startTrace(request: {
    readonly match: TraceMatch;
    readonly maxMessages?: number;
    readonly forSeconds?: number;
  }): Promise<{ readonly ok: true; readonly id: string } | { readonly ok: false; readonly reason: string }>;
  stopTrace(id: string): Promise<boolean>;
  traces(): Promise<readonly TraceReport[]>;
  traceLadder(
    id: string,
    options: { readonly maskSecrets?: boolean; readonly withMessages?: boolean },
  ): Promise<string | null>;
  tracePcap(id: string): Promise<Uint8Array | null>;
}

export interface BanReport {
  /** An IPv4 address, or the /64 of an IPv6 address. */
  readonly source: string;
  readonly by: 'offences' | 'operator';
  /** Null for a ban without end. */
  readonly remainingSeconds: number | null;
}

export interface BanPort {
  ban(
    source: string,
    seconds: number | null,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  unban(source: string): Promise<boolean>;
  bans(): Promise<readonly BanReport[]>;
}

/** One of the engines that carry media. */
export interface EngineReport {
  readonly url: string;
  readonly state: 'starting' | 'up' | 'down';
  readonly isDraining: boolean;
  readonly sessions: number;
}

export interface EnginePort {
  engines(): readonly EngineReport[];
  /** An engine that is drained gets no new session; false when there is none with this URL. */
  drain(url: string, isDraining: boolean): boolean;
}
