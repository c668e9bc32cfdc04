// The messages between the control port and the thread of the server.
import type { SipListenerSettings, SipServerCounters, SipServerSettings, SipSources } from './control.js';
import type { LogLevel } from './server-log.js';

export interface WorkerSettings {
  readonly server: SipServerSettings;
  readonly isDebugWanted: boolean;
}

/** To the thread. */
export type ControlRequest =
  | { readonly id: number; readonly kind: 'set-sources'; readonly sources: SipSources }
  | { readonly id: number; readonly kind: 'counters' }
  | { readonly id: number; readonly kind: 'watch-trying' }
  | { readonly id: number; readonly kind: 'close' };

/** From the thread. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly adminPort: number; readonly listeners: readonly SipListenerSettings[] }
  | { readonly kind: 'unavailable'; readonly address: string; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value: SipServerCounters | null }
  | { readonly kind: 'trying'; readonly callId: string }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number | boolean>> | undefined;
    };
