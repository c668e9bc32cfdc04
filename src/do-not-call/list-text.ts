// The text of a do-not-call list: a number a line, in whatever way people write it, made canonical. A line's first field counts;
// empty lines and those that begin with "#" are skipped, and what is no number is counted.
import { normaliseCallee } from '../numbers/normalise-callee.js';
import { numberKey } from '../policy/do-not-call.js';

export interface ListNumbers {
  /** What {@link numberKey} makes of each, in no order; the same may be there twice. */
  readonly keys: Float64Array<ArrayBuffer>;
  /** Lines that are no number. */
  readonly rejected: number;
  /** The first of them, by its line's number; null when all were numbers. */
  readonly firstRejectedLine: number | null;
}

const LINE_FEED = 10;
/** Nothing that is a number with a few columns behind it is longer. */
const MAX_LINE_BYTES = 1_024;

/** Reads national numbers as numbers of `country` (ISO 3166). */
export function readListText(text: Uint8Array, country: string): ListNumbers {
  let keys = new Float64Array(1_024);
  const decoder = new TextDecoder();
  let count = 0;
  let rejected = 0;
  let firstRejectedLine: number | null = null;
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf(LINE_FEED, start);
    const end = found === -1 ? text.length : found;
    line += 1;
    const field = firstField(decoder.decode(text.subarray(start, Math.min(end, start + MAX_LINE_BYTES))));
    start = end + 1;
    if (field === '') continue;
    const callee = normaliseCallee(field, { country });
    if (callee.ok) {
      if (count === keys.length) keys = grown(keys);
      keys[count++] = numberKey(callee.e164);
    } else {
      rejected += 1;
      firstRejectedLine ??= line;
    }
  }
  return { keys: keys.slice(0, count), rejected, firstRejectedLine };
}

function firstField(line: string): string {
  const field = (/^[^,;\t]*/.exec(line)?.[0] ?? '').trim().replace(/^"(.*)"$/, '$1');
  return field.startsWith('#') ? '' : field.trim();
}

function grown(keys: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(keys.length * 2);
  larger.set(keys);
  return larger;
}
