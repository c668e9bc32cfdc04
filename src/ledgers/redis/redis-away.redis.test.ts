import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '../../journal/journal.js';
import { RedisProcess } from '../../lab/redis-process.js';
import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { openJournalledLedger } from '../journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../ledger-schema.js';
import {
  openSharedNode,
  PAYER,
  requestFor,
  type SharedNode,
  type SharedNodeOptions,
  settlementOf,
  sharedSettings,
  until,
} from './testing/shared-setup.js';

describe('the shared ledger when Redis fails', () => {
  let redis: RedisProcess;
  let folder = '';
  const nodes: SharedNode[] = [];

  beforeEach(async () => {
    redis = await RedisProcess.start({ appendfsync: 'always' });
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-away-'));
  });

  afterEach(async () => {
    redis.resume();
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(node: string, options: Partial<SharedNodeOptions> = {}) {
    const opened = await openSharedNode({ url: redis.url, folder, node, ...options });
    nodes.push(opened);
    return opened.ledger;
  }

  type Ledger = SharedNode['ledger'];

  async function answered(ledger: Ledger, port: number): Promise<string> {
    const request = requestFor(port);
    const reserved = await ledger.reserve(request);
    assert.ok(reserved.ok, JSON.stringify(reserved));
    await ledger.confirm(request.reservationId, Date.now());
    return request.reservationId;
  }

  const usedOf = (ledger: Ledger, port: number) =>
    ledger.usageOf(`sim${port}`, Date.now())?.allowances[0]?.used ?? Number.NaN;

  const attached = (...ledgers: Ledger[]) =>
    until('attached', () => ledgers.every((ledger) => ledger.counters.isAttached));

  /** Until leases of the former run cannot hold anything any more. */
  const grants = (ledger: Ledger, port: number) =>
    until('Redis grants again', async () => {
      const request = requestFor(port);
      const { ok } = await ledger.reserve(request);
      if (ok) await ledger.release(request.reservationId, { invited: false });
      return ok;
    });

  it('killed: calls go on, new ones are refused and never hang, and what ended meanwhile is settled when it is back', async () => {
    const ledger = await open('a');
    const other = await open('b');
    const talking = await answered(ledger, 1);
    const ending = await answered(ledger, 2);
    await redis.kill();
    const startedMs = Date.now();
    assert.deepEqual(await ledger.reserve(requestFor(3)), { ok: false, reason: 'ledger-away' });
    assert.ok(Date.now() - startedMs < 2_000, 'a refusal waits no longer than the limit');
    assert.ok((await ledger.renew(talking, Date.now() + 60_000)).maxCallSeconds > 0);
    assert.equal((await ledger.settle(settlementOf(ending, 20))).billedSeconds, 20);
    assert.equal(ledger.counters.settling, 1);
    assert.equal(usedOf(ledger, 2), 20);

    await redis.run();
    await attached(ledger, other);
    await until('the other node knows of it', () => usedOf(other, 2) === 20);
    assert.equal(ledger.counters.settling, 0);
    assert.equal(other.view.channelState('gw1/1'), 'busy');
    assert.equal(other.view.channelState('gw1/2'), 'idle');
    assert.equal((await ledger.settle(settlementOf(talking, 40))).billedSeconds, 40);
    await until('the other node knows of both', () => usedOf(other, 1) === 40);
    assert.deepEqual((await other.verify()).differences, []);
    await grants(other, 1);
  });

  it('killed while a BYE is under way: its channel is nobody’s until the BYE is answered', async () => {
    const ledger = await open('a');
    const other = await open('b');
    const ending = await answered(ledger, 1);
    await redis.kill();
    await ledger.settle({ ...settlementOf(ending, 20), channelInUse: true });
    await redis.run();
    await attached(ledger, other);
    await until('the other node knows of it', () => usedOf(other, 1) === 20);
    await grants(other, 2);
    assert.equal(other.view.channelState('gw1/1'), 'busy');
    assert.deepEqual(await other.reserve(requestFor(1)), { ok: false, reason: 'channel-busy' });
    await ledger.vacate(ending);
    await grants(other, 1);
    assert.equal(usedOf(other, 1), 20);
  });

  it('restarted on an older snapshot: every node makes it whole, and no channel in use is granted meanwhile', async () => {
    const ledger = await open('a');
    const other = await open('b');
    await ledger.settle(settlementOf(await answered(ledger, 1), 11));
    await redis.keepSnapshot('older.rdb');
    await ledger.settle(settlementOf(await answered(ledger, 1), 12));
    await other.settle(settlementOf(await answered(other, 2), 13));
    const talking = await answered(ledger, 3);
    const adjustment = { adjustmentId: 'x1', holder: 'sim:sim4', allowanceId: 'seconds-month', amount: 7 };
    await ledger.adjust({ ...adjustment, reason: 'test', by: 'test', wallMs: Date.now() });

    await redis.restartOn('older.rdb');
    await attached(ledger, other);
    await until('both know everything again', () =>
      [ledger, other].every((node) => [1, 2, 4].map((port) => usedOf(node, port)).join() === '23,13,7'),
    );
    assert.equal(other.view.channelState('gw1/3'), 'busy');
    assert.deepEqual(await other.reserve(requestFor(3)), { ok: false, reason: 'ledger-away' });
    await grants(other, 5);
    assert.equal((await other.reserve(requestFor(3))).ok, false);
    assert.equal((await ledger.settle(settlementOf(talking, 14))).billedSeconds, 14);
    await until('it is settled', () => usedOf(other, 3) === 14);
    const verified = await other.verify();
    assert.deepEqual([verified.differences, verified.settlements, verified.adjustments], [[], 4, 1]);
  });

  it('emptied while it runs: every node makes it whole, those too that have settled nothing since', async () => {
    const ledger = await open('a');
    const other = await open('b');
    await ledger.settle(settlementOf(await answered(ledger, 1), 11));
    await other.settle(settlementOf(await answered(other, 2), 13));
    const talking = await answered(ledger, 3);
    await redis.ask((client) => client.sendCommand(['FLUSHALL']));
    await until('both have attached anew', () =>
      [ledger, other].every(({ counters }) => counters.isAttached && counters.attachments === 2),
    );
    await until('both know everything again', () =>
      [ledger, other].every((node) => [1, 2].map((port) => usedOf(node, port)).join() === '11,13'),
    );
    assert.equal(other.view.channelState('gw1/3'), 'busy');
    await grants(other, 5);
    assert.equal((await ledger.settle(settlementOf(talking, 14))).billedSeconds, 14);
    await until('it is settled', () => usedOf(other, 3) === 14);
    const verified = await other.verify();
    assert.deepEqual([verified.differences, verified.settlements], [[], 3]);
    assert.equal(ledger.counters.lapses + other.counters.lapses, 0);
  });

  it('emptied while a SIM that was moved is in two calls: both go on, and each keeps ordinary calls off', async () => {
    const ledger = await open('a');
    const other = await open('b');
    const settings = sharedSettings(1_000_000_000);
    const channels = settings.channels.map((channel, at) => ({ ...channel, simId: `sim${at < 2 ? 1 - at : at}` }));
    const talking = await answered(ledger, 0);
    for (const node of [ledger, other]) (await node.prepare({ ...settings, channels })).take();
    await until('the other node knows of it', () => other.view.channelState('gw1/1') === 'resting');
    const moved = { channelId: 'gw1/1', simId: 'sim0' };
    assert.equal((await other.reserve(requestFor(1, moved))).ok, false);
    const ringing = requestFor(1, { ...moved, direction: 'in' });
    assert.equal((await other.reserve(ringing)).ok, true);
    await other.confirm(ringing.reservationId, Date.now());
    const callsOfSim = async () => {
      const text = await redis.ask((client) => client.sendCommand(['HGET', '{shared}:sims', 'sim0']));
      return String(text).split(' ').slice(1).sort();
    };
    const both = [talking, ringing.reservationId].sort();
    assert.deepEqual(await callsOfSim(), both);
    const lost: string[] = [];
    for (const node of [ledger, other]) node.events.on('reservations:lost', (ids) => lost.push(...ids));
    await redis.ask((client) => client.sendCommand(['FLUSHALL']));
    await until('both have attached anew', () =>
      [ledger, other].every(({ counters }) => counters.isAttached && counters.attachments === 2),
    );
    assert.deepEqual([await callsOfSim(), lost], [both, []]);
    await other.renew(ringing.reservationId, Date.now() + 60_000);
    await other.settle(settlementOf(ringing.reservationId, 4));
    assert.deepEqual([await callsOfSim(), other.view.channelState('gw1/1')], [[talking], 'resting']);
    await ledger.settle(settlementOf(talking, 4));
    await until('it is free', () => other.view.channelState('gw1/1') === 'idle');
    assert.deepEqual([await callsOfSim(), (await other.verify()).differences], [[], []]);
  });

  for (const [what, refuse, accept] of [
    ['out of memory', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    ['a replica of nobody', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
  ] as const) {
    it(`${what}, so that it answers and writes nothing: it counts as away, and gets what it missed`, async () => {
      const ledger = await open('a');
      const other = await open('b');
      const talking = await answered(ledger, 1);
      await redis.ask((client) => client.sendCommand([...refuse]));
      assert.equal((await ledger.settle(settlementOf(talking, 21))).billedSeconds, 21);
      assert.deepEqual(await ledger.reserve(requestFor(3)), { ok: false, reason: 'ledger-away' });
      assert.deepEqual([ledger.counters.isAttached, ledger.counters.settling], [false, 1]);
      await redis.ask((client) => client.sendCommand([...accept]));
      await attached(ledger, other);
      await until('the other node knows of it', () => usedOf(other, 1) === 21);
      await until('it knows that Redis has it', () => ledger.counters.settling === 0);
      await grants(ledger, 1);
      assert.deepEqual((await ledger.verify()).differences, []);
    });
  }

  it('silent for longer than a lease: calls end before it runs out, and emergency calls are placed all the same', async () => {
    const ledger = await open('a', { timeoutMs: 200 });
    const talking = await answered(ledger, 1);
    const lost: string[] = [];
    ledger.events.on('reservations:lost', (reservationIds) => lost.push(...reservationIds));
    redis.pause();
    const emergency = requestFor(2, { callee: '119', numberClass: 'emergency', payers: [] });
    assert.equal((await ledger.reserve(emergency)).ok, true);
    assert.deepEqual(await ledger.reserve(requestFor(3)), { ok: false, reason: 'ledger-away' });
    await until('the call has to end', () => lost.includes(talking));
    assert.deepEqual(lost, [talking]);
    assert.deepEqual(await ledger.renew(talking, Date.now() + 60_000), { maxCallSeconds: 0, isFinal: true });
    await ledger.settle(settlementOf(talking, 5));
    redis.resume();
    await attached(ledger);
    await until('history has it', async () => (await ledger.verify()).settlements === 1);
    assert.equal(ledger.view.channelState('gw1/2'), 'busy');
    await ledger.settle(settlementOf(emergency.reservationId, 30));
    await grants(ledger, 1);
    assert.deepEqual([usedOf(ledger, 1), ledger.counters.lapses], [10, 1]);
  });

  it('away with local-share: a node goes on with its own channels and its part of a cap, and nobody else takes them', async () => {
    const mine = { whenAway: 'local-share', heldBack: ['gw1/1', 'gw1/2'], capSeconds: 200 } as const;
    const ledger = await open('a', mine);
    const other = await open('b', { capSeconds: 200 });
    await until('the other node knows', () => other.view.channelState('gw1/1') === 'busy');
    assert.equal((await other.reserve(requestFor(1))).ok, false);
    const talking = await answered(ledger, 1);
    await redis.kill();
    const request = requestFor(2);
    const startedMs = Date.now();
    assert.equal((await ledger.reserve(request)).ok, true);
    assert.ok(Date.now() - startedMs < 2_000);
    assert.deepEqual(await ledger.reserve(requestFor(5)), { ok: false, reason: 'ledger-away' });
    // 30 of 200 are held by the call before: of the 170 that were left, half are for this node.
    const grant = await ledger.confirm(request.reservationId, Date.now());
    assert.ok(grant.maxCallSeconds > 0);
    // Slices are held on up to that part, and no further, however often they are asked for.
    const answeredWallMs = Date.now();
    const renewed = (seconds: number) => ledger.renew(request.reservationId, answeredWallMs + seconds * 1_000);
    assert.equal((await renewed(60)).isFinal, false);
    const last = await renewed(90);
    assert.ok(last.maxCallSeconds >= 88 && last.maxCallSeconds <= 90, String(last.maxCallSeconds));
    const limit = { holder: PAYER, allowanceId: 'seconds-day' };
    for (const seconds of [90, 120, 150]) {
      assert.deepEqual(await renewed(seconds), { maxCallSeconds: last.maxCallSeconds, isFinal: true, limit });
    }
    await ledger.settle(settlementOf(request.reservationId, 90));
    const refused = await ledger.reserve(requestFor(2));
    assert.deepEqual(refused, { ok: false, reason: 'cap-exhausted', payer: PAYER, allowanceId: 'seconds-day' });
    let lost = 0;
    ledger.events.on('reservations:lost', () => lost++);
    await until('its lease has run out', () => ledger.counters.lapses === 1);
    assert.equal(lost, 0, 'calls on its own channels go on');
    await redis.run();
    await attached(ledger, other);
    await ledger.settle(settlementOf(talking, 50));
    await until('the other node knows of all', () => other.usageOfPayer(PAYER, Date.now())?.[0]?.used === 140);
    assert.deepEqual((await other.verify()).differences, []);
  });

  it('away once more: a node’s part of a cap is one of what was left then, not after the time before', async () => {
    const mine = { whenAway: 'local-share', heldBack: ['gw1/1', 'gw1/2'], capSeconds: 200 } as const;
    const ledger = await open('a', { ...mine, leaseMs: 2_000, guardMs: 300 });
    await redis.kill();
    await redis.run();
    await attached(ledger);
    // It may have forgotten what it granted: for the time of a lease the node goes by its own part.
    const early = requestFor(1);
    assert.equal((await ledger.reserve(early)).ok, true);
    await ledger.release(early.reservationId, { invited: false });
    await grants(ledger, 3);
    await ledger.settle(settlementOf(await answered(ledger, 1), 120));
    await redis.kill();
    assert.deepEqual((await ledger.reserve(requestFor(2))).ok, true);
  });

  /** Two nodes, each with a call on its own channel that it placed before Redis granted again. */
  async function talkingInQuarantine(leaseMs: number) {
    const mine = { whenAway: 'local-share', capSeconds: 200, leaseMs, guardMs: 300 } as const;
    const both = [await open('a', { ...mine, heldBack: ['gw1/1'] }), await open('b', { ...mine, heldBack: ['gw1/2'] })];
    await redis.kill();
    await redis.run();
    await attached(...both);
    const answeredWallMs = Date.now();
    const calls = await Promise.all(both.map((ledger, at) => answered(ledger, at + 1)));
    const renewed = (slices: number) =>
      Promise.all(both.map((ledger, at) => ledger.renew(calls[at] ?? '', answeredWallMs + slices * 30_000)));
    const heldSeconds = () => both.map((ledger) => ledger.usageOfPayer(PAYER, Date.now())?.[0]?.held);
    /** Until nothing more is granted; what the calls have then. */
    const last = async () => {
      for (let slices = 3; ; slices++) {
        const grants = await renewed(slices);
        if (grants.every(({ isFinal }) => isFinal)) return grants.map(({ maxCallSeconds }) => maxCallSeconds);
      }
    };
    return { both, renewed, heldSeconds, last };
  }

  it('away again before it grants anew: a node keeps to the part of a cap that it has', async () => {
    const { both, renewed, heldSeconds, last } = await talkingInQuarantine(60_000);
    await renewed(2);
    await until('both know of both', () => heldSeconds().join() === '120,120');
    await redis.kill();
    await until('both know', () => both.every(({ counters }) => !counters.isAttached));
    const seconds = await last();
    assert.ok(Math.max(...seconds) <= 60, String(seconds));
  });

  it('granting again: it knows of calls that were placed before, so that all together get no more than a cap has', async () => {
    const { both, heldSeconds, last } = await talkingInQuarantine(2_000);
    await until('both know of both', () => heldSeconds().join() === '60,60');
    const ledger = both[0] as Ledger;
    await grants(ledger, 5);
    const seconds = await last();
    assert.ok((seconds[0] ?? 0) + (seconds[1] ?? 0) <= 200, String(seconds));
    assert.deepEqual((await ledger.verify()).differences, []);
  });

  it('missing entries of the log, or cutting the connection: a node reads everything again', async () => {
    const ledger = await open('a');
    const other = await open('b');
    await redis.ask((client) => client.sendCommand(['INCR', '{shared}:seq']));
    await until('it books', async () => (await other.reserve(requestFor(1))).ok);
    await until('the other node has read', () => ledger.view.channelState('gw1/1') === 'busy');
    await redis.ask((client) => client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']));
    const request = requestFor(2);
    await until('it books again', async () => (await other.reserve(request)).ok);
    await until('the other node has read again', () => ledger.view.channelState('gw1/2') === 'busy');
    await other.settle(settlementOf(request.reservationId, 15));
    await until('it knows the charge', () => usedOf(ledger, 2) === 15);
    assert.deepEqual([ledger.counters.lapses, other.counters.lapses], [0, 0]);
  });

  it('full of what nobody understands: it is passed over', async () => {
    const ledger = await open('a');
    await redis.ask(async (client) => {
      await client.sendCommand(['PUBLISH', '{shared}:log', 'rubbish']);
      await client.sendCommand(['PUBLISH', '{shared}:log', '99999\nsettled\n0\nn\n1\nx\n\n\n1-1\n0\n{}']);
      await client.sendCommand(['XADD', '{shared}:history', '*', 'kind', 'settlement', 'at', '0', 'record', '[1]']);
      await client.sendCommand(['XADD', '{shared}:history', '*', 'kind', 'adjustment', 'record', 'null']);
      await client.sendCommand(['HSET', '{shared}:live', 'x', 'rubbish']);
    });
    const other = await open('b');
    for (const [port, node] of [ledger, other].entries()) {
      await until('it books', async () => {
        const request = requestFor(port);
        if (!(await node.reserve(request)).ok) return false;
        await node.settle(settlementOf(request.reservationId, 20));
        return true;
      });
    }
    await until('both know of both', () =>
      [0, 1].every((port) => [ledger, other].every((node) => usedOf(node, port) === 20)),
    );
  });

  it('new to a node that kept its ledger in memory: what its journal has comes along', async () => {
    const log = createLogger({ level: 'silent', redactNumbers: false });
    const clock = new SystemClock();
    const file = join(folder, 'a.db');
    const journal = await openJournal({
      file,
      durability: 'process',
      timeoutMs: 20_000,
      log,
      clock,
      schema: LEDGER_SCHEMA,
    });
    const alone = await openJournalledLedger({ ...sharedSettings(1_000), journal, clock, log });
    const request = requestFor(1);
    assert.ok((await alone.reserve(request)).ok);
    await alone.confirm(request.reservationId, Date.now());
    await alone.settle(settlementOf(request.reservationId, 33));
    alone.close();
    await journal.close();
    await open('a');
    const other = await open('b');
    assert.deepEqual([usedOf(other, 1), other.usageOfPayer(PAYER, Date.now())?.[0]?.used], [33, 33]);
  });

  it('not there at the start: the node starts, refuses, and attaches when Redis comes', async () => {
    const before = await open('a');
    await before.settle(settlementOf(await answered(before, 1), 25));
    await nodes.pop()?.close();
    await redis.kill();
    const ledger = await open('a', { timeoutMs: 200 });
    assert.equal(usedOf(ledger, 1), 25);
    assert.deepEqual(await ledger.reserve(requestFor(3)), { ok: false, reason: 'ledger-away' });
    await redis.run();
    await attached(ledger);
    assert.equal(usedOf(ledger, 1), 25);
    await grants(ledger, 1);
  });
});
