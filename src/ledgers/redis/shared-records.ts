// What nodes tell each other through Redis, as text: requests, settlements, adjustments and the entries of the log.
// Compact lists, because history is kept for a month; a text without line breaks, because those part an entry's words.
import type { NumberClass } from '../../numbers/number-class.js';
import type { Charge, PastAdjustment, ReserveRequest } from '../../quota/ledger.js';
import type { Direction } from '../../quota/plan.js';
import type { MessageLoad } from '../../quota/usage.js';

/** A settled attempt as history in Redis has it. */
export interface SharedSettlement {
  readonly request: ReserveRequest;
  /** Null for an attempt that was not answered. */
  readonly answeredWallMs: number | null;
  readonly durationMs: number;
  readonly charge: Charge;
  /** By the clock of Redis; 0 until Redis has it. */
  readonly settledWallMs: number;
}

type RequestText = readonly [
  reservationId: string,
  callId: string,
  trunk: string,
  direction: Direction,
  payers: readonly string[],
  callee: string,
  numberClass: NumberClass,
];

/** Without channel and SIM, which the script chooses, and its time, which is the script's. */
export function writeRequest(request: ReserveRequest): string {
  const { message } = request;
  return JSON.stringify(message === undefined ? requestList(request) : [...requestList(request), null, message]);
}

export function readRequest(text: string, channelId: string, simId: string, wallMs: number): ReserveRequest {
  return requestOf(JSON.parse(text) as RequestText, channelId, simId, wallMs);
}

export function writeSettlement({ request, answeredWallMs, durationMs, charge }: SharedSettlement): string {
  const { billedSeconds, cost, currency, estimated } = charge;
  return JSON.stringify([
    [...requestList(request), request.wallMs, ...(request.message === undefined ? [] : [request.message])],
    ...[request.channelId, request.simId, answeredWallMs, durationMs, billedSeconds, cost, currency, estimated ? 1 : 0],
  ]);
}

export function readSettlement(text: string, settledWallMs: number): SharedSettlement {
  const [list, channelId, simId, answeredWallMs, durationMs, billedSeconds, cost, currency, estimated] = JSON.parse(
    text,
  ) as [[...RequestText, number], string, string, number | null, number, number, string, string, number];
  const request = requestOf(list, channelId, simId, list[7]);
  const { reservationId } = request;
  return {
    request,
    answeredWallMs,
    durationMs,
    charge: { reservationId, simId, billedSeconds, cost, currency, estimated: estimated === 1 },
    settledWallMs,
  };
}

export function writeAdjustment(adjustment: PastAdjustment): string {
  return JSON.stringify(adjustment);
}

/** @throws when it is no adjustment of ours */
export function readAdjustment(text: string): PastAdjustment {
  const adjustment = JSON.parse(text) as PastAdjustment | null;
  if (typeof adjustment?.holder !== 'string') throw new TypeError('not an adjustment');
  return { ...adjustment, madeWallMs: adjustment.madeWallMs ?? null };
}

/** The same request at another instant: a clock's reading of it. */
export function at(request: ReserveRequest, wallMs: number): ReserveRequest {
  const { reservationId, callId, trunk, direction, payers, channelId, simId, callee, numberClass, message } = request;
  const moved = { reservationId, callId, trunk, direction, payers, channelId, simId, callee, numberClass, wallMs };
  return message === undefined ? moved : { ...moved, message };
}

function requestList(request: ReserveRequest): RequestText {
  const { reservationId, callId, trunk, direction, payers, callee, numberClass } = request;
  return [reservationId, callId, trunk, direction, payers, callee, numberClass];
}

/** @throws when it is no request of ours */
function requestOf(
  list: readonly [...RequestText, ...unknown[]],
  channelId: string,
  simId: string,
  wallMs: number,
): ReserveRequest {
  const isOurs = Array.isArray(list) && list.length >= 7 && Array.isArray(list[4]) && Number.isFinite(wallMs);
  if (!isOurs) throw new TypeError('not a request');
  const [reservationId, callId, trunk, direction, payers, callee, numberClass] = list;
  const request = { reservationId, callId, trunk, direction, payers, channelId, simId, callee, numberClass, wallMs };
  // At 7 a settlement has its time, and a request nothing.
  const message = list[8] as MessageLoad | undefined;
  return message === undefined
    ? request
    : { ...request, message: { kind: message.kind, count: Number(message.count) } };
}

// ---- the log -----------------------------------------------------------------------------------------------------------

interface Numbered {
  readonly seq: number;
  readonly reservationId: string;
}

/** One change, in the order in which Redis made them. */
export type LogEntry =
  | (Numbered & { readonly kind: 'reserved'; readonly request: ReserveRequest })
  | (Numbered & { readonly kind: 'covered'; readonly answeredWallMs: number; readonly coveredUntilWallMs: number })
  | (Numbered & {
      readonly kind: 'settled';
      /** The entry of history that it replaces: another node's estimate. Empty for none. */
      readonly supersedes: string;
      /** An estimate, by another node than its owner. */
      readonly isReaped: boolean;
      readonly isFreed: boolean;
      readonly historyEntry: string;
      /** Null for one that is booked here already. */
      readonly settlement: SharedSettlement | null;
    })
  | (Numbered & { readonly kind: 'freed' })
  | (Numbered & { readonly kind: 'undone'; readonly rests: boolean })
  | (Numbered & {
      readonly kind: 'restated';
      readonly row: LiveRow;
    })
  /** A node holds other channels back for itself than it did. */
  | (Numbered & { readonly kind: 'held-back' })
  | (Numbered & {
      readonly kind: 'adjusted';
      readonly historyEntry: string;
      readonly simId: string;
      readonly adjustment: PastAdjustment;
    });

/** A live reservation as Redis keeps it. */
export interface LiveRow {
  readonly node: string;
  readonly fence: string;
  readonly gapMs: number;
  readonly answeredWallMs: number | null;
  readonly coveredUntilWallMs: number | null;
  readonly settled: boolean;
  /** It was another node's, whose lease ran out: to be settled from what was renewed. */
  readonly isClaimed: boolean;
  readonly request: ReserveRequest;
}

/** What a node knows of its own steps, so that it need not read what it wrote itself. */
export interface OwnSteps {
  /** The request that it sent for a reservation on this channel. */
  requestOf(reservationId: string, channelId: string): ReserveRequest | undefined;
  isBooked(reservationId: string): boolean;
}

/** Undefined for what another version may have written. */
export function readLogEntry(message: string, own: OwnSteps): LogEntry | undefined {
  const [seqText = '', kind, now = '', node = '', fence = '', reservationId = '', ...rest] = message.split('\n');
  const [a = '', b = '', c = '', d = '', e = '', f = '', g = ''] = rest;
  const seq = Number(seqText);
  switch (kind) {
    case 'reserved': {
      const known = own.requestOf(reservationId, a);
      const request = known === undefined ? readRequest(c, a, b, Number(now)) : at(known, Number(now));
      return { seq, reservationId, kind, request };
    }
    case 'covered':
      return { seq, reservationId, kind, answeredWallMs: Number(a), coveredUntilWallMs: Number(b) };
    case 'settled':
      return {
        ...{ seq, reservationId, kind, supersedes: a, isFreed: b !== '', historyEntry: c, isReaped: d === '1' },
        settlement: own.isBooked(reservationId) ? null : readSettlement(e, Number(now)),
      };
    case 'freed':
    case 'held-back':
      return { seq, reservationId, kind };
    case 'undone':
      return { seq, reservationId, kind, rests: a === 'rests' };
    case 'restated':
      return { seq, reservationId, kind, row: liveRow([node, fence, a, b, '0', c, d, e, f, g]) };
    case 'adjusted':
      return { seq, reservationId, kind, historyEntry: a, simId: b, adjustment: readAdjustment(c) };
    default:
      return undefined;
  }
}

export function readLiveRow(text: string): LiveRow {
  const [
    node = '',
    fence = '',
    channelId = '',
    simId = '',
    gap = '0',
    answered = '',
    covered = '',
    settled = '',
    at = '',
    ...rest
  ] = text.split('\n');
  return liveRow([node, fence, channelId, simId, gap, answered, covered, settled, at, rest.join('\n')]);
}

function liveRow(words: readonly string[]): LiveRow {
  const [node = '', fence = '', channelId = '', simId = '', gap, answered, covered, settled, at, request = ''] = words;
  return {
    node,
    fence,
    gapMs: Number(gap),
    answeredWallMs: answered === '' ? null : Number(answered),
    coveredUntilWallMs: covered === '' ? null : Number(covered),
    settled: settled === '1',
    isClaimed: settled === 'c',
    request: readRequest(request, channelId, simId, Number(at)),
  };
}
