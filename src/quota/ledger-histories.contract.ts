// The part of the ledger's suite that is about any course of things: random histories of calls, corrections, crashes and
// changed plans, against a model that keeps plain lists and adds them up anew at each question.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LedgerHarness, LedgerSetup, LedgerUnderTest } from './ledger.contract.js';
import type { Rounding } from './plan.js';
import { allowanceOf, BY_THE_SECOND, capsOf, planOf } from './plan-defaults.js';
import { chargedSeconds } from './rounding.js';

const GAP_MS = 2_000;
const DAY_MS = 86_400_000;
/** Asia/Seoul, which keeps one time all year. */
const ZONE_MS = 9 * 3_600_000;
const PORTS = [1, 2, 3];
const SECONDS_A_DAY = 600;
const CALLEES_A_DAY = 3;
const PAYER = 'account:acme';
const PAYER_SECONDS = [700, 300, null] as const;

const BY_STEPS: Rounding = { firstSeconds: 10, thenSeconds: 5, minimumSeconds: 0 };
const BY_THE_MINUTE: Rounding = { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 };

/** What the config says: it is read again while calls live, or at the next start. */
interface Terms {
  readonly rounding: Rounding;
  /** Null: no caps. */
  readonly payerSeconds: (typeof PAYER_SECONDS)[number];
  /** By how many ports the SIMs have moved on. */
  readonly moved: number;
}

const AT_FIRST: Terms = { rounding: BY_STEPS, payerSeconds: 700, moved: 0 };

function setupWith({ rounding, payerSeconds, moved }: Terms): LedgerSetup {
  const ofPayer = [
    allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: payerSeconds ?? 0 }),
    allowanceOf({ id: 'calls-day', counts: 'calls', countsOn: 'attempt', limit: 1_000 }),
  ];
  const caps = payerSeconds === null ? undefined : capsOf({ name: 'acme', allowances: ofPayer });
  const allowances = [
    allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: SECONDS_A_DAY, rounding }),
    allowanceOf({ id: 'callees-day', counts: 'callees', limit: CALLEES_A_DAY }),
  ];
  return {
    plans: [planOf({ name: 'office', rounding, maxCallSeconds: 3_600, allowances })],
    sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'office' })),
    channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${simIn(port, moved)}`, gapMs: GAP_MS })),
    sliceSeconds: 30,
    capsOf: (payer) => (payer === PAYER ? caps : undefined),
  };
}

function simIn(port: number, moved: number): number {
  return ((port - 1 + moved) % PORTS.length) + 1;
}

const PORT = fc.constantFrom(...PORTS);
const TERMS: fc.Arbitrary<Terms> = fc.record({
  rounding: fc.constantFrom(BY_STEPS, BY_THE_MINUTE),
  payerSeconds: fc.constantFrom(...PAYER_SECONDS),
  moved: fc.constantFrom(0, 0, 1),
});
const CALLEES = ['a', 'b', 'c', 'd', 'e'];
const STEP = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('reserve' as const),
      port: PORT,
      callee: fc.constantFrom(...CALLEES),
      paid: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('confirm' as const), port: PORT }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('renew' as const), port: PORT }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      port: PORT,
      inUse: fc.boolean(),
      wishMs: fc.integer({ min: 0, max: 400_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('vacate' as const), port: PORT }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('further' as const), port: PORT }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), port: PORT, invited: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('adjust' as const),
      holder: fc.constantFrom('sim:sim1', 'sim:sim2', PAYER),
      amount: fc.integer({ min: -50, max: 50 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, GAP_MS, 60_000, 30_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), terms: TERMS }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reload' as const), terms: TERMS }) },
);
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

interface ModelCall {
  readonly id: string;
  readonly port: number;
  readonly sim: number;
  readonly callee: string;
  readonly paid: boolean;
  readonly reservedWallMs: number;
  /** Of the plan that it began with. */
  rounding: Rounding;
  answeredWallMs: number | null;
  maxCallSeconds: number;
  /** Null while it is live. */
  durationMs: number | null;
  /** No INVITE left. */
  withdrawn: boolean;
  /** Another answer of a call's INVITE. */
  readonly isFurther?: boolean;
}

/** Declares the suite for one implementation. */
export function describeHistories(name: string, makeHarness: () => Promise<LedgerHarness>): void {
  describe(`${name}, over any history`, () => {
    it('agrees with a simple model through crashes, reloads, corrections, changed plans and SIMs that move', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 30 }), async (steps) => {
          const harness = await makeHarness();
          try {
            const course = new Course(harness, await harness.open(setupWith(AT_FIRST)));
            for (const step of steps) {
              await course.take(step);
              course.check();
            }
            const { ok, differences } = await course.tested.ledger.verify();
            assert.deepEqual([ok, differences], [true, []]);
          } finally {
            await harness.dispose();
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}

class Course {
  readonly #harness: LedgerHarness;
  readonly #model = new Model();
  #count = 0;
  tested: LedgerUnderTest;

  constructor(harness: LedgerHarness, tested: LedgerUnderTest) {
    this.#harness = harness;
    this.tested = tested;
  }

  check(): void {
    this.#model.check(this.tested, this.#harness.wallMs());
  }

  async take(step: Step): Promise<void> {
    const harness = this.#harness;
    const model = this.#model;
    if (step.kind === 'wait') await harness.advance(step.ms);
    else if (step.kind === 'crash') {
      this.tested = await harness.reopen(setupWith(step.terms));
      model.terms = step.terms;
      for (const call of model.live.values()) call.rounding = step.terms.rounding;
    } else if (step.kind === 'reload') {
      await harness.reload(setupWith(step.terms));
      model.terms = step.terms;
    } else if (step.kind === 'adjust') await this.#adjust(step.holder, step.amount);
    else if (step.kind === 'reserve') await this.#reserve(step.port, step.callee, step.paid);
    else {
      const call = model.live.get(step.port);
      if (call !== undefined) await this.#goOn(step, call);
    }
  }

  async #adjust(holder: string, amount: number): Promise<void> {
    const wallMs = this.#harness.wallMs();
    const adjustment = { holder, allowanceId: 'seconds-day', amount, wallMs };
    const adjustmentId = `a${++this.#count}`;
    const result = await this.tested.ledger.adjust({ ...adjustment, adjustmentId, reason: 'test', by: 'test' });
    assert.equal(result.ok, holder !== PAYER || this.#model.terms.payerSeconds !== null);
    if (result.ok) this.#model.adjustments.push({ holder, amount, wallMs });
  }

  async #reserve(port: number, callee: string, paid: boolean): Promise<void> {
    const model = this.#model;
    const id = `m${++this.#count}`;
    const wallMs = this.#harness.wallMs();
    const { rounding, moved } = model.terms;
    const sim = simIn(port, moved);
    const isInCall = [...model.live.values()].some((call) => call.sim === sim && call.durationMs === null);
    const mayTake = this.tested.view.channelState(`gw1/${port}`) === 'idle';
    const result = await this.tested.ledger.reserve({
      ...{ reservationId: id, callId: `call-${id}`, trunk: 'pbx', direction: 'out', payers: paid ? [PAYER] : [] },
      ...{ channelId: `gw1/${port}`, simId: `sim${sim}`, callee, numberClass: 'mobile', wallMs },
    });
    assert.equal(isInCall && result.ok, false, 'one SIM, one call');
    assert.equal(model.live.has(port) && result.ok, false, 'one channel, one call');
    if (mayTake && !isInCall) {
      // A SIM has one call at a time: what is settled says exactly whether another fits.
      const left = SECONDS_A_DAY - model.secondsOf(`sim:sim${sim}`, wallMs);
      const callees = model.calleesOf(sim, wallMs);
      const fits = left >= rounding.firstSeconds && (callees.has(callee) || callees.size < CALLEES_A_DAY);
      const refusedBy = result.ok ? null : result.reason;
      if (refusedBy !== 'cap-exhausted') assert.equal(result.ok, fits, `${refusedBy}: ${left} s left`);
      else assert.ok(paid);
    }
    if (!result.ok) return;
    const { maxCallSeconds } = result;
    model.live.set(port, {
      ...{ id, port, sim, callee, paid, reservedWallMs: wallMs, answeredWallMs: null, maxCallSeconds },
      ...{ rounding, durationMs: null, withdrawn: false },
    });
  }

  async #goOn(
    step: Extract<Step, { kind: 'confirm' | 'renew' | 'further' | 'settle' | 'vacate' | 'release' }>,
    call: ModelCall,
  ): Promise<void> {
    const { ledger } = this.tested;
    const model = this.#model;
    const wallMs = this.#harness.wallMs();
    if (step.kind === 'confirm' && call.answeredWallMs === null && call.durationMs === null) {
      call.answeredWallMs = wallMs;
      call.maxCallSeconds = (await ledger.confirm(call.id, wallMs)).maxCallSeconds;
    } else if (step.kind === 'renew' && call.answeredWallMs !== null && call.durationMs === null) {
      call.maxCallSeconds = (await ledger.renew(call.id, wallMs + 30_000)).maxCallSeconds;
    } else if (step.kind === 'settle' && call.answeredWallMs !== null && call.durationMs === null) {
      const durationMs = Math.min(step.wishMs, (call.maxCallSeconds + 1) * 1000);
      const settlement = { reservationId: call.id, answeredWallMs: call.answeredWallMs, estimated: false };
      const charge = await ledger.settle({ ...settlement, durationMs, channelInUse: step.inUse });
      assert.equal(charge.billedSeconds, chargedSeconds(durationMs, call.rounding));
      const again = await ledger.settle({ ...settlement, durationMs: durationMs + 50_000, channelInUse: step.inUse });
      assert.deepEqual(again, charge);
      call.durationMs = durationMs;
      model.over.push(call);
      if (!step.inUse) model.live.delete(call.port);
    } else if (step.kind === 'further' && call.answeredWallMs !== null) {
      const id = `${call.id}/${++this.#count}`;
      const charge = await ledger.chargeFurther(call.id, id, wallMs);
      assert.equal(charge?.billedSeconds, chargedSeconds(0, call.rounding));
      // It is one of the calls that the payer's cap counts, and no attempt of its own.
      model.over.push({ ...call, id, answeredWallMs: wallMs, durationMs: 0, isFurther: true });
    } else if (step.kind === 'vacate' && call.durationMs !== null) {
      await ledger.vacate(call.id);
      model.live.delete(call.port);
    } else if (step.kind === 'release' && call.answeredWallMs === null) {
      await ledger.release(call.id, { invited: step.invited });
      call.durationMs = 0;
      call.withdrawn = !step.invited;
      model.over.push(call);
      model.live.delete(call.port);
    }
  }
}

/** What must be true, kept as plain lists. */
class Model {
  terms = AT_FIRST;
  /** By port; a call that keeps its channel after its settlement is still there. */
  readonly live = new Map<number, ModelCall>();
  readonly over: ModelCall[] = [];
  readonly adjustments: { readonly holder: string; readonly amount: number; readonly wallMs: number }[] = [];

  check({ ledger, view }: LedgerUnderTest, wallMs: number): void {
    for (const port of PORTS) {
      const state = view.channelState(`gw1/${port}`);
      assert.equal(state === 'busy', this.live.has(port), `channel ${port}`);
      const sim = simIn(port, this.terms.moved);
      const isElsewhere = [...this.live.values()].some((call) => call.sim === sim && call.port !== port);
      assert.ok(!isElsewhere || state !== 'idle', `channel ${port}, whose SIM is in a call where it was`);
      const usage = ledger.usageOf(`sim${port}`, wallMs)?.allowances ?? [];
      const used = (id: string) => usage.find(({ allowanceId }) => allowanceId === id)?.used;
      // A SIM a port, wherever it sits.
      assert.equal(used('seconds-day'), this.secondsOf(`sim:sim${port}`, wallMs), `seconds of sim ${port}`);
      assert.equal(used('callees-day'), this.calleesOf(port, wallMs).size, `callees of sim ${port}`);
    }
    const paid = ledger.usageOfPayer(PAYER, wallMs) ?? [];
    const calls = this.over.filter(
      (call) => call.paid && !call.withdrawn && dayOf(call.reservedWallMs) === dayOf(wallMs),
    );
    const isCounted = this.terms.payerSeconds !== null;
    assert.deepEqual(
      paid.map(({ used }) => used),
      isCounted ? [this.secondsOf(PAYER, wallMs), calls.length] : [],
      PAYER,
    );
    const since = dayOf(wallMs);
    for (const callee of CALLEES) {
      const tries = [...this.over, ...[...this.live.values()].filter(({ durationMs }) => durationMs === null)];
      const count = tries.filter(
        (call) => call.callee === callee && !call.withdrawn && !call.isFurther && call.reservedWallMs >= since,
      ).length;
      assert.equal(ledger.attemptsTo(callee, since), count, `attempts to ${callee}`);
    }
  }

  /** Settled seconds and corrections of a day, calls over midnight split. */
  secondsOf(holder: string, wallMs: number): number {
    const today = dayOf(wallMs);
    const rounding = holder === PAYER ? BY_THE_SECOND : this.terms.rounding;
    let seconds = 0;
    for (const { sim, paid, answeredWallMs, durationMs } of this.over) {
      if (answeredWallMs === null || durationMs === null) continue;
      if (holder === PAYER ? !paid : holder !== `sim:sim${sim}`) continue;
      const billed = chargedSeconds(durationMs, rounding);
      const midnight = dayOf(answeredWallMs) + DAY_MS;
      const isOver = answeredWallMs + durationMs > midnight;
      const first = isOver ? Math.min(billed, Math.ceil((midnight - answeredWallMs) / 1000)) : billed;
      if (dayOf(answeredWallMs) === today) seconds += first;
      else if (midnight === today) seconds += billed - first;
    }
    const corrections = this.adjustments.filter((one) => one.holder === holder && dayOf(one.wallMs) === today);
    return seconds + corrections.reduce((sum, { amount }) => sum + amount, 0);
  }

  calleesOf(sim: number, wallMs: number): ReadonlySet<string> {
    const talked = this.over.filter(
      (call) => call.sim === sim && call.answeredWallMs !== null && dayOf(call.answeredWallMs) === dayOf(wallMs),
    );
    return new Set(talked.map(({ callee }) => callee));
  }
}

/** Its local midnight. */
function dayOf(wallMs: number): number {
  return Math.floor((wallMs + ZONE_MS) / DAY_MS) * DAY_MS - ZONE_MS;
}
