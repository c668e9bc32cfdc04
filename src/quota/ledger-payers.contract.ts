// The part of the ledger's suite that is about payers: caps, slices held by parallel calls, what is left over a restart.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { NumberClass } from '../numbers/number-class.js';
import type { LedgerHarness, LedgerSetup, LedgerUnderTest } from './ledger.contract.js';
import type { AdjustmentsQuery, Grant, PayersQuestion } from './ledger.js';
import { allowanceOf, capsOf, planOf } from './plan-defaults.js';

const SLICE_SECONDS = 30;
const LIMIT_SECONDS = 100;
const CHANNELS = 6;
const PAYER = 'account:acme';
const PORTS = Array.from({ length: CHANNELS }, (_, index) => index + 1);

const ACME = capsOf({
  name: 'acme',
  allowances: [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: LIMIT_SECONDS })],
});
const AGENT = capsOf({ name: 'agents', allowances: [allowanceOf({ id: 'calls-day', counts: 'callees', limit: 2 })] });

/** Two hundred, as its roomy plan charges 2 a second. */
const BUDGET = capsOf({
  name: 'budget',
  allowances: [allowanceOf({ id: 'spend-day', counts: 'spend', limit: 200_000_000 })],
});

/** What a slice costs. */
const SLICE = capsOf({
  name: 'slice',
  allowances: [allowanceOf({ id: 'spend-day', counts: 'spend', limit: 60_000_000 })],
});

const SETUP: LedgerSetup = {
  plans: [planOf({ name: 'roomy', rates: { mobile: { perStep: '2', stepSeconds: 1 } } })],
  sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'roomy' })),
  channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 })),
  sliceSeconds: SLICE_SECONDS,
  capsOf: (payer) => {
    if (payer === 'account:acme') return ACME;
    if (payer === 'account:budget') return BUDGET;
    if (payer === 'account:slice') return SLICE;
    return payer.startsWith('agent:') ? AGENT : undefined;
  },
};

/** The same channels, and another cap of the one payer; null: none. */
function setupCapped(limit: number | null): LedgerSetup {
  const allowances = [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: limit ?? 0 })];
  const caps = limit === null ? undefined : capsOf({ name: 'acme', allowances });
  return { ...SETUP, capsOf: (payer) => (payer === PAYER ? caps : undefined) };
}

const NO_CAP = Number.POSITIVE_INFINITY;
const CAPPED_STEP = fc.record({
  kind: fc.oneof(
    { weight: 16, arbitrary: fc.constantFrom('talk', 'renew', 'renew', 'wait') },
    { weight: 5, arbitrary: fc.constantFrom('reserve', 'answer', 'end') },
    { weight: 4, arbitrary: fc.constant('recap') },
    { weight: 1, arbitrary: fc.constantFrom('adjust', 'crash') },
  ),
  pick: fc.nat({ max: 11 }),
  ms: fc.constantFrom(900, 4_000, 14_000, 15_000),
  limit: fc.constantFrom(null, 40, LIMIT_SECONDS, LIMIT_SECONDS, 170),
  amount: fc.constantFrom(-60, -10, 10, 60),
});
type CappedStep = typeof CAPPED_STEP extends fc.Arbitrary<infer T> ? T : never;

interface CappedCall {
  readonly reservationId: string;
  readonly answeredWallMs: number;
  /** The cap that it began with. */
  beganWith: number;
  /** As the call keeps it: a grant never shrinks. */
  maxCallSeconds: number;
}

/** Calls of one payer that are renewed and end as calls do, while its cap is changed and what it has used corrected. */
class CappedCalls {
  readonly #harness: LedgerHarness;
  tested: LedgerUnderTest;
  #limit: number = LIMIT_SECONDS;
  #count = 0;
  readonly #reserved: { readonly reservationId: string; beganWith: number }[] = [];
  readonly #talking: CappedCall[] = [];

  constructor(harness: LedgerHarness, tested: LedgerUnderTest) {
    this.#harness = harness;
    this.tested = tested;
  }

  async take(step: CappedStep): Promise<void> {
    const before = this.#taken();
    const most = this.#mostLimit();
    await this.#happen(step);
    for (const late of [...this.#talking]) {
      if (this.#harness.wallMs() >= late.answeredWallMs + late.maxCallSeconds * 1000) await this.#end(late);
    }
    if (step.kind === 'recap' || step.kind === 'adjust') return;
    const after = this.#taken();
    const limit = Math.max(most, this.#mostLimit());
    assert.ok(after <= Math.max(before, limit), `${before} s, then ${after} s of ${limit} after ${step.kind}`);
  }

  async #happen({ kind, pick, ms, limit, amount }: CappedStep): Promise<void> {
    const { ledger, view } = this.tested;
    const call = this.#talking[pick % Math.max(1, this.#talking.length)];
    const wallMs = this.#harness.wallMs();
    if (kind === 'reserve' || kind === 'talk') {
      const port = PORTS.find((candidate) => view.channelState(`gw1/${candidate}`) === 'idle');
      if (port === undefined) return;
      const reservationId = `c${++this.#count}`;
      const { ok } = await ledger.reserve({
        ...{ reservationId, callId: reservationId, trunk: 'pbx', direction: 'out', payers: [PAYER] },
        ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee: '+821011112222', numberClass: 'mobile', wallMs },
      });
      if (ok) this.#reserved.push({ reservationId, beganWith: this.#limit });
      if (ok && kind === 'talk') await this.#answer(this.#reserved.pop());
    } else if (kind === 'answer') await this.#answer(this.#reserved.shift());
    else if (kind === 'renew' && call !== undefined) await this.#renew(call);
    else if (kind === 'end' && call !== undefined) await this.#end(call);
    else if (kind === 'wait') await this.#harness.advance(ms);
    else if (kind === 'crash') await this.#crash();
    else if (kind === 'recap') {
      this.#limit = limit ?? NO_CAP;
      await this.#harness.reload(setupCapped(limit));
    } else if (kind === 'adjust' && this.#limit < NO_CAP) {
      const adjustment = { holder: PAYER, allowanceId: 'seconds-day', amount, reason: 'a test', by: 'kim', wallMs };
      const { ok } = await ledger.adjust({ ...adjustment, adjustmentId: `a${++this.#count}` });
      assert.ok(ok);
    }
  }

  async #answer(reserved: { readonly reservationId: string; readonly beganWith: number } | undefined): Promise<void> {
    if (reserved === undefined) return;
    const answeredWallMs = this.#harness.wallMs();
    const { maxCallSeconds } = await this.tested.ledger.confirm(reserved.reservationId, answeredWallMs);
    this.#talking.push({ ...reserved, answeredWallMs, maxCallSeconds });
  }

  /** What it began with or what there is now, whichever leaves it more; what is granted stays. */
  async #renew(call: CappedCall): Promise<void> {
    const wallMs = this.#harness.wallMs();
    const wanted = Math.ceil((wallMs - call.answeredWallMs) / 1000) + SLICE_SECONDS;
    const taken = this.#taken();
    const { maxCallSeconds } = await this.tested.ledger.renew(call.reservationId, call.answeredWallMs + wanted * 1000);
    if (taken < NO_CAP && call.beganWith < NO_CAP) {
      const left = Math.max(call.beganWith, this.#limit) - (taken - (call.maxCallSeconds + 1));
      // Less than two seconds are no call.
      const expected = Math.max(call.maxCallSeconds, Math.min(wanted, left < 2 ? 0 : left) - 1);
      assert.equal(maxCallSeconds, expected, `${taken} s taken, ${left} s left to it, ${wanted} s wanted`);
    }
    call.maxCallSeconds = Math.max(call.maxCallSeconds, maxCallSeconds);
  }

  /** When it wants to, but no later than it must. */
  async #end(call: CappedCall): Promise<void> {
    this.#talking.splice(this.#talking.indexOf(call), 1);
    const { reservationId, answeredWallMs, maxCallSeconds } = call;
    const lastedMs = Math.min(this.#harness.wallMs() - answeredWallMs, (maxCallSeconds + 1) * 1000);
    const settlement = { reservationId, answeredWallMs, durationMs: lastedMs, estimated: false, channelInUse: false };
    await this.tested.ledger.settle(settlement);
  }

  /** What lives goes by the caps of now; what began without any is ended. */
  async #crash(): Promise<void> {
    this.tested = await this.#harness.reopen();
    for (const call of [...this.#talking]) if (call.beganWith === NO_CAP) await this.#end(call);
    for (const reserved of [...this.#reserved]) {
      if (reserved.beganWith !== NO_CAP) continue;
      await this.tested.ledger.release(reserved.reservationId, { invited: true });
      this.#reserved.splice(this.#reserved.indexOf(reserved), 1);
    }
    for (const call of [...this.#reserved, ...this.#talking]) call.beganWith = this.#limit;
  }

  #mostLimit(): number {
    return Math.max(this.#limit, ...[...this.#reserved, ...this.#talking].map(({ beganWith }) => beganWith));
  }

  /** Used and held; infinite while nothing counts. */
  #taken(): number {
    const [allowance] = this.tested.ledger.usageOfPayer(PAYER, this.#harness.wallMs()) ?? [];
    return allowance === undefined ? NO_CAP : allowance.used + allowance.held;
  }
}

/** Declares the suite for one implementation. */
export function describePayers(name: string, makeHarness: () => Promise<LedgerHarness>): void {
  describe(`${name}, counting for those who pay`, () => {
    let harness: LedgerHarness;
    let tested: LedgerUnderTest;
    let count = 0;

    beforeEach(async () => {
      harness = await makeHarness();
      tested = await harness.open(SETUP);
    });

    afterEach(() => harness.dispose());

    async function reserve(
      port: number,
      payers: readonly string[] = ['account:acme'],
      callee = '+821011112222',
      numberClass: NumberClass = 'mobile',
    ) {
      const reservationId = `p${++count}`;
      const result = await tested.ledger.reserve({
        ...{ reservationId, callId: `call-${reservationId}`, trunk: 'pbx', direction: 'out', payers },
        ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee, numberClass, wallMs: harness.wallMs() },
      });
      return { reservationId, result };
    }

    async function answered(port: number, payers?: readonly string[], callee?: string) {
      const { reservationId, result } = await reserve(port, payers, callee);
      assert.ok(result.ok, JSON.stringify(result));
      const answeredWallMs = harness.wallMs();
      return { reservationId, answeredWallMs, grant: await tested.ledger.confirm(reservationId, answeredWallMs) };
    }

    function settle({ reservationId, answeredWallMs }: { reservationId: string; answeredWallMs: number }) {
      const durationMs = harness.wallMs() - answeredWallMs;
      return tested.ledger.settle({ reservationId, answeredWallMs, durationMs, estimated: false, channelInUse: false });
    }

    function used(payer = 'account:acme') {
      const [allowance] = tested.ledger.usageOfPayer(payer, harness.wallMs()) ?? [];
      assert.ok(allowance !== undefined);
      return [allowance.used, allowance.held];
    }

    const renew = (reservationId: string) =>
      tested.ledger.renew(reservationId, harness.wallMs() + SLICE_SECONDS * 1000);
    const inShort = ({ maxCallSeconds, isFinal }: Grant) => `${maxCallSeconds}${isFinal ? ' at most' : ''}`;

    it('holds a slice of each live call from its reservation on, and gives back what was not used', async () => {
      const { reservationId, result } = await reserve(1);
      assert.ok(result.ok);
      assert.equal(result.maxCallSeconds, SLICE_SECONDS - 1);
      assert.deepEqual(used(), [0, SLICE_SECONDS]);
      const answeredWallMs = harness.wallMs();
      assert.equal(inShort(await tested.ledger.confirm(reservationId, answeredWallMs)), '29');
      await harness.advance(15_000);
      assert.equal(inShort(await renew(reservationId)), '44');
      assert.deepEqual(used(), [0, 45]);
      await harness.advance(5_000);
      await settle({ reservationId, answeredWallMs });
      assert.deepEqual(used(), [20, 0]);
      const unanswered = await reserve(1);
      await tested.ledger.release(unanswered.reservationId, { invited: true });
      assert.deepEqual(used(), [20, 0]);
    });

    it('refuses a payer that has nothing left, whatever the channel, and names payer and allowance', async () => {
      const call = await answered(1);
      await harness.advance(LIMIT_SECONDS * 1000);
      await settle(call);
      for (const port of [1, 2]) {
        assert.deepEqual((await reserve(port)).result, {
          ...{ ok: false, reason: 'cap-exhausted' },
          ...{ payer: 'account:acme', allowanceId: 'seconds-day' },
        });
      }
      assert.equal((await reserve(2, ['trunk:pbx', 'account:other'])).result.ok, true);
      const wallMs = harness.wallMs();
      const question: PayersQuestion = { callee: '+821011112222', numberClass: 'mobile', direction: 'out', wallMs };
      assert.deepEqual(tested.ledger.fitPayers(['trunk:pbx', 'account:acme'], question), {
        ...{ ok: false, reason: 'cap-exhausted' },
        ...{ payer: 'account:acme', allowanceId: 'seconds-day' },
      });
      assert.equal(tested.ledger.fitPayers(['trunk:pbx'], question).ok, true);
      assert.equal(tested.ledger.fitPayers(['account:acme'], { ...question, numberClass: 'emergency' }).ok, true);
    });

    it('shares what is left among parallel calls, and grants more when one of them ends early', async () => {
      const calls = [await answered(1), await answered(2), await answered(3), await answered(4)];
      assert.deepEqual(
        calls.map(({ grant }) => inShort(grant)),
        ['29', '29', '29', '9 at most'],
      );
      assert.deepEqual(calls[3]?.grant.limit, { holder: 'account:acme', allowanceId: 'seconds-day' });
      assert.equal((await reserve(5)).result.ok, false);
      await harness.advance(5_000);
      const [first, second, third, fourth] = calls;
      assert.ok(first !== undefined && second !== undefined && third !== undefined && fourth !== undefined);
      assert.equal(inShort(await renew(first.reservationId)), '29 at most');
      await settle(second);
      assert.equal(inShort(await renew(fourth.reservationId)), '34 at most');
      await harness.advance(5_000);
      for (const call of [first, third, fourth]) await settle(call);
      assert.deepEqual(used(), [35, 0]);
    });

    it('counts for every payer of a call, and refuses for any of them', async () => {
      const payers = ['agent:pbx/201', 'account:acme'];
      for (const callee of ['a', 'b']) {
        const call = await answered(1, payers, callee);
        await harness.advance(10_000);
        await settle(call);
      }
      assert.deepEqual(
        [used('agent:pbx/201'), used()],
        [
          [2, 0],
          [20, 0],
        ],
      );
      const { result } = await reserve(1, payers, 'c');
      assert.deepEqual(result.ok ? null : result.payer, 'agent:pbx/201');
      assert.equal((await reserve(1, payers, 'b')).result.ok, true);
      assert.equal((await reserve(2, ['agent:pbx/202', 'account:acme'], 'c')).result.ok, true);
    });

    it('says whose limit makes a grant the last one', async () => {
      const calls = [await answered(1), await answered(2), await answered(3), await answered(4)];
      assert.deepEqual(
        calls.map(({ grant }) => grant.limit),
        [undefined, undefined, undefined, { holder: 'account:acme', allowanceId: 'seconds-day' }],
      );
      const alone = await answered(5, []);
      assert.deepEqual(alone.grant, {
        ...{ maxCallSeconds: 7_199, isFinal: true },
        limit: { holder: 'sim:sim5', allowanceId: null },
      });
    });

    it('holds what live calls will cost against a limit of spending', async () => {
      const payers = ['account:budget'];
      const first = await answered(1, payers);
      assert.equal(inShort(first.grant), '29');
      assert.deepEqual(used('account:budget'), [0, 60_000_000]);
      const second = await answered(2, payers);
      const third = await answered(3, payers);
      const fourth = await answered(4, payers);
      assert.deepEqual(
        [second, third, fourth].map(({ grant }) => inShort(grant)),
        ['29', '29', '9 at most'],
      );
      await harness.advance(9_000);
      for (const call of [second, third, fourth]) await settle(call);
      assert.deepEqual(used('account:budget'), [54_000_000, 60_000_000]);
      assert.equal(inShort(await tested.ledger.renew(first.reservationId, harness.wallMs() + 3_600_000)), '72 at most');
      await harness.advance(64_000);
      await settle(first);
      assert.deepEqual(used('account:budget'), [200_000_000, 0]);
      const { result } = await reserve(1, payers);
      assert.deepEqual(result.ok ? null : result.allowanceId, 'spend-day');
      tested = await harness.reopen(SETUP);
      assert.deepEqual(used('account:budget'), [200_000_000, 0]);
    });

    it('corrects usage by adjustments, which are history: counted once, over a restart too', async () => {
      const call = await answered(1);
      await harness.advance(LIMIT_SECONDS * 1000);
      await settle(call);
      assert.equal((await reserve(1)).result.ok, false);
      const adjustment = {
        ...{ adjustmentId: 'a1', holder: 'account:acme', allowanceId: 'seconds-day', amount: -60 },
        ...{ reason: 'The gateway never sent its BYE', by: 'kim', wallMs: harness.wallMs() },
      };
      const results = await Promise.all([tested.ledger.adjust(adjustment), tested.ledger.adjust(adjustment)]);
      results.push(await tested.ledger.adjust(adjustment));
      assert.deepEqual(results, Array(3).fill({ ok: true, used: 40 }));
      const ofSim = { ...adjustment, adjustmentId: 'a2', holder: 'sim:sim1', allowanceId: 'none' };
      assert.deepEqual(await tested.ledger.adjust(ofSim), { ok: false, reason: 'unknown-allowance' });
      for (const holder of ['sim:none', 'account:none']) {
        const result = await tested.ledger.adjust({ ...adjustment, adjustmentId: 'a3', holder });
        assert.deepEqual(result, { ok: false, reason: 'unknown-holder' });
      }
      const { ok, adjustments, differences } = await tested.ledger.verify();
      assert.deepEqual([ok, adjustments, differences], [true, 1, []]);
      const listed = {
        adjustments: [{ ...adjustment, madeWallMs: harness.wallMs() }],
        isCut: false,
        isPartOnly: false,
      };
      const everybody = { holder: null, sinceWallMs: 0, most: 10 };
      assert.deepEqual(await tested.ledger.adjustments(everybody), listed);
      tested = await harness.reopen(SETUP);
      assert.deepEqual(await tested.ledger.adjustments(everybody), listed);
      assert.deepEqual(used(), [40, 0]);
      assert.deepEqual(await tested.ledger.adjust(adjustment), { ok: true, used: 40 });
      assert.equal((await reserve(1)).result.ok, true);
      assert.equal((await tested.ledger.verify()).ok, true);
    });

    it('lists corrections of one or of all, oldest first, the last ones if there are more', async () => {
      const said = { allowanceId: 'seconds-day', amount: 1, reason: 'a test', by: 'kim' };
      for (const [adjustmentId, holder] of [
        ['a1', 'account:acme'],
        ['a2', 'account:budget'],
        ['a3', 'account:acme'],
      ] as const) {
        const wallMs = harness.wallMs();
        const allowanceId = holder === 'account:budget' ? 'spend-day' : 'seconds-day';
        const { ok } = await tested.ledger.adjust({ ...said, adjustmentId, holder, allowanceId, wallMs });
        assert.equal(ok, true);
        await harness.advance(60_000);
      }
      const list = async (changes: Partial<AdjustmentsQuery>) => {
        const query = { holder: null, sinceWallMs: 0, most: 10, ...changes };
        const { adjustments, isCut } = await tested.ledger.adjustments(query);
        return [...adjustments.map(({ adjustmentId }) => adjustmentId), ...(isCut ? ['cut'] : [])];
      };
      assert.deepEqual(await list({}), ['a1', 'a2', 'a3']);
      assert.deepEqual(await list({ most: 2 }), ['a2', 'a3', 'cut']);
      assert.deepEqual(await list({ holder: 'account:acme' }), ['a1', 'a3']);
      assert.deepEqual(await list({ holder: 'account:acme', most: 1 }), ['a3', 'cut']);
      assert.deepEqual(await list({ sinceWallMs: harness.wallMs() - 60_000 }), ['a3']);
    });

    it('lets emergency calls past caps', async () => {
      const call = await answered(1);
      await harness.advance(LIMIT_SECONDS * 1000);
      await settle(call);
      const { reservationId, result } = await reserve(1, ['account:acme'], '119', 'emergency');
      assert.ok(result.ok);
      assert.ok((await tested.ledger.confirm(reservationId, harness.wallMs())).maxCallSeconds > SLICE_SECONDS);
    });

    it('knows over a restart what payers used, and what calls of the former process hold', async () => {
      const ended = await answered(1);
      await harness.advance(12_000);
      await settle(ended);
      const talking = await answered(2);
      await harness.advance(15_000);
      await renew(talking.reservationId);
      await reserve(3);
      tested = await harness.reopen(SETUP);
      assert.deepEqual(used(), [12, 75]);
      await tested.ledger.settle({
        ...{ reservationId: talking.reservationId, answeredWallMs: talking.answeredWallMs, durationMs: 45_000 },
        ...{ estimated: true, channelInUse: false },
      });
      for (const { reservationId } of tested.ledger.orphans()) {
        await tested.ledger.release(reservationId, { invited: true });
      }
      assert.deepEqual(used(), [57, 0]);
      tested = await harness.reopen(SETUP);
      assert.deepEqual(used(), [57, 0]);
    });

    it('keeps what it has granted a call when a correction leaves nothing, and gives it to nobody else', async () => {
      const { reservationId, grant } = await answered(1);
      assert.equal(inShort(grant), '29');
      const correct = (amount: number) =>
        tested.ledger.adjust({
          ...{
            adjustmentId: `by ${amount}`,
            holder: PAYER,
            allowanceId: 'seconds-day',
            amount,
            wallMs: harness.wallMs(),
          },
          ...{ reason: 'a slip', by: 'kim' },
        });
      await correct(500);
      await harness.advance(5_000);
      const short = await renew(reservationId);
      assert.equal(inShort(short), '29 at most');
      assert.deepEqual(short.limit, { holder: PAYER, allowanceId: 'seconds-day' });
      assert.deepEqual(used(), [500, SLICE_SECONDS]);
      await correct(-500);
      assert.deepEqual(used(), [0, SLICE_SECONDS]);
      assert.equal(inShort(await renew(reservationId)), '34');
    });

    it('takes back from a call what another answer to its INVITE has cost its payers', async () => {
      const payers = ['account:slice'];
      const { reservationId, answeredWallMs } = await answered(1, payers);
      assert.deepEqual(used('account:slice'), [0, 60_000_000]);
      await tested.ledger.chargeFurther(reservationId, `${reservationId}/1`, answeredWallMs);
      assert.deepEqual(used('account:slice'), [2_000_000, 58_000_000]);
      assert.equal(inShort(await renew(reservationId)), '28 at most');
    });

    /** All renew every ten seconds and end when they must; how long they lasted together. */
    async function talkToTheEnd(...calls: readonly { reservationId: string; answeredWallMs: number; grant: Grant }[]) {
      const talking = new Map(calls.map((call) => [call, call.grant.maxCallSeconds]));
      let seconds = 0;
      while (talking.size > 0) {
        for (const [call, before] of talking) {
          const { maxCallSeconds } = await renew(call.reservationId);
          talking.set(call, Math.max(before, maxCallSeconds));
        }
        await harness.advance(10_000);
        for (const [call, maxCallSeconds] of [...talking]) {
          if (call.answeredWallMs + maxCallSeconds * 1_000 > harness.wallMs()) continue;
          talking.delete(call);
          const { reservationId, answeredWallMs } = call;
          const settlement = { reservationId, answeredWallMs, durationMs: maxCallSeconds * 1_000, estimated: false };
          seconds += (await tested.ledger.settle({ ...settlement, channelInUse: false })).billedSeconds;
        }
      }
      return seconds;
    }

    it('grants a call that outlives two changes of a cap no more than the larger of its first and its last one', async () => {
      await harness.reload(setupCapped(400));
      const first = await answered(1);
      await harness.reload(setupCapped(330));
      await harness.reload(setupCapped(400));
      const seconds = await talkToTheEnd(first, await answered(2));
      assert.ok(seconds <= 400 && seconds > 396, `${seconds} s`);
    });

    it('grants nothing by a cap that came and went while a call lasted', async () => {
      await harness.reload(setupCapped(60));
      const first = await answered(1);
      await harness.reload(setupCapped(1_000));
      const second = await answered(2);
      await harness.reload(setupCapped(70));
      const most = await talkToTheEnd(second);
      assert.ok(most > 960 && most <= 970, `${most} s beside the 30 s of another`);
      assert.equal(inShort(await renew(first.reservationId)), '29 at most');
    });

    it('lets a call go on that outlives the cap that it began with, until there is one again', async () => {
      const { reservationId } = await answered(1);
      await harness.reload(setupCapped(null));
      await harness.advance(LIMIT_SECONDS * 2_000);
      assert.equal(inShort(await renew(reservationId)), '229');
      await harness.reload(setupCapped(120));
      assert.deepEqual(used(), [0, 230]);
      assert.equal(inShort(await renew(reservationId)), '229 at most');
      assert.equal((await reserve(2)).result.ok, false);
    });

    it('never lets calls that end when they must use more than a cap, whatever their course and however often it changes', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(CAPPED_STEP, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
          await harness.dispose();
          harness = await makeHarness();
          const calls = new CappedCalls(harness, await harness.open(setupCapped(LIMIT_SECONDS)));
          for (const step of steps) await calls.take(step);
          const { ok, differences } = await calls.tested.ledger.verify();
          assert.deepEqual([ok, differences], [true, []]);
        }),
        { numRuns: 12 },
      );
    });
  });
}
