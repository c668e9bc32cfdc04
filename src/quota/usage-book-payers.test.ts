// Caps of whoever pays: calls of several SIMs at the same time, each priced by its own plan, drawing on one limit.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Plan } from './plan.js';
import { allowanceOf, capsOf, planOf } from './plan-defaults.js';
import type { Hold } from './usage.js';
import { UsageBook } from './usage-book.js';
import { UsageTerms } from './usage-terms.js';

const NOON = Date.UTC(2026, 0, 5, 3);
const SLICE_MS = 30_000;

const METERED = planOf({ name: 'metered', rates: { mobile: { perStep: '2', stepSeconds: 1 } } });
const ROUNDED = planOf({
  ...{ name: 'rounded', rates: { mobile: { perStep: '80', stepSeconds: 60 } } },
  rounding: { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 },
});
const INCLUDED = planOf({
  name: 'included',
  allowances: [
    allowanceOf({
      ...{ id: 'seconds-day', counts: 'seconds', limit: 100 },
      beyond: { kind: 'charge', perStep: '1.98', stepSeconds: 1 },
    }),
  ],
});

function bookOf(plan: Plan): UsageBook {
  return new UsageBook(new UsageTerms(plan));
}

function payerWith(won: number): UsageBook {
  const spend = allowanceOf({ id: 'spend-day', counts: 'spend', limit: won * 1_000_000 });
  return new UsageBook(new UsageTerms(capsOf({ name: 'acme', allowances: [spend] })));
}

const QUESTION = { callee: 'a', numberClass: 'mobile', wallMs: NOON } as const;

describe('a payer’s cap on what it spends', () => {
  it('allows as long a call as it can pay for by the plan that carries it', () => {
    const payer = payerWith(200);
    assert.deepEqual(payer.fit({ ...QUESTION, carrier: bookOf(METERED) }), { ok: true, maxCallSeconds: 99 });
    assert.deepEqual(payer.fit({ ...QUESTION, carrier: bookOf(ROUNDED) }), { ok: true, maxCallSeconds: 119 });
    assert.deepEqual(payer.fit({ ...QUESTION, carrier: bookOf(INCLUDED) }), { ok: true, maxCallSeconds: 200 });
    // Until a SIM is chosen nobody knows the price, only that there is something left.
    assert.deepEqual(payer.fit(QUESTION), { ok: true, maxCallSeconds: 86_399 });
  });

  it('refuses when nothing is left, also a call that would cost nothing, and when too little is', () => {
    const payer = payerWith(10);
    payer.book({ ...QUESTION, reservedWallMs: NOON, answeredWallMs: NOON, durationMs: 4_000, costMicros: 8_000_000 });
    const question = { ...QUESTION, carrier: bookOf(METERED) };
    assert.deepEqual(payer.fit(question), { ok: false, reason: 'too-few-seconds', allowanceId: 'spend-day' });
    payer.book({ ...QUESTION, reservedWallMs: NOON, answeredWallMs: NOON, durationMs: 1_000, costMicros: 2_000_000 });
    const exhausted = { ok: false, reason: 'quota-exhausted', allowanceId: 'spend-day' };
    assert.deepEqual(payer.fit(question), exhausted);
    assert.deepEqual(payer.fit({ ...QUESTION, carrier: bookOf(INCLUDED) }), exhausted);
    assert.deepEqual(payer.fit(QUESTION), exhausted);
    assert.equal(payer.fit({ ...QUESTION, numberClass: 'emergency' }).ok, true);
  });

  it('refuses no call in that costs nothing, but one that its plan charges', () => {
    const spend = { id: 'spend-day', counts: 'spend' as const, limit: 0, directions: ['out', 'in'] as const };
    const payer = new UsageBook(new UsageTerms(capsOf({ name: 'acme', allowances: [allowanceOf(spend)] })));
    const question = { ...QUESTION, direction: 'in' as const };
    assert.deepEqual(payer.fit({ ...question, carrier: bookOf(METERED) }), { ok: true, maxCallSeconds: 86_399 });
    assert.equal(payer.fit({ ...question, direction: 'out', carrier: bookOf(METERED) }).ok, false);
    const charged = planOf({
      name: 'charged',
      allowances: [
        allowanceOf({
          ...{ id: 'seconds-in', counts: 'seconds', limit: 100, directions: ['in'] },
          beyond: { kind: 'charge', perStep: '1.98', stepSeconds: 1 },
        }),
      ],
    });
    const refusal = { ok: false, reason: 'quota-exhausted', allowanceId: 'spend-day' };
    assert.deepEqual(payer.fit({ ...question, carrier: bookOf(charged) }), refusal);
  });

  it('is never overspent by calls at the same time that hold slice by slice, whoever carries them', () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('begin', 'begin', 'renew', 'renew', 'end'),
        pick: fc.nat({ max: 9 }),
        elapsedMs: fc.constantFrom(0, 1_000, 14_000, 15_000),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600 }), steps, (won, history) => {
        const payer = payerWith(won);
        const live: { sim: UsageBook; hold: Hold; answeredWallMs: number; endsByMs: number }[] = [];
        let nowWallMs = NOON;
        const end = (call: (typeof live)[number], endWallMs: number): void => {
          live.splice(live.indexOf(call), 1);
          const { answeredWallMs, sim, hold } = call;
          const record = {
            ...QUESTION,
            reservedWallMs: answeredWallMs,
            answeredWallMs,
            durationMs: endWallMs - answeredWallMs,
          };
          const { costMicros } = sim.book(record);
          payer.drop(hold);
          payer.book({ ...record, costMicros });
        };
        /** Holds the next slice, or what is left, and says when the call must end. */
        const extend = (call: (typeof live)[number]): void => {
          const { answeredWallMs, sim, hold } = call;
          const fit = payer.fit({ ...QUESTION, wallMs: answeredWallMs, carrier: sim }, hold);
          const fittingMs = fit.ok ? (fit.maxCallSeconds + 1) * 1000 : 0;
          const wishedMs = Math.max(
            (hold.coveredUntilWallMs ?? 0) - answeredWallMs,
            nowWallMs - answeredWallMs + SLICE_MS,
          );
          call.endsByMs = Math.min(wishedMs, fittingMs);
          payer.cover(hold, answeredWallMs, answeredWallMs + call.endsByMs);
        };
        for (const { what, pick, elapsedMs } of history) {
          nowWallMs += elapsedMs;
          for (const call of [...live]) {
            if (nowWallMs >= call.answeredWallMs + call.endsByMs) end(call, call.answeredWallMs + call.endsByMs);
          }
          const chosen = live[pick % Math.max(1, live.length)];
          if (what === 'begin') {
            const sim = bookOf([METERED, ROUNDED, INCLUDED][pick % 3] as Plan);
            const question = { ...QUESTION, wallMs: nowWallMs, carrier: sim };
            if (!payer.fit(question).ok) continue;
            const call = { sim, hold: payer.hold(question), answeredWallMs: nowWallMs, endsByMs: 0 };
            live.push(call);
            extend(call);
          } else if (what === 'renew' && chosen !== undefined) extend(chosen);
          else if (chosen !== undefined) end(chosen, nowWallMs);
          const [row] = payer.usage(nowWallMs);
          assert.ok(row !== undefined && row.used + row.held <= row.limit, JSON.stringify(row));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a payer’s credits', () => {
  const credits = allowanceOf({
    ...{ id: 'credits-month', counts: 'credits', limit: 100, window: { kind: 'month', resetDay: 1 } },
    credits: { stepSeconds: 60, perStep: { mobile: 6, landline: 1 } },
  });
  const caps = capsOf({ name: 'acme', allowances: [credits] });

  it('are debited for each begun minute, 6 to a mobile and 1 to a landline, and end a call', () => {
    const payer = new UsageBook(new UsageTerms(caps));
    const talk = (numberClass: 'mobile' | 'landline', seconds: number) =>
      payer.book({
        ...{ callee: 'a', numberClass, reservedWallMs: NOON, answeredWallMs: NOON },
        ...{ durationMs: seconds * 1000, costMicros: 0 },
      });
    talk('mobile', 61);
    talk('landline', 60);
    assert.equal(payer.usage(NOON)[0]?.used, 13);
    // 87 are left: 14 minutes to a mobile, 87 to a landline.
    assert.deepEqual(payer.fit(QUESTION), { ok: true, maxCallSeconds: 839 });
    assert.deepEqual(payer.fit({ ...QUESTION, numberClass: 'landline' }), { ok: true, maxCallSeconds: 5_219 });
    talk('mobile', 840);
    assert.deepEqual(payer.fit(QUESTION), { ok: false, reason: 'too-few-seconds', allowanceId: 'credits-month' });
    assert.deepEqual(payer.fit({ ...QUESTION, numberClass: 'landline' }), { ok: true, maxCallSeconds: 179 });
  });

  it('are topped up by an adjustment', () => {
    const payer = new UsageBook(new UsageTerms(caps));
    assert.equal(payer.adjust('credits-month', 100, NOON), 100);
    assert.equal(payer.fit(QUESTION).ok, false);
    assert.equal(payer.adjust('credits-month', -12, NOON), 88);
    assert.deepEqual(payer.fit(QUESTION), { ok: true, maxCallSeconds: 119 });
    assert.equal(payer.adjust('nothing', 1, NOON), undefined);
  });
});
