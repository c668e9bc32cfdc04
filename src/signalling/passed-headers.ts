// Which headers of a message go to the other side of the call: those that an allow list names, as they stand, in one line each.
import { NO_HEADERS, type PassedHeaders } from '../call/passed-headers.js';
import { reasonHeaders } from './message-parts.js';
import type { SipMessage } from './srf.js';

/**
 * More than so many characters of a message are not passed on: a SIP server closes its connection to an application whose message is
 * above 99,999 bytes, and every call with it.
 */
const MAX_PASSED_CHARACTERS = 16_384;

/** What may begin another header, or end the message (RFC 3261 §7.3): a header that was folded is one line again. */
const FOLD = /[ \t]*(?:\r\n|\r|\n)[ \t]+/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: just these are looked for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;

export function readPassed(message: SipMessage, names: readonly string[]): PassedHeaders {
  if (names.length === 0) return NO_HEADERS;
  const passed: Record<string, string> = {};
  let left = MAX_PASSED_CHARACTERS;
  for (const name of names) {
    const value = message.get(name)?.replace(FOLD, ' ').trim();
    if (value === undefined || value === '' || value.length > left || CONTROL.test(value)) continue;
    passed[name] = value;
    left -= value.length;
  }
  return passed;
}

/** Options of a request or response with a Reason of ours and what was passed on. */
export function endingHeaders(reason: string | undefined, passed: PassedHeaders): { headers?: Record<string, string> } {
  return passed === NO_HEADERS ? reasonHeaders(reason) : { headers: { ...passed, ...reasonHeaders(reason).headers } };
}
