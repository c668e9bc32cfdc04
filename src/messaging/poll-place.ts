// How far a gateway's store of messages has been read, and where to read on. Pure. A store that begins anew (the gateway was
// switched off, its store was cleared) is read from the start again: what was seen before is known by itself, not by its place.
import { type ToldEntry, textAt } from '../messages/told-messages.js';

/** How a gateway is asked for what it has not told yet. */
export type PollCursor =
  /** Entries have rising numbers in this field, and those above the one that is asked for are told. */
  | { readonly kind: 'id'; readonly field: string; readonly start: string }
  /** Its answer says where to go on, and by `epoch`, another one after its store began anew. */
  | { readonly kind: 'next'; readonly field: string; readonly epoch: string | null; readonly start: string };

export interface PollPlace {
  /** The highest number that was told, or where to go on. */
  readonly at: string;
  /** What the entry with that number was; null: none was read. */
  readonly last: string | null;
  readonly epoch: string | null;
}

/** What a gateway says is asked for again, and kept: nothing of it may be longer, or break what it is put into. */
const SOUND_PLACE = /^[\x21-\x7e]{1,200}$/;

export function firstPlace({ start }: PollCursor): PollPlace {
  return { at: start, last: null, epoch: null };
}

export function isSamePlace(one: PollPlace | null, other: PollPlace | null): boolean {
  return one?.at === other?.at && one?.last === other?.last && one?.epoch === other?.epoch;
}

/** What is asked for: of rising numbers the last one again, so that it is seen whether the store is still the same. */
export function askedAt(cursor: PollCursor, { at, last }: PollPlace): string {
  if (cursor.kind === 'next' || last === null) return at;
  const number = numberOf(at);
  return number === null ? cursor.start : String(number - 1n);
}

/**
 * Null when the store has begun anew: it is to be asked from the start.
 * @throws Error for an answer that says to go on at what can be no place
 */
export function nextPlace(
  cursor: PollCursor,
  place: PollPlace,
  answer: unknown,
  entries: readonly { readonly entry: ToldEntry; readonly identity: string }[],
): PollPlace | null {
  if (cursor.kind === 'next') return nextAsSaid(cursor, place, answer);
  if (place.last !== null && !entries.some(({ identity }) => identity === place.last)) return null;
  let next = place;
  for (const { entry, identity } of entries) {
    const at = numberOf(textAt(entry, cursor.field));
    if (at === null || at < (numberOf(next.at) ?? 0n)) continue;
    next = { at: String(at), last: identity, epoch: null };
  }
  return next;
}

function nextAsSaid(
  { field, epoch: epochField }: Extract<PollCursor, { kind: 'next' }>,
  place: PollPlace,
  answer: unknown,
): PollPlace | null {
  const epoch = epochField === null ? null : placeAt(answer, epochField);
  const at = placeAt(answer, field) ?? place.at;
  const isOtherStore = epoch !== null && place.epoch !== null && epoch !== place.epoch;
  const [before, now] = [numberOf(place.at), numberOf(at)];
  if (isOtherStore || (before !== null && now !== null && now < before)) return null;
  return { at, last: null, epoch: epoch ?? place.epoch };
}

function placeAt(answer: unknown, field: string): string | null {
  const said = textAt(answer, field);
  if (said === null || SOUND_PLACE.test(said)) return said;
  throw new Error(
    `its answer has at "${field}" what can be no place: spaces, other than ASCII, or over 200 characters`,
  );
}

function numberOf(text: string | null): bigint | null {
  return text !== null && /^\d{1,30}$/.test(text) ? BigInt(text) : null;
}
