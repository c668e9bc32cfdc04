// The messages between the control port and the thread of the server.
import type {
  RunningSipServer,
  SipBan,
  SipDrain,
  SipLadderOptions,
  SipMirrorSettings,
  SipPeers,
  SipServerCounters,
  SipServerEvents,
  SipServerSettings,
  SipSourceReport,
  SipSources,
  SipTlsSettings,
  SipTraceRequest,
  SipTraceState,
} from './control.js';
import type { LogLevel } from './server-log.js';

export interface WorkerSettings {
  readonly server: SipServerSettings;
  readonly isDebugWanted: boolean;
}

/** What the thread does when it is asked to; what it throws comes back as a RangeError. */
export interface ControlCalls {
  setSources(sources: SipSources): void;
  setPeers(peers: readonly SipPeers[]): void;
  peerNames(address: string, port: number): readonly string[] | null;
  setCertificate(listener: { readonly address: string; readonly port: number }, tls: SipTlsSettings): void;
  counters(): SipServerCounters;
  watchTrying(): void;
  setDrain(drain: SipDrain | null): void;
  ban(source: string, seconds: number | null): Awaited<ReturnType<RunningSipServer['ban']>>;
  unban(source: string): boolean;
  bans(): readonly SipBan[];
  sources(limit: number): readonly SipSourceReport[];
  startTrace(request: SipTraceRequest): Awaited<ReturnType<RunningSipServer['startTrace']>>;
  stopTrace(id: string): boolean;
  traces(): readonly SipTraceState[];
  traceLadder(id: string, options: SipLadderOptions): string | null;
  tracePcap(id: string): Uint8Array | null;
  setMirror(mirror: SipMirrorSettings | null): void;
  close(): Promise<void>;
}

export type ControlResult<K extends keyof ControlCalls> = Awaited<ReturnType<ControlCalls[K]>>;

/** To the thread. */
export interface ControlRequest<K extends keyof ControlCalls = keyof ControlCalls> {
  readonly id: number;
  readonly call: K;
  readonly args: Parameters<ControlCalls[K]>;
}

/** From the thread. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly adminPort: number; readonly listenerPorts: readonly number[] }
  | { readonly kind: 'unavailable'; readonly address: string; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'trying'; readonly callId: string }
  | {
      readonly kind: 'event';
      readonly event: keyof SipServerEvents;
      readonly what: SipServerEvents[keyof SipServerEvents][0];
    }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number | boolean>> | undefined;
    };
