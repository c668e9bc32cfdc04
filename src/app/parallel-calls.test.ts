// Calls of one payer that talk at once: the real calls over the real ledger, on a clock that is moved by hand.
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { ANSWER, CallBench, SETTINGS, settled } from '../call/call-test-kit.js';
import type { FakeCaller, FakeLeg } from '../call/fake-legs.js';
import type { Journal } from '../journal/journal.js';
import { type JournalledMemoryLedger, openJournalledLedger } from '../ledgers/journalled-memory-ledger.js';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { TypedEmitter } from '../lib/typed-events.js';
import { allowanceOf, capsOf, planOf } from '../quota/plan-defaults.js';

const AGENT = '201';
const PAYER = `agent:pbx/${AGENT}`;
const ALLOWANCE = 'seconds-day';
const CHANNELS = ['gw1/1', 'gw1/2', 'gw1/3', 'gw2/1', 'gw2/2', 'gw2/3'];
const log = createLogger({ level: 'silent', redactNumbers: false });

/** A journal that takes everything at once. */
function forgetfulJournal(): Journal {
  const journal = {
    isOpen: true,
    isStalled: false,
    events: new TypedEmitter(() => {}),
    commit: () => Promise.resolve(),
    query: () => Promise.resolve([]),
  };
  return journal as unknown as Journal;
}

class Exchange {
  readonly bench: CallBench;
  readonly ledger: JournalledMemoryLedger;
  readonly talking: { readonly caller: FakeCaller; readonly leg: FakeLeg }[] = [];

  private constructor(bench: CallBench, ledger: JournalledMemoryLedger) {
    this.bench = bench;
    this.ledger = ledger;
  }

  static async open(limitSeconds: number): Promise<Exchange> {
    const allowance = allowanceOf({ id: ALLOWANCE, counts: 'seconds', limit: limitSeconds });
    const caps = capsOf({ name: 'agents', allowances: [allowance] });
    const clock = new ManualClock();
    const ledger = await openJournalledLedger({
      plans: [planOf({ name: 'roomy' })],
      sims: CHANNELS.map((id) => ({ simId: `sim ${id}`, plan: 'roomy' })),
      channels: CHANNELS.map((channelId) => ({ channelId, simId: `sim ${channelId}`, gapMs: 0 })),
      sliceSeconds: SETTINGS.limits.sliceSeconds,
      capsOf: (payer) => (payer === PAYER ? caps : undefined),
      ...{ journal: forgetfulJournal(), clock, log },
    });
    const bench = new CallBench({}, { clock, ledger });
    bench.channels = CHANNELS;
    return new Exchange(bench, ledger);
  }

  get clock(): ManualClock {
    return this.bench.clock;
  }

  /** A call of the agent, answered when it is let through. */
  async call(): Promise<void> {
    const { bench } = this;
    const before = bench.dialler.legs.length;
    const caller = await bench.offer({ agent: AGENT });
    if (bench.dialler.legs.length === before) return;
    bench.leg.sent();
    bench.leg.answer(ANSWER);
    await settled();
    caller.connected();
    await settled();
    this.talking.push({ caller, leg: bench.leg });
  }

  /** Second by second, as clocks do; whoever is hung up on answers at once. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await this.bench.advance(1_000);
      for (const { leg } of this.talking) if (leg.state === 'hanging-up') leg.clear();
      await settled();
    }
  }

  async hangUp(index: number): Promise<void> {
    const live = this.talking.filter(({ caller }) => caller.state === 'talking');
    const one = live[index % Math.max(1, live.length)];
    if (one === undefined) return;
    one.caller.hangsUp();
    one.leg.clear();
    await settled();
  }

  used(): number {
    const usage = this.ledger.usageOfPayer(PAYER, this.clock.wallMs());
    return usage?.find(({ allowanceId }) => allowanceId === ALLOWANCE)?.used ?? 0;
  }
}

type Event =
  | { readonly kind: 'call' }
  | { readonly kind: 'pass'; readonly seconds: number }
  | { readonly kind: 'hang-up'; readonly index: number };

const events = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('call' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('hang-up' as const), index: fc.nat({ max: 5 }) }) },
  ) as fc.Arbitrary<Event>,
  { minLength: 5, maxLength: 25, size: 'max' },
);

describe('parallel calls of one agent', () => {
  it('share the seconds of a cap to the last, and are ended by it with its name in their records', async () => {
    const exchange = await Exchange.open(100);
    for (let calls = 0; calls < 4; calls += 1) await exchange.call();
    assert.equal(exchange.talking.length, 4);
    await exchange.call();
    assert.equal(exchange.bench.callers.at(-1)?.told, 403);
    await exchange.pass(120);
    assert.ok(exchange.talking.every(({ caller }) => caller.state === 'over'));
    assert.ok(exchange.used() <= 100 && exchange.used() >= 90, `${exchange.used()} seconds are used`);
    for (const { endReason, limit } of exchange.bench.over) {
      assert.equal(endReason, 'cap-exhausted');
      assert.deepEqual(limit, { holder: PAYER, allowanceId: ALLOWANCE });
    }
    assert.deepEqual(exchange.bench.over[0]?.payers, ['trunk:pbx', PAYER]);
    assert.equal(exchange.bench.over.length, 5);
  });

  it('never use more than the cap together, whenever they begin, talk and end; and no second is lost', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 200 }), events, async (limitSeconds, happened) => {
        const exchange = await Exchange.open(limitSeconds);
        for (const event of happened) {
          if (event.kind === 'call') await exchange.call();
          else if (event.kind === 'pass') await exchange.pass(event.seconds);
          else await exchange.hangUp(event.index);
          assert.ok(exchange.used() <= limitSeconds, `${exchange.used()} of ${limitSeconds} seconds are used`);
        }
        await exchange.pass(limitSeconds + 1);
        const billed = exchange.bench.over.flatMap(({ attempts }) =>
          attempts.map(({ billedSeconds }) => billedSeconds),
        );
        const sum = billed.reduce((seconds, each) => seconds + each, 0);
        assert.equal(exchange.used(), sum);
        assert.ok(sum <= limitSeconds, `${sum} of ${limitSeconds} seconds were billed`);
        assert.equal(exchange.bench.registry.size, 0);
      }),
      { numRuns: 60 },
    )).timeout(30_000);
});
