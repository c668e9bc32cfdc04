// Windows of a calendar allowance: which are remembered, whatever the clock does.
import assert from 'node:assert/strict';
import { CalendarTally } from './tallies.js';
import { WindowClock } from './windows.js';

const NOON = Date.UTC(2026, 0, 5, 3);
const DAY_MS = 86_400_000;

function count(tally: CalendarTally, wallMs: number, amount: number): void {
  tally.open(wallMs).used += amount;
}

describe('the windows of a calendar allowance', () => {
  let tally: CalendarTally;
  beforeEach(() => {
    tally = new CalendarTally(new WindowClock({ kind: 'day' }, 'Asia/Seoul'));
  });

  it('are remembered when the clock runs ahead by weeks and is set back', () => {
    count(tally, NOON - DAY_MS, 50);
    count(tally, NOON, 100);
    count(tally, NOON + 40 * DAY_MS, 1);
    assert.equal(tally.at(NOON)?.used, 100);
    // From then on days pass below the one that was ahead; a call over an edge is booked late.
    count(tally, NOON + DAY_MS, 200);
    count(tally, NOON, 1);
    count(tally, NOON - DAY_MS, 1);
    assert.deepEqual([tally.at(NOON)?.used, tally.at(NOON + DAY_MS)?.used], [101, 200]);
    count(tally, NOON + 2 * DAY_MS, 300);
    assert.deepEqual([tally.at(NOON + DAY_MS)?.used, tally.at(NOON + 2 * DAY_MS)?.used], [200, 300]);
  });

  it('are forgotten when they ended days ago and nothing of them is held', () => {
    count(tally, NOON, 100);
    tally.open(NOON).held = 5;
    for (let day = 1; day < 10; day++) count(tally, NOON + day * DAY_MS, day);
    assert.equal(tally.at(NOON)?.used, 100);
    tally.open(NOON).held = 0;
    count(tally, NOON + 10 * DAY_MS, 1);
    assert.deepEqual([tally.at(NOON), tally.at(NOON + 4 * DAY_MS)], [undefined, undefined]);
    assert.equal(tally.at(NOON + 9 * DAY_MS)?.used, 9);
  });
});
