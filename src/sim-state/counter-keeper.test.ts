import assert from 'node:assert/strict';
import { pino } from 'pino';
import { ManualClock } from '../lib/clock.js';
import type { JournalEntry, JournalValue } from '../lib/journal-entry.js';
import type { CallCount } from './compare-counts.js';
import { CounterBook } from './counter-book.js';
import { type CountedGateway, CounterKeeper, type CountSpan, nextAt } from './counter-keeper.js';

const DAY_MS = 86_400_000;
/** 03:00 in Seoul. */
const START_MS = Date.UTC(2026, 10, 20, 18);
const GATEWAY: CountedGateway = {
  ...{ gateway: 'gw1', atMinute: 240, timeZone: 'Asia/Seoul', bothDirections: false },
  ...{ callsMayDiffer: 0, secondsMayDifferPerCall: 2 },
  template: { list: 'stats', port: 'port', counts: 'totals', calls: 'calls', seconds: 'seconds' },
  channels: [1, 2].map((port) => ({ channelId: `gw1/${port}`, names: [String(port)] })),
};

/** A journal with the two tables of the comparisons. */
class Tables {
  readonly baselines = new Map<string, string>();
  readonly comparisons: [number, string][] = [];

  async commit(entries: readonly JournalEntry[]): Promise<void> {
    for (const { statement, parameters } of entries) {
      if (statement.includes('counter_baselines')) this.baselines.set(String(parameters[0]), String(parameters[1]));
      else if (statement.startsWith('INSERT')) this.comparisons.push([Number(parameters[1]), String(parameters[2])]);
    }
  }

  async query(statement: string, [since]: readonly JournalValue[]) {
    const found = statement.includes('counter_baselines')
      ? [...this.baselines.values()]
      : this.comparisons.filter(([at]) => at >= Number(since)).map(([, data]) => data);
    return found.map((data) => ({ data }));
  }
}

describe('CounterKeeper', () => {
  let clock: ManualClock;
  let tables: Tables;
  let lines: string[];
  let spans: CountSpan[];
  let answer: unknown;
  let busy: string[];
  let settled: Record<string, CallCount>;
  let meanwhile: string[];
  let keeper: CounterKeeper;

  beforeEach(() => {
    clock = new ManualClock(START_MS);
    tables = new Tables();
    [lines, spans, busy, meanwhile, settled] = [[], [], [], [], {}];
    answer = statsOf(10, 100, 20, 200);
    keeper = open();
  });

  afterEach(() => keeper.close());

  function open(gateway = GATEWAY): CounterKeeper {
    const write = (text: string) => {
      const { alarm, msg, cause, channels } = JSON.parse(text) as Record<string, unknown>;
      lines.push(
        `${alarm ?? '-'}: ${msg}${cause === undefined ? '' : ` (${cause})`}${Array.isArray(channels) ? ` ${channels}` : ''}`,
      );
    };
    return new CounterKeeper(gateway, {
      ...{ clock, log: pino({ level: 'info' }, { write }), book: new CounterBook(tables) },
      async ask(span) {
        spans.push(span);
        if (answer instanceof Error) throw answer;
        return answer;
      },
      isIdle: (channelId) => !busy.includes(channelId),
      async settled({ sinceWallMs }) {
        const now = sinceWallMs >= clock.wallMs();
        return new Map(
          now ? meanwhile.map((channelId) => [channelId, { calls: 1, seconds: 1 }]) : Object.entries(settled),
        );
      },
    });
  }

  function statsOf(...[calls1, seconds1, calls2, seconds2]: number[]): unknown {
    return {
      stats: [
        { port: 1, calls: calls1, seconds: seconds1 },
        { port: 2, calls: calls2, seconds: seconds2 },
      ],
    };
  }

  async function outcomes(): Promise<string[]> {
    return (await keeper.compare()).map(({ channelId, outcome }) => `${channelId} ${outcome}`);
  }

  it('counts for a day before it compares, then says that both count the same', async () => {
    assert.deepEqual(await outcomes(), []);
    clock.advance(DAY_MS);
    answer = statsOf(13, 190, 20, 200);
    settled = { 'gw1/1': { calls: 3, seconds: 89.2 } };
    assert.deepEqual(await outcomes(), ['gw1/1 same', 'gw1/2 same']);
    assert.deepEqual(lines, ['-: calls that the gateway has counted are those of the ledger']);
  });

  it('raises an alarm for channels on which one side has calls that the other has not, and keeps a record of it', async () => {
    await keeper.compare();
    clock.advance(DAY_MS);
    answer = statsOf(13, 190, 21, 260);
    settled = { 'gw1/1': { calls: 3, seconds: 90 } };
    assert.deepEqual(await outcomes(), ['gw1/1 same', 'gw1/2 differs']);
    assert.deepEqual(lines, ['counter: calls that the gateway has counted are not those of the ledger gw1/2']);
    const [, differing] = await new CounterBook(tables).comparisons(0);
    assert.deepEqual(differing, {
      ...{ channelId: 'gw1/2', sinceWallMs: START_MS, untilWallMs: START_MS + DAY_MS, outcome: 'differs' },
      ...{ gatewayCalls: 1, gatewaySeconds: 60, ledgerCalls: 0, ledgerSeconds: 0 },
    });
  });

  it('compares each span once: the next one begins where the last ended', async () => {
    await keeper.compare();
    clock.advance(DAY_MS);
    answer = statsOf(13, 190, 20, 200);
    settled = { 'gw1/1': { calls: 2, seconds: 89 } };
    assert.deepEqual(await outcomes(), ['gw1/1 differs', 'gw1/2 same']);
    clock.advance(DAY_MS);
    settled = {};
    assert.deepEqual(await outcomes(), ['gw1/1 same', 'gw1/2 same']);
  });

  it('lets a channel that is in a call, or has just been in one, keep the beginning of its span', async () => {
    await keeper.compare();
    clock.advance(DAY_MS);
    busy = ['gw1/1'];
    meanwhile = ['gw1/2'];
    assert.deepEqual(await outcomes(), []);
    clock.advance(DAY_MS);
    [busy, meanwhile] = [[], []];
    answer = statsOf(12, 160, 20, 200);
    settled = { 'gw1/1': { calls: 2, seconds: 60 } };
    assert.deepEqual(await outcomes(), ['gw1/1 same', 'gw1/2 same']);
    assert.equal((await new CounterBook(tables).comparisons(0))[0]?.sinceWallMs, START_MS);
  });

  it('says that a gateway has begun anew, without an alarm', async () => {
    await keeper.compare();
    clock.advance(DAY_MS);
    answer = statsOf(0, 0, 20, 200);
    assert.deepEqual(await outcomes(), ['gw1/1 reset', 'gw1/2 same']);
    assert.match(lines[0] ?? '', /^-: gateway has begun to count anew: nothing to compare gw1\/1/);
  });

  it('asks for the calls since the last comparison where the gateway lists them', async () => {
    const listed: CountedGateway = {
      ...GATEWAY,
      template: { list: 'cdr', port: 'port', counts: 'calls', seconds: 'seconds' },
    };
    keeper = open(listed);
    answer = { cdr: [{ port: 1, seconds: 5 }] };
    assert.deepEqual(await outcomes(), []);
    clock.advance(DAY_MS);
    answer = {
      cdr: [
        { port: 1, seconds: 40 },
        { port: 1, seconds: 20 },
      ],
    };
    settled = { 'gw1/1': { calls: 2, seconds: 59 } };
    assert.deepEqual(await outcomes(), ['gw1/1 same', 'gw1/2 same']);
    assert.deepEqual(spans.at(-1), { sinceWallMs: START_MS, untilWallMs: START_MS + DAY_MS });
    // A channel that was in a call then begins anew: its calls are not all in the next list.
    clock.advance(DAY_MS);
    busy = ['gw1/1'];
    assert.deepEqual(await outcomes(), ['gw1/2 same']);
    clock.advance(DAY_MS);
    busy = [];
    answer = { cdr: [] };
    assert.deepEqual(await outcomes(), ['gw1/2 same']);
  });

  it('compares every day at the set hour of its zone', async () => {
    keeper.start();
    clock.advance(3_600_000 - 1);
    assert.equal(spans.length, 0);
    for (let day = 1; day <= 3; day++) {
      clock.advance(day === 1 ? 1 : DAY_MS);
      await keeper.whenIdle();
      // The next one is armed behind this one.
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(spans.length, day);
    }
    assert.equal(new Date((spans[2]?.untilWallMs ?? 0) + 9 * 3_600_000).toISOString().slice(11, 16), '04:00');
  });

  it('tries again for an hour with one alarm when the gateway does not answer, then the next day', async () => {
    answer = new Error('it answered 500');
    keeper.start();
    clock.advance(3_600_000);
    for (let attempt = 1; attempt <= 7; attempt++) {
      await keeper.whenIdle();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(spans.length, attempt);
      clock.advance(600_000);
    }
    assert.equal(spans.length, 7);
    assert.deepEqual(lines, ['counter: calls that the gateway has counted cannot be read (it answered 500)']);
    clock.advance(DAY_MS - 7 * 600_000);
    await keeper.whenIdle();
    assert.equal(spans.length, 8);
  });

  it('cannot compare what is no list of counts', async () => {
    answer = { error: 'no such page' };
    await assert.rejects(keeper.compare(), /its answer has no list of counts at "stats"/);
  });

  it('knows the next time of a day also where clocks change', () => {
    const springMs = Date.parse('2026-03-29T00:30:00Z');
    assert.equal(new Date(nextAt(springMs, 150, 'Europe/Berlin')).toISOString(), '2026-03-29T01:30:00.000Z');
    assert.equal(new Date(nextAt(springMs, 60, 'Europe/Berlin')).toISOString(), '2026-03-29T23:00:00.000Z');
  });
});
