// Header names: RFC 3261 §7.3.3 compact forms, canonical spelling of what we send, and the few that the server itself reads.

/** Headers that the server reads, 31 at most (`headerBit`); everything else passes through untouched. */
export type KnownHeader =
  | 'via'
  | 'from'
  | 'to'
  | 'call-id'
  | 'cseq'
  | 'contact'
  | 'max-forwards'
  | 'route'
  | 'record-route'
  | 'content-length'
  | 'content-type'
  | 'require'
  | 'rseq'
  | 'subscription-state'
  | 'event'
  | 'p-asserted-identity'
  | 'rack'
  | 'supported'
  | 'allow'
  | 'session-expires'
  | 'min-se'
  | 'authorization'
  | 'proxy-authorization'
  | 'expires';

const KNOWN_HEADERS: readonly KnownHeader[] = [
  'via',
  'from',
  'to',
  'call-id',
  'cseq',
  'contact',
  'max-forwards',
  'route',
  'record-route',
  'content-length',
  'content-type',
  'require',
  'rseq',
  'subscription-state',
  'event',
  'p-asserted-identity',
  'rack',
  'supported',
  'allow',
  'session-expires',
  'min-se',
  'authorization',
  'proxy-authorization',
  'expires',
];

const COMPACT_FORMS: Readonly<Record<string, KnownHeader>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
  o: 'event',
  k: 'supported',
  x: 'session-expires',
};

/** Position of a header in the table of known ones, from 1; 0 is any other header. */
export const HEADER_ID = Object.fromEntries(KNOWN_HEADERS.map((name, index) => [name, index + 1])) as Readonly<
  Record<KnownHeader, number>
>;

/** The bit of a header in a set of known ones; bit 0 stands for all others. */
export function headerBit(name: KnownHeader): number {
  return 1 << HEADER_ID[name];
}

interface Candidate {
  readonly id: number;
  readonly bytes: Uint8Array;
}

const byLength: Candidate[][] = [];
for (const [name, target] of [...KNOWN_HEADERS.map((n) => [n, n] as const), ...Object.entries(COMPACT_FORMS)]) {
  const bytes = Uint8Array.from(Buffer.from(name, 'latin1'));
  byLength[bytes.length] ??= [];
  byLength[bytes.length]?.push({ id: HEADER_ID[target as KnownHeader], bytes });
}

/** Finds the id of the header name in `bytes[start, end)` whatever its case; 0 when the server does not read it. */
export function headerIdOf(bytes: Uint8Array, start: number, end: number): number {
  const candidates = byLength[end - start];
  if (candidates === undefined) return 0;
  next: for (let c = 0; c < candidates.length; c++) {
    const candidate = candidates[c] as Candidate;
    for (let i = 0; i < candidate.bytes.length; i++) {
      let byte = bytes[start + i] as number;
      if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
      if (byte !== candidate.bytes[i]) continue next;
    }
    return candidate.id;
  }
  return 0;
}

const IRREGULAR: Readonly<Record<string, string>> = {
  'call-id': 'Call-ID',
  cseq: 'CSeq',
  'www-authenticate': 'WWW-Authenticate',
  'mime-version': 'MIME-Version',
  'session-id': 'Session-ID',
  'user-to-user': 'User-to-User',
  rseq: 'RSeq',
  rack: 'RAck',
  'sip-etag': 'SIP-ETag',
  'sip-if-match': 'SIP-If-Match',
  'min-se': 'Min-SE',
  i: 'Call-ID',
  v: 'Via',
  f: 'From',
  t: 'To',
  m: 'Contact',
  l: 'Content-Length',
  c: 'Content-Type',
  e: 'Content-Encoding',
  s: 'Subject',
  k: 'Supported',
  o: 'Event',
  u: 'Allow-Events',
  r: 'Refer-To',
  b: 'Referred-By',
  x: 'Session-Expires',
};

const canonicalNames = new Map<string, string>();
const CANONICAL_NAMES_KEPT = 2048;

/** How an application's header is spelt on the wire: each word capitalised, `X-` headers as they were given. */
export function canonicalHeaderName(name: string): string {
  let canonical = canonicalNames.get(name);
  if (canonical === undefined) {
    canonical = /^x-/i.test(name)
      ? name
      : (IRREGULAR[name.toLowerCase()] ??
        name.replace(/(^|-)([a-z])/g, (_, dash, letter) => dash + letter.toUpperCase()));
    if (canonicalNames.size < CANONICAL_NAMES_KEPT) canonicalNames.set(name, canonical);
  }
  return canonical;
}
