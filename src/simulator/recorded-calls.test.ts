import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cdr } from '../cdr/cdr.js';
import { cdrOf } from '../cdr/cdr-test-kit.js';
import { NdjsonSink } from '../cdr/ndjson-sink.js';
import { readRecordedCalls } from './recorded-calls.js';
import { parseScenario } from './scenario.js';
import { simulate } from './simulate.js';

interface Told {
  readonly callId: string;
  readonly agent: string;
  readonly at: string;
  readonly callee?: string;
  readonly ringSeconds?: number;
  /** Null: nobody answered. Undefined: no channel was found. */
  readonly talkSeconds?: number | null;
  readonly revision?: number;
  readonly direction?: Cdr['direction'];
  readonly probe?: boolean;
}

function later(at: string, seconds: number): string {
  return new Date(Date.parse(at) + seconds * 1000).toISOString();
}

const ATTEMPT = {} as Cdr['attempts'][number];

function cdr(told: Told): Cdr {
  const { callId, agent, at, callee, ringSeconds = 10, talkSeconds, revision = 1 } = told;
  return cdrOf(callId, {
    ...{ direction: told.direction ?? 'out', probe: told.probe ?? false },
    ...{ revision, agent, calling: agent, callee: callee ?? '+821020000001', offeredAt: later(at, 0) },
    answeredAt: talkSeconds == null ? null : later(at, ringSeconds),
    endedAt: later(at, ringSeconds + (talkSeconds ?? 0)),
    attempts: talkSeconds === undefined ? [] : [ATTEMPT],
  });
}

function line(told: Told): string {
  return JSON.stringify(cdr(told));
}

describe('readRecordedCalls', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simtrunk-records-'));
  const file = join(folder, 'cdr-2026-12-07.ndjson');
  const at = '2026-12-07T01:00:00.000Z';
  afterEach(() => rmSync(file, { force: true }));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('reads when a call came, how long it rang and talked, and who called', async () => {
    writeFileSync(
      file,
      [
        line({ callId: 'b', agent: '202', at: later(at, 60), talkSeconds: null, ringSeconds: 25 }),
        line({ callId: 'a', agent: '201', at, talkSeconds: 30 }),
        '',
      ].join('\n'),
    );
    const { calls, agents, drawn } = await readRecordedCalls([file], 1);
    assert.deepEqual(calls, [
      { plannedWallMs: Date.parse(at), agent: '201', dialled: '+821020000001', ringMs: 10_000, talkMs: 30_000 },
      { plannedWallMs: Date.parse(at) + 60_000, agent: '202', dialled: '+821020000001', ringMs: 25_000, talkMs: null },
    ]);
    assert.deepEqual([agents, drawn], [['201', '202'], 0]);
  });

  it('takes of each call its highest revision, in whatever file and order they stand', async () => {
    const other = join(folder, 'cdr-2026-12-08.ndjson');
    writeFileSync(file, `${line({ callId: 'a', agent: '201', at, talkSeconds: 30, revision: 2 })}\n`);
    writeFileSync(other, `${line({ callId: 'a', agent: '201', at, talkSeconds: 99, revision: 1 })}\n`);
    const { calls } = await readRecordedCalls([folder], 1);
    rmSync(other);
    assert.deepEqual(
      calls.map(({ talkMs }) => talkMs),
      [30_000],
    );
  });

  it('draws what became of calls that found no channel from those that found one, by the seed', async () => {
    const found = Array.from({ length: 20 }, (_, index) =>
      line({ callId: `f${index}`, agent: '201', at, talkSeconds: 100 + index }),
    );
    const lost = Array.from({ length: 20 }, (_, index) => line({ callId: `l${index}`, agent: '202', at }));
    writeFileSync(file, `${[...found, ...lost].join('\n')}\n`);
    const [first, again, other] = await Promise.all([1, 1, 2].map((seed) => readRecordedCalls([file], seed)));
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
    assert.equal(first?.drawn, 20);
    assert.ok(first?.calls.every(({ talkMs }) => talkMs !== null && talkMs >= 100_000 && talkMs < 120_000));
  });

  it('passes over a last line that a crash has cut, and lists every other line that is no record', async () => {
    const sound = line({ callId: 'a', agent: '201', at, talkSeconds: 30 });
    writeFileSync(file, `${sound}\n${sound.slice(0, 50)}`);
    assert.equal((await readRecordedCalls([file], 1)).calls.length, 1);
    writeFileSync(
      file,
      `${sound.slice(0, 50)}\n${sound.replace(/"offeredAt":"[^"]*"/, '"offeredAt":"soon"')}\n${sound}\n`,
    );
    await assert.rejects(readRecordedCalls([file], 1), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /^The records have 2 problems:\n/);
      assert.match(error.message, /cdr-2026-12-07\.ndjson:1 {2}/);
      assert.match(error.message, /cdr-2026-12-07\.ndjson:2 {2}offeredAt: /);
      return true;
    });
  });

  it('leaves out what no agent placed: calls from mobiles, and probe calls', async () => {
    const placed = line({ callId: 'a', agent: '201', at, talkSeconds: 30 });
    const others = [
      line({ callId: 'b', agent: '201', at, talkSeconds: 60, direction: 'in' }),
      line({ callId: 'c', agent: '', at, talkSeconds: 2, probe: true }),
    ];
    writeFileSync(file, `${[placed, ...others].join('\n')}\n`);
    const { calls, leftOut, drawn } = await readRecordedCalls([file], 1);
    assert.deepEqual([calls.map(({ talkMs }) => talkMs), leftOut, drawn], [[30_000], 2, 0]);
    writeFileSync(file, `${others.join('\n')}\n`);
    const nothing = /^There is no record of a call that a trunk placed in /;
    await assert.rejects(readRecordedCalls([file], 1), { message: nothing });
  });

  it('reads only the calls of a period, and says when there are none', async () => {
    const calls = [
      line({ callId: 'a', agent: '201', at, talkSeconds: 30 }),
      line({ callId: 'b', agent: '202', at: later(at, 86_400) }),
    ];
    writeFileSync(file, `${calls.join('\n')}\n`);
    const fromWallMs = Date.parse(at);
    const found = await readRecordedCalls([file], 1, { fromWallMs, untilWallMs: fromWallMs + 1 });
    assert.deepEqual([found.agents, found.drawn, found.leftOut], [['201'], 0, 0]);
    await assert.rejects(readRecordedCalls([file], 1, { fromWallMs: 0, untilWallMs: 1 }), {
      message: /^There is no record of a call that a trunk placed within the period in /,
    });
  });

  it('passes over the files of text messages that the sink writes into the same folder', async () => {
    const messages = join(folder, 'messages-2026-12-07.ndjson');
    writeFileSync(file, `${line({ callId: 'a', agent: '201', at, talkSeconds: 30 })}\n`);
    writeFileSync(messages, '{"version":1,"messageId":"m","revision":1}\n{"version":1,"messageId":"n","revision":1}\n');
    const { calls } = await readRecordedCalls([folder], 1);
    rmSync(messages);
    assert.equal(calls.length, 1);
  });

  it('says what cannot be read, and that there is nothing', async () => {
    await assert.rejects(readRecordedCalls(['/nonexistent/cdr'], 1), { code: 'CONFIG_UNREADABLE' });
    mkdirSync(join(folder, 'empty'));
    await assert.rejects(readRecordedCalls([join(folder, 'empty')], 1), { message: /^There is no record in / });
  });
});

describe('a simulation of recorded calls', () => {
  it('places what the sink wrote again, at its instants, on the SIMs of the scenario', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-replay-'));
    try {
      const sink = new NdjsonSink(join(folder, 'cdr'));
      // Two agents, each at the other's hour: 30 callees a day and agent, half a minute apart, on two days.
      const calls = ['2026-12-07', '2026-12-08'].flatMap((date) =>
        ['201', '202'].flatMap((agent, which) =>
          Array.from({ length: 30 }, (_, index) =>
            cdr({
              ...{ callId: `${date} ${agent} ${index}`, agent, talkSeconds: 20, ringSeconds: 5 },
              at: later(`${date}T0${1 + which}:00:00.000Z`, index * 30),
              callee: `+8210${20_000_000 + which * 1_000 + index}`,
            }),
          ),
        ),
      );
      await sink.write(calls);
      await sink.close();
      const allowance = '{ id: callees-day, counts: callees, window: { kind: day }, limit: 40, classes: [ mobile ] }';
      const text = [
        'title: Replay',
        'recorded: { files: [ cdr ] }',
        `plans: [ { name: small, commercialUse: allowed, monthlyFee: "1000", allowances: [ ${allowance} ] } ]`,
        'sims: [ { plan: small, count: 1 } ]',
      ].join('\n');
      const result = await simulate(await parseScenario(text, join(folder, 'replay.yaml')));
      assert.deepEqual(result.period, { from: '2026-12-07', to: '2026-12-08', timeZone: 'Asia/Seoul', workingDays: 2 });
      assert.equal(result.agents, 2);
      assert.deepEqual(
        result.days.map(({ answered, refused }) => [answered, refused]),
        [
          [40, 20],
          [40, 20],
        ],
      );
      assert.equal(result.calls.talkMinutes, Math.round((80 * 20) / 0.6) / 100);
      // Two SIMs carry both agents: one an agent.
      assert.equal(result.simsPerAgent, 1);
      assert.deepEqual(result.costByPlan.small?.allCarried, {
        ...{ agents: 2, months: 1, sims: 2, fees: '2000', charges: '0', total: '2000', metered: null },
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
