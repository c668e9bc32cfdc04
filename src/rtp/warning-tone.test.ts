import assert from 'node:assert/strict';
import fc from 'fast-check';
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from './g711.js';
import { shareOfTone, windowsWithTone } from './tone-test-kit.js';
import { WARNING_TONE_SAMPLES, writeWarningTone } from './warning-tone.js';

const TABLES = { PCMA: A_LAW_TO_LINEAR, PCMU: MU_LAW_TO_LINEAR };
const codecs = fc.constantFrom('PCMA' as const, 'PCMU' as const);

function whole(codec: 'PCMA' | 'PCMU', fill: number): Uint8Array {
  const octets = new Uint8Array(WARNING_TONE_SAMPLES).fill(fill);
  writeWarningTone(octets, codec, 0);
  return octets;
}

describe('warning tone', () => {
  for (const codec of ['PCMA', 'PCMU'] as const) {
    it(`is two pure beeps of 1,400 Hz in ${codec}, at about -10 dBm0`, () => {
      const linear = Int16Array.from(whole(codec, 0xd5), (octet) => TABLES[codec][octet] ?? 0);
      const first = linear.subarray(0, 1_600);
      const second = linear.subarray(3_200, 4_800);
      for (const beep of [first, second]) {
        assert.ok(shareOfTone(beep, 1_400) > 0.99);
        assert.ok(shareOfTone(beep, 1_000) < 0.01);
        const loudest = beep.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
        assert.ok(loudest > 6_500 && loudest < 8_000, `loudest ${loudest}`);
      }
      assert.equal(windowsWithTone(linear, 1_400).length, 20);
    });
  }

  it('leaves what is said in the gap, before and after', () => {
    const octets = whole('PCMA', 0x12);
    assert.ok(octets.subarray(1_600, 3_200).every((octet) => octet === 0x12));
    const around = new Uint8Array(WARNING_TONE_SAMPLES + 20).fill(0x12);
    writeWarningTone(around, 'PCMA', -10);
    assert.ok([...around.subarray(0, 10), ...around.subarray(-10)].every((octet) => octet === 0x12));
    assert.deepEqual(around.subarray(10, -10), octets);
  });

  it('is the same however the stream is cut into packets', () => {
    fc.assert(
      fc.property(codecs, fc.array(fc.integer({ min: 1, max: 480 }), { maxLength: 60 }), (codec, lengths) => {
        let position = 0;
        for (const length of lengths) {
          const part = new Uint8Array(length).fill(0x12);
          writeWarningTone(part, codec, position);
          const expected = new Uint8Array(length).fill(0x12);
          expected.set(whole(codec, 0x12).subarray(position, position + length));
          assert.deepEqual(part, expected);
          position += length;
        }
      }),
      { numRuns: 50 },
    );
  });
});
