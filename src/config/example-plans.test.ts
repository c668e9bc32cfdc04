// Replays the rules of the plan files that we ship, day by day, in the book that a ledger counts by.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DateTime } from 'luxon';
import type { NumberClass } from '../numbers/number-class.js';
import type { Plan } from '../quota/plan.js';
import type { FitResult } from '../quota/usage.js';
import { UsageBook } from '../quota/usage-book.js';
import { UsageTerms } from '../quota/usage-terms.js';
import { loadPlanFile } from './plan-file.js';

const EXAMPLES = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'config', 'examples');
const DAY_MS = 86_400_000;
/** Monday 1 June 2026, nine in the morning in Seoul; June has 22 working days. */
const JUNE_1 = DateTime.fromISO('2026-06-01T09:00', { zone: 'Asia/Seoul' }).toMillis();

async function planNamed(file: string, name: string): Promise<Plan> {
  const plan = (await loadPlanFile(join(EXAMPLES, file))).find((each) => each.name === name);
  assert.ok(plan !== undefined, name);
  return plan;
}

class Sim {
  readonly book: UsageBook;

  constructor(plan: Plan) {
    this.book = new UsageBook(new UsageTerms(plan));
  }

  fit(wallMs: number, callee = 'somebody new', numberClass: NumberClass = 'mobile'): FitResult {
    return this.book.fit({ callee, numberClass, wallMs });
  }

  /** Why no call may begin; undefined when one may. */
  refusal(wallMs: number, callee?: string, numberClass?: NumberClass): string | undefined {
    const fit = this.fit(wallMs, callee, numberClass);
    return fit.ok ? undefined : 'allowanceId' in fit ? `${fit.reason} ${fit.allowanceId}` : fit.reason;
  }

  talk(wallMs: number, minutes: number, callee = 'a', numberClass: NumberClass = 'mobile'): string {
    const durationMs = minutes * 60_000;
    return this.book.book({ callee, numberClass, reservedWallMs: wallMs, answeredWallMs: wallMs, durationMs }).cost;
  }

  /** Sends so many SMS; returns what they cost, or why they are not sent. */
  text(wallMs: number, count: number): string {
    const messages = { kind: 'sms', callee: 'a', numberClass: 'mobile', wallMs, count } as const;
    const fit = this.book.fitMessage(messages);
    if (fit.ok) return this.book.bookMessage(messages).cost;
    return 'allowanceId' in fit ? `${fit.reason} ${fit.allowanceId}` : fit.reason;
  }
}

describe('the Korean consumer plan', () => {
  const READINGS = ['consumer-unlimited-forbid', 'consumer-unlimited-charge'] as const;
  const plans = new Map<string, Plan>();
  const simOf = (name: (typeof READINGS)[number]) => new Sim(plans.get(name) as Plan);

  before(async () => {
    for (const name of READINGS) plans.set(name, await planNamed('korean-consumer-plan.yaml', name));
  });

  it('forbids commercial use in both readings', () => {
    for (const name of READINGS) assert.equal(plans.get(name)?.commercialUse, 'forbidden');
  });

  it('ends at 600 minutes a day where what is beyond is forbidden, and opens at midnight', () => {
    const sim = simOf('consumer-unlimited-forbid');
    for (let hour = 0; hour < 9; hour += 1) sim.talk(JUNE_1 + hour * 3_600_000, 60);
    const evening = JUNE_1 + 9 * 3_600_000;
    assert.deepEqual(sim.fit(evening), { ok: true, maxCallSeconds: 3_599 });
    sim.talk(evening, 60);
    assert.equal(sim.refusal(evening + 3_600_000), 'quota-exhausted seconds-day');
    const midnight = JUNE_1 + 15 * 3_600_000;
    assert.equal(sim.book.standing('mobile', evening + 3_600_000).changesAtWallMs, midnight);
    assert.equal(sim.refusal(midnight), undefined);
  });

  it('ends at 6,000 minutes a month: at 600 a day, after 10 of 22 working days', () => {
    const sim = simOf('consumer-unlimited-forbid');
    for (let day = 0; day < 10; day += 1) sim.talk(workingDay(day), 600);
    assert.equal(sim.refusal(workingDay(10)), 'quota-exhausted seconds-month');
    assert.equal(sim.refusal(DateTime.fromISO('2026-07-01T00:00', { zone: 'Asia/Seoul' }).toMillis()), undefined);
  });

  it('costs 1.98 KRW a second beyond the day or the month where that is charged, once', () => {
    const sim = simOf('consumer-unlimited-charge');
    for (let day = 0; day < 10; day += 1) assert.equal(sim.talk(workingDay(day), 600), '0');
    assert.equal(sim.talk(workingDay(9) + 36_000_000, 1), '118.8');
    assert.equal(sim.refusal(workingDay(10)), undefined);
    assert.equal(sim.book.quote('mobile', workingDay(10), 60), 118_800_000);
    assert.equal(sim.talk(workingDay(10), 1, 'a', 'internet'), '118.8');
  });

  it('reaches 100 new callees a day and 1,000 a month, in either reading, and calls a counted one again', () => {
    for (const name of READINGS) {
      const sim = simOf(name);
      for (let day = 0; day < 10; day += 1) {
        for (let callee = 0; callee < 100; callee += 1) sim.talk(workingDay(day), 0.5, `${day}/${callee}`);
        assert.equal(sim.refusal(workingDay(day) + 3_600_000), 'quota-exhausted callees-day');
        assert.equal(sim.refusal(workingDay(day) + 3_600_000, `${day}/7`), undefined);
      }
      assert.equal(sim.refusal(workingDay(10)), 'quota-exhausted callees-month');
      assert.equal(sim.refusal(workingDay(10), '3/14'), undefined);
      // Special numbers are nobody's to count.
      assert.equal(sim.refusal(workingDay(10), '1335', 'special'), undefined);
    }
  });

  it('has 300 minutes a month apart for representative numbers, and calls no premium or foreign ones', () => {
    const forbidding = simOf('consumer-unlimited-forbid');
    const charging = simOf('consumer-unlimited-charge');
    for (const sim of [forbidding, charging]) {
      assert.equal(sim.talk(JUNE_1, 299, '15881234', 'representative'), '0');
      assert.equal(sim.book.usage(JUNE_1).find(({ allowanceId }) => allowanceId === 'seconds-day')?.used, 0);
      assert.equal(sim.refusal(JUNE_1, '0601234', 'premium'), 'class-not-covered');
      assert.equal(sim.refusal(JUNE_1, '+12125550100', 'international'), 'class-not-covered');
    }
    assert.deepEqual(forbidding.fit(JUNE_1, '15881234', 'representative'), { ok: true, maxCallSeconds: 59 });
    assert.equal(forbidding.talk(JUNE_1, 1, '15881234', 'representative'), '0');
    assert.equal(forbidding.refusal(JUNE_1, '15881234', 'representative'), 'quota-exhausted representative-month');
    assert.equal(charging.talk(JUNE_1, 2, '15881234', 'representative'), '118.8');
  });

  it('sends 500 SMS a day, then none or for 22 KRW each', () => {
    const forbidding = simOf('consumer-unlimited-forbid');
    assert.equal(forbidding.text(JUNE_1, 500), '0');
    assert.equal(forbidding.text(JUNE_1, 1), 'quota-exhausted sms-day');
    assert.equal(forbidding.text(JUNE_1 + DAY_MS, 1), '0');
    const charging = simOf('consumer-unlimited-charge');
    assert.equal(charging.text(JUNE_1, 499), '0');
    assert.equal(charging.text(JUNE_1, 3), '44');
  });

  it('sends more than 150 SMS a day on 10 days a month, and no more on an eleventh', () => {
    for (const name of READINGS) {
      const sim = simOf(name);
      for (let day = 0; day < 10; day += 1) {
        assert.equal(sim.text(JUNE_1 + day * DAY_MS, 150), '0');
        assert.equal(sim.text(JUNE_1 + day * DAY_MS, 1), '0');
      }
      const eleventh = JUNE_1 + 10 * DAY_MS;
      // The tenth such day goes on until midnight.
      assert.equal(sim.text(eleventh - DAY_MS + 3_600_000, 200), '0');
      assert.equal(sim.text(eleventh, 150), '0');
      const beyond = name === 'consumer-unlimited-forbid' ? 'quota-exhausted sms-days' : '22';
      assert.equal(sim.text(eleventh, 1), beyond);
      assert.equal(sim.text(eleventh + DAY_MS, 150), '0');
      assert.equal(sim.text(DateTime.fromISO('2026-07-01T00:00', { zone: 'Asia/Seoul' }).toMillis(), 300), '0');
    }
  });

  it('sells LMS and MMS one by one', () => {
    for (const name of READINGS) {
      const { book } = simOf(name);
      const message = { callee: 'a', numberClass: 'mobile', wallMs: JUNE_1 } as const;
      assert.deepEqual(book.fitMessage({ ...message, kind: 'lms' }), { ok: true, costMicros: 44_000_000 });
      assert.equal(book.bookMessage({ ...message, kind: 'mms', count: 2 }).cost, '440');
    }
  });
});

describe('the commercial metered plan', () => {
  it('charges every begun minute and comes to 352,000 KRW for 4,400 minutes a month', async () => {
    const sim = new Sim(await planNamed('commercial-metered-plan.yaml', 'commercial-metered'));
    assert.equal(sim.talk(JUNE_1, 0.1), '80');
    assert.equal(sim.talk(JUNE_1, 1.01, 'b', 'representative'), '238');
    assert.equal(sim.book.quote('mobile', JUNE_1, 4_400 * 60), 352_000_000_000);
    assert.equal(sim.book.terms.plan?.commercialUse, 'allowed');
  });

  it('ends a call where the month’s 500,000 KRW are spent, and places no more', async () => {
    const sim = new Sim(await planNamed('commercial-metered-plan.yaml', 'commercial-metered'));
    for (let day = 0; day < 22; day += 1) sim.talk(workingDay(day), 284);
    // 22 · 284 minutes cost 499,840: two minutes are left.
    assert.deepEqual(sim.fit(workingDay(21)), { ok: true, maxCallSeconds: 119 });
    sim.talk(workingDay(21), 2);
    assert.equal(sim.refusal(workingDay(21)), 'quota-exhausted spend-month');
  });
});

describe('the prepaid credit plan', () => {
  it('takes 6 credits a minute to mobiles and 1 to landlines, and ends a call with the last credit', async () => {
    const sim = new Sim(await planNamed('prepaid-credit-plan.yaml', 'prepaid-credits'));
    sim.talk(JUNE_1, 10);
    sim.talk(JUNE_1, 10, 'b', 'landline');
    const [credits] = sim.book.usage(JUNE_1);
    assert.equal(credits?.used, 70);
    assert.equal(sim.book.adjust('credits-month', 6_600 - 70 - 13, JUNE_1), 6_587);
    const last = { callee: 'c', numberClass: 'mobile', wallMs: JUNE_1 } as const;
    const live = sim.book.hold(last);
    assert.deepEqual(sim.book.fit(last, live), { ok: true, maxCallSeconds: 119 });
  });

  it('spreads 6,600 credits over June: 300 on each of its 22 working days, and what was not used over those that remain', async () => {
    const sim = new Sim(await planNamed('prepaid-credit-plan.yaml', 'prepaid-credits'));
    assert.equal(sim.talk(JUNE_1, 49), '0');
    assert.equal(sim.refusal(JUNE_1 + 3_600_000), undefined);
    sim.talk(JUNE_1 + 3_600_000, 1, 'b');
    assert.equal(sim.refusal(JUNE_1 + 2 * 3_600_000), 'paced credits-month');
    assert.equal(sim.book.standing('mobile', JUNE_1 + 2 * 3_600_000).changesAtWallMs, JUNE_1 + 15 * 3_600_000);
    // 6,300 over 21 days: nothing used on 20 of them leaves all of it for the last.
    assert.equal(sim.refusal(JUNE_1 + DAY_MS), undefined);
    sim.talk(workingDay(21), 600, 'c');
    assert.equal(sim.refusal(workingDay(21) + 36_000_000), undefined);
  });

  it('is back after an hour with 40 attempts, answered or not, one by one', async () => {
    const sim = new Sim(await planNamed('prepaid-credit-plan.yaml', 'prepaid-credits'));
    for (let call = 0; call < 40; call += 1) {
      const reservedWallMs = JUNE_1 + call * 60_000;
      sim.book.book({ callee: 'a', numberClass: 'mobile', reservedWallMs, answeredWallMs: null, durationMs: 0 });
    }
    const now = JUNE_1 + 40 * 60_000;
    assert.equal(sim.refusal(now), 'quota-exhausted calls-hour');
    assert.equal(sim.book.standing('mobile', now).changesAtWallMs, JUNE_1 + 3_600_000);
    assert.equal(sim.refusal(JUNE_1 + 3_600_000), undefined);
  });
});

/** Nine in the morning of a working day of June 2026, counted from 0. */
function workingDay(index: number): number {
  return JUNE_1 + (Math.floor(index / 5) * 7 + (index % 5)) * DAY_MS;
}
