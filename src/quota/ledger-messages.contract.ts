// The part of the ledger's suite that is about text messages: their allowances, what parallel ones hold, what survives.
import assert from 'node:assert/strict';
import type { NumberClass } from '../numbers/number-class.js';
import type { LedgerHarness, LedgerSetup, LedgerUnderTest } from './ledger.contract.js';
import { allowanceOf, capsOf, planOf } from './plan-defaults.js';
import type { MessageLoad } from './usage.js';

const PORTS = [1, 2, 3, 4];
const GAP_MS = 2_000;
const ACME = capsOf({ name: 'acme', allowances: [allowanceOf({ id: 'texts-day', counts: 'sms', limit: 2 })] });
const BUDGET = capsOf({
  name: 'budget',
  allowances: [allowanceOf({ id: 'spend-day', counts: 'spend', limit: 100_000_000 })],
});

const SETUP: LedgerSetup = {
  plans: [
    planOf({
      name: 'texts',
      messageRates: { sms: '22', lms: '44', mms: '220' },
      allowances: [
        allowanceOf({ id: 'sms-day', counts: 'sms', limit: 3 }),
        allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 600 }),
      ],
    }),
  ],
  sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'texts' })),
  channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: GAP_MS })),
  sliceSeconds: 30,
  capsOf: (payer) => (payer === 'account:acme' ? ACME : payer === 'account:budget' ? BUDGET : undefined),
};

/** Declares the suite for one implementation. */
export function describeMessages(name: string, makeHarness: () => Promise<LedgerHarness>): void {
  describe(`${name}, counting text messages`, () => {
    let harness: LedgerHarness;
    let tested: LedgerUnderTest;
    let count = 0;

    beforeEach(async () => {
      harness = await makeHarness();
      tested = await harness.open(SETUP);
    });

    afterEach(() => harness.dispose());

    interface Asked {
      readonly message?: MessageLoad;
      readonly payers?: readonly string[];
      readonly numberClass?: NumberClass;
    }

    async function reserve(port: number, asked: Asked = {}) {
      const { message = { kind: 'sms', count: 1 }, payers = [], numberClass = 'mobile' } = asked;
      const reservationId = `m${++count}`;
      const result = await tested.ledger.reserve({
        ...{ reservationId, callId: `message-${reservationId}`, trunk: 'pbx', direction: 'out', payers, message },
        ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee: '+821011112222', numberClass },
        wallMs: harness.wallMs(),
      });
      return { reservationId, result };
    }

    async function reserved(port: number, asked?: Asked): Promise<string> {
      const { reservationId, result } = await reserve(port, asked);
      assert.ok(result.ok, JSON.stringify(result));
      return reservationId;
    }

    async function refusal(port: number, asked?: Asked): Promise<string> {
      const { result } = await reserve(port, asked);
      assert.ok(!result.ok);
      return [result.reason, result.payer, result.allowanceId].filter((word) => word !== undefined).join(' ');
    }

    function settle(reservationId: string) {
      const answeredWallMs = harness.wallMs();
      return tested.ledger.settle({
        ...{ reservationId, answeredWallMs, durationMs: 0, estimated: false, channelInUse: false },
      });
    }

    async function sent(port: number, asked?: Asked): Promise<string> {
      const { cost } = await settle(await reserved(port, asked));
      await harness.advance(GAP_MS);
      return cost;
    }

    function texts(port = 1): readonly [used: number, held: number] {
      const [sms] = tested.ledger.usageOf(`sim${port}`, harness.wallMs())?.allowances ?? [];
      assert.equal(sms?.allowanceId, 'sms-day');
      return [sms.used, sms.held];
    }

    it('takes the channel of a message and holds its allowance until it is settled', async () => {
      const first = await reserved(1, { message: { kind: 'sms', count: 2 } });
      assert.equal(tested.view.channelState('gw1/1'), 'busy');
      assert.deepEqual(texts(), [0, 2]);
      assert.equal(await refusal(1), 'channel-busy');
      assert.equal((await settle(first)).cost, '0');
      assert.deepEqual(texts(), [2, 0]);
      assert.equal(tested.view.channelState('gw1/1'), 'resting');
      assert.equal(tested.view.messagesToday('sim1', harness.wallMs()), 2);
    });

    it('refuses a message of more parts than the allowance has left', async () => {
      await sent(1, { message: { kind: 'sms', count: 2 } });
      assert.equal(await refusal(1, { message: { kind: 'sms', count: 2 } }), 'quota-exhausted sms-day');
      assert.equal(await sent(1), '0');
      assert.equal(await refusal(1), 'quota-exhausted sms-day');
    });

    it('charges at its rate a kind that no allowance counts', async () => {
      assert.equal(await sent(1, { message: { kind: 'lms', count: 1 } }), '44');
      assert.equal(await sent(1, { message: { kind: 'mms', count: 2 } }), '440');
      assert.deepEqual(texts(), [0, 0]);
    });

    it('charges nothing for a message that is released, and counts one that is settled twice once', async () => {
      const unsent = await reserved(1);
      await tested.ledger.release(unsent, { invited: false });
      assert.deepEqual(texts(), [0, 0]);
      await harness.advance(GAP_MS);
      const first = await reserved(1);
      const [once, again] = [await settle(first), await settle(first)];
      assert.deepEqual(again, once);
      assert.deepEqual(texts(), [1, 0]);
    });

    it('never lets parallel messages of one payer go beyond its cap', async () => {
      const payers = ['account:acme'];
      const results = await Promise.all(PORTS.map((port) => reserve(port, { payers })));
      const booked = results.filter(({ result }) => result.ok);
      assert.equal(booked.length, 2);
      for (const { reservationId } of booked) await settle(reservationId);
      await harness.advance(GAP_MS);
      assert.equal(await refusal(4, { payers }), 'cap-exhausted account:acme texts-day');
    });

    it('counts what messages cost as spending of their payer', async () => {
      const payers = ['account:budget'];
      const message: MessageLoad = { kind: 'lms', count: 1 };
      await sent(1, { payers, message });
      const held = await reserved(2, { payers, message });
      assert.equal(await refusal(3, { payers, message }), 'cap-exhausted account:budget spend-day');
      await tested.ledger.release(held, { invited: false });
      assert.equal(await sent(4, { payers, message }), '44');
    });

    it('lets no allowance hold up a message to an emergency number', async () => {
      await sent(1, { message: { kind: 'sms', count: 3 } });
      assert.equal(await refusal(1), 'quota-exhausted sms-day');
      assert.equal(await sent(1, { numberClass: 'emergency' }), '22');
    });

    it('counts no message as a call or an attempt', async () => {
      await sent(1);
      assert.equal(tested.ledger.attemptsTo('+821011112222', harness.wallMs() - 60_000), 0);
      assert.deepEqual({ ...tested.view.today('sim1', harness.wallMs()) }.calls, 0);
      assert.deepEqual(tested.view.simsOf('+821011112222'), ['sim1']);
    });

    it('finds after a crash what was sent, and as an orphan what may have been', async () => {
      await sent(1);
      const left = await reserved(2, { payers: ['account:acme'] });
      tested = await harness.reopen();
      assert.deepEqual(texts(1), [1, 0]);
      assert.deepEqual(texts(2), [0, 1]);
      assert.equal(tested.view.messagesToday('sim1', harness.wallMs()), 1);
      const orphans = tested.ledger.orphans();
      assert.deepEqual(
        orphans.map(({ reservationId, isMessage, answeredWallMs }) => [reservationId, isMessage, answeredWallMs]),
        [[left, true, null]],
      );
      await settle(left);
      assert.deepEqual(texts(2), [1, 0]);
      assert.equal(tested.ledger.usageOfPayer('account:acme', harness.wallMs())?.[0]?.used, 1);
      assert.deepEqual((await tested.ledger.verify()).differences, []);
    });
  });
}
