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

const SETUP: LedgerSetup = {
  plans: [planOf({ name: 'roomy', rates: { mobile: { perStep: '2', stepSeconds: 1 } } })],
  sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'roomy' })),
  channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 })),
  sliceSeconds: SLICE_SECONDS,
  capsOf: (payer) => {
    if (payer === 'account:acme') return ACME;
    if (payer === 'account:budget') return BUDGET;
    return payer.startsWith('agent:') ? AGENT : undefined;
  },
};

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

    it('never lets calls that end when they must use more than a cap, whatever their course', async () => {
      const step = fc.record({
        kind: fc.constantFrom('call', 'call', 'answer', 'renew', 'renew', 'end', 'wait', 'crash'),
        pick: fc.nat(),
        ms: fc.constantFrom(900, 4_000, 14_000, 15_000),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
          await harness.dispose();
          harness = await makeHarness();
          tested = await harness.open(SETUP);
          const reservations: string[] = [];
          const talking: { reservationId: string; answeredWallMs: number; grant: Grant }[] = [];
          const endAtGrant = async (call: (typeof talking)[number], wallMs: number) => {
            talking.splice(talking.indexOf(call), 1);
            const endsWallMs = call.answeredWallMs + (call.grant.maxCallSeconds + 1) * 1000;
            const durationMs = Math.min(wallMs, endsWallMs) - call.answeredWallMs;
            const { reservationId, answeredWallMs } = call;
            const settlement = { reservationId, answeredWallMs, durationMs, estimated: false, channelInUse: false };
            await tested.ledger.settle(settlement);
          };
          for (const { kind, pick, ms } of steps) {
            const call = talking[pick % Math.max(1, talking.length)];
            if (kind === 'call') {
              const port = PORTS.find((candidate) => tested.view.channelState(`gw1/${candidate}`) === 'idle');
              if (port === undefined) continue;
              const { reservationId, result } = await reserve(port);
              if (result.ok) reservations.push(reservationId);
            } else if (kind === 'answer') {
              const reservationId = reservations.shift();
              if (reservationId === undefined) continue;
              const answeredWallMs = harness.wallMs();
              const grant = await tested.ledger.confirm(reservationId, answeredWallMs);
              talking.push({ reservationId, answeredWallMs, grant });
            } else if (kind === 'renew' && call !== undefined) call.grant = await renew(call.reservationId);
            else if (kind === 'end' && call !== undefined) await endAtGrant(call, harness.wallMs());
            else if (kind === 'crash') tested = await harness.reopen(SETUP);
            else if (kind === 'wait') await harness.advance(ms);
            for (const late of [...talking]) {
              const endsWallMs = late.answeredWallMs + late.grant.maxCallSeconds * 1000;
              if (harness.wallMs() >= endsWallMs) await endAtGrant(late, harness.wallMs());
            }
            const [settled = 0, held = 0] = used();
            assert.ok(settled + held <= LIMIT_SECONDS, `${settled} used and ${held} held of ${LIMIT_SECONDS}`);
          }
        }),
        { numRuns: 15 },
      );
    });
  });
}
