// The suite that every ledger passes, step by step; with those about payers and about random histories.
import assert from 'node:assert/strict';
import type { NumberClass } from '../numbers/number-class.js';
import type { Charge, Ledger } from './ledger.js';
import { describeHistories } from './ledger-histories.contract.js';
import { describeMessages } from './ledger-messages.contract.js';
import { describePayers } from './ledger-payers.contract.js';
import type { LedgerView } from './ledger-view.js';
import type { Caps, Plan, Rounding } from './plan.js';
import { allowanceOf, planOf } from './plan-defaults.js';

export interface LedgerUnderTest {
  readonly ledger: Ledger;
  readonly view: LedgerView;
}

export interface LedgerSetup {
  readonly plans: readonly Plan[];
  readonly sims: readonly { readonly simId: string; readonly plan: string }[];
  readonly channels: readonly { readonly channelId: string; readonly simId: string; readonly gapMs: number }[];
  readonly sliceSeconds: number;
  readonly capsOf?: (payer: string) => Caps | undefined;
}

export interface LedgerHarness {
  /** Wall time as the ledger under test sees it. */
  wallMs(): number;
  /** Lets time pass; what it frees is free when the promise resolves. */
  advance(ms: number): Promise<void>;
  open(setup: LedgerSetup): Promise<LedgerUnderTest>;
  /** Ends the process as a crash would and starts another one on the same data. */
  reopen(setup?: LedgerSetup): Promise<LedgerUnderTest>;
  /** Takes other terms over while calls live, as a config that is read again. */
  reload(setup: LedgerSetup): Promise<void>;
  dispose(): Promise<void>;
}

const PEOPLE: readonly NumberClass[] = ['mobile', 'landline', 'internet'];
const GAP_MS = 2_000;

/** The office plan, its seconds rounded in one way throughout. */
function officePlan(rounding: Rounding): Plan {
  return planOf({
    name: 'office',
    classes: ['mobile', 'landline', 'internet', 'emergency'],
    rounding,
    maxCallSeconds: 3_600,
    allowances: [
      allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 600, classes: PEOPLE, rounding }),
      allowanceOf({ id: 'callees-day', counts: 'callees', limit: 3, classes: PEOPLE }),
      allowanceOf({
        id: 'seconds-month',
        counts: 'seconds',
        window: { kind: 'month', resetDay: 1 },
        limit: 100,
        classes: PEOPLE,
        rounding,
        beyond: { kind: 'charge', perStep: '1.98', stepSeconds: 1 },
      }),
    ],
  });
}

const PLAN = officePlan({ firstSeconds: 10, thenSeconds: 5, minimumSeconds: 0 });

const CHANNELS = 3;
const SETUP: LedgerSetup = {
  plans: [PLAN],
  sims: Array.from({ length: CHANNELS }, (_, index) => ({ simId: `sim${index + 1}`, plan: 'office' })),
  channels: Array.from({ length: CHANNELS }, (_, index) => ({
    channelId: `gw1/${index + 1}`,
    simId: `sim${index + 1}`,
    gapMs: GAP_MS,
  })),
  sliceSeconds: 30,
};

/** Declares the suite for one implementation. */
export function describeLedger(name: string, makeHarness: () => Promise<LedgerHarness>): void {
  describePayers(name, makeHarness);
  describeHistories(name, makeHarness);
  describeMessages(name, makeHarness);
  describe(`${name}, as a ledger`, () => {
    let harness: LedgerHarness;
    let tested: LedgerUnderTest;
    let count = 0;

    beforeEach(async () => {
      harness = await makeHarness();
      tested = await harness.open(SETUP);
    });

    afterEach(() => harness.dispose());

    async function reserve(port: number, callee = '+821011112222', numberClass: NumberClass = 'mobile') {
      const reservationId = `r${++count}`;
      const result = await tested.ledger.reserve({
        reservationId,
        callId: `c${count}`,
        trunk: 'pbx',
        direction: 'out',
        payers: [],
        channelId: `gw1/${port}`,
        simId: `sim${port}`,
        callee,
        numberClass,
        wallMs: harness.wallMs(),
      });
      return { reservationId, result };
    }

    async function reserved(port: number, callee?: string, numberClass?: NumberClass): Promise<string> {
      const { reservationId, result } = await reserve(port, callee, numberClass);
      assert.ok(result.ok, JSON.stringify(result));
      return reservationId;
    }

    async function refusal(port: number, callee?: string, numberClass?: NumberClass): Promise<string> {
      const { result } = await reserve(port, callee, numberClass);
      assert.ok(!result.ok);
      return result.allowanceId === undefined ? result.reason : `${result.reason} ${result.allowanceId}`;
    }

    function settle(reservationId: string, seconds: number, changes = {}): Promise<Charge> {
      return tested.ledger.settle({
        reservationId,
        answeredWallMs: harness.wallMs() - seconds * 1000,
        durationMs: seconds * 1000,
        estimated: false,
        channelInUse: false,
        ...changes,
      });
    }

    /** A whole call, its gap included. */
    async function talk(port: number, seconds: number, callee?: string): Promise<Charge> {
      const reservationId = await reserved(port, callee);
      await tested.ledger.confirm(reservationId, harness.wallMs());
      await harness.advance(seconds * 1000);
      const charge = await settle(reservationId, seconds);
      await harness.advance(GAP_MS);
      return charge;
    }

    function used(port: number, allowanceId: string, wallMs = harness.wallMs()) {
      const row = tested.ledger.usageOf(`sim${port}`, wallMs)?.allowances.find((a) => a.allowanceId === allowanceId);
      assert.ok(row !== undefined);
      return row;
    }

    it('gives one channel to one call', async () => {
      await reserved(1);
      assert.equal(await refusal(1), 'channel-busy');
      await reserved(2);
    });

    it('gives the channel to exactly one of many who ask at once', async () => {
      const results = await Promise.all(Array.from({ length: 20 }, () => reserve(1)));
      assert.equal(results.filter(({ result }) => result.ok).length, 1);
    });

    it('rests the channel for its gap after a call and after an unanswered attempt', async () => {
      const first = await reserved(1);
      await tested.ledger.release(first, { invited: true });
      assert.equal(await refusal(1), 'channel-resting');
      await harness.advance(GAP_MS - 1);
      assert.equal(tested.view.channelState('gw1/1'), 'resting');
      await harness.advance(1);
      assert.equal(tested.view.channelState('gw1/1'), 'idle');
      await settle(await reserved(1), 10);
      assert.equal(await refusal(1), 'channel-resting');
    });

    it('keeps a settled channel busy until it is vacated', async () => {
      const reservationId = await reserved(1);
      const charge = await settle(reservationId, 30, { channelInUse: true });
      assert.equal(charge.billedSeconds, 30);
      assert.equal(await refusal(1), 'channel-busy');
      assert.equal(used(1, 'seconds-day').used, 30);
      await tested.ledger.vacate(reservationId);
      assert.equal(await refusal(1), 'channel-resting');
      await tested.ledger.vacate(reservationId);
    });

    it('charges once however often a reservation is settled, and answers with the first charge', async () => {
      const reservationId = await reserved(1);
      const charges = await Promise.all([settle(reservationId, 31), settle(reservationId, 99)]);
      charges.push(await settle(reservationId, 5));
      assert.deepEqual(
        charges.map((charge) => charge.billedSeconds),
        [35, 35, 35],
      );
      assert.equal(used(1, 'seconds-day').used, 35);
      tested = await harness.reopen();
      assert.equal((await settle(reservationId, 77)).billedSeconds, 35);
      assert.equal(used(1, 'seconds-day').used, 35);
    });

    it('charges a further answer of an INVITE as a call of its own, once, over a restart too', async () => {
      const { ledger } = tested;
      const id = await reserved(1);
      await ledger.confirm(id, harness.wallMs());
      const before = await ledger.renew(id, harness.wallMs() + 30_000);
      const further = await ledger.chargeFurther(id, `${id}/1`, harness.wallMs());
      // The first step of the plan's rounding.
      assert.deepEqual([further?.billedSeconds, further?.reservationId, further?.simId], [10, `${id}/1`, 'sim1']);
      assert.deepEqual(await ledger.chargeFurther(id, `${id}/1`, harness.wallMs()), further);
      const after = await ledger.renew(id, harness.wallMs() + 30_000);
      assert.equal(after.maxCallSeconds, before.maxCallSeconds - 10);
      assert.equal(tested.view.channelState('gw1/1'), 'busy');
      await harness.advance(20_000);
      assert.equal((await settle(id, 20, { channelInUse: true })).billedSeconds, 20);
      assert.equal((await ledger.chargeFurther(id, `${id}/2`, harness.wallMs()))?.billedSeconds, 10);
      await ledger.vacate(id);
      assert.equal(await ledger.chargeFurther(id, `${id}/3`, harness.wallMs()), null);
      const used = () => tested.ledger.usageOf('sim1', harness.wallMs())?.allowances.map((each) => each.used);
      assert.deepEqual(used(), [40, 1, 40]);
      assert.equal(tested.ledger.attemptsTo('+821011112222', 0), 1);
      assert.equal((await tested.ledger.verify()).ok, true);
      tested = await harness.reopen();
      assert.deepEqual(used(), [40, 1, 40]);
      assert.equal(tested.ledger.attemptsTo('+821011112222', 0), 1);
      assert.equal((await tested.ledger.verify()).ok, true);
    });

    it('charges nothing for an attempt that was not answered, however often it is released', async () => {
      const reservationId = await reserved(1);
      assert.equal(used(1, 'callees-day').held, 1);
      await Promise.all([
        tested.ledger.release(reservationId, { invited: true }),
        tested.ledger.release(reservationId, { invited: true }),
      ]);
      await tested.ledger.release(reservationId, { invited: true });
      assert.deepEqual(
        [used(1, 'seconds-day').used, used(1, 'callees-day').used, used(1, 'callees-day').held],
        [0, 0, 0],
      );
    });

    it('counts a callee on attempt where the plan says so, but only if an INVITE left', async () => {
      const allowances = PLAN.allowances.map((allowance) => ({ ...allowance, countsOn: 'attempt' as const }));
      const setup = { ...SETUP, plans: [{ ...PLAN, allowances }] };
      tested = await harness.reopen(setup);
      const attempt = async (callee: string, invited: boolean): Promise<number[]> => {
        await tested.ledger.release(await reserved(1, callee), { invited });
        await harness.advance(GAP_MS);
        const { used: counted, held } = used(1, 'callees-day');
        return [counted, held];
      };
      assert.deepEqual(await attempt('a', false), [0, 0]);
      assert.deepEqual(await attempt('b', true), [1, 0]);
      assert.deepEqual(await attempt('b', false), [1, 0]);
      assert.deepEqual(await attempt('b', true), [1, 0]);
      tested = await harness.reopen(setup);
      assert.equal(used(1, 'callees-day').used, 1);
      assert.equal(used(1, 'seconds-day').used, 0);
    });

    it('refuses when an allowance is full, naming it', async () => {
      await talk(1, 600);
      assert.equal(await refusal(1), 'quota-exhausted seconds-day');
      await reserved(2);
    });

    it('lets a counted callee pass a full allowance of callees', async () => {
      for (const callee of ['a', 'b', 'c']) await talk(1, 10, callee);
      assert.equal(await refusal(1, 'd'), 'quota-exhausted callees-day');
      await reserved(1, 'b');
    });

    it('allows as long a call as still fits, and tells again at the answer', async () => {
      const { reservationId, result } = await reserve(1);
      assert.ok(result.ok);
      assert.equal(result.maxCallSeconds, 599);
      const confirmation = await tested.ledger.confirm(reservationId, harness.wallMs());
      assert.equal(confirmation.maxCallSeconds, 599);
    });

    it('holds a live call’s seconds by slices', async () => {
      const reservationId = await reserved(1);
      await tested.ledger.confirm(reservationId, harness.wallMs());
      assert.equal(used(1, 'seconds-day').held, 30);
      await tested.ledger.renew(reservationId, harness.wallMs() + 60_000);
      assert.equal(used(1, 'seconds-day').held, 60);
      await settle(reservationId, 45);
      assert.deepEqual([used(1, 'seconds-day').held, used(1, 'seconds-day').used], [0, 45]);
    });

    it('keeps a slice that is granted when a correction leaves nothing of the plan, and says that it is the last', async () => {
      const reservationId = await reserved(1);
      await tested.ledger.confirm(reservationId, harness.wallMs());
      const adjustment = { holder: 'sim:sim1', allowanceId: 'seconds-day', amount: 600, reason: 'a test', by: 'kim' };
      await tested.ledger.adjust({ ...adjustment, adjustmentId: 'a1', wallMs: harness.wallMs() });
      await harness.advance(10_000);
      const grant = await tested.ledger.renew(reservationId, harness.wallMs() + 30_000);
      assert.deepEqual(grant, {
        ...{ maxCallSeconds: 29, isFinal: true },
        limit: { holder: 'sim:sim1', allowanceId: 'seconds-day' },
      });
    });

    it('lets emergency calls past quota and gap, but not onto a busy channel', async () => {
      await talk(1, 600);
      await tested.ledger.release(await reserved(2), { invited: true });
      const emergency = await reserved(1, '119', 'emergency');
      await reserved(2, '119', 'emergency');
      assert.equal(await refusal(1, '119', 'emergency'), 'channel-busy');
      assert.equal((await settle(emergency, 60)).cost, '0');
    });

    it('refuses classes that the plan cannot call, channels and SIMs that it does not know', async () => {
      assert.equal(await refusal(1, '+82607001234', 'premium'), 'class-not-covered');
      assert.equal(await refusal(9), 'unknown-channel');
    });

    it('charges what goes beyond an allowance with a rate', async () => {
      assert.equal((await talk(1, 100)).cost, '0');
      assert.equal((await talk(1, 10)).cost, '19.8');
    });

    it('remembers over a restart what was used, by whom a callee was called, and which channel rests', async () => {
      await talk(1, 100, 'a');
      await talk(2, 50, 'b');
      await settle(await reserved(3, 'c'), 20);
      const before = [1, 2, 3].map((port) => tested.ledger.usageOf(`sim${port}`, harness.wallMs()));
      tested = await harness.reopen();
      assert.deepEqual(
        [1, 2, 3].map((port) => tested.ledger.usageOf(`sim${port}`, harness.wallMs())),
        before,
      );
      assert.deepEqual(
        ['a', 'b', 'c', 'd'].map((callee) => tested.view.simsOf(callee).at(-1)),
        ['sim1', 'sim2', 'sim3', undefined],
      );
      assert.deepEqual(
        [1, 2, 3].map((port) => tested.view.channelState(`gw1/${port}`)),
        ['idle', 'idle', 'resting'],
      );
      await harness.advance(GAP_MS);
      assert.equal(tested.view.channelState('gw1/3'), 'idle');
    });

    it('keeps a crashed process’s channels busy until each reservation is settled, vacated or released', async () => {
      const reservedOnly = await reserved(1, 'a');
      const answered = await reserved(2, 'b');
      const answeredWallMs = harness.wallMs();
      await tested.ledger.confirm(answered, answeredWallMs);
      await tested.ledger.renew(answered, answeredWallMs + 60_000);
      const ending = await reserved(3, 'c');
      await settle(ending, 12, { channelInUse: true });
      // With other slices: when the last one was asked for is known all the same.
      tested = await harness.reopen({ ...SETUP, sliceSeconds: 5 });
      const orphans = [...tested.ledger.orphans()].sort((a, b) => a.channelId.localeCompare(b.channelId));
      assert.deepEqual(
        orphans.map((orphan) => [
          orphan.reservationId,
          orphan.answeredWallMs,
          orphan.coveredUntilWallMs,
          orphan.renewedWallMs,
          orphan.settled,
        ]),
        [
          [reservedOnly, null, null, null, false],
          [answered, answeredWallMs, answeredWallMs + 60_000, answeredWallMs + 30_000, false],
          [ending, null, null, null, true],
        ],
      );
      assert.deepEqual([await refusal(1), await refusal(2), await refusal(3)], Array(3).fill('channel-busy'));
      await tested.ledger.release(reservedOnly, { invited: true });
      const charge = await settle(answered, 60, { answeredWallMs, estimated: true });
      assert.deepEqual([charge.billedSeconds, charge.estimated], [60, true]);
      await tested.ledger.vacate(ending);
      assert.deepEqual(tested.ledger.orphans(), []);
      await harness.advance(GAP_MS);
      for (const port of [1, 2, 3]) assert.equal(tested.view.channelState(`gw1/${port}`), 'idle');
      assert.deepEqual(
        [1, 2, 3].map((port) => used(port, 'seconds-day').used),
        [0, 60, 15],
      );
    });

    it('gives usage to the SIM, wherever it sits', async () => {
      await talk(1, 100, 'a');
      const swapped = SETUP.channels.map((channel, index) => ({ ...channel, simId: `sim${CHANNELS - index}` }));
      tested = await harness.reopen({ ...SETUP, channels: swapped });
      assert.equal(used(1, 'seconds-day').used, 100);
      assert.equal(tested.view.simsOf('a').at(-1), 'sim1');
      assert.equal(await refusal(3), 'unknown-channel');
    });

    it('gives a SIM that was moved no second call while it is in one where it was, except to help or for who rings it', async () => {
      const first = await reserved(1);
      await tested.ledger.confirm(first, harness.wallMs());
      const stands = ['sim2', 'sim1', 'sim3'];
      const channels = SETUP.channels.map((channel, at) => ({ ...channel, simId: stands[at] ?? '' }));
      // Twice, and by another plan each time.
      const plans = [60, 30].map((seconds) =>
        officePlan({ firstSeconds: seconds, thenSeconds: seconds, minimumSeconds: 0 }),
      );
      for (const plan of plans) await harness.reload({ ...SETUP, plans: [plan], channels });
      const states = () => [1, 2].map((port) => tested.view.channelState(`gw1/${port}`));
      const ask = async (changes: { numberClass?: NumberClass; direction?: 'in' } = {}) => {
        const id = `r${++count}`;
        const result = await tested.ledger.reserve({
          ...{ reservationId: id, callId: id, trunk: 'pbx', direction: 'out', payers: [], wallMs: harness.wallMs() },
          ...{ channelId: 'gw1/2', simId: 'sim1', callee: '+821011112222', numberClass: 'mobile', ...changes },
        });
        return result.ok ? id : result.reason;
      };
      assert.deepEqual([states(), await ask()], [['busy', 'resting'], 'channel-resting']);
      for (const free of [{ numberClass: 'emergency' }, { direction: 'in' }] as const) {
        const unanswered = await ask(free);
        assert.deepEqual(states(), ['busy', 'busy'], unanswered);
        await tested.ledger.release(unanswered, { invited: false });
        const answered = await ask(free);
        assert.deepEqual(states(), ['busy', 'busy'], answered);
        await tested.ledger.confirm(answered, harness.wallMs());
        await settle(answered, 5);
        await harness.advance(GAP_MS);
        assert.deepEqual([states(), await ask()], [['busy', 'resting'], 'channel-resting']);
      }
      const last = await ask({ direction: 'in' });
      await tested.ledger.confirm(last, harness.wallMs());
      await settle(first, 8, { channelInUse: true });
      await tested.ledger.vacate(first);
      await harness.advance(GAP_MS);
      assert.deepEqual([states(), await ask()], [['idle', 'busy'], 'channel-busy']);
      await settle(last, 8);
      await harness.advance(GAP_MS);
      assert.deepEqual(states(), ['idle', 'idle']);
      assert.match(await ask(), /^r\d+$/);
      const { ok, differences } = await tested.ledger.verify();
      assert.deepEqual([ok, differences], [true, []]);
    });

    it('recounts usage from history when a plan has changed', async () => {
      await talk(1, 61);
      const plan = officePlan({ firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 });
      tested = await harness.reopen({ ...SETUP, plans: [plan] });
      assert.equal(used(1, 'seconds-day').used, 120);
    });

    it('settles what was left of a SIM and channel that are no longer in the config', async () => {
      const reservationId = await reserved(3);
      tested = await harness.reopen({ ...SETUP, sims: SETUP.sims.slice(0, 2), channels: SETUP.channels.slice(0, 2) });
      assert.equal(tested.ledger.orphans().length, 1);
      assert.equal((await settle(reservationId, 7)).billedSeconds, 7);
      assert.deepEqual(tested.ledger.orphans(), []);
    });

    it('counts the calls that tried a callee, live ones too, over a restart, but not those of which no INVITE left', async () => {
      const from = harness.wallMs();
      const attempts = () => tested.ledger.attemptsTo('a', from);
      await tested.ledger.release(await reserved(1, 'a'), { invited: true });
      assert.equal(attempts(), 1);
      const live = await reserved(2, 'a');
      assert.equal(attempts(), 2);
      await tested.ledger.release(live, { invited: false });
      assert.equal(attempts(), 1);
      await harness.advance(GAP_MS);
      await talk(1, 10, 'a');
      await reserved(3, 'a');
      assert.equal(attempts(), 3);
      tested = await harness.reopen();
      assert.deepEqual([attempts(), tested.ledger.attemptsTo('a', harness.wallMs() + 1)], [3, 0]);
    });

    describe('with calls from mobiles', () => {
      const CALLER = '+821055550102';
      const counted = (direction: 'out' | 'in') =>
        allowanceOf({ id: `seconds-${direction}`, counts: 'seconds', limit: 100, directions: [direction] });
      const setup = (): LedgerSetup => ({
        ...SETUP,
        plans: [planOf({ name: 'office', allowances: [counted('out'), counted('in')] })],
      });

      async function received(port: number): Promise<string> {
        const reservationId = `in${++count}`;
        const result = await tested.ledger.reserve({
          ...{ reservationId, callId: `c${count}`, trunk: 'pbx', direction: 'in', payers: ['trunk:pbx'] },
          ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee: CALLER, numberClass: 'mobile' },
          wallMs: harness.wallMs(),
        });
        assert.ok(result.ok, JSON.stringify(result));
        return reservationId;
      }

      it('charges their seconds to the allowances that count calls in, and to no other, over a restart', async () => {
        tested = await harness.reopen(setup());
        const reservationId = await received(1);
        await tested.ledger.confirm(reservationId, harness.wallMs());
        assert.equal((await settle(reservationId, 40)).billedSeconds, 40);
        assert.deepEqual([used(1, 'seconds-in').used, used(1, 'seconds-out').used], [40, 0]);
        tested = await harness.reopen(setup());
        assert.deepEqual([used(1, 'seconds-in').used, used(1, 'seconds-out').used], [40, 0]);
      });

      it('counts none as a call that tried somebody, nor as one that somebody would call back', async () => {
        const from = harness.wallMs();
        const reservationId = await received(1);
        await tested.ledger.confirm(reservationId, harness.wallMs());
        assert.equal(tested.ledger.attemptsTo(CALLER, from), 0);
        await settle(reservationId, 10);
        tested = await harness.reopen();
        assert.equal(tested.ledger.attemptsTo(CALLER, from), 0);
        assert.equal(tested.ledger.lastCallTo(CALLER, from), undefined);
      });

      it('takes one on a channel that rests, and none on a channel in a call', async () => {
        await settle(await reserved(1), 5);
        assert.equal(await refusal(1), 'channel-resting');
        await received(1);
        assert.equal(await refusal(1), 'channel-busy');
      });

      it('remembers over a restart who called a number last, answered or not, for as long as it is asked', async () => {
        const callOf = async (port: number, agent: string | null, invited: boolean) => {
          const reservationId = `r${++count}`;
          const payers = ['trunk:pbx', ...(agent === null ? [] : [`agent:pbx/${agent}`])];
          const result = await tested.ledger.reserve({
            ...{ reservationId, callId: `c${count}`, trunk: 'pbx', direction: 'out', payers },
            ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee: CALLER, numberClass: 'mobile' },
            wallMs: harness.wallMs(),
          });
          assert.ok(result.ok);
          await tested.ledger.release(reservationId, { invited });
        };
        const last = (sinceWallMs: number) => {
          const found = tested.ledger.lastCallTo(CALLER, sinceWallMs);
          return found && [found.trunk, found.agent];
        };
        const from = harness.wallMs();
        assert.equal(last(from), undefined);
        await callOf(1, '7/01', true);
        await harness.advance(GAP_MS);
        await callOf(2, null, true);
        assert.deepEqual(last(from), ['pbx', null]);
        await harness.advance(GAP_MS);
        const later = harness.wallMs();
        await callOf(3, '7/01', true);
        await callOf(2, '702', false);
        tested = await harness.reopen();
        assert.deepEqual(last(later), ['pbx', '7/01']);
        assert.equal(last(harness.wallMs() + 1_000), undefined);
        assert.equal(tested.ledger.lastCallTo('+821055550199', from), undefined);
      });
    });

    it('finds nothing to correct when it recounts what it decides by', async () => {
      await talk(1, 100, 'a');
      await tested.ledger.release(await reserved(2, 'b'), { invited: true });
      await reserved(3, 'c');
      const { ok, settlements, differences } = await tested.ledger.verify();
      assert.deepEqual([ok, settlements, differences], [true, 2, []]);
    });

    it('tells routing when channels and usage change', async () => {
      const seen: string[] = [];
      tested.view.events.on('channel:changed', (channelId, state) => seen.push(`${channelId} ${state}`));
      tested.view.events.on('usage:changed', (simId) => seen.push(`${simId} used`));
      await settle(await reserved(1), 5);
      await harness.advance(GAP_MS);
      assert.deepEqual(seen, ['gw1/1 busy', 'sim1 used', 'gw1/1 resting', 'gw1/1 idle']);
    });
  });
}
