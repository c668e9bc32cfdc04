import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NumberSet } from '../policy/do-not-call.js';
import { readListText } from './list-text.js';

function read(text: string, country = 'KR') {
  const { keys, rejected, firstRejectedLine } = readListText(Buffer.from(text), country);
  return { numbers: new NumberSet(keys), rejected, firstRejectedLine };
}

describe('readListText', () => {
  it('makes every way to write a number canonical', () => {
    const { numbers, rejected } = read('010-1234-5678\n+82 2 1234 5678\r\n"0101234 5679"\n1588-1234\n00114155550100\n');
    assert.equal(rejected, 0);
    for (const number of ['+821012345678', '+82212345678', '+821012345679', '+8215881234', '+14155550100']) {
      assert.equal(numbers.has(number), true, number);
    }
    assert.equal(numbers.size, 5);
  });

  it('takes the first field of a line, and skips comments and empty lines', () => {
    const { numbers, rejected } = read(
      '\ufeff# as of 2026-11-01\n\n  \n01012345678,2026-10-01,"Kim, M"\n01012345679;x\n01012345670\tx\n# 01000000000\n01012345671',
    );
    assert.deepEqual([numbers.size, rejected], [4, 0]);
    assert.equal(numbers.has('+821012345671'), true, 'a last line without its end');
  });

  it('counts lines that are no number and says where the first is', () => {
    assert.deepEqual(
      [read('number,date\n01012345678\nunknown\n').rejected, read('number,date\n01012345678\n').firstRejectedLine],
      [2, 1],
    );
  });

  it('reads national numbers in the list’s own country', () => {
    assert.equal(read('2015550123\n', 'US').numbers.has('+12015550123'), true);
  });

  it('reads anything without throwing, and finds the numbers between', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (junk) => {
        const parts = junk.flatMap((bytes) => [
          Buffer.from(bytes.filter((byte) => byte !== 10)),
          Buffer.from('\n01012345678\n'),
        ]);
        const { keys } = readListText(Buffer.concat(parts), 'KR');
        assert.equal(new NumberSet(keys).has('+821012345678'), junk.length > 0);
      }),
    );
  });

  it('holds as many numbers as there are', () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `010${String(20_000_000 + i)}`);
    assert.equal(read(lines.join('\n')).numbers.size, 5_000);
  });

  it('is not held up by a line without an end', () => {
    const { numbers, rejected } = read(`01012345678\n${'9'.repeat(5_000_000)}`);
    assert.deepEqual([numbers.size, rejected], [1, 1]);
  });
});
