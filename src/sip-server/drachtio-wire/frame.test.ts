import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { FrameReader, frameOf } from './frame.js';

describe('FrameReader', () => {
  it('finds the same payloads however the stream is cut', () => {
    const payloads = ['id|ping', 'a|sip||\r\nINVITE x\r\n\r\nč#12#', 'x'.repeat(3_000)];
    const bytes = Buffer.from(payloads.map((text) => frameOf(Buffer.from(text).toString('latin1'))).join(''), 'latin1');
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const reader = new FrameReader();
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const found: string[] = [];
        for (let index = 1; index < edges.length; index++) {
          const read = reader.push(bytes.subarray(edges[index - 1], edges[index]));
          assert.ok(read);
          found.push(...read.map((payload) => payload.toString()));
        }
        assert.deepEqual(found, payloads);
      }),
    );
  });

  it('refuses a sixth digit, anything but digits, and no digits', () => {
    for (const text of ['123456', '12a#', '#x', ' 1#x', '-1#x', '1.0#x']) {
      assert.equal(new FrameReader().push(Buffer.from(text)), null, text);
    }
  });

  it('waits for a length that is not complete, and reads an empty payload', () => {
    const reader = new FrameReader();
    assert.deepEqual(reader.push(Buffer.from('12345')), []);
    assert.deepEqual(new FrameReader().push(Buffer.from('0#'))?.map(String), ['']);
  });
});
