// Damage: what a broken or hostile peer makes of a message. Text is byte strings.
import fc from 'fast-check';

/** No message grows beyond what a datagram could carry many times over. */
const MAX_BYTES = 512 * 1024;

/** What parsers stumble over. */
const CRUMBS = [
  ...['\r\n', '\r\n\r\n', '\r', '\n', '\n\n', '\0', '\\\0', ' ', '\t', '\r\n ', '  '],
  ...[';', ';;', ',', ',,', '"', '\\', '<', '>', '<>', '@', ':', ':::', '[', ']', '=', '?', '%', '%00', '/', '*'],
  ...[';tag=', ';tag=one', ';branch=', ';branch=z9hG4bK', ';rport', ';received=', ';lr', '?a=b', 'sip:', 'SIP/2.0'],
  ...['\r\nContent-Length: 5', '\r\nl: -1', '\r\nl: 99999999999', '\r\nVia: ', '\r\nTo: <sip:a@b>;tag=', '\r\nm: *'],
  ...['\r\nCSeq: 1 INVITE', '\r\nX:', '\r\n:', '-1', '0', '65536', '2147483648', '4294967296', '9'.repeat(40)],
  ...['\xff', '\xc3\x28', '\xf0\x9f\x8e\xa7', '\xef\xbb\xbf', '\xe2\x80\xa8', '\x85', '\xa0', '\x1b', '\x7f'],
];

type Edit = (text: string) => string;

/** A place in any text; small numbers are places near its start. */
const place = fc.nat(0xffff);

function at(text: string, position: number): number {
  return text.length === 0 ? 0 : position % (text.length + 1);
}

const insertion = fc
  .tuple(place, fc.oneof(fc.constantFrom(...CRUMBS), fc.string({ unit: 'binary', maxLength: 4 })))
  .map(
    ([position, crumb]): Edit =>
      (text) =>
        text.slice(0, at(text, position)) +
        Buffer.from(crumb, 'latin1').toString('latin1') +
        text.slice(at(text, position)),
  );

const deletion = fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(
  ([position, length]): Edit =>
    (text) =>
      text.slice(0, at(text, position)) + text.slice(at(text, position) + length),
);

const truncation = place.map(
  (position): Edit =>
    (text) =>
      text.slice(0, at(text, position)),
);

const flip = fc.tuple(place, fc.nat(7)).map(
  ([position, bit]): Edit =>
    (text) => {
      const index = at(text, position);
      return (
        text.slice(0, index) + String.fromCharCode((text.charCodeAt(index) || 0) ^ (1 << bit)) + text.slice(index + 1)
      );
    },
);

/** A piece of the text, again and again: what upsets a parser that looks back. */
const repetition = fc.tuple(place, fc.integer({ min: 1, max: 30 }), fc.constantFrom(2, 3, 50, 20_000)).map(
  ([position, length, times]): Edit =>
    (text) => {
      const start = at(text, position);
      const piece = text.slice(start, start + length);
      const count = Math.min(times, Math.floor((MAX_BYTES - text.length) / Math.max(1, piece.length)));
      return count < 1 ? text : text.slice(0, start) + piece.repeat(count) + text.slice(start);
    },
);

/** One crumb, again and again. */
const flood = fc.tuple(place, fc.constantFrom(...CRUMBS), fc.constantFrom(3, 300, 30_000)).map(
  ([position, crumb, times]): Edit =>
    (text) =>
      text.length > MAX_BYTES / 2
        ? text
        : text.slice(0, at(text, position)) +
          crumb.repeat(Math.min(times, Math.floor(MAX_BYTES / 2 / crumb.length))) +
          text.slice(at(text, position)),
);

const exchangeOfLines = fc.tuple(fc.nat(20), fc.nat(20)).map(
  ([first, second]): Edit =>
    (text) => {
      const lines = text.split('\r\n');
      const [a, b] = [first % lines.length, second % lines.length];
      [lines[a], lines[b]] = [lines[b] ?? '', lines[a] ?? ''];
      return lines.join('\r\n');
    },
);

const edit = fc.oneof(
  { weight: 6, arbitrary: insertion },
  { weight: 4, arbitrary: deletion },
  { weight: 3, arbitrary: flip },
  { weight: 1, arbitrary: truncation },
  { weight: 1, arbitrary: repetition },
  { weight: 1, arbitrary: flood },
  { weight: 2, arbitrary: exchangeOfLines },
);

/** @param limitBytes longer results are cut off */
export function mutated(original: fc.Arbitrary<string>, limitBytes = MAX_BYTES): fc.Arbitrary<string> {
  return fc
    .tuple(original, fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([text, edits]) => edits.reduce((damaged, change) => change(damaged), text).slice(0, limitBytes));
}
