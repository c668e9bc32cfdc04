import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  A_LAW_SILENCE,
  A_LAW_TO_LINEAR,
  linearToALaw,
  linearToMuLaw,
  MU_LAW_SILENCE,
  MU_LAW_TO_LINEAR,
} from './g711.js';

const LAWS = [
  { name: 'A-law', encode: linearToALaw, decode: A_LAW_TO_LINEAR, largest: 32_256 },
  { name: 'µ-law', encode: linearToMuLaw, decode: MU_LAW_TO_LINEAR, largest: 32_124 },
];

describe('G.711', () => {
  it('decodes the values that ITU-T G.711 lists', () => {
    assert.deepEqual(
      [0x2a, 0xaa, 0x55, 0xd5, 0x80, 0x00].map((octet) => A_LAW_TO_LINEAR[octet]),
      [-32_256, 32_256, -8, 8, 5_504, -5_504],
    );
    assert.deepEqual(
      [0x00, 0x80, 0x7f, 0xff, 0x70, 0xf0].map((octet) => MU_LAW_TO_LINEAR[octet]),
      [-32_124, 32_124, 0, 0, -120, 120],
    );
    assert.equal(A_LAW_TO_LINEAR[A_LAW_SILENCE], 8);
    assert.equal(MU_LAW_TO_LINEAR[MU_LAW_SILENCE], 0);
  });

  for (const { name, encode, decode, largest } of LAWS) {
    it(`gives back what it decoded in ${name}, but for µ-law's second zero`, () => {
      for (let octet = 0; octet < 256; octet += 1) {
        const linear = decode[octet] ?? 0;
        assert.equal(decode[encode(linear)], linear);
        if (linear !== 0) assert.equal(encode(linear), octet);
      }
    });

    it(`takes one of the two nearest values in ${name}, and clips`, () => {
      const values = [...new Set(decode)].sort((a, b) => a - b);
      fc.assert(
        fc.property(fc.integer({ min: -32_768, max: 32_767 }), (sample) => {
          const decoded = decode[encode(sample)] ?? 0;
          const below = values.findLast((value) => value <= sample) ?? -largest;
          const above = values.find((value) => value >= sample) ?? largest;
          assert.ok(decoded === below || decoded === above, `${sample} became ${decoded}`);
        }),
      );
      assert.equal(decode[encode(32_767)], largest);
      assert.equal(decode[encode(-32_768)], -largest);
    });
  }
});
