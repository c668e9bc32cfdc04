import assert from 'node:assert/strict';
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from './g711.js';
import { A_LAW_TO_MU_LAW, MU_LAW_TO_A_LAW, transcodeOctets } from './g711-transcoding.js';

const OCTETS = Array.from({ length: 256 }, (_, octet) => octet);

describe('transcoding between A-law and µ-law', () => {
  it('takes for every octet one of the nearest values, and keeps its sign', () => {
    for (const [values, targets, table] of [
      [A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR, A_LAW_TO_MU_LAW],
      [MU_LAW_TO_LINEAR, A_LAW_TO_LINEAR, MU_LAW_TO_A_LAW],
    ] as const) {
      for (const octet of OCTETS) {
        const value = values[octet] ?? 0;
        const made = targets[table[octet] ?? 0] ?? 0;
        const nearest = Math.min(...[...targets].map((target) => Math.abs(target - value)));
        assert.equal(Math.abs(made - value), nearest, `octet ${octet}`);
        assert.equal((table[octet] ?? 0) & 0x80, octet & 0x80, `sign of ${octet}`);
      }
    }
  });

  it('agrees with tables 3 and 4 of G.711 where these are simplest: first steps, first segment, and the loudest', () => {
    // Character numbers of the Recommendation count from silence: 0xd5 and 0xff are the first of either law.
    const aLaw = (number: number) => ((number - 1) | 0x80) ^ 0x55;
    const muLaw = (number: number) => 0xff - number;
    const toMuLaw = [1, 3, 5, 7, 9, 11, 13, 15, 16, 17, 18, 19];
    assert.deepEqual(
      toMuLaw.map((_, index) => A_LAW_TO_MU_LAW[aLaw(index + 1)]),
      toMuLaw.map(muLaw),
    );
    const toALaw = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 10, 11, 12];
    assert.deepEqual(
      toALaw.map((_, index) => MU_LAW_TO_A_LAW[muLaw(index)]),
      toALaw.map(aLaw),
    );
    assert.equal(A_LAW_TO_MU_LAW[aLaw(128)], muLaw(127));
    assert.equal(MU_LAW_TO_A_LAW[muLaw(127)], aLaw(128));
  });

  it('gives back what it was made from, but where two steps of A-law share one of µ-law', () => {
    const changed = OCTETS.filter((octet) => MU_LAW_TO_A_LAW[A_LAW_TO_MU_LAW[octet] ?? 0] !== octet);
    assert.equal(changed.length, 16);
    for (const octet of OCTETS) {
      // A second trip changes nothing any more.
      const once = MU_LAW_TO_A_LAW[A_LAW_TO_MU_LAW[octet] ?? 0] ?? 0;
      assert.equal(MU_LAW_TO_A_LAW[A_LAW_TO_MU_LAW[once] ?? 0], once);
    }
  });

  it('changes nothing outside the payload', () => {
    const octets = new Uint8Array(20).fill(0xd5);
    transcodeOctets(octets, 12, 18, A_LAW_TO_MU_LAW);
    assert.deepEqual([...octets], [...Array(12).fill(0xd5), ...Array(6).fill(0xfe), 0xd5, 0xd5]);
  });
});
