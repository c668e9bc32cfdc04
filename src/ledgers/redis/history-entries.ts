// History as Redis keeps it: entries in the order in which they were booked, read page by page, each a settlement or an
// adjustment of some node.
import type { PastAdjustment } from '../../quota/ledger.js';
import type { Reply } from './redis-link.js';
import { readAdjustment, readSettlement, type SharedSettlement } from './shared-records.js';

/** Asks Redis; rejects when it is away. */
export type Ask = (operation: 'snapshot' | 'history', args: readonly string[]) => Promise<Reply>;

/** The name before that of every entry. */
export const BEGINNING = '0';
const PAGE_ENTRIES = 2_000;

export interface HistoryEntry {
  /** A time of Redis and a number, which order entries. */
  readonly name: string;
  readonly kind: string;
  /** The name of the other node's estimate that it replaces; empty for none. */
  readonly supersedes: string;
  /** An estimate, by another node than its owner. */
  readonly isEstimate: boolean;
  readonly text: string;
  /** By the clock of Redis. */
  readonly wallMs: number;
}

/** Entries behind the one of this name, a page at a time; rejects when Redis goes away. */
export async function* historyPages(ask: Ask, after: string): AsyncGenerator<readonly HistoryEntry[], void> {
  for (let last = after; ; ) {
    const entries = entriesOf(await ask('history', [last, String(PAGE_ENTRIES)]));
    yield entries;
    if (entries.length < PAGE_ENTRIES) return;
    last = entries.at(-1)?.name ?? last;
  }
}

export function entriesOf(reply: Reply): HistoryEntry[] {
  return reply.map((entry) => {
    const fields = new Map(pairs(entry[1] as Reply));
    return {
      name: String(entry[0]),
      kind: fields.get('kind') ?? '',
      supersedes: fields.get('supersedes') ?? '',
      isEstimate: fields.get('reaped') === '1',
      text: fields.get('record') ?? '',
      wallMs: Number(fields.get('at')),
    };
  });
}

/** @throws when it is another version's, or nobody's */
export function recordOf({
  kind,
  text,
  wallMs,
}: HistoryEntry): { readonly adjustment: PastAdjustment } | { readonly settlement: SharedSettlement } {
  return kind === 'adjustment' ? { adjustment: readAdjustment(text) } : { settlement: readSettlement(text, wallMs) };
}

/** Below 0 when the first one came first. */
export function compareEntries(a: string, b: string): number {
  const [timeA, numberA] = a.split('-').map(Number);
  const [timeB, numberB] = b.split('-').map(Number);
  return (timeA ?? 0) - (timeB ?? 0) || (numberA ?? 0) - (numberB ?? 0);
}

/** Names and values as scripts give them: one list of both. */
export function pairs(list: Reply): [string, string][] {
  const found: [string, string][] = [];
  for (let index = 0; index + 1 < list.length; index += 2) found.push([String(list[index]), String(list[index + 1])]);
  return found;
}
