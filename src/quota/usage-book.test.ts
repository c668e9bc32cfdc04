import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { NumberClass } from '../numbers/number-class.js';
import type { Allowance, Plan } from './plan.js';
import { allowanceOf, planOf } from './plan-defaults.js';
import { UsageBook } from './usage-book.js';
import { UsageTerms } from './usage-terms.js';

const SEOUL_MS = 9 * 3_600_000;
const DAY_MS = 86_400_000;
/** 2026-01-05 00:00 in Seoul. */
const MIDNIGHT = Date.UTC(2026, 0, 5) - SEOUL_MS;
const NOON = MIDNIGHT + DAY_MS / 2;

/** As in a config file, the plan's rounding is that of its allowances. */
function planWith({ allowances = [], ...changes }: Partial<Plan>): Plan {
  const plan = planOf({ name: 'test', classes: ['mobile', 'landline', 'representative', 'special'], ...changes });
  return { ...plan, allowances: allowances.map((each) => ({ ...each, rounding: plan.rounding })) };
}

function allowance(changes: Partial<Allowance>): Allowance {
  return allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 600, ...changes });
}

function bookFor(changes: Partial<Plan>): UsageBook {
  return new UsageBook(new UsageTerms(planWith(changes)));
}

const CHARGE = { kind: 'charge', perStep: '1.98', stepSeconds: 1 } as const;

/** An answered call, booked. */
function talk(book: UsageBook, answeredWallMs: number, seconds: number, callee = '+821011112222') {
  const { billedSeconds, cost } = book.book({
    callee,
    numberClass: 'mobile',
    reservedWallMs: answeredWallMs - 5_000,
    answeredWallMs,
    durationMs: seconds * 1000,
  });
  return { billedSeconds, cost };
}

function ask(book: UsageBook, wallMs: number, callee = '+821011112222', numberClass: NumberClass = 'mobile') {
  return book.fit({ callee, numberClass, wallMs });
}

function used(book: UsageBook, wallMs: number, allowanceId: string) {
  const usage = book.usage(wallMs).find((row) => row.allowanceId === allowanceId);
  assert.ok(usage !== undefined);
  return usage;
}

describe('UsageBook', () => {
  it('allows the longest call that fits, less a second for the BYE', () => {
    const book = bookFor({ allowances: [allowance({ limit: 600 })] });
    assert.deepEqual(ask(book, NOON), { ok: true, maxCallSeconds: 599 });
    talk(book, NOON, 100);
    assert.deepEqual(ask(book, NOON), { ok: true, maxCallSeconds: 499 });
  });

  it('says which allowance bounds or refuses a call, and that none does', () => {
    const day = allowance({ limit: 600 });
    const month = allowance({ id: 'seconds-month', window: { kind: 'month', resetDay: 1 }, limit: 650 });
    const book = bookFor({ allowances: [month, day], maxCallSeconds: 500 });
    const question = { callee: '+821011112222', numberClass: 'mobile', wallMs: NOON } as const;
    assert.equal(book.boundBy(question), null);
    talk(book, NOON, 200);
    assert.equal(book.boundBy(question), 'seconds-day');
    const hold = book.hold(question);
    assert.equal(book.boundBy(question, hold), 'seconds-day');
    talk(book, NOON, 400);
    assert.equal(book.boundBy(question), 'seconds-day');
    assert.equal(book.boundBy({ ...question, wallMs: NOON + DAY_MS }), 'seconds-month');
    assert.equal(book.boundBy({ ...question, numberClass: 'emergency' }), null);
  });

  it('never allows more than the plan’s longest call', () => {
    assert.deepEqual(ask(bookFor({ maxCallSeconds: 300 }), NOON), { ok: true, maxCallSeconds: 299 });
  });

  it('fits by the rounded charge, not by the duration', () => {
    const rounding = { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 };
    const book = bookFor({ rounding, allowances: [allowance({ limit: 150 })] });
    assert.deepEqual(ask(book, NOON), { ok: true, maxCallSeconds: 119 });
    talk(book, NOON, 61);
    assert.equal(used(book, NOON, 'seconds-day').used, 120);
    assert.deepEqual(ask(book, NOON), { ok: false, reason: 'too-few-seconds', allowanceId: 'seconds-day' });
  });

  it('refuses, naming the allowance, when nothing is left', () => {
    const book = bookFor({ allowances: [allowance({ limit: 600 })] });
    talk(book, NOON, 600);
    assert.deepEqual(ask(book, NOON), { ok: false, reason: 'quota-exhausted', allowanceId: 'seconds-day' });
    assert.equal(ask(book, NOON + DAY_MS).ok, true);
  });

  it('refuses a class that the plan cannot call, and draws only on the class’s own allowances', () => {
    const book = bookFor({ allowances: [allowance({ limit: 0 })] });
    assert.deepEqual(ask(book, NOON, '+82607001234', 'premium'), { ok: false, reason: 'class-not-covered' });
    assert.equal(ask(book, NOON).ok, false);
    assert.equal(ask(book, NOON, '+8215881234', 'representative').ok, true);
  });

  it('lets emergency calls through whatever is exhausted or not covered', () => {
    const book = bookFor({ allowances: [allowance({ limit: 0, classes: ['mobile', 'landline'] })] });
    assert.equal(ask(book, NOON, '119', 'emergency').ok, true);
  });

  it('lets a callee who was counted already pass a full allowance of distinct callees', () => {
    const callees = allowance({ id: 'callees-day', counts: 'callees', limit: 2 });
    const book = bookFor({ allowances: [callees] });
    talk(book, NOON, 10, '+821000000001');
    talk(book, NOON, 10, '+821000000001');
    assert.equal(ask(book, NOON, '+821000000002').ok, true);
    talk(book, NOON, 10, '+821000000002');
    assert.deepEqual(ask(book, NOON, '+821000000003'), {
      ok: false,
      reason: 'quota-exhausted',
      allowanceId: 'callees-day',
    });
    assert.equal(ask(book, NOON, '+821000000001').ok, true);
    assert.equal(ask(book, NOON + DAY_MS, '+821000000003').ok, true);
  });

  it('counts a callee while any reservation or settled call counts it', () => {
    const book = bookFor({ allowances: [allowance({ id: 'callees-day', counts: 'callees', limit: 1 })] });
    const request = { callee: '+821000000001', numberClass: 'mobile', wallMs: NOON } as const;
    const first = book.hold(request);
    const second = book.hold(request);
    assert.equal(used(book, NOON, 'callees-day').held, 1);
    book.drop(first);
    assert.equal(ask(book, NOON, '+821000000002').ok, false);
    talk(book, NOON, 10, '+821000000001');
    book.drop(second);
    assert.equal(ask(book, NOON, '+821000000002').ok, false);
    assert.deepEqual([used(book, NOON, 'callees-day').used, used(book, NOON, 'callees-day').held], [1, 0]);
  });

  it('counts an unanswered callee only where the plan counts attempts', () => {
    for (const [countsOn, counted] of [['answer', 0] as const, ['attempt', 1] as const]) {
      const book = bookFor({ allowances: [allowance({ id: 'c', counts: 'callees', limit: 5, countsOn })] });
      book.book({ callee: 'x', numberClass: 'mobile', reservedWallMs: NOON, answeredWallMs: null, durationMs: 0 });
      assert.equal(used(book, NOON, 'c').used, counted);
    }
  });

  it('splits a call over midnight between the days, or charges it to its start, as the plan says', () => {
    const answered = MIDNIGHT + DAY_MS - 40_000;
    const split = bookFor({ allowances: [allowance({})] });
    talk(split, answered, 100);
    assert.equal(used(split, answered, 'seconds-day').used, 40);
    assert.equal(used(split, answered + DAY_MS, 'seconds-day').used, 60);
    const start = bookFor({ windowEdge: 'start', allowances: [allowance({})] });
    talk(start, answered, 100);
    assert.equal(used(start, answered, 'seconds-day').used, 100);
    assert.equal(used(start, answered + DAY_MS, 'seconds-day').used, 0);
  });

  it('adds what rounding adds to the window in which the call ended', () => {
    const book = bookFor({
      rounding: { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 },
      allowances: [allowance({})],
    });
    talk(book, MIDNIGHT + DAY_MS - 30_000, 10);
    assert.equal(used(book, NOON, 'seconds-day').used, 60);
    talk(book, MIDNIGHT + DAY_MS - 30_000, 70);
    assert.equal(used(book, NOON, 'seconds-day').used, 90);
    assert.equal(used(book, NOON + DAY_MS, 'seconds-day').used, 90);
  });

  it('lets a call go on into a fresh window when this window’s rest reaches the edge', () => {
    const book = bookFor({ allowances: [allowance({ limit: 600 })] });
    const beforeMidnight = MIDNIGHT + DAY_MS - 100_000;
    assert.deepEqual(ask(book, beforeMidnight), { ok: true, maxCallSeconds: 699 });
    talk(book, NOON, 550);
    assert.deepEqual(ask(book, beforeMidnight), { ok: true, maxCallSeconds: 49 });
  });

  it('says that a call which only the next day stops may begin when that day does', () => {
    const book = bookFor({
      allowances: [
        allowance({
          ...{ id: 'busy-days', counts: 'days-over', limit: 1, window: { kind: 'rolling', seconds: 2 * 86_400 } },
          daysOver: { counts: 'seconds', threshold: 0 },
        }),
      ],
    });
    // The last millisecond takes the one day that is left, and the day behind it none.
    assert.deepEqual(book.standing('mobile', MIDNIGHT - 1), {
      refusal: { reason: 'too-few-seconds', allowanceId: 'busy-days', counts: 'days-over' },
      changesAtWallMs: MIDNIGHT,
    });
  });

  it('says that it may begin before that where less than the threshold of the day is left for it', () => {
    const plan = planWith({
      rounding: { firstSeconds: 30, thenSeconds: 30, minimumSeconds: 0 },
      allowances: [
        allowance({
          ...{ id: 'busy-days', counts: 'days-over', limit: 1, window: { kind: 'rolling', seconds: 2 * 86_400 } },
          daysOver: { counts: 'seconds', threshold: 1 },
        }),
      ],
    });
    const book = new UsageBook(new UsageTerms(plan, 2));
    assert.deepEqual(book.standing('mobile', MIDNIGHT - 1_001), {
      refusal: { reason: 'too-few-seconds', allowanceId: 'busy-days', counts: 'days-over' },
      changesAtWallMs: MIDNIGHT - 1_000,
    });
    assert.equal(ask(book, MIDNIGHT - 1_000).ok, true);
  });

  it('says that a message may go when a day over its threshold leaves the window, in the midst of a day of 25 hours', () => {
    const book = bookFor({
      timeZone: 'Europe/Berlin',
      messageRates: { sms: '22', lms: '33', mms: '220' },
      allowances: [
        allowance({
          ...{ id: 'busy-days', counts: 'days-over', limit: 1, window: { kind: 'rolling', seconds: 2 * 86_400 } },
          daysOver: { counts: 'sms', threshold: 0 },
        }),
      ],
    });
    const midnight = Date.parse('2026-10-24T00:00:00+02:00');
    const message = { kind: 'sms' as const, callee: '+821011112222', numberClass: 'mobile' as const };
    book.bookMessage({ ...message, wallMs: midnight + 1_000 });
    const next = { ...message, wallMs: Date.parse('2026-10-25T12:00:00+01:00') };
    assert.equal(book.fitMessage(next).ok, false);
    assert.equal(book.messageChangesAt(next), midnight + 2 * DAY_MS);
    assert.equal(book.fitMessage({ ...next, wallMs: midnight + 2 * DAY_MS }).ok, true);
  });

  it('charges what goes beyond an allowance with a rate, step by step', () => {
    const book = bookFor({ allowances: [allowance({ limit: 100, beyond: CHARGE })] });
    assert.deepEqual(talk(book, NOON, 60), { billedSeconds: 60, cost: '0' });
    assert.deepEqual(talk(book, NOON, 60), { billedSeconds: 60, cost: '39.6' });
    assert.deepEqual(talk(book, NOON, 10), { billedSeconds: 10, cost: '19.8' });
    assert.equal(ask(book, NOON).ok, true);
    const tens = bookFor({ allowances: [allowance({ limit: 0, beyond: { ...CHARGE, stepSeconds: 10 } })] });
    assert.equal(talk(tens, NOON, 11).cost, '3.96');
  });

  it('charges seconds beyond two allowances once, at the dearer rate', () => {
    const month = allowance({
      id: 'm',
      window: { kind: 'month', resetDay: 1 },
      limit: 0,
      beyond: { ...CHARGE, perStep: '3' },
    });
    const book = bookFor({ allowances: [allowance({ limit: 0, beyond: CHARGE }), month] });
    assert.equal(talk(book, NOON, 10).cost, '30');
  });

  it('prices a call over midnight as it will be charged, though its own hold takes the day over its threshold', () => {
    const overDays: Partial<Allowance> = {
      counts: 'days-over',
      limit: 1,
      window: { kind: 'rolling', seconds: 2 * 86_400 },
      daysOver: { counts: 'seconds', threshold: 0 },
      beyond: CHARGE,
    };
    const book = bookFor({ allowances: [allowance({ id: 'busy-days', ...overDays })] });
    const answeredWallMs = MIDNIGHT + DAY_MS - 1_000;
    const call = {
      callee: '+821011112222',
      numberClass: 'mobile',
      reservedWallMs: answeredWallMs,
      answeredWallMs,
    } as const;
    const price = book.priceOf({ ...call, durationMs: 17_000 });
    // The second of the two days is one too many: 16 s of it.
    assert.equal(price, 16 * 1_980_000);
    const hold = book.hold({ ...call, wallMs: answeredWallMs });
    book.cover(hold, answeredWallMs, answeredWallMs + 500);
    assert.equal(book.priceOf({ ...call, durationMs: 17_000 }), price);
    book.drop(hold);
    assert.equal(talk(book, answeredWallMs, 17).cost, '31.68');
  });

  it('charges each further callee where the plan has a rate for it', () => {
    const callees = allowance({ id: 'c', counts: 'callees', limit: 1, beyond: { ...CHARGE, perStep: '50' } });
    const book = bookFor({ allowances: [callees] });
    assert.deepEqual(
      ['a', 'a', 'b', 'b', 'c'].map((callee) => talk(book, NOON, 1, callee).cost),
      ['0', '0', '50', '0', '50'],
    );
  });

  it('holds the seconds of a live call slice by slice', () => {
    const book = bookFor({ allowances: [allowance({ limit: 600 })] });
    const hold = book.hold({ callee: 'a', numberClass: 'mobile', wallMs: NOON });
    assert.equal(used(book, NOON, 'seconds-day').held, 0);
    book.cover(hold, NOON, NOON + 30_000);
    assert.equal(used(book, NOON, 'seconds-day').held, 30);
    assert.deepEqual(ask(book, NOON), { ok: true, maxCallSeconds: 569 });
    assert.deepEqual(book.fit({ callee: 'a', numberClass: 'mobile', wallMs: NOON }, hold), {
      ok: true,
      maxCallSeconds: 599,
    });
  });

  it('counts today’s calls and seconds in the plan’s zone', () => {
    const book = bookFor({});
    talk(book, NOON, 10);
    talk(book, NOON + 1, 20);
    assert.deepEqual({ ...book.today(NOON), startWallMs: 0 }, { startWallMs: 0, seconds: 30, calls: 2 });
    assert.deepEqual(book.today(NOON + DAY_MS), { seconds: 0, calls: 0 });
  });
});

describe('UsageBook, for any plan and history', () => {
  const steps = fc.record({
    firstSeconds: fc.integer({ min: 1, max: 90 }),
    thenSeconds: fc.integer({ min: 1, max: 90 }),
    minimumSeconds: fc.constantFrom(0, 0, 25, 120),
  });
  const plans = fc
    .record({
      rounding: steps,
      windowEdge: fc.constantFrom('split' as const, 'start' as const),
      maxCallSeconds: fc.integer({ min: 2, max: 4_000 }),
      dayLimit: fc.integer({ min: 0, max: 3_000 }),
      monthLimit: fc.integer({ min: 0, max: 9_000 }),
      calleeLimit: fc.integer({ min: 0, max: 4 }),
    })
    .map(({ dayLimit, monthLimit, calleeLimit, ...rest }) => ({
      ...rest,
      allowances: [
        allowance({ limit: dayLimit }),
        allowance({ id: 'seconds-month', window: { kind: 'month', resetDay: 5 }, limit: monthLimit }),
        allowance({ id: 'callees-day', counts: 'callees', limit: calleeLimit }),
      ],
    }));
  const calls = fc.array(
    fc.record({
      gapMs: fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 0, max: DAY_MS })),
      ringMs: fc.integer({ min: 0, max: 90_000 }),
      wishMs: fc.integer({ min: 0, max: 5_000_000 }),
      callee: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      answered: fc.boolean(),
    }),
    { maxLength: 25 },
  );

  it('never goes beyond a forbidding allowance when calls end at their longest', () => {
    fc.assert(
      fc.property(plans, calls, fc.integer({ min: 0, max: 999 }), (plan, history, fraction) => {
        const book = bookFor(plan);
        let wallMs = MIDNIGHT - 7_200_000 + fraction;
        const seen: number[] = [];
        for (const call of history) {
          wallMs += call.gapMs;
          const request = { callee: call.callee, numberClass: 'mobile', wallMs } as const;
          if (!book.fit(request).ok) continue;
          const hold = book.hold(request);
          if (!call.answered) {
            book.drop(hold);
            continue;
          }
          const answeredWallMs = wallMs + call.ringMs;
          const atAnswer = book.fit({ ...request, wallMs: answeredWallMs }, hold);
          // A call that is answered after an edge may find the new window too small; it is then ended at once.
          if (!atAnswer.ok) {
            book.drop(hold);
            continue;
          }
          // The BYE may come up to a second after the time limit.
          const durationMs = Math.min(call.wishMs, (atAnswer.maxCallSeconds + 1) * 1000);
          book.drop(hold);
          book.book({ callee: call.callee, numberClass: 'mobile', reservedWallMs: wallMs, answeredWallMs, durationMs });
          wallMs = answeredWallMs + durationMs;
          seen.push(answeredWallMs, wallMs);
          for (const at of seen) {
            for (const row of book.usage(at))
              assert.ok(row.used <= row.limit, `${row.allowanceId} ${row.used} > ${row.limit}`);
          }
        }
      }),
      { numRuns: 1_500 },
    );
  });

  it('adds up: the windows’ seconds are the sum of what was billed', () => {
    fc.assert(
      fc.property(plans, calls, (plan, history) => {
        const book = bookFor({ ...plan, allowances: plan.allowances.map((a) => ({ ...a, beyond: CHARGE })) });
        let wallMs = MIDNIGHT + 3_600_000;
        let billed = 0;
        const answers: number[] = [];
        for (const call of history.slice(0, 12)) {
          const durationMs = call.wishMs;
          billed += talk(book, wallMs, durationMs / 1000, call.callee).billedSeconds;
          answers.push(wallMs);
          wallMs += durationMs;
        }
        // All windows of a span of under two days: today and tomorrow.
        const days = [MIDNIGHT, MIDNIGHT + DAY_MS].map((at) => used(book, at + 1, 'seconds-day').used);
        if (wallMs < MIDNIGHT + 2 * DAY_MS) assert.equal((days[0] ?? 0) + (days[1] ?? 0), billed);
      }),
    );
  });
});
