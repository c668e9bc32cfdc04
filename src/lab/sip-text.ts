// SIP messages as text, for the lab alone (RFC 3261 §7, §20). The lab is the witness of what simtrunk does on the wire, so
// it shares no signalling code with it: a fault of one parser must not hide behind the same fault of the other.

export type SipHeaders = readonly (readonly [name: string, value: string])[];

interface SipContent {
  readonly headers: SipHeaders;
  readonly body: string;
}

export interface SipRequest extends SipContent {
  readonly method: string;
  readonly uri: string;
}

export interface SipResponse extends SipContent {
  readonly status: number;
  readonly reason: string;
}

export type SipMessage = SipRequest | SipResponse;

/** Compact forms (RFC 3261 §7.3.3). */
const COMPACT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
};

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  603: 'Decline',
};

export const reasonOf = (status: number): string => REASONS[status] ?? 'Unknown';

const fullName = (name: string): string => COMPACT[name.toLowerCase()] ?? name.toLowerCase();

/** The message, or undefined for anything that is not SIP. */
export function parseSip(text: string): SipMessage | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [startLine = '', ...lines] = text
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  const content = { headers, body: text.slice(end + 4) };
  const response = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(startLine);
  if (response) return { status: Number(response[1]), reason: response[2] ?? '', ...content };
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(startLine);
  if (request) return { method: request[1] ?? '', uri: request[2] ?? '', ...content };
  return undefined;
}

/** The text of a message, with its Content-Length. */
export function writeSip(message: SipMessage): string {
  const startLine =
    'method' in message
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason || reasonOf(message.status)}`;
  const headers = message.headers.filter(([name]) => fullName(name) !== 'content-length');
  const lines = [...headers, ['Content-Length', String(Buffer.byteLength(message.body))] as const];
  return `${startLine}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${message.body}`;
}

/** All values of a header, lists split at their commas, in order. */
export function headersOf(message: SipMessage, name: string): string[] {
  return message.headers
    .filter(([other]) => fullName(other) === name)
    .flatMap(([, value]) => value.match(/(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,])+/g) ?? [])
    .map((value) => value.trim());
}

/** The header's first line as it stands, or an empty string. */
export function headerOf(message: SipMessage, name: string): string {
  return message.headers.find(([other]) => fullName(other) === name)?.[1] ?? '';
}

/** A parameter of a header value that stands outside its angle brackets. */
export function parameterOf(value: string, name: string): string | undefined {
  const outside = value.replace(/<[^>]*>/, '').replace(/"(?:\\.|[^"\\])*"/g, '');
  return new RegExp(`;\\s*${name}\\s*=\\s*([^;,\\s]+)`, 'i').exec(outside)?.[1];
}

/** The URI of a From, To, Contact or Route value. */
export const uriIn = (value: string): string => /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0]?.trim() ?? '';

/** The user part of a SIP URI without its escapes, or undefined when it has none. */
export function userOf(uri: string): string | undefined {
  const user = /^sips?:([^@]*)@/i.exec(uri)?.[1];
  if (user === undefined) return undefined;
  try {
    return decodeURIComponent(user);
  } catch {
    return undefined;
  }
}

/** Host and port that a SIP URI is sent to. */
export function hostOf(uri: string): { address: string; port: number } | undefined {
  const match = /^sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?>]+)(?::(\d+))?/i.exec(uri);
  if (match?.[1] === undefined) return undefined;
  return { address: match[1].replace(/[[\]]/g, ''), port: Number(match[2] ?? 5060) };
}
