// The parser: one pass over the bytes, noting where each header lies. RFC 3261 §7, §18.3, §25.1.
// It never throws; what is wrong is a `problem` of the message, or null when there is no message to speak of.
import { HEADER_ID, headerIdOf, type KnownHeader } from './header-names.js';
import { type MessageProblem, SipMessage, SPAN, type StartLine } from './sip-message.js';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** More headers than this are refused: no honest message has them. */
export const MAX_HEADERS = 256;

/** RFC 3261 §25.1 `token`. */
const TOKEN = new Uint8Array(256);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
  TOKEN[char.charCodeAt(0)] = 1;

const REQUEST_LINE = /^([!%'*+\-.0-9A-Z_`a-z~]+) ([^\s<>]+) (SIP\/\d{1,3}\.\d{1,3})$/i;
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

  const spans: number[] = [];
  const scan = scanHeaders(message, lineEnd + 2, spans);
  if (scan === null) return null;
  let problem = start.problem ?? scan.problem;

  const available = message.length - scan.headersEnd;
  let bodyLength = available;
  if (options.body === 'declared') {
    const declared = declaredLength(message, spans);
    if (declared === 'invalid') problem ??= bad('Invalid Content-Length');
    else if (declared !== undefined && declared > available) problem ??= bad('Content-Length exceeds message');
    else if (declared !== undefined) bodyLength = declared;
  }
  const headersEnd = scan.headersEnd;
  const parsed = new SipMessage(start.line, message, spans, headersEnd, headersEnd + bodyLength, scan.isFolded);
  parsed.problem = problem;
  return parsed;
}

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
  if (response === null) return null;
  const status = Number(response[2]);
  if (status < 100 || status > 699 || (response[1] as string).toUpperCase() !== 'SIP/2.0') return null;
  return { line: { method: '', uri: '', status, reason: response[3] ?? '' }, problem: null };
}

interface HeaderScan {
  readonly headersEnd: number;
  readonly isFolded: boolean;
  readonly problem: MessageProblem | null;
}

function scanHeaders(bytes: Buffer, from: number, spans: number[]): HeaderScan | null {
  const length = bytes.length;
  let at = from;
  let isFolded = false;
  let problem: MessageProblem | null = null;
  while (at < length) {
    if (bytes[at] === CR && bytes[at + 1] === LF) return { headersEnd: at + 2, isFolded, problem };
    const lineStart = at;
    let colon = -1;
    let lineEnd = -1;
    for (; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte === COLON) {
        if (colon === -1) colon = at;
      } else if (byte === CR && bytes[at + 1] === LF) {
        lineEnd = at;
        at += 2;
        break;
      } else if (byte === CR || byte === LF || byte === 0) problem ??= bad('Stray control character');
    }
    if (lineEnd === -1) return null;
    const first = bytes[lineStart] as number;
    if (first === SPACE || first === TAB) {
      // A folded line belongs to the value before it.
      if (spans.length === 0) problem ??= bad('Folded line without a header');
      else {
        isFolded = true;
        spans[spans.length - 1] = trimEnd(bytes, spans[spans.length - 2] as number, lineEnd);
      }
      continue;
    }
    let nameEnd = colon === -1 ? lineStart : colon;
    while (nameEnd > lineStart && (bytes[nameEnd - 1] === SPACE || bytes[nameEnd - 1] === TAB)) nameEnd--;
    if (!isToken(bytes, lineStart, nameEnd)) {
      problem ??= bad('Invalid header line');
      continue;
    }
    if (spans.length / SPAN >= MAX_HEADERS) {
      problem ??= bad('Too many headers');
      continue;
    }
    let valueStart = colon + 1;
    while (valueStart < lineEnd && (bytes[valueStart] === SPACE || bytes[valueStart] === TAB)) valueStart++;
    spans.push(
      headerIdOf(bytes, lineStart, nameEnd),
      lineStart,
      nameEnd,
      valueStart,
      trimEnd(bytes, valueStart, lineEnd),
    );
  }
  return null;
}

function isToken(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (TOKEN[bytes[at] as number] === 0) return false;
  return end > start;
}

function trimEnd(bytes: Buffer, start: number, end: number): number {
  let trimmed = end;
  while (trimmed > start && (bytes[trimmed - 1] === SPACE || bytes[trimmed - 1] === TAB)) trimmed--;
  return trimmed;
}

function declaredLength(bytes: Buffer, spans: readonly number[]): number | 'invalid' | undefined {
  let declared: number | undefined;
  for (let at = 0; at < spans.length; at += SPAN) {
    if (spans[at] !== HEADER_ID['content-length']) continue;
    const text = bytes.toString('latin1', spans[at + 3], spans[at + 4]);
    if (!/^\d{1,9}$/.test(text)) return 'invalid';
    const value = Number(text);
    if (declared !== undefined && declared !== value) return 'invalid';
    declared = value;
  }
  return declared;
}

const ONCE: readonly KnownHeader[] = ['from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-type'];

/** Checks what RFC 3261 §8.1.1 makes mandatory, and what may stand only once. Null when all is well. */
export function checkMessage(message: SipMessage): MessageProblem | null {
  if (message.problem !== null) return message.problem;
  if (message.via === null) return bad('Missing or invalid Via');
  if (message.from === null) return bad('Missing or invalid From');
  if (message.to === null) return bad('Missing or invalid To');
  if (message.callId === '') return bad('Missing Call-ID');
  if (/\s/.test(message.callId)) return bad('Invalid Call-ID');
  const cseq = message.cseq;
  if (cseq === null) return bad('Missing or invalid CSeq');
  if (message.isRequest && cseq.method !== message.method) return bad('CSeq method differs from request');
  for (const name of ONCE) if (message.count(name) > 1) return bad(`Duplicate ${name}`);
  const maxForwards = message.value('max-forwards');
  if (maxForwards !== undefined && !/^\d{1,3}$/.test(maxForwards)) return bad('Invalid Max-Forwards');
  return null;
}
