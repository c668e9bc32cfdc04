import assert from 'node:assert/strict';
import { compareEntries, historyPages, recordOf } from './history-entries.js';
import type { Reply } from './redis-link.js';
import { type SharedSettlement, writeAdjustment, writeSettlement } from './shared-records.js';

const SETTLEMENT: SharedSettlement = {
  request: {
    ...{ reservationId: 'r1', callId: 'c1', trunk: 'pbx', direction: 'out', payers: ['trunk:pbx'], wallMs: 1_000 },
    ...{ channelId: 'gw1/1', simId: 'sim1', callee: '+821055550102', numberClass: 'mobile' },
  },
  answeredWallMs: 2_000,
  durationMs: 3_000,
  charge: { reservationId: 'r1', simId: 'sim1', billedSeconds: 3, cost: '0', currency: 'KRW', estimated: false },
  settledWallMs: 5_000,
};
const ADJUSTMENT = {
  ...{ adjustmentId: 'a1', holder: 'sim:sim1', allowanceId: 'seconds-day', amount: -60, reason: 'test', by: 'kim' },
  ...{ wallMs: 4_000, madeWallMs: 4_500 },
};

function entry(number: number, kind: string, record: string, ...more: string[]): Reply[number] {
  return [`5000-${number}`, ['kind', kind, 'at', '5000', ...more, 'record', record]];
}

/** A Redis with these entries. */
function asked(entries: readonly Reply[number][]) {
  const questions: (readonly string[])[] = [];
  const ask = async (_operation: string, args: readonly string[]) => {
    questions.push(args);
    const [after = '', count] = args;
    return entries.filter(([name]) => compareEntries(String(name), after) > 0).slice(0, Number(count));
  };
  return { questions, ask };
}

describe('history in Redis', () => {
  it('is read in its order, a page at a time, until one is not full', async () => {
    const entries = Array.from({ length: 4_500 }, (_, index) => entry(index, 'settlement', ''));
    const { questions, ask } = asked(entries);
    const names: string[] = [];
    for await (const page of historyPages(ask, '5000-99')) names.push(...page.map(({ name }) => name));
    assert.deepEqual(
      names,
      Array.from({ length: 4_400 }, (_, index) => `5000-${index + 100}`),
    );
    assert.deepEqual(
      questions.map(([after]) => after),
      ['5000-99', '5000-2099', '5000-4099'],
    );
  });

  it('has settlements, whose others they may replace, and adjustments', async () => {
    const { ask } = asked([
      entry(1, 'settlement', writeSettlement(SETTLEMENT), 'reaped', '1', 'supersedes', '4000-7'),
      entry(2, 'adjustment', writeAdjustment(ADJUSTMENT)),
    ]);
    for await (const [settled, adjusted, ...more] of historyPages(ask, '0')) {
      assert.ok(settled !== undefined && adjusted !== undefined);
      assert.deepEqual([settled.isEstimate, settled.supersedes, more], [true, '4000-7', []]);
      assert.deepEqual(recordOf(settled), { settlement: SETTLEMENT });
      assert.deepEqual([adjusted.isEstimate, adjusted.supersedes], [false, '']);
      assert.deepEqual(recordOf(adjusted), { adjustment: ADJUSTMENT });
    }
  });

  it('may have what another version has written, which is no record', async () => {
    const { ask } = asked([entry(1, 'settlement', 'nonsense'), entry(2, 'adjustment', '{}'), ['5000-3', ['so', 'so']]]);
    for await (const page of historyPages(ask, '0')) {
      assert.equal(page.length, 3);
      for (const each of page) assert.throws(() => recordOf(each));
    }
  });

  it('orders its entries by their time, then by their number', () => {
    assert.deepEqual(['10-0', '9-11', '9-2', '0'].sort(compareEntries), ['0', '9-2', '9-11', '10-0']);
  });
});
