// The session description in a message's body: all of it, or one part of several (RFC 3261 §7.4.1, RFC 5621 §3.1). What a PBX or
// an exchange sends beside it, such as ISUP or a location, is not for us.
import type { SipMessage } from './srf.js';

const SDP = /^\s*application\/sdp\s*(?:;|$)/i;
const MULTIPART = /^\s*multipart\/(?:mixed|alternative|related)\s*;/i;
/** RFC 2046 §5.1.1: 1 to 70 characters. */
const BOUNDARY = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;
const MAX_PARTS = 16;

/** The body as it is, null when there is none. */
export function bodyOf(message: SipMessage): string | null {
  return message.body === undefined || message.body === '' ? null : message.body;
}

/** Null when there is none. */
export function sdpOf(message: SipMessage): string | null {
  const body = bodyOf(message);
  if (body === null) return null;
  const type = message.get('Content-Type');
  // RFC 3261 §20.15 wants the header; a body says by itself that it is one.
  if (type === undefined || SDP.test(type)) return body;
  return MULTIPART.test(type) ? sdpPart(body, type) : null;
}

/** A body without a description that the peer wants understood (RFC 3261 §20.11, `handling`): to be refused with 415. */
export function hasOtherBody(message: SipMessage): boolean {
  if (bodyOf(message) === null || sdpOf(message) !== null) return false;
  return !/;\s*handling\s*=\s*optional\b/i.test(message.get('Content-Disposition') ?? '');
}

function sdpPart(body: string, type: string): string | null {
  const [, quoted, plain] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) return null;
  // Each part but the preamble begins with the rest of its boundary's line.
  const parts = `\r\n${body}`.split(`\r\n--${boundary}`, MAX_PARTS + 1).slice(1);
  for (const part of parts) {
    const end = part.indexOf('\r\n\r\n');
    if (end === -1) continue;
    const partType = /\r\n(?:content-type|c)[ \t]*:([^\r\n]*)/i.exec(part.slice(0, end))?.[1] ?? '';
    // The line break before the next boundary is the boundary's; a description ends with one of its own.
    if (SDP.test(partType)) return `${part.slice(end + 4).replace(/(?:\r\n)+$/, '')}\r\n`;
  }
  return null;
}
