// Authentication headers as text: schemes with their parameters (RFC 9110 §11.4, RFC 3261 §25.1), read from anything
// that a peer may send. drachtio-srf joins repeated headers with commas, so several challenges may stand in one text.

/** Names in lower case, values without their quotes. */
export type AuthParameters = ReadonlyMap<string, string>;

/** Longer is nobody's. */
const MAX_CHARACTERS = 8_192;
const TOKEN = /[A-Za-z0-9\-._~!#$%&'*+^`|]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const SPACE = /[ \t\r\n,]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
/** Of a value that is neither a token nor quoted, as some peers write base64 and URIs. */
const LOOSE = /[^\s,"]+/y;

/** Every `Digest` in the text, in its order; null when the text cannot be read. Other schemes are passed over. */
export function readDigests(text: string): readonly AuthParameters[] | null {
  if (text.length > MAX_CHARACTERS) return null;
  const digests: Map<string, string>[] = [];
  let current: Map<string, string> | undefined;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (take(SPACE); at < text.length; take(SPACE)) {
    const word = take(TOKEN)?.[0];
    if (word === undefined) return null;
    if (take(EQUALS) === null) {
      // A word alone is the scheme of what follows.
      current = new Map();
      if (/^digest$/i.test(word)) digests.push(current);
      continue;
    }
    const quoted = take(QUOTED);
    const value = quoted === null ? take(LOOSE)?.[0] : quoted[1]?.replaceAll(/\\(.)/g, '$1');
    if (value === undefined || current === undefined) return null;
    const name = word.toLowerCase();
    // RFC 9110 §11.2: a name stands once. Of two values none can be trusted.
    if (current.has(name)) return null;
    current.set(name, value);
  }
  return digests;
}

/** Parameters whose values are tokens: quoted, peers do not know them (RFC 7616 §3.3, §3.4). */
const UNQUOTED = new Set(['algorithm', 'stale', 'nc', 'userhash']);

/** `Digest a="b", c=d`. @param bare further names that stand without quotes */
export function writeDigest(parameters: Readonly<Record<string, string>>, bare: readonly string[] = []): string {
  const written = Object.entries(parameters).map(([name, value]) =>
    UNQUOTED.has(name) || bare.includes(name) ? `${name}=${value}` : `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
  );
  return `Digest ${written.join(', ')}`;
}
