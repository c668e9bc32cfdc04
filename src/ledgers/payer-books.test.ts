// Books of thousands of payers: those in which nothing matters any more are let go, and no other.
import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import type { Caps } from '../quota/plan.js';
import { allowanceOf, capsOf, planOf } from '../quota/plan-defaults.js';
import { LedgerMemory } from './ledger-memory.js';

/** Many more than are let go at a time. */
const CROWD = 3_000;
const DAY_MS = 86_400_000;
const CAPS = capsOf({
  name: 'agents',
  allowances: [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 100 })],
});
const BUSY_DAYS = capsOf({
  name: 'accounts',
  allowances: [
    allowanceOf({
      ...{ id: 'busy-days', counts: 'days-over', limit: 0, window: { kind: 'month', resetDay: 1 } },
      daysOver: { counts: 'seconds', threshold: 100 },
    }),
  ],
});
/** Counts money alone, of calls that cost nothing. */
const BUDGET = capsOf({ name: 'pbx', allowances: [allowanceOf({ id: 'spend-day', counts: 'spend', limit: 1 })] });

function capsByKind(payer: string): Caps {
  if (payer.startsWith('trunk:')) return BUDGET;
  return payer.startsWith('account:') ? BUSY_DAYS : CAPS;
}

const SETTINGS = {
  plans: [planOf({ name: 'office' })],
  sims: [1, 2].map((port) => ({ simId: `sim${port}`, plan: 'office' })),
  channels: [1, 2].map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 })),
  sliceSeconds: 30,
  capsOf: capsByKind,
};
const SAID = { adjustmentId: 'a1', reason: 'a test', by: 'kim' };

describe('books of payers', () => {
  const clock = new ManualClock();
  let memory: LedgerMemory;
  let count = 0;

  beforeEach(() => {
    memory = new LedgerMemory(SETTINGS, clock, () => {});
  });

  function reserve(port: number, payers: readonly string[]) {
    const id = `r${++count}`;
    const reserved = memory.reserve({
      ...{ reservationId: id, callId: id, trunk: 'pbx', direction: 'out', payers, wallMs: clock.wallMs() },
      ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee: 'a', numberClass: 'mobile' },
    });
    assert.ok(reserved.ok);
    return reserved.live;
  }

  /** Everyone calls once, a second long, `agoMs` ago. */
  function crowd(agoMs: number): void {
    const answeredWallMs = clock.wallMs() - agoMs;
    for (let agent = 0; agent < CROWD; agent++) settle(`agent:pbx/${++count}-${agent}`, answeredWallMs, 1_000);
  }

  function settle(payer: string, answeredWallMs: number, durationMs: number): void {
    memory.settled({
      ...{ callId: `c${++count}`, trunk: 'pbx', direction: 'out', payers: [payer], simId: 'sim1', callee: 'a' },
      ...{ numberClass: 'mobile', reservedWallMs: answeredWallMs, answeredWallMs, durationMs, billedSeconds: 1 },
      ...{ cost: '0', settledWallMs: answeredWallMs + durationMs },
    });
  }

  const question = () => ({ callee: 'b', numberClass: 'mobile', direction: 'out', wallMs: clock.wallMs() }) as const;

  it('are kept while their windows last, though older calls are booked late', () => {
    settle('agent:pbx/201', clock.wallMs() - 1_000, 100_000);
    crowd(DAY_MS);
    assert.deepEqual(memory.fitPayers(['agent:pbx/201'], question()), {
      ...{ ok: false, reason: 'cap-exhausted', payer: 'agent:pbx/201', allowanceId: 'seconds-day' },
    });
  });

  it('are kept for what a day has counted below its threshold', () => {
    settle('account:acme', clock.wallMs() - 1_000, 100_000);
    crowd(0);
    assert.equal(memory.fitPayers(['account:acme'], question()).ok, false);
  });

  it('are kept while calls are live in them, though nothing is held yet', () => {
    const live = reserve(1, ['trunk:pbx']);
    const before = live.payerHolds[0]?.book;
    crowd(0);
    const other = reserve(2, ['trunk:pbx']);
    assert.equal(other.payerHolds[0]?.book, before);
    memory.undo(other);
    memory.undo(live);
  });

  /** Takes caps of other limits over; nothing was booked yet. */
  function recap(limit: number): void {
    const caps = capsOf({ name: 'agents', allowances: [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit })] });
    memory.take(memory.change({ ...SETTINGS, capsOf: () => caps }));
  }

  it('whose place others took hear of nothing more once the calls that began with them are charged, or never rang', () => {
    const [charged, released] = [reserve(1, ['agent:pbx/201']), reserve(2, ['agent:pbx/201'])];
    const [former] = charged.payerHolds;
    assert.ok(former !== undefined);
    memory.confirm(charged, clock.wallMs());
    memory.charge(charged, clock.wallMs(), 5_000, false);
    // As while the end of it is being written.
    memory.drop(released);
    recap(70);
    for (const live of [charged, released]) memory.finish(live);
    const later = reserve(1, ['agent:pbx/201']);
    assert.deepEqual(former.book.usage(clock.wallMs())[0], {
      ...former.book.usage(clock.wallMs())[0],
      used: 5,
      held: 0,
    });
    memory.charge(later, clock.wallMs(), 3_000, false);
    memory.adjust({ holder: 'agent:pbx/201', allowanceId: 'seconds-day', amount: 9, ...SAID, wallMs: clock.wallMs() });
    assert.equal(former.book.usage(clock.wallMs())[0]?.used, 5);
  });

  it('whose place others took count no correction that was refused', () => {
    const live = reserve(1, ['agent:pbx/201']);
    const [former] = live.payerHolds;
    assert.ok(former !== undefined);
    const calls = capsOf({ name: 'agents', allowances: [allowanceOf({ id: 'calls-day', counts: 'calls', limit: 9 })] });
    memory.take(memory.change({ ...SETTINGS, capsOf: () => calls }));
    const correct = (allowanceId: string) =>
      memory.adjust({ holder: 'agent:pbx/201', allowanceId, amount: 9, ...SAID, wallMs: clock.wallMs() });
    assert.deepEqual(correct('seconds-day'), { ok: false, reason: 'unknown-allowance' });
    assert.deepEqual(correct('calls-day'), { ok: true, used: 9 });
    assert.equal(former.book.usage(clock.wallMs())[0]?.used, 0);
  });

  it('go when everything in them is over', () => {
    crowd(0);
    crowd(10 * DAY_MS);
    crowd(10 * DAY_MS);
    const known = [...memory.usages(clock.wallMs())].length;
    assert.ok(known < 2.5 * CROWD, `${known} of ${3 * CROWD} are known`);
  });
});
