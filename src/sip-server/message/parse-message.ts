// The parser: one pass over the bytes, noting where each header lies. RFC 3261 §7, §18.3, §25.1.
// It never throws; what is wrong is a `problem` of the message, or null when there is no message to speak of.
import { HEADER_ID, headerBit, headerIdOf } from './header-names.js';
import { type HeaderLayout, type MessageProblem, SipMessage, SPAN, type StartLine } from './sip-message.js';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

/** More headers than this are refused: no honest message has them. */
export const MAX_HEADERS = 256;

/** RFC 3261 §25.1 `token`. */
const TOKEN = new Uint8Array(256);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
  TOKEN[char.charCodeAt(0)] = 1;

const REQUEST_LINE = /^([!%'*+\-.0-9A-Z_`a-z~]+) ([^\s<>]+) (SIP\/\d{1,3}\.\d{1,3})$/i;
/** A request all the same, to be refused: blanks or brackets where none may be. */
const SPOILT_REQUEST_LINE = /^([!%'*+\-.0-9A-Z_`a-z~]+)[ \t].*[ \t]SIP\/\d{1,3}\.\d{1,3}[ \t]*$/i;
const STATUS_LINE = /^(SIP\/\d{1,3}\.\d{1,3}) (\d{3})(?: (.*))?$/i;

export interface ParseOptions {
  /**
   * `declared`: Content-Length bytes, or everything to the end when it is absent (RFC 3261 §18.3).
   * `to-end`: everything after the empty line, whatever Content-Length says (an application's message).
   */
  readonly body: 'declared' | 'to-end';
}

/**
 * Parses the message that fills `bytes`.
 * @returns null when there is no start line or no end of the headers
 */
export function parseMessage(bytes: Buffer, options: ParseOptions): SipMessage | null {
  let at = 0;
  while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  const message = at === 0 ? bytes : bytes.subarray(at);
  const lineEnd = message.indexOf('\r\n', 0, 'latin1');
  if (lineEnd <= 0) return null;
  const start = parseStartLine(message.toString('latin1', 0, lineEnd));
  if (start === null) return null;

  const scan = scanHeaders(message, lineEnd + 2);
  if (scan === null) return null;
  let problem = start.problem ?? scan.problem;

  const { headersEnd } = scan;
  let bodyEnd = message.length;
  if (options.body === 'declared' && (scan.present & CONTENT_LENGTH) !== 0) {
    const declared = declaredLength(message, scan.spans);
    if (declared === null) problem ??= bad('Invalid Content-Length');
    else if (declared > message.length - headersEnd) problem ??= bad('Content-Length exceeds message');
    else bodyEnd = headersEnd + declared;
  }
  const parsed = new SipMessage(start.line, message, scan, bodyEnd);
  parsed.problem = problem;
  return parsed;
}

const CONTENT_LENGTH = headerBit('content-length');

function bad(reason: string): MessageProblem {
  return { status: 400, reason };
}

function parseStartLine(line: string): { line: StartLine; problem: MessageProblem | null } | null {
  const request = REQUEST_LINE.exec(line);
  if (request !== null) {
    const isVersion2 = (request[3] as string).toUpperCase() === 'SIP/2.0';
    return {
      line: { method: request[1] as string, uri: request[2] as string, status: 0, reason: '' },
      problem: isVersion2 ? null : { status: 505, reason: 'Version Not Supported' },
    };
  }
  const response = STATUS_LINE.exec(line);
  if (response === null) {
    const spoilt = SPOILT_REQUEST_LINE.exec(line);
    if (spoilt === null) return null;
    const method = spoilt[1] as string;
    return { line: { method, uri: '', status: 0, reason: '' }, problem: bad('Invalid Request-Line') };
  }
  const status = Number(response[2]);
  if (status < 100 || status > 699 || (response[1] as string).toUpperCase() !== 'SIP/2.0') return null;
  return { line: { method: '', uri: '', status, reason: response[3] ?? '' }, problem: null };
}

interface ScannedHeaders extends HeaderLayout {
  readonly problem: MessageProblem | null;
}

function scanHeaders(bytes: Buffer, from: number): ScannedHeaders | null {
  const { length } = bytes;
  const spans: number[] = [];
  let at = from;
  let present = 0;
  let repeated = 0;
  let isFolded = false;
  let problem: MessageProblem | null = null;
  while (at < length) {
    if (bytes[at] === CR && bytes[at + 1] === LF) {
      return { spans, headersEnd: at + 2, present, repeated, isFolded, problem };
    }
    const lineStart = at;
    const nameEnd = endOfToken(bytes, lineStart);
    let colon = nameEnd;
    while (isBlank(bytes[colon])) colon++;
    for (at = nameEnd; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte > CR) continue;
      if (byte === CR && bytes[at + 1] === LF) break;
      if (byte === CR || byte === LF || (byte === 0 && bytes[at - 1] !== BACKSLASH)) {
        problem ??= bad('Stray control character');
      }
    }
    if (at >= length) return null;
    const lineEnd = at;
    at += 2;
    if (isBlank(bytes[lineStart])) {
      // A folded line belongs to the value before it.
      if (spans.length === 0) problem ??= bad('Folded line without a header');
      else {
        isFolded = true;
        spans[spans.length - 1] = trimEnd(bytes, spans[spans.length - 2] as number, lineEnd);
      }
    } else if (nameEnd === lineStart || bytes[colon] !== COLON) problem ??= bad('Invalid header line');
    else if (spans.length === MAX_HEADERS * SPAN) problem ??= bad('Too many headers');
    else {
      let valueStart = colon + 1;
      while (isBlank(bytes[valueStart])) valueStart++;
      const id = headerIdOf(bytes, lineStart, nameEnd);
      repeated |= present & (1 << id);
      present |= 1 << id;
      spans.push(id, lineStart, nameEnd, valueStart, trimEnd(bytes, valueStart, lineEnd));
    }
  }
  return null;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function endOfToken(bytes: Buffer, start: number): number {
  let at = start;
  while (TOKEN[bytes[at] as number] === 1) at++;
  return at;
}

function trimEnd(bytes: Buffer, start: number, end: number): number {
  let trimmed = end;
  while (trimmed > start && isBlank(bytes[trimmed - 1])) trimmed--;
  return trimmed;
}

/** The one length that all Content-Length headers give; null when there is none to trust. */
function declaredLength(bytes: Buffer, spans: readonly number[]): number | null {
  let declared: number | null = null;
  for (let at = 0; at < spans.length; at += SPAN) {
    if (spans[at] !== HEADER_ID['content-length']) continue;
    const end = spans[at + 4] as number;
    const value = decimal(bytes, skipBlanks(bytes, spans[at + 3] as number, end), end);
    if (value === null || (declared !== null && declared !== value)) return null;
    declared = value;
  }
  return declared;
}

/** Past blanks and folds before a value. */
function skipBlanks(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (isBlank(bytes[at]) || bytes[at] === CR || bytes[at] === LF)) at++;
  return at;
}

/** One to nine digits as a number. */
function decimal(bytes: Buffer, start: number, end: number): number | null {
  if (end <= start || end > start + 9) return null;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value;
}
