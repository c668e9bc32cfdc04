// Records and CDRs for tests of this folder.
import type { CallRecord } from '../call/call-record.js';
import type { Cdr } from './cdr.js';
import { toCdr } from './to-cdr.js';

export const ENDED_AT_MS = Date.UTC(2026, 10, 21, 1, 0, 4);

/** The record of a call that was refused before routing, unless changed. */
export function callRecord(callId: string, changes: Partial<CallRecord> = {}): CallRecord {
  return {
    callId,
    sipCallId: `${callId}@pbx`,
    trunk: 'pbx',
    traffic: 'commercial',
    calling: '201',
    agent: null,
    payers: ['trunk:pbx'],
    dialled: '01055550102',
    callee: '+821055550102',
    numberClass: 'mobile',
    offeredAtMs: ENDED_AT_MS - 4_000,
    routedAtMs: null,
    ringingAtMs: null,
    answeredAtMs: null,
    endedAtMs: ENDED_AT_MS,
    durationMs: 0,
    attempts: [],
    decision: null,
    laterDecisions: [],
    endedBy: 'simtrunk',
    endReason: 'no-channel',
    limit: null,
    sipStatus: 503,
    q850: 34,
    codec: null,
    calleeCodec: null,
    transcoded: false,
    media: null,
    recording: null,
    incoming: null,
    probe: false,
    transfers: [],
    transferOf: null,
    ...changes,
  };
}

export function cdrOf(callId: string, changes: Partial<Cdr> = {}): Cdr {
  return { ...toCdr(callRecord(callId), 1), ...changes };
}
