import assert from 'node:assert/strict';
import { NO_HEADERS } from '../call/passed-headers.js';
import { endingHeaders, readPassed } from './passed-headers.js';
import type { SipMessage } from './srf.js';

function messageOf(headers: Readonly<Record<string, string>>): SipMessage {
  return { get: (name: string) => headers[name] } as unknown as SipMessage;
}

describe('the headers that pass to the other side', () => {
  it('are those of the list, and nothing else', () => {
    const message = messageOf({ Diversion: '<sip:701@pbx>;reason=no-answer', 'X-Secret': 's3cret' });
    assert.deepEqual(readPassed(message, ['Diversion', 'User-to-User']), {
      Diversion: '<sip:701@pbx>;reason=no-answer',
    });
    assert.equal(readPassed(message, []), NO_HEADERS);
  });

  it('keep their letters, and are unfolded', () => {
    const value = '"봄 캠페인 🌸" ,\r\n  second\n\tthird';
    assert.deepEqual(readPassed(messageOf({ 'X-Campaign': value }), ['X-Campaign']), {
      'X-Campaign': '"봄 캠페인 🌸" , second third',
    });
  });

  it('are left out when they could begin another header', () => {
    for (const value of ['a\r\nX-Evil: 1', 'a\nVia: 2', 'a\u0000b', '\r', '']) {
      assert.deepEqual(readPassed(messageOf({ 'X-Campaign': value }), ['X-Campaign']), {});
    }
  });

  it('are left out where they would make a message too long for the SIP server', () => {
    const headers = { A1: 'a'.repeat(16_000), A2: 'b'.repeat(385), A3: 'c'.repeat(384) };
    assert.deepEqual(Object.keys(readPassed(messageOf(headers), ['A1', 'A2', 'A3'])), ['A1', 'A3']);
  });

  it('go along with a Reason of ours', () => {
    assert.deepEqual(endingHeaders('Q.850;cause=16', NO_HEADERS), { headers: { Reason: 'Q.850;cause=16' } });
    assert.deepEqual(endingHeaders(undefined, NO_HEADERS), {});
    assert.deepEqual(endingHeaders('Q.850;cause=16', { 'User-to-User': '56a1;encoding=hex' }), {
      headers: { 'User-to-User': '56a1;encoding=hex', Reason: 'Q.850;cause=16' },
    });
  });
});
