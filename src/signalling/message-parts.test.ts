import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cseqNumber, readReasons, reasonHeaders } from './message-parts.js';
import type { SipMessage } from './srf.js';

function message(headers: Readonly<Record<string, string>>, body?: string): SipMessage {
  return { body, get: (name: string) => headers[name] } as unknown as SipMessage;
}

const reasons = (text: string) => readReasons(message({ Reason: text }));

describe('parts of messages', () => {
  it('reads each Reason, also with commas and quotes in its text', () => {
    assert.deepEqual(reasons('Q.850;cause=17;text="busy, or \\"away\\", today",SIP;cause=486 , '), [
      'Q.850;cause=17;text="busy, or \\"away\\", today"',
      'SIP;cause=486',
    ]);
    assert.deepEqual(readReasons(message({})), []);
  });

  it('bounds what a peer can put into a record', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5_000 }), (text) => {
        const read = reasons(text);
        assert.ok(read.length <= 8);
        assert.ok(read.every((reason) => reason.length > 0 && reason.length <= 200));
      }),
    );
  });

  it('reads the number of a CSeq, and 1 where there is none', () => {
    assert.equal(cseqNumber(message({ CSeq: '4711 INVITE' })), 4_711);
    assert.equal(cseqNumber(message({ CSeq: 'INVITE' })), 1);
    assert.equal(cseqNumber(message({})), 1);
  });

  it('writes a Reason only when there is one', () => {
    assert.deepEqual(reasonHeaders(undefined), {});
    assert.deepEqual(reasonHeaders('SIP;cause=503'), { headers: { Reason: 'SIP;cause=503' } });
  });
});
