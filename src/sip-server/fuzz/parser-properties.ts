// What must hold of the parser and of the stream's framing for any bytes whatever.
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { checkMessage } from '../message/check-message.js';
import { parseNameAddress, splitElements } from '../message/name-address.js';
import { MAX_HEADERS, parseMessage } from '../message/parse-message.js';
import { bareResponse, responseHeadOf, stampedTopVia } from '../message/response-head.js';
import type { SipMessage } from '../message/sip-message.js';
import { parseSipUri, uriParameter } from '../message/uri.js';
import { type StreamEvent, StreamFraming } from '../transport/stream-framing.js';
import { type GrammaticalMessage, grammaticalMessage } from './message-grammar.js';
import { mutated } from './mutation.js';

/** Told of the bytes before they are read, so that a watcher knows what a reader hangs on. */
export type Witness = (bytes: Buffer) => void;

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

export function acceptsGrammaticalMessages(witness: Witness): fc.IProperty<[GrammaticalMessage]> {
  return fc.property(grammaticalMessage('declared-or-open'), (expected) => {
    const bytes = latin1(expected.text);
    witness(bytes);
    const message = parseMessage(bytes, { body: 'declared' });
    assert.ok(message);
    assert.equal(checkMessage(message), null);
    assert.equal(message.method, expected.method);
    assert.equal(message.status, expected.status);
    assert.equal(message.cseq?.number, expected.cseqNumber);
    assert.equal(message.callId, expected.callId);
    assert.equal(message.from?.tag, expected.fromTag);
    assert.equal(message.to?.tag, expected.toTag);
    assert.equal(message.via?.branch, expected.branch);
    assert.equal(message.headerCount, expected.headerCount);
    assert.equal(message.body, expected.body);
    examine(bytes);
  });
}

export function survivesMutations(witness: Witness): fc.IProperty<[string]> {
  const original = grammaticalMessage('declared-or-open').map((message) => message.text);
  return fc.property(fc.oneof({ weight: 9, arbitrary: mutated(original) }, { weight: 1, arbitrary: noise }), (text) => {
    const bytes = latin1(text);
    witness(bytes);
    examine(bytes);
  });
}

const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

/** A stream, and where it is cut. */
type CutStream = [texts: string[], cuts: number[]];

export function framesStreamsHoweverCut(witness: Witness): fc.IProperty<CutStream> {
  const limits = { maxMessageBytes: 4_000, maxHeaderBytes: 2_000 };
  const original = grammaticalMessage('declared').map((message) => message.text);
  const piece = fc.oneof(
    { weight: 4, arbitrary: original },
    { weight: 3, arbitrary: mutated(original, 3 * limits.maxMessageBytes) },
    { weight: 1, arbitrary: fc.constantFrom('\r\n\r\n', '\r\n') },
    { weight: 1, arbitrary: noise },
  );
  const streams = fc.array(piece, { minLength: 1, maxLength: 5 });
  return fc.property(streams, fc.array(fc.nat(0xffff), { maxLength: 20 }), (texts, cuts) => {
    const bytes = latin1(texts.join(''));
    witness(bytes);
    const whole = new StreamFraming(limits).push(bytes);
    const framing = new StreamFraming(limits);
    const pieces: StreamEvent[] = [];
    const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    for (let index = 1; index < edges.length; index++) {
      const segment = bytes.subarray(edges[index - 1], edges[index]);
      pieces.push(...framing.push(segment));
      assert.ok(framing.waitingBytes <= limits.maxMessageBytes, 'more is kept than a message may have');
    }
    assert.deepEqual(pieces.map(summaryOf), whole.map(summaryOf));
    for (const event of whole) if (event.kind !== 'keepalive') examine(event.bytes);
  });
}

const ROW_BYTES = 256 * 1024;

/** Complete requests with one value that is a long row of one piece: what a pattern that looks back takes minutes for. */
export function* longRows(): Generator<Buffer> {
  const headers = [
    'Via: SIP/2.0/UDP h;branch=z9hG4bKa',
    'From: <sip:a@b>;tag=1',
    'To: <sip:a@b>',
    'Call-ID: a',
    'CSeq: 1 INFO',
  ];
  const places = [
    ...headers.map((header) => header.split(':', 1)[0] ?? ''),
    ...[
      'Via: SIP/2.0/UDP h;rport;a',
      'To: <sip:a@b>;a="',
      'To: "',
      'Contact: <sip:a@b>',
      'Record-Route: <',
      'l: ',
      'X: a',
    ],
  ];
  for (const piece of [';', '"', '<', ',', '\\', ' ', '\t', ' \r\n ', ';branch=', ';rport', '@', ':', '%', '=', '0']) {
    const row = piece.repeat(ROW_BYTES / piece.length);
    for (const place of places) {
      const [name] = place.split(':', 1);
      const others = headers.filter((header) => !header.startsWith(`${name}:`));
      const start = place.includes(':') ? place : (headers.find((header) => header.startsWith(place)) ?? place);
      yield latin1(`INFO sip:a@b SIP/2.0\r\n${others.join('\r\n')}\r\n${start}${row}x\r\n folded\r\n\r\n`);
    }
    yield latin1(`INFO sip:${row} SIP/2.0\r\n${headers.join('\r\n')}\r\n\r\n`);
  }
}

function summaryOf(event: StreamEvent): string {
  if (event.kind === 'message') return event.bytes.toString('latin1');
  // How much has been seen of a message that is given up on depends on where the stream was cut.
  return event.kind === 'broken' ? `${event.kind} ${event.cause}` : event.kind;
}

/** Asks a message everything that the server asks, and holds the answers together. */
export function examine(bytes: Buffer): void {
  for (const body of ['declared', 'to-end'] as const) {
    const message = parseMessage(bytes, { body });
    if (message === null) continue;
    assert.ok(message.byteLength <= bytes.length);
    assert.ok(message.headerCount <= MAX_HEADERS);
    assert.equal(message.head.length + message.body.length, message.byteLength);
    for (let index = 0; index < message.headerCount; index++) {
      assert.ok(message.nameAt(index).length > 0);
      assert.ok(!message.valueAt(index).includes('\r\n'));
    }
    readEverything(message);
    if (checkMessage(message) === null) holdsTogether(message);
  }
}

function readEverything(message: SipMessage): void {
  for (const value of [message.via, message.from, message.to, message.cseq]) void value;
  for (const name of ['route', 'record-route', 'contact', 'require'] as const) {
    for (const element of splitElements(message.values(name))) {
      const address = parseNameAddress(element);
      const uri = address === null ? null : parseSipUri(address.uri);
      if (uri !== null) uriParameter(uri, 'transport');
    }
  }
}

/** What was accepted makes a response that is well-formed itself, and an application reads what we have read. */
function holdsTogether(message: SipMessage): void {
  const via = stampedTopVia(message, '192.0.2.33', 5060);
  const [start, end] = message.valueSpanAt(message.indexOf('via'));
  const passedOn = reread(message.head.slice(0, start) + via + message.head.slice(end) + message.body);
  assert.equal(passedOn.callId, message.callId);
  assert.equal(passedOn.to?.tag, message.to?.tag);
  assert.equal(passedOn.via?.branch, message.via?.branch);
  if (!message.isRequest) return;
  const response = reread(bareResponse(responseHeadOf(message, via), 486, 'ours'));
  assert.equal(response.status, 486);
  assert.equal(response.callId, message.callId);
  assert.deepEqual(response.cseq, message.cseq);
  assert.equal(response.from?.tag, message.from?.tag);
  assert.equal(response.to?.tag, message.to?.tag ?? 'ours');
  assert.equal(response.via?.branch, message.via?.branch);
}

function reread(text: string): SipMessage {
  const message = parseMessage(latin1(text), { body: 'to-end' });
  assert.ok(message, 'what is passed on cannot be read');
  assert.equal(checkMessage(message), null);
  return message;
}
