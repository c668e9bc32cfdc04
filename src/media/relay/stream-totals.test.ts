import assert from 'node:assert/strict';
import type { MediaReport } from '../../call/reports.js';
import { emptyReport } from './relay-messages.js';
import { addStreams, copyOf, countQuality, noTotals } from './stream-totals.js';

function reportOf(callerMos: number | null, calleeMos: number | null): MediaReport {
  const { caller, callee } = emptyReport();
  return {
    caller: { ...caller, mos: callerMos, packets: 10, lost: 1, dropped: { ...caller.dropped, ssrc: 2 } },
    callee: { ...callee, mos: calleeMos, packets: 5, silentMs: 700 },
    lastPacketAgeMs: null,
  };
}

describe('totals of streams', () => {
  it('count each direction by the classes of G.107, and none that could not be rated', () => {
    const totals = noTotals();
    for (const [caller, callee] of [
      [4.41, 4.03],
      [4.02, 3.6],
      [3.59, 3.1],
      [3.09, 1],
      [null, null],
    ] as const satisfies readonly (readonly [number | null, number | null])[]) {
      countQuality(totals, reportOf(caller, callee));
    }
    assert.deepEqual(totals.qualities, {
      satisfied: 2,
      someDissatisfied: 2,
      manyDissatisfied: 2,
      nearlyAllDissatisfied: 2,
    });
  });

  it('sum up both directions, and leave what they were copied from alone', () => {
    const totals = noTotals();
    addStreams(totals, reportOf(null, null));
    const copy = copyOf(totals);
    addStreams(copy, reportOf(null, null));
    assert.deepEqual([totals.packets, totals.lost, totals.silentMs, totals.dropped.ssrc], [15, 1, 700, 2]);
    assert.deepEqual([copy.packets, copy.lost, copy.silentMs, copy.dropped.ssrc], [30, 2, 1_400, 4]);
  });
});
