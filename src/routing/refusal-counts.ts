// Refusals as numbers: the index counts channels by code, a decision adds the counts up, and names them when it is asked.
import type { Refusal, RefusalReason } from './rules.js';

/**
 * Whom a refusal hits (semantics.md, "What failure means"): `call`: another call could have had the channel; `anybody`:
 * no call could; `nobody`: the channel is not in use at all.
 */
type Hits = 'call' | 'anybody' | 'nobody';

interface Counted {
  readonly reason: RefusalReason;
  readonly hits: Hits;
}

/** By code, from 1 on. An allowance has two codes, since a full one of callees lets others pass. */
const COUNTED: readonly (Counted | null)[] = [
  null,
  { reason: 'already-tried', hits: 'anybody' },
  { reason: 'commercial-use-forbidden', hits: 'call' },
  { reason: 'class-not-covered', hits: 'call' },
  { reason: 'no-common-codec', hits: 'call' },
  { reason: 'outside-trunk-groups', hits: 'call' },
  { reason: 'outside-agent-groups', hits: 'call' },
  { reason: 'gateway-down', hits: 'anybody' },
  { reason: 'gateway-cooling', hits: 'anybody' },
  { reason: 'gateway-full', hits: 'anybody' },
  { reason: 'gateway-rate', hits: 'anybody' },
  { reason: 'channel-disabled', hits: 'nobody' },
  { reason: 'sim-absent', hits: 'anybody' },
  { reason: 'not-registered', hits: 'anybody' },
  { reason: 'weak-signal', hits: 'anybody' },
  { reason: 'channel-suspended', hits: 'anybody' },
  { reason: 'channel-cooling', hits: 'anybody' },
  { reason: 'channel-busy', hits: 'anybody' },
  { reason: 'channel-resting', hits: 'anybody' },
  { reason: 'quota-exhausted', hits: 'anybody' },
  { reason: 'too-few-seconds', hits: 'anybody' },
  { reason: 'paced', hits: 'anybody' },
  { reason: 'quota-exhausted', hits: 'call' },
  { reason: 'paced', hits: 'call' },
  { reason: 'no-messages', hits: 'call' },
  { reason: 'message-gap', hits: 'anybody' },
];

export const NOT_REFUSED = 0;
export const CODE_COUNT = COUNTED.length;

const CODES = new Map<string, number>();
for (const [code, counted] of COUNTED.entries()) {
  if (counted === null) continue;
  const { reason, hits } = counted;
  CODES.set(`${reason} ${hits}`, code);
  if (!CODES.has(reason)) CODES.set(reason, code);
}

export function codeOf(reason: RefusalReason | undefined): number {
  return reason === undefined ? NOT_REFUSED : (CODES.get(reason) ?? NOT_REFUSED);
}

/** The same for what a SIM's plan says: a full allowance of callees is a matter of this callee alone. */
export function codeOfQuota(refusal: Refusal | undefined): number {
  if (refusal === undefined) return NOT_REFUSED;
  const ofThisCall = refusal.counts === 'callees' ? CODES.get(`${refusal.reason} call`) : undefined;
  return ofThisCall ?? codeOf(refusal.reason);
}

/** Channels by code of their refusal. At 0 stands a bit for each code that may have any: most have none. */
export type CodeCounts = number[];

const MASK = 0;

export function noCounts(): CodeCounts {
  return Array.from({ length: CODE_COUNT }, () => 0);
}

export function addCounts(to: CodeCounts, counts: CodeCounts): void {
  const mask = counts[MASK] as number;
  to[MASK] = (to[MASK] as number) | mask;
  for (let left = mask; left !== 0; left &= left - 1) {
    const code = lowestBit(left);
    to[code] = (to[code] as number) + (counts[code] as number);
  }
}

export function subtractCounts(from: CodeCounts, counts: CodeCounts): void {
  for (let left = counts[MASK] as number; left !== 0; left &= left - 1) {
    const code = lowestBit(left);
    countOne(from, code, -(counts[code] as number));
  }
}

export function countOne(counts: CodeCounts, code: number, channels = 1): void {
  if (code === NOT_REFUSED) return;
  const counted = (counts[code] as number) + channels;
  const mask = counts[MASK] as number;
  counts[code] = counted;
  counts[MASK] = counted === 0 ? mask & ~(1 << code) : mask | (1 << code);
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** What a decision keeps of its counts: a code and its channels by turns, of what occurred alone. */
export type PackedCounts = readonly number[];

const NOTHING: PackedCounts = [];

export function packCounts(counts: CodeCounts): PackedCounts {
  const mask = counts[MASK] as number;
  if (mask === 0) return NOTHING;
  let codes = 0;
  for (let left = mask; left !== 0; left &= left - 1) codes += 1;
  // Of its own size: an array that grows takes room for many more, and a decision makes one.
  const packed = new Array<number>(2 * codes);
  let at = 0;
  for (let left = mask; left !== 0; left &= left - 1) {
    const code = lowestBit(left);
    packed[at] = code;
    packed[at + 1] = counts[code] as number;
    at += 2;
  }
  return packed;
}

/** Makes `counts` what `from` is. */
export function copyCounts(from: CodeCounts, counts: CodeCounts): void {
  for (let left = counts[MASK] as number; left !== 0; left &= left - 1) counts[lowestBit(left)] = 0;
  counts[MASK] = 0;
  addCounts(counts, from);
}

/** By reason; only what occurred. */
export function refusedByReason(packed: PackedCounts): Partial<Record<RefusalReason, number>> {
  const refused: Partial<Record<RefusalReason, number>> = {};
  for (let at = 0; at < packed.length; at += 2) {
    const channels = packed[at + 1] as number;
    const { reason } = COUNTED[packed[at] as number] as Counted;
    if (channels > 0) refused[reason] = (refused[reason] ?? 0) + channels;
  }
  return refused;
}

/** Without a candidate: 403, or 503 (semantics.md, "What failure means"). */
export function refusalOfCounts(packed: PackedCounts): 'no-channel' | 'refused-for-this-call' {
  let forThisCall = 0;
  for (let at = 0; at < packed.length; at += 2) {
    const channels = packed[at + 1] as number;
    const { hits } = COUNTED[packed[at] as number] as Counted;
    if (channels > 0 && hits === 'anybody') return 'no-channel';
    if (hits === 'call') forThisCall += channels;
  }
  return forThisCall > 0 ? 'refused-for-this-call' : 'no-channel';
}
