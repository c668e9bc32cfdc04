import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LineSplitter } from './line-splitter.js';

describe('lines of a stream', () => {
  it('are the same however the stream falls into pieces', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'ü'), maxLength: 60 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(80), { maxLength: 8 }), (whole, cuts) => {
        const bytes = Buffer.from(whole, 'utf8');
        const splitter = new LineSplitter(1_000);
        const lines: string[] = [];
        let from = 0;
        for (const to of [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]) {
          for (const line of splitter.push(bytes.subarray(from, to)) ?? []) lines.push(line.toString('utf8'));
          from = to;
        }
        assert.deepEqual(lines, whole.split('\n').slice(0, -1));
      }),
    );
  });

  it('may be as long as allowed, and no byte longer, whether their end has come or not', () => {
    const splitter = new LineSplitter(4);
    assert.deepEqual(splitter.push(Buffer.from('1234\n'))?.map(String), ['1234']);
    assert.deepEqual(splitter.push(Buffer.from('12')), []);
    assert.equal(splitter.push(Buffer.from('345')), null);
    assert.equal(new LineSplitter(4).push(Buffer.from('12345\n')), null);
  });
});
