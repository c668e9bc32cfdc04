// What is known of a load run from four sides that share no code: SIPp's log, the CDRs, the ledger, the gateways' own log.
import type { LoadCall } from './load-plan.js';

/** What SIPp, as the PBX, saw of one call. */
export interface CallerSight {
  readonly number: string;
  readonly sipCallId: string;
  /** Epoch milliseconds with fraction, just before its INVITE was sent. */
  readonly invitedAtMs: number;
  /** Final status of its INVITE; null when it never came. */
  readonly status: number | null;
  /** True when BYE and its 200 have passed. */
  readonly isEnded: boolean;
}

/** The fields of a CDR that a load run looks at. */
export interface LoadCdr {
  readonly callId: string;
  readonly revision: number;
  readonly sipCallId: string;
  readonly dialled: string;
  readonly sipStatus: number | null;
  readonly endedBy: string;
  readonly billedSeconds: number;
  readonly attempts: readonly {
    readonly channel: string;
    readonly sim: string;
    readonly sipCallId: string | null;
    readonly startedAt: string;
    readonly answeredAt: string | null;
    readonly endedAt: string | null;
    readonly outcome: string | null;
    readonly answeredLate: boolean;
    readonly billedSeconds: number;
  }[];
  readonly recording: { readonly state: string; readonly path: string } | null;
}

/** A gateway's record of one INVITE. */
export interface GatewaySight {
  readonly gateway: string;
  readonly port: number;
  readonly number: string;
  readonly sipCallId: string;
  readonly invitedMs: number;
  readonly answeredMs: number | null;
  readonly endedMs: number;
  /** Between its own ends of 200 and BYE, on a monotonic clock. */
  readonly talkedMs: number;
  readonly billedSeconds: number;
}

/** What a recording holds of the two tones of its call; null when it could not be read. */
export interface ToneSight {
  readonly number: string;
  readonly problem: string | null;
  /** Share of each side's tone in each channel, from 0 to 1. */
  readonly left: { readonly caller: number; readonly callee: number; readonly seconds: number };
  readonly right: { readonly caller: number; readonly callee: number; readonly seconds: number };
  /** Share of the callee's tone in what the caller was sent. */
  readonly heardByCaller: number;
}

export interface LoadEvidence {
  readonly plan: readonly LoadCall[];
  readonly callers: readonly CallerSight[];
  readonly cdrs: readonly LoadCdr[];
  readonly gateways: readonly GatewaySight[];
  /** What the gateways were asked and should never be. */
  readonly gatewayViolations: readonly string[];
  /** Usage by SIM and allowance id. */
  readonly usage: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Limits by SIM and allowance id. */
  readonly limits: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly tones: readonly ToneSight[];
  /** Media sessions and port pairs still in use at the end. */
  readonly leakedPorts: number;
}

const LOG_LINE = /^(invited|answered|hungUp|wasHungUpOn|refused);([^;]*);([^;]*);(.*);$/;

/** Reads the log that sip-tests/load/uac.xml writes. */
export function readCallerLog(log: string): CallerSight[] {
  const sights = new Map<string, { -readonly [K in keyof CallerSight]: CallerSight[K] }>();
  for (const line of log.split('\n')) {
    const [, event, number, sipCallId, value] = LOG_LINE.exec(line.trim()) ?? [];
    if (event === undefined || number === undefined || sipCallId === undefined || value === undefined) continue;
    // SIPp's timestamp: date, time, and seconds since the epoch.
    const epochMs = Number(value.split('\t').at(-1)) * 1000;
    const sight = sights.get(sipCallId);
    if (event === 'invited') {
      sights.set(sipCallId, { number, sipCallId, invitedAtMs: epochMs, status: null, isEnded: false });
    } else if (sight === undefined) {
    } else if (event === 'answered') {
      sight.status = 200;
    } else if (event === 'refused') {
      sight.status = Number(value);
      sight.isEnded = true;
    } else {
      sight.isEnded = true;
    }
  }
  return [...sights.values()];
}
