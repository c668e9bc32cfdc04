// The Contact headers of a REGISTER (RFC 3261 §10.2.1, §20.10), read from anything that a peer may send.

export interface ReadContact {
  /** As written, without the angle brackets. */
  readonly uri: string;
  /** Thousandths; 1,000 when it has none. */
  readonly preference: number;
  /** Null when it has none. */
  readonly expiresSeconds: number | null;
}

const MAX_CONTACTS = 10;
const MAX_CHARACTERS = 4_096;
/** Host and port, or an IPv6 address in brackets; nothing that would end a header or a URI. */
const CONTACT_URI =
  /^sips?:(?:[^@\s<>",]{1,256}@)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?(?:;[^\s<>",?]*)?$/;

/** `*` for all, a list otherwise; null when one of them cannot be read, or there are too many. */
export function readContacts(text: string | undefined): '*' | readonly ReadContact[] | null {
  if (text === undefined || text.trim() === '') return [];
  if (text.trim() === '*') return '*';
  if (text.length > MAX_CHARACTERS) return null;
  const values = splitAtCommas(text);
  if (values.length > MAX_CONTACTS) return null;
  const contacts = values.map(readContact);
  return contacts.every((contact) => contact !== null) ? contacts : null;
}

function readContact(text: string): ReadContact | null {
  const named = /^(?:"(?:[^"\\]|\\.)*"|[^<"]*)\s*<([^<>]*)>(.*)$/.exec(text);
  // RFC 3261 §20.10: without brackets the parameters are the header's, not the URI's.
  const [uri = '', parameters = ''] = named === null ? splitOnce(text, ';') : [named[1] ?? '', named[2] ?? ''];
  if (!CONTACT_URI.test(uri)) return null;
  const q = /;\s*q\s*=\s*([01](?:\.\d{0,3})?)(?=\s*(?:;|$))/i.exec(parameters)?.[1];
  const expires = /;\s*expires\s*=\s*"?(\d{1,10})"?/i.exec(parameters)?.[1];
  return {
    uri,
    preference: q === undefined ? 1_000 : Math.round(Number(q) * 1_000),
    expiresSeconds: expires === undefined ? null : Number(expires),
  };
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at)];
}

/** At commas outside quotes and brackets. */
function splitAtCommas(text: string): readonly string[] {
  const values: string[] = [];
  let [isQuoted, isInside, start] = [false, false, 0];
  for (let at = 0; at <= text.length; at++) {
    const character = text[at];
    if (isQuoted && character === '\\') at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === '<') isInside = true;
    else if (!isQuoted && character === '>') isInside = false;
    if (at >= text.length || (character === ',' && !isQuoted && !isInside)) {
      values.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return values;
}
