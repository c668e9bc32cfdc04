// Whether a parsed message can be taken: what RFC 3261 §8.1.1 makes mandatory, what may stand only once, the Request-URI.
import { headerBit } from './header-names.js';
import { parseNameAddress, splitElements } from './name-address.js';
import type { MessageProblem, SipMessage } from './sip-message.js';
import { parseSipUri } from './uri.js';

const ONCE = (['from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-type'] as const)
  .map(headerBit)
  .reduce((set, bit) => set | bit);

/** Methods whose misuse is a fault of the peer; any other may follow rules that we do not know. */
const STANDARD_METHODS = new Set([
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'INFO',
  'MESSAGE',
  'NOTIFY',
  'SUBSCRIBE',
  'PUBLISH',
  'REFER',
  'UPDATE',
  'PRACK',
]);

export function isStandardMethod(method: string): boolean {
  return STANDARD_METHODS.has(method);
}

function bad(reason: string): MessageProblem {
  return { status: 400, reason };
}

/** The first thing that keeps a message from being taken; null when all is well. */
export function checkMessage(message: SipMessage): MessageProblem | null {
  if (message.problem !== null) return message.problem;
  if (message.via === null) return bad('Missing or invalid Via');
  if (message.from === null) return bad('Missing or invalid From');
  if (message.to === null) return bad('Missing or invalid To');
  if (message.callId === '') return bad('Missing Call-ID');
  if (/\s/.test(message.callId)) return bad('Invalid Call-ID');
  if (message.cseq === null) return bad('Missing or invalid CSeq');
  if (message.repeatsAny(ONCE)) return bad('Repeated header field');
  return message.isRequest ? checkRequest(message, message.cseq.method) : null;
}

function checkRequest(request: SipMessage, cseqMethod: string): MessageProblem | null {
  if (cseqMethod !== request.method) {
    // RFC 4475 §3.1.2.18.
    return { status: isStandardMethod(request.method) ? 400 : 501, reason: 'CSeq method differs from request' };
  }
  // RFC 3261 §7.1: methods are told apart by case.
  if (!isStandardMethod(request.method) && isStandardMethod(request.method.toUpperCase())) {
    return { status: 501, reason: 'Not Implemented' };
  }
  const maxForwards = request.value('max-forwards');
  if (maxForwards !== undefined && !/^\d{1,10}$/.test(maxForwards)) return bad('Invalid Max-Forwards');
  return checkRequestUri(request.uri) ?? checkContacts(request);
}

/** What an application may make sense of: RFC 3966, RFC 5031 (emergency services), RFC 3859 and 3860. */
const OTHER_SCHEMES = /^(?:tel|urn|im|pres):[^\s]/i;

function checkRequestUri(uri: string): MessageProblem | null {
  if (/^sips?:/i.test(uri)) {
    const parsed = parseSipUri(uri);
    if (parsed === null) return bad('Invalid Request-URI');
    // RFC 3261 §19.1.1: a Request-URI has no headers.
    return parsed.headers === '' ? null : bad('Headers in Request-URI');
  }
  if (OTHER_SCHEMES.test(uri)) return null;
  return /^[a-z][a-z0-9+.-]*:/i.test(uri)
    ? { status: 416, reason: 'Unsupported URI Scheme' }
    : bad('Invalid Request-URI');
}

/** Only a Contact with a question mark can be mistaken: the headers of a URI outside brackets (RFC 3261 §20.10). */
function checkContacts(request: SipMessage): MessageProblem | null {
  if (!request.value('contact')?.includes('?')) return null;
  const isReadable = splitElements(request.values('contact')).every((contact) => parseNameAddress(contact) !== null);
  return isReadable ? null : bad('Invalid Contact');
}
