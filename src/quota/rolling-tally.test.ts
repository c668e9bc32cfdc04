import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RollingTally } from './rolling-tally.js';

interface Entry {
  readonly wallMs: number;
  readonly amount: number;
  readonly callee: string | null;
  readonly held: boolean;
}

const SECONDS = 10;

function countAnew(entries: readonly Entry[], nowWallMs: number): { used: number; held: number } {
  const inside = entries.filter(({ wallMs }) => wallMs > nowWallMs - SECONDS * 1000);
  const sum = (held: boolean): number =>
    inside.reduce((total, entry) => (entry.callee === null && entry.held === held ? total + entry.amount : total), 0);
  const settled = new Set(inside.flatMap(({ callee, held }) => (held ? [] : (callee ?? []))));
  const live = new Set(
    inside.flatMap(({ callee, held }) => (held && !settled.has(callee ?? '') ? (callee ?? []) : [])),
  );
  return { used: sum(false) + settled.size, held: sum(true) + live.size };
}

describe('RollingTally', () => {
  it('counts what is in the window, to the millisecond', () => {
    const tally = new RollingTally(SECONDS);
    tally.at(1_000).add(1_000, 5, null, false);
    assert.equal(tally.at(10_999).used, 5);
    assert.equal(tally.at(11_000).used, 0);
    // A clock that is set back sees it again.
    assert.equal(tally.at(10_999).used, 5);
  });

  it('says when enough will have left', () => {
    const tally = new RollingTally(SECONDS);
    for (const [wallMs, amount] of [
      [0, 3],
      [2_000, 4],
      [4_000, 2],
    ] as const)
      tally.at(wallMs).add(wallMs, amount, null, false);
    assert.equal(tally.at(5_000).opensAt(9, 1), 10_000);
    assert.equal(tally.opensAt(9, 5), 12_000);
    assert.equal(tally.opensAt(9, 9), 14_000);
    assert.equal(tally.opensAt(9, 10), Number.POSITIVE_INFINITY);
    assert.equal(tally.leavesAt(), 10_000);
  });

  it('lets a callee go with the last call to it', () => {
    const tally = new RollingTally(SECONDS);
    tally.at(0).add(0, 1, 'a', false);
    tally.at(3_000).add(3_000, 1, 'b', false);
    tally.at(6_000).add(6_000, 1, 'a', false);
    assert.equal(tally.at(7_000).used, 2);
    assert.equal(tally.opensAt(2, 1), 13_000);
    assert.equal(tally.at(10_000).hasCallee('a'), true);
    assert.equal(tally.at(16_000).hasCallee('a'), false);
  });

  it('counts as if anew after any history, also one that is told late', () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('add', 'add', 'add', 'remove', 'ask'),
        aheadMs: fc.integer({ min: -2_000, max: 6_000 }),
        lateMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 15_000 })),
        amount: fc.integer({ min: -3, max: 9 }),
        callee: fc.option(fc.constantFrom('a', 'b', 'c')),
        held: fc.boolean(),
        pick: fc.nat(),
      }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (history) => {
        const tally = new RollingTally(SECONDS);
        const entries: Entry[] = [];
        let nowWallMs = 100_000;
        for (const { what, aheadMs, lateMs, amount, callee, held, pick } of history) {
          nowWallMs += aheadMs;
          tally.at(nowWallMs);
          const chosen = entries[pick % Math.max(1, entries.length)];
          if (what === 'add') {
            const entry = { wallMs: nowWallMs - lateMs, amount: callee === null ? amount : 1, callee, held };
            tally.add(entry.wallMs, entry.amount, callee, held);
            entries.push(entry);
          } else if (what === 'remove' && chosen !== undefined) {
            tally.remove(chosen.wallMs, chosen.amount, chosen.callee, chosen.held);
            entries.splice(entries.indexOf(chosen), 1);
          }
          const { used, held: live } = tally;
          assert.deepEqual({ used, held: live }, countAnew(entries, nowWallMs));
          const next = tally.leavesAt();
          if (next < Number.POSITIVE_INFINITY) assert.deepEqual(countAnew(entries, next - 1), { used, held: live });
        }
      }),
    );
  });

  it('forgets what has long left', () => {
    const tally = new RollingTally(SECONDS);
    for (let second = 0; second < 100_000; second += 1) tally.at(second * 1000).add(second * 1000, 1, null, false);
    assert.equal(tally.used, SECONDS);
  });
});
