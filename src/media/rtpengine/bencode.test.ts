import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeBencode, encodeBencode, type NgArgument } from './bencode.js';

/** What is decoded has no prototype; what it is compared with has one. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

describe('bencode', () => {
  it('writes a ping as rtpengine expects it', () => {
    assert.equal(encodeBencode({ command: 'ping' }).toString(), 'd7:command4:pinge');
  });

  it('leaves out keys without a value, and counts bytes, not characters', () => {
    assert.equal(encodeBencode({ sdp: undefined, label: 'é', ptime: 20 }).toString(), 'd5:label2:é5:ptimei20ee');
    assert.equal(encodeBencode({ blob: Uint8Array.of(0x41, 0x42) }).toString(), 'd4:blob2:ABe');
  });

  it('reads a reply whose keys are in no order', () => {
    const reply = decodeBencode(Buffer.from('d6:result2:ok6:totalsd3:RTPd7:packetsi0eee4:tagsl1:a1:bee'));
    assert.deepEqual(plain(reply), { result: 'ok', totals: { RTP: { packets: 0 } }, tags: ['a', 'b'] });
  });

  it('takes a key named __proto__ for a key', () => {
    const reply = decodeBencode(Buffer.from('d9:__proto__d1:ai1eee')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(reply), ['__proto__']);
    assert.equal(reply.a, undefined);
  });

  for (const [title, text] of [
    ['nothing', ''],
    ['a string longer than what came', '9:abc'],
    ['an integer without an end', 'i12'],
    ['an integer without digits', 'ie'],
    ['an integer beyond what is exact', 'i99999999999999999999e'],
    ['a length that is negative', '-1:a'],
    ['a dictionary whose key is a number', 'di1ei2ee'],
    ['a dictionary with a key and no value', 'd1:ae'],
    ['a list without an end', 'li1e'],
    ['anything after the value', 'i1ei2e'],
    ['a thousand lists in each other', `${'l'.repeat(1000)}${'e'.repeat(1000)}`],
  ] as const) {
    it(`refuses ${title}`, () => assert.equal(decodeBencode(Buffer.from(text)), undefined));
  }

  it('reads back whatever it wrote', () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.integer(),
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value')),
      ),
    }));
    fc.assert(
      fc.property(value, (any) => {
        assert.deepEqual(plain(decodeBencode(encodeBencode(any as NgArgument))), plain(any));
      }),
    );
  });

  it('returns for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeBencode(bytes)));
    const alphabet = fc.constantFrom(...'dlie:0123456789-a');
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 60 }), (text) => void decodeBencode(Buffer.from(text))),
    );
  });
});
