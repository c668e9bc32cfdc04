import assert from 'node:assert/strict';
import { readDtmf } from './dtmf-listener.js';

const TOLD = {
  ...{ callid: 'c1', source_tag: 'caller', tags: ['caller', 'callee-0'], type: 'DTMF', timestamp: 1_795_262_893 },
  ...{ source_ip: '127.0.0.1', event: 11, duration: 120, volume: 10 },
};

describe('readDtmf', () => {
  it('reads the event, whose number is that of RFC 4733', () => {
    const read = readDtmf(Buffer.from(JSON.stringify(TOLD)));
    assert.deepEqual(read, { callId: 'c1', tag: 'caller', event: '#', durationMs: 120 });
  });

  for (const [title, text] of [
    ['no JSON', '{"callid":'],
    ['no object', '7'],
    ['null', 'null'],
    ['another type', JSON.stringify({ ...TOLD, type: 'other' })],
    ['no call-id', JSON.stringify({ ...TOLD, callid: 7 })],
    ['an event beyond the digits', JSON.stringify({ ...TOLD, event: 16 })],
    ['an event that is no number', JSON.stringify({ ...TOLD, event: 'length' })],
  ] as const) {
    it(`takes ${title} for nothing`, () => assert.equal(readDtmf(Buffer.from(text)), null));
  }
});
