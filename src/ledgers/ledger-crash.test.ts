// Some dozens of kills in each durability mode; `npm run crash -- --kills N` makes thousands.
import assert from 'node:assert/strict';
import { runCrashTrial } from './crash/crash-trial.js';

const KILLS = 24;
/** Fewer on a slow machine, but not fewer than this. */
const MIN_KILLS = 8;
const TIME_LIMIT_MS = 9_000;

describe('the journalled ledger, killed at any instant', () => {
  for (const durability of ['process', 'power'] as const) {
    it(`loses no settled second, counts none twice and leaves no channel stuck, in mode ${durability}`, async function () {
      this.timeout(60_000);
      let kills = 0;
      const startedMs = Date.now();
      const isOver = () => kills++ >= MIN_KILLS && Date.now() - startedMs > TIME_LIMIT_MS;
      const report = await runCrashTrial({ kills: KILLS, durability, isOver });
      assert.deepEqual(report.problems, []);
      assert.ok(report.settled > report.kills, `only ${report.settled} settlements in ${report.kills} lives`);
    });
  }
});
