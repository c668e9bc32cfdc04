import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type StreamEvent, StreamFraming } from './stream-framing.js';

function message(body: string, name = 'Content-Length'): string {
  return `INFO sip:a@b SIP/2.0\r\nX: y\r\n${name}: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function framingOf(maxMessageBytes: number, maxHeaderBytes = maxMessageBytes): StreamFraming {
  return new StreamFraming({ maxMessageBytes, maxHeaderBytes });
}

function summary(events: readonly StreamEvent[]): string[] {
  return events.map((event) => (event.kind === 'message' ? event.bytes.toString() : event.kind));
}

describe('StreamFraming', () => {
  it('finds the same messages however the stream is cut', () => {
    const texts = [message(''), message('čau\r\n\r\n', 'l'), message('x'.repeat(200), 'CONTENT-LENGTH '), message('')];
    const bytes = Buffer.from(texts.join(''));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const framing = framingOf(10_000);
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const events: StreamEvent[] = [];
        for (let index = 1; index < edges.length; index++) {
          events.push(...framing.push(bytes.subarray(edges[index - 1], edges[index])));
        }
        assert.deepEqual(summary(events), texts);
      }),
    );
  });

  it('takes a message without Content-Length as one without a body', () => {
    const text = 'INFO sip:a@b SIP/2.0\r\nX: y\r\n\r\n';
    assert.deepEqual(summary(framingOf(1_000).push(Buffer.from(text + text))), [text, text]);
  });

  it('sees keepalives between messages, whole or in pieces, and skips a single CRLF', () => {
    const framing = framingOf(1_000);
    assert.deepEqual(summary(framing.push(Buffer.from('\r\n\r\n'))), ['keepalive']);
    assert.deepEqual(summary(framing.push(Buffer.from('\r\n'))), []);
    assert.deepEqual(summary(framing.push(Buffer.from('\r'))), []);
    assert.deepEqual(summary(framing.push(Buffer.from('\n'))), ['keepalive']);
    assert.deepEqual(summary(framing.push(Buffer.from(`\r\n${message('z')}`))), [message('z')]);
  });

  it('gives up on a length that is no number, or two that differ', () => {
    for (const value of ['many', '-1', '', '9999999999', '1\r\nl: 2']) {
      const framing = framingOf(1_000);
      const events = framing.push(Buffer.from(`INFO sip:a@b SIP/2.0\r\nContent-Length: ${value}\r\n\r\n`));
      assert.deepEqual(
        events.map((event) => event.kind),
        ['broken'],
        value,
      );
      assert.deepEqual(framing.push(Buffer.from(message(''))), []);
    }
  });

  it('gives up on a message that is too large, before it has come', () => {
    const declared = framingOf(1_000).push(Buffer.from('INFO sip:a@b SIP/2.0\r\nl: 5000\r\n\r\n'))[0];
    assert.ok(declared?.kind === 'broken' && declared.cause === 'too-large');
    const endless = framingOf(1_000).push(Buffer.from('x'.repeat(1_004)))[0];
    assert.ok(endless?.kind === 'broken' && endless.cause === 'too-large');
  });

  it('reads a Content-Length on a line of its own below its name', () => {
    const text = message('body').replace(': 4', ' :\r\n\t 4 ');
    assert.deepEqual(summary(framingOf(10_000).push(Buffer.from(text + text))), [text, text]);
  });

  it('takes the largest head that it may have, wherever the segments end', () => {
    const text = `INFO sip:a@b SIP/2.0\r\nX: ${'y'.repeat(100)}\r\n\r\n`;
    for (let cut = 1; cut < text.length; cut++) {
      const cutter = new StreamFraming({ maxMessageBytes: 1_000, maxHeaderBytes: text.length - 4 });
      const events = [...cutter.push(Buffer.from(text.slice(0, cut))), ...cutter.push(Buffer.from(text.slice(cut)))];
      assert.deepEqual(summary(events), [text], `${cut}`);
    }
  });

  it('keeps no more than what has not come whole', () => {
    const framed = framingOf(10_000);
    framed.push(Buffer.from(message('x'.repeat(5_000)) + message('y').slice(0, -1)));
    assert.equal(framed.waitingBytes, message('y').length - 1);
  });

  it('never throws, for any bytes in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 10 }), (chunks) => {
        const framing = framingOf(200);
        for (const chunk of chunks) framing.push(Buffer.from(chunk));
      }),
    );
  });
});
