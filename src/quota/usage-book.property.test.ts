// The usage book against a model that counts everything anew, for any terms and any history, through midnights, resets and
// daylight-saving changes.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import type { NumberClass } from '../numbers/number-class.js';
import type { Allowance, Beyond, CountedByDay, Pacing, Plan, Window } from './plan.js';
import { allowanceOf, planOf } from './plan-defaults.js';
import { type ModelCall, type ModelFit, UsageModel } from './testing/usage-model.js';
import type { FitResult, Hold, MessageFit } from './usage.js';
import { UsageBook } from './usage-book.js';
import { UsageTerms } from './usage-terms.js';

const CLASSES: readonly NumberClass[] = ['mobile', 'landline', 'special'];
const CALLEES = ['a', 'b', 'c', 'd'];

/** Each begins shortly before something turns there: a month, the clocks. */
const STARTS: readonly (readonly [zone: string, local: string])[] = [
  ['Asia/Seoul', '2026-01-31T22:00'],
  ['Europe/Berlin', '2026-03-28T20:00'],
  ['Europe/Berlin', '2026-10-24T21:00'],
  ['Australia/Lord_Howe', '2026-04-04T22:00'],
  ['America/Santiago', '2026-09-05T21:00'],
  ['Asia/Beirut', '2026-03-28T21:00'],
  ['America/Havana', '2026-10-31T21:00'],
];

const steps = fc.constantFrom(
  { firstSeconds: 1, thenSeconds: 1, minimumSeconds: 0 },
  { firstSeconds: 10, thenSeconds: 5, minimumSeconds: 0 },
  { firstSeconds: 6, thenSeconds: 7, minimumSeconds: 15 },
  { firstSeconds: 30, thenSeconds: 30, minimumSeconds: 0 },
);

const windows: fc.Arbitrary<Window> = fc.oneof(
  fc.constant<Window>({ kind: 'day' }),
  fc.constantFrom<Window[]>({ kind: 'month', resetDay: 1 }, { kind: 'month', resetDay: 29 }),
  fc.constantFrom<Window[]>({ kind: 'rolling', seconds: 60 }, { kind: 'rolling', seconds: 86_400 }),
);

const beyonds: fc.Arbitrary<Beyond> = fc.constantFrom<Beyond[]>(
  { kind: 'forbid' },
  { kind: 'forbid' },
  { kind: 'charge', perStep: '1.98', stepSeconds: 1 },
  { kind: 'charge', perStep: '11', stepSeconds: 10 },
);

const pacings: fc.Arbitrary<Pacing | null> = fc.option(
  fc.record({
    by: fc.constantFrom('days' as const, 'hours' as const),
    weekdays: fc.constantFrom([1, 2, 3, 4, 5], [6, 7], [1, 2, 3, 4, 5, 6, 7]),
    fromMinute: fc.constantFrom(0, 90, 540),
    toMinute: fc.constantFrom(600, 1_080, 1_440),
    holidays: fc.constantFrom<string[][]>([], ['2026-03-29']),
  }),
  { freq: 3 },
);

const directions = fc.constantFrom<Allowance['directions'][]>(['out'], ['out'], ['in'], ['out', 'in']);
const classes = fc.constantFrom<NumberClass[][]>(['mobile'], ['mobile', 'landline'], [...CLASSES]);

function allowances(id: string): fc.Arbitrary<Allowance> {
  const common = {
    window: windows,
    classes,
    directions,
    rounding: steps,
    beyond: beyonds,
    countsOn: fc.constantFrom('answer' as const, 'attempt' as const),
    pacing: pacings,
  };
  const small = fc.integer({ min: 0, max: 4 });
  const seconds = fc.integer({ min: 0, max: 120 });
  const byDay = fc.constantFrom<CountedByDay[]>('seconds', 'calls', 'callees', 'sms');
  return fc
    .oneof(
      fc.record({ ...common, counts: fc.constant('seconds' as const), limit: seconds }),
      fc.record({ ...common, counts: fc.constantFrom('calls' as const, 'callees' as const), limit: small }),
      fc.record({ ...common, counts: fc.constantFrom('sms' as const, 'lms' as const), limit: small }),
      fc.record({
        ...{ ...common, counts: fc.constant('credits' as const), limit: fc.integer({ min: 0, max: 30 }) },
        credits: fc.record({
          stepSeconds: fc.constantFrom(1, 6, 60),
          perStep: fc.constantFrom({ mobile: 6, landline: 1 }, { mobile: 1, landline: 0, special: 2 }),
        }),
      }),
      fc.record({ ...common, counts: fc.constant('spend' as const), limit: fc.integer({ min: 0, max: 150_000_000 }) }),
      byDay.chain((counts) =>
        fc.record({
          ...{ ...common, counts: fc.constant('days-over' as const), limit: fc.integer({ min: 0, max: 2 }) },
          daysOver: fc.record({ counts: fc.constant(counts), threshold: counts === 'seconds' ? seconds : small }),
        }),
      ),
    )
    .map((keys) => {
      const isSpread = keys.window.kind !== 'rolling' && keys.counts !== 'days-over';
      const isDays = keys.counts === 'days-over' && keys.window.kind !== 'month';
      const counted = 'daysOver' in keys ? keys.daysOver.counts : keys.counts;
      return allowanceOf({
        ...keys,
        id,
        window: isDays ? { kind: 'rolling', seconds: 172_800 } : keys.window,
        pacing: isSpread ? keys.pacing : null,
        countsOn: counted === 'calls' || counted === 'callees' ? keys.countsOn : 'answer',
        beyond: keys.counts === 'spend' ? { kind: 'forbid' } : keys.beyond,
      });
    });
}

const plans: fc.Arbitrary<Plan> = fc
  .record({
    allowances: fc.tuple(allowances('a0'), fc.option(allowances('a1')), fc.option(allowances('a2'))),
    windowEdge: fc.constantFrom('split' as const, 'split' as const, 'start' as const),
    maxCallSeconds: fc.constantFrom(20, 70),
    rounding: steps,
    rates: fc.constantFrom<Plan['rates'][]>({}, { landline: { perStep: '2.5', stepSeconds: 3 } }),
    messageRates: fc.constantFrom<Plan['messageRates'][]>(null, { sms: '22', lms: '33', mms: '220' }),
  })
  .map(({ allowances: drawn, ...keys }) =>
    planOf({
      ...{ ...keys, name: 'any', classes: ['mobile', 'landline', 'emergency'] },
      allowances: drawn.filter((each) => each !== null),
    }),
  );

const ELAPSED = fc.oneof(
  fc.integer({ min: 0, max: 30_000 }),
  fc.constantFrom(60_000, 3_600_000, 7_200_000),
  // To shortly before the next midnight there.
  fc.integer({ min: -40_000, max: -1 }),
);

const history = fc.array(
  fc.record({
    what: fc.constantFrom('reserve', 'reserve', 'answer', 'renew', 'settle', 'settle', 'give-up', 'message', 'adjust'),
    elapsedMs: ELAPSED,
    callee: fc.constantFrom(...CALLEES),
    numberClass: fc.constantFrom<NumberClass>('mobile', 'mobile', 'landline', 'special', 'emergency'),
    direction: fc.constantFrom('out' as const, 'out' as const, 'out' as const, 'in' as const),
    pick: fc.nat({ max: 5 }),
    amount: fc.integer({ min: 1, max: 40_000 }),
  }),
  { minLength: 1, maxLength: 16 },
);

interface LiveCall {
  readonly hold: Hold;
  entry: { call: ModelCall; cost: number };
}

class Comparison {
  readonly plan: Plan;
  readonly book: UsageBook;
  readonly model: UsageModel;
  readonly live: LiveCall[] = [];
  nowWallMs: number;

  constructor(plan: Plan, local: string) {
    this.plan = plan;
    this.book = new UsageBook(new UsageTerms(plan, 2));
    this.model = new UsageModel(plan, 2);
    this.nowWallMs = DateTime.fromISO(local, { zone: plan.timeZone }).toMillis();
  }

  elapse(ms: number): void {
    if (ms >= 0) this.nowWallMs += ms;
    else {
      const local = DateTime.fromMillis(this.nowWallMs, { zone: this.plan.timeZone });
      const midnight = local.plus({ days: 1 }).startOf('day').toMillis();
      this.nowWallMs = Math.max(this.nowWallMs, midnight + ms);
    }
  }

  compare(): void {
    for (const [index, row] of this.book.usage(this.nowWallMs).entries()) {
      const allowance = this.plan.allowances[index] as Allowance;
      const { used, held } = row;
      const counted = {
        used: this.model.used(allowance, this.nowWallMs),
        held: this.model.held(allowance, this.nowWallMs),
      };
      assert.deepEqual({ used, held }, counted, allowance.id);
    }
  }

  /** Asks both whether a call may begin, what it would cost, and how it stands with strangers. */
  ask(call: Pick<ModelCall, 'callee' | 'numberClass' | 'direction'>): boolean {
    const wallMs = this.nowWallMs;
    const fit = this.book.fit({ ...call, wallMs });
    assert.equal(inShort(fit), this.model.fit(call, wallMs), 'fit');
    const stranger = { ...call, callee: 'stranger' };
    const durationMs = 17_000;
    const asCall = { ...stranger, reservedWallMs: wallMs, answeredWallMs: wallMs, durationMs };
    const { numberClass, direction } = call;
    assert.equal(this.book.quote(numberClass, wallMs, 17, direction), this.model.cost(asCall), 'quote');
    this.#compareStanding(stranger, wallMs);
    return fit.ok;
  }

  #compareStanding(call: Pick<ModelCall, 'callee' | 'numberClass' | 'direction'>, wallMs: number): void {
    const { numberClass, direction } = call;
    const { refusal, changesAtWallMs } = this.book.standing(numberClass, wallMs, direction);
    assert.ok(changesAtWallMs > wallMs, 'changes later');
    const last = Math.min(changesAtWallMs, wallMs + 3 * 86_400_000) - 1;
    for (const at of [wallMs, Math.floor((wallMs + last) / 2), last]) {
      const fit = this.model.fit(call, at);
      // What is open may end at once where the next window has nothing.
      if (refusal === undefined && `${fit}`.startsWith('too-few') && this.#isBeforeMidnight(at)) continue;
      assert.equal(
        refusal === undefined,
        typeof fit === 'number',
        `standing at ${at - wallMs}: ${refusal?.reason} ${fit}`,
      );
    }
  }

  #isBeforeMidnight(wallMs: number): boolean {
    const local = DateTime.fromMillis(wallMs, { zone: this.plan.timeZone });
    return local.plus({ seconds: 2 }).day !== local.day;
  }

  reserve(call: Pick<ModelCall, 'callee' | 'numberClass' | 'direction'>, heldMs: number): void {
    const reservedWallMs = this.nowWallMs;
    const isHeld = heldMs % 2 === 0;
    const hold = this.book.hold({ ...call, wallMs: reservedWallMs }, isHeld ? reservedWallMs + heldMs : null);
    const held = { ...call, reservedWallMs, answeredWallMs: null, durationMs: isHeld ? heldMs : null };
    const entry = { call: held, cost: 0 };
    entry.cost = this.#heldCost(held);
    this.model.live.add(entry);
    this.live.push({ hold, entry });
  }

  /** What a live call holds of spend: as if it were answered, and ended then. */
  #heldCost(call: ModelCall): number {
    const { durationMs, reservedWallMs, answeredWallMs } = call;
    if (answeredWallMs === null && durationMs === null) return 0;
    const asAnswered = { ...call, answeredWallMs: answeredWallMs ?? reservedWallMs, durationMs: durationMs ?? 0 };
    return this.model.cost(asAnswered);
  }

  cover(live: LiveCall, coveredMs: number): void {
    const answeredWallMs = live.hold.answeredWallMs ?? this.nowWallMs;
    this.book.cover(live.hold, answeredWallMs, answeredWallMs + coveredMs);
    this.model.live.delete(live.entry);
    const call = { ...live.entry.call, answeredWallMs, durationMs: coveredMs };
    live.entry = { call, cost: this.#heldCost(call) };
    this.model.live.add(live.entry);
  }

  settle(live: LiveCall, durationMs: number): void {
    this.live.splice(this.live.indexOf(live), 1);
    this.book.drop(live.hold);
    this.model.live.delete(live.entry);
    const { callee, numberClass, direction, reservedWallMs } = live.entry.call;
    const { answeredWallMs } = live.hold;
    const call = { callee, numberClass, direction, reservedWallMs, answeredWallMs, durationMs };
    const cost = this.model.cost(call);
    assert.equal(this.book.book(call).costMicros, cost, 'cost');
    this.model.settled.push({ call, cost });
  }

  giveUp(live: LiveCall): void {
    this.live.splice(this.live.indexOf(live), 1);
    this.book.drop(live.hold);
    this.book.drop(live.hold);
    this.model.live.delete(live.entry);
  }

  message(numberClass: NumberClass, count: number): void {
    const message = { kind: 'sms' as const, callee: 'm', numberClass, wallMs: this.nowWallMs, count };
    const fit = this.book.fitMessage(message);
    assert.equal(messageInShort(fit), this.model.fitMessage(message), 'message');
    const changesAtWallMs = this.book.messageChangesAt(message);
    assert.ok(changesAtWallMs > this.nowWallMs, 'changes later');
    const last = Math.min(changesAtWallMs, this.nowWallMs + 3 * 86_400_000) - 1;
    for (const wallMs of [Math.floor((this.nowWallMs + last) / 2), last]) {
      assert.equal(messageInShort(fit), this.model.fitMessage({ ...message, wallMs }), 'until it changes');
    }
    if (!fit.ok) return;
    assert.equal(this.book.bookMessage(message).costMicros, fit.costMicros);
    this.model.settled.push({ message, cost: fit.costMicros });
  }

  adjust(pick: number, amount: number): void {
    const allowance = this.plan.allowances[pick % this.plan.allowances.length] as Allowance;
    const signed = amount % 2 === 0 ? amount % 7 : -(amount % 3);
    const used = this.book.adjust(allowance.id, signed, this.nowWallMs);
    this.model.settled.push({ adjusted: allowance.id, amount: signed, wallMs: this.nowWallMs });
    assert.equal(used, this.model.used(allowance, this.nowWallMs));
  }
}

function inShort(fit: FitResult): ModelFit {
  if (fit.ok) return fit.maxCallSeconds;
  return fit.reason === 'class-not-covered' ? fit.reason : `${fit.reason} ${fit.allowanceId}`;
}

function messageInShort(fit: MessageFit): ModelFit {
  if (fit.ok) return fit.costMicros;
  return fit.reason === 'class-not-covered' ? fit.reason : `${fit.reason} ${fit.allowanceId}`;
}

describe('UsageBook, against a model that counts everything anew', () => {
  it('agrees on use, what fits, what is open until when, and what it costs, for any terms and history', function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(plans, fc.constantFrom(...STARTS), history, (keys, [timeZone, local], events) => {
        const plan = { ...keys, timeZone };
        const both = new Comparison(plan, local);
        for (const { what, elapsedMs, callee, numberClass, direction, pick, amount } of events) {
          both.elapse(elapsedMs);
          const chosen = both.live[pick % Math.max(1, both.live.length)];
          if (what === 'reserve') {
            if (both.ask({ callee, numberClass, direction })) both.reserve({ callee, numberClass, direction }, amount);
          } else if (what === 'message') both.message(numberClass, (amount % 3) + 1);
          else if (what === 'adjust') both.adjust(pick, amount);
          else if (chosen === undefined) both.ask({ callee, numberClass, direction });
          else if (what === 'settle') both.settle(chosen, amount);
          else if (what === 'give-up') both.giveUp(chosen);
          else both.cover(chosen, amount);
          both.compare();
        }
      }),
      { numRuns: 120 },
    );
  });
});
