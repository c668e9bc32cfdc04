// Parts of SIP messages that several files read: Reason headers (RFC 3326; Q.850, SIP and the GSM form of some gateways,
// kept raw for the CDR), users of URIs.
import type { SipMessage } from './srf.js';

const MAX_REASONS = 8;
const MAX_REASON_CHARACTERS = 200;

/** The Reason values of a message, split at commas outside quotes, bounded. */
export function readReasons(message: SipMessage): readonly string[] {
  const raw = message.get('Reason');
  if (raw === undefined) return [];
  const values: string[] = [];
  let quoted = false;
  let start = 0;
  for (let i = 0; i <= raw.length; i++) {
    const char = raw[i];
    if (char === '"' && raw[i - 1] !== '\\') quoted = !quoted;
    if (i === raw.length || (char === ',' && !quoted)) {
      const value = raw.slice(start, i).trim();
      if (value !== '') values.push(value.slice(0, MAX_REASON_CHARACTERS));
      start = i + 1;
    }
  }
  return values.slice(0, MAX_REASONS);
}

export function reasonHeaders(reason: string | undefined): { headers?: Record<string, string> } {
  return reason === undefined ? {} : { headers: { Reason: reason } };
}

/** The URI of the Contact; undefined without one. */
export function contactUri(message: SipMessage): string | undefined {
  const contact = message.get('Contact');
  if (contact === undefined) return undefined;
  // RFC 3261 §20: without brackets what follows a semicolon is the header's.
  return contact.includes('<') ? uriOf(contact) : contact.split(';')[0]?.trim();
}

/** The tag of its From or To; empty without one. */
export function tagOf(message: SipMessage, side: 'From' | 'To'): string {
  const value = message.get(side) ?? '';
  // Behind the URI: what stands in a display name or in angle brackets is none (RFC 3261 §20.39).
  const parameters = value.slice(value.lastIndexOf('>') + 1);
  return /;\s*tag\s*=\s*([^;\s]+)/i.exec(parameters)?.[1] ?? '';
}

/** 1 where there is none, as a first request would have. */
export function cseqNumber(message: SipMessage): number {
  const number = Number.parseInt(message.get('CSeq') ?? '', 10);
  return Number.isSafeInteger(number) ? number : 1;
}

/** The user of a URI or name-addr without its parameters, percent-decoded; empty when there is none. */
export function userOf(text: string): string {
  const uri = uriOf(text);
  const tel = /^tel:([^;?]*)/i.exec(uri);
  // RFC 3261 §25.1: parameters of the user (RFC 3966 §5.1) and a password stand before the "@" too.
  const user = tel?.[1] ?? /^sips?:([^@;:]*)[^@]*@/i.exec(uri)?.[1] ?? '';
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

/** The URI of a name-addr: between its angle brackets, after a display name that may look like anything. */
export function uriOf(text: string): string {
  const afterName = text.replace(/^\s*"(?:[^"\\]|\\.)*"/, '');
  return (/<([^>]*)>/.exec(afterName)?.[1] ?? afterName).trim();
}
