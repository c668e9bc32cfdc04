// Reads Refer-To (RFC 3515 §2.1) and Replaces (RFC 3891 §6.1), and tells whether a target is at the peer that refers or is a number
// for us to call. All of it is the peer's word and may be anything.
import type { DialogName, ReferTarget } from '../call/ports-dialog.js';
import { parseHostPort } from '../lib/host-port.js';
import { uriOf, userOf } from './message-parts.js';

export interface ReferTo {
  /** Without headers. */
  readonly uri: string;
  /** The Replaces that an INVITE to it is to have. */
  readonly replaces: DialogName | null;
}

/** Host and port of a URI; of a URI without a port it is the transport's. */
interface Place {
  readonly host: string;
  readonly port: number;
}

const MAX_CHARACTERS = 2_000;

/** Null when it names nobody who could be called. */
export function readReferTo(value: string | undefined): ReferTo | null {
  if (value === undefined || value.length > MAX_CHARACTERS) return null;
  const [uri = '', headers = ''] = splitAt(uriOf(value), '?');
  // RFC 3515 §2.1 lets it name other methods than INVITE, which nobody may make us send.
  const isCallable = /^(sips?:[^\s<>"]+|tel:[^\s<>";?]+[^\s<>"]*)$/i.test(uri) && !/;method=(?!invite)/i.test(uri);
  if (!isCallable) return null;
  const replaces = headers
    .split('&')
    .map((header) => splitAt(header, '='))
    .find(([name]) => name.toLowerCase() === 'replaces');
  if (replaces === undefined) return { uri, replaces: null };
  const name = readReplaces(decoded(replaces[1]));
  return name && { uri, replaces: name };
}

/** Null when it is malformed: then nothing may be replaced. */
export function readReplaces(value: string): DialogName | null {
  if (value.length > MAX_CHARACTERS) return null;
  const [callId = '', ...parameters] = value.split(';').map((part) => part.trim());
  const tags = new Map(parameters.map((parameter) => splitAt(parameter, '=')).map(([k, v]) => [k.toLowerCase(), v]));
  const [localTag, remoteTag] = [tags.get('to-tag'), tags.get('from-tag')];
  if (!/^[^\s,;<>"]+$/.test(callId) || !isToken(localTag) || !isToken(remoteTag)) return null;
  const isEarlyOnly = tags.has('early-only');
  return { callId, localTag, remoteTag, ...(isEarlyOnly && { isEarlyOnly }) };
}

/**
 * Who a target is: the peer's own, unless its host is one that the peer calls us by. The peer's contact comes first, for both may
 * be on one machine, told apart by their ports.
 * @param ours URIs by which the peer knows us
 */
export function targetOf(
  uri: string,
  { peer, ours }: { readonly peer: string; readonly ours: readonly string[] },
): ReferTarget {
  const user = userOf(uri);
  const place = placeOf(uri);
  if (place === null) return { uri, user, place: 'here' };
  const theirs = placeOf(peer);
  if (theirs !== null && theirs.host === place.host && theirs.port === place.port) return { uri, user, place: 'peer' };
  return { uri, user, place: ours.some((own) => placeOf(own)?.host === place.host) ? 'here' : 'peer' };
}

/** Null for a TEL URI, which is nowhere. */
function placeOf(uri: string): Place | null {
  const match = /^(sips?):(?:[^@]*@)?([^;?]*)(.*)$/i.exec(uri);
  const hostPort = parseHostPort(match?.[2] ?? '');
  if (match === null || hostPort === undefined) return null;
  const isTls = match[1]?.toLowerCase() === 'sips' || /;transport=tls/i.test(match[3] ?? '');
  return { host: hostPort.host.toLowerCase(), port: hostPort.port ?? (isTls ? 5061 : 5060) };
}

function isToken(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z0-9\-.!%*_+`'~]+$/.test(text);
}

/** Before and after the first separator. */
function splitAt(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
