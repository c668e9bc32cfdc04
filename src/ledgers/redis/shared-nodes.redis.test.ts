import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RedisProcess } from '../../lab/redis-process.js';
import { monotonicNowMs } from '../../lib/clock.js';
import type { ReserveResult } from '../../quota/ledger.js';
import type { LoadFact, LoadOrder } from './testing/node-under-load.js';
import { openSharedNode, PAYER, requestFor, type SharedNode, settlementOf, until } from './testing/shared-setup.js';

const ENTRY = fileURLToPath(new URL('./testing/node-under-load.js', import.meta.url));

/** One node's process and what it told. */
class LoadedNode {
  readonly facts: LoadFact[] = [];
  readonly child: ChildProcess;
  /** When it was killed, by the machine's monotonic clock. */
  killedAtMs: number | undefined;

  constructor(order: object) {
    this.child = fork(ENTRY, [JSON.stringify(order)], {
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    this.child.on('message', (fact) => this.facts.push(fact as LoadFact));
  }

  has(kind: LoadFact['kind'], atLeast = 1): boolean {
    return this.of(kind).length >= atLeast;
  }

  of<K extends LoadFact['kind']>(kind: K): Extract<LoadFact, { kind: K }>[] {
    return this.facts.filter((fact): fact is Extract<LoadFact, { kind: K }> => fact.kind === kind);
  }

  tell(order: LoadOrder): void {
    this.child.send(order);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
    this.killedAtMs = monotonicNowMs();
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'close');
    this.tell({ kind: 'stop' });
    await ended;
  }
}

/** Every time in which a process believed a channel to be its own. */
function holdings(nodes: readonly LoadedNode[]) {
  return nodes.flatMap((node) => {
    const gaveMs = new Map(node.of('gave').map(({ reservationId, atMs }) => [reservationId, atMs]));
    // On a machine that stood still for a lease: a call that was lost does nothing more than end.
    const lost = new Set(node.of('lost').flatMap(({ reservationIds }) => reservationIds));
    const took = node.of('took').filter(({ reservationId }) => !lost.has(reservationId));
    return took.map(({ channelId, reservationId, atMs }) => {
      return {
        channelId,
        fromMs: atMs,
        toMs: gaveMs.get(reservationId) ?? node.killedAtMs ?? Number.POSITIVE_INFINITY,
      };
    });
  });
}

function doubleBookings(nodes: readonly LoadedNode[]): string[] {
  const sorted = holdings(nodes).sort((a, b) => a.channelId.localeCompare(b.channelId) || a.fromMs - b.fromMs);
  return sorted.flatMap((held, index) => {
    const next = sorted[index + 1];
    if (next === undefined || next.channelId !== held.channelId || next.fromMs >= held.toMs) return [];
    return [`${held.channelId} was taken ${(held.toMs - next.fromMs).toFixed(2)} ms before it was given`];
  });
}

describe('several nodes on one Redis', () => {
  let redis: RedisProcess;
  let folder = '';
  let observer: SharedNode | undefined;
  let nodes: LoadedNode[] = [];

  beforeEach(async () => {
    redis = await RedisProcess.start();
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-nodes-'));
  });

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    nodes = [];
    await observer?.close();
    observer = undefined;
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('never book one channel twice, nor spend more than a cap together: four processes under load, one of them killed', async function () {
    this.timeout(90_000);
    const capSeconds = 30_000;
    observer = await openSharedNode({ url: redis.url, folder, node: 'observer', capSeconds });
    nodes = ['a', 'b', 'c', 'd'].map((node) => new LoadedNode({ url: redis.url, folder, node, capSeconds, calls: 4 }));
    await until('each node has settled calls', () => nodes.every((node) => node.has('settled', 50)), 60_000);
    const victim = nodes[3] as LoadedNode;
    await victim.kill();
    const others = nodes.slice(0, 3);
    const { ledger } = observer;
    await until('the dead node has been settled', async () => {
      const told = (await redis.ask((client) => client.sendCommand(['HKEYS', '{shared}:nodes']))) as string[];
      return !told.some((name) => name.startsWith('d-'));
    });
    await Promise.all(others.map((node) => node.stop()));
    await until('every channel is free', () =>
      Array.from({ length: 12 }, (_, port) => ledger.view.channelState(`gw1/${port}`)).every(
        (state) => state === 'idle',
      ),
    );

    // The dead node starts again: what it had in hand is charged as it says, in place of the estimate.
    const again = await openSharedNode({ url: redis.url, folder, node: 'd', capSeconds });
    let corrected = 0;
    try {
      for (const { reservationId, answeredWallMs, settled } of again.ledger.orphans()) {
        if (settled) await again.ledger.vacate(reservationId);
        else if (answeredWallMs === null) await again.ledger.release(reservationId, { invited: true });
        else corrected += (await again.ledger.settle(settlementOf(reservationId, 3, answeredWallMs))).billedSeconds;
      }
      assert.deepEqual(again.ledger.orphans(), []);
      await until('each node counts anew', async () => (await again.ledger.verify()).ok && (await ledger.verify()).ok);
    } finally {
      await again.close();
    }
    assert.deepEqual(doubleBookings(nodes), []);
    // Each settled second is counted, and none twice: by what the nodes were told, for all but the dead one's last calls.
    const { ok, differences, settlements } = await ledger.verify();
    assert.deepEqual([ok, differences], [true, []]);
    const billed = new Map<string, number>();
    for (const { simId, billedSeconds } of nodes.flatMap((node) => node.of('settled')))
      billed.set(simId, (billed.get(simId) ?? 0) + billedSeconds);
    let unseen = 0;
    for (let port = 0; port < 12; port++) {
      const used = ledger.usageOf(`sim${port}`, Date.now())?.allowances[0]?.used ?? 0;
      assert.ok(used >= (billed.get(`sim${port}`) ?? 0), `sim${port} lost seconds`);
      unseen += used - (billed.get(`sim${port}`) ?? 0);
    }
    // Settlements of the dead node that were on their way to us, one a line at most.
    assert.ok(unseen <= corrected + 4 * 62, `${unseen} seconds are counted that no node was told of`);
    const [cap] = ledger.usageOfPayer(PAYER, Date.now()) ?? [];
    assert.ok(cap !== undefined && cap.used <= capSeconds && cap.held === 0, JSON.stringify(cap));
    const stopped = others.flatMap((node) => node.of('stopped'));
    const reservations = stopped.reduce((sum, fact) => sum + fact.reservations, 0);
    const lost = stopped.reduce((sum, fact) => sum + fact.lostRaces, 0);
    assert.ok(
      settlements > 200 && reservations > 150,
      `${settlements} settlements, ${reservations} reservations, ${lost} lost`,
    );
  });

  it('judge a payer’s calls in one order: of many at once only as many begin as its cap holds, and the rest leaves no trace', async () => {
    const [a, b] = await Promise.all(
      ['a', 'b'].map((node) => openSharedNode({ url: redis.url, folder, node, capSeconds: 70 })),
    );
    assert.ok(a !== undefined && b !== undefined);
    try {
      for (let round = 0; round < 20; round++) {
        const requests = Array.from({ length: 8 }, (_, port) => requestFor(port));
        const results: readonly ReserveResult[] = await Promise.all(
          requests.map((request, port) => (port % 2 === 0 ? a : b).ledger.reserve(request)),
        );
        // Slices of 30 seconds, and what is left of one.
        assert.equal(results.filter(({ ok }) => ok).length, 3, JSON.stringify(results));
        assert.ok(
          results.every((result) => result.ok || result.reason === 'cap-exhausted'),
          JSON.stringify(results),
        );
        await Promise.all(
          requests.map(({ reservationId }, port) =>
            (port % 2 === 0 ? a : b).ledger.release(reservationId, { invited: false }),
          ),
        );
        await until('every channel is idle to both, and nothing held', () =>
          [a.ledger, b.ledger].every(
            (ledger) =>
              requests.every(({ channelId }) => ledger.view.channelState(channelId) === 'idle') &&
              ledger.usageOfPayer(PAYER, Date.now())?.[0]?.held === 0,
          ),
        );
      }
    } finally {
      await Promise.all([a.close(), b.close()]);
    }
  });

  it('know of each other’s further answers, also when Redis was away while one was charged', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((node) => openSharedNode({ url: redis.url, folder, node })));
    assert.ok(a !== undefined && b !== undefined);
    try {
      const request = requestFor(1);
      const { reservationId } = request;
      assert.ok((await a.ledger.reserve(request)).ok);
      await a.ledger.confirm(reservationId, Date.now());
      // The first step of the plan's rounding is ten seconds.
      const charge = await a.ledger.chargeFurther(reservationId, `${reservationId}/1`, Date.now());
      assert.equal(charge?.billedSeconds, 10);
      const used = ({ ledger }: SharedNode) => ledger.usageOf(request.simId, Date.now())?.allowances[0]?.used;
      await until('both count it', () => used(a) === 10 && used(b) === 10);
      await redis.kill();
      await a.ledger.chargeFurther(reservationId, `${reservationId}/2`, Date.now());
      await redis.run();
      await until('both count the second one', () => used(a) === 20 && used(b) === 20);
      const answeredWallMs = Date.now();
      await a.ledger.settle({ reservationId, answeredWallMs, durationMs: 500, estimated: false, channelInUse: false });
      await until('and the call', () => used(a) === 30 && used(b) === 30);
      for (const { ledger } of [a, b]) assert.deepEqual((await ledger.verify()).differences, []);
    } finally {
      await Promise.all([a.close(), b.close()]);
    }
  });

  it('share what a cap has left to the last second', async function () {
    this.timeout(90_000);
    const capSeconds = 1_500;
    observer = await openSharedNode({ url: redis.url, folder, node: 'observer', capSeconds });
    nodes = ['a', 'b', 'c', 'd'].map((node) => new LoadedNode({ url: redis.url, folder, node, capSeconds, calls: 4 }));
    const { ledger } = observer;
    await until(
      'the cap is used up',
      () => {
        const [cap] = ledger.usageOfPayer(PAYER, Date.now()) ?? [];
        return cap !== undefined && cap.limit - cap.used < 10;
      },
      60_000,
    );
    await Promise.all(nodes.map((node) => node.stop()));
    const [cap] = ledger.usageOfPayer(PAYER, Date.now()) ?? [];
    assert.ok(cap !== undefined && cap.used <= capSeconds, JSON.stringify(cap));
    const told = nodes.flatMap((node) => node.of('settled')).reduce((sum, { billedSeconds }) => sum + billedSeconds, 0);
    assert.equal(cap.used, told);
    assert.deepEqual(doubleBookings(nodes), []);
    assert.ok(nodes.every((node) => (node.of('stopped')[0]?.refusals['cap-exhausted'] ?? 0) > 0));
  });

  it('take over from a node that is paused; it ends its calls when it wakes, and is charged what it measured', async function () {
    this.timeout(60_000);
    observer = await openSharedNode({ url: redis.url, folder, node: 'observer' });
    nodes = ['a', 'b'].map(
      (node) => new LoadedNode({ url: redis.url, folder, node, capSeconds: 1e9, calls: 3, talkMs: 100 }),
    );
    const [paused, other] = nodes as [LoadedNode, LoadedNode];
    await until('both have settled calls', () => nodes.every((node) => node.has('settled', 10)), 40_000);
    // Two calls are up whatever the third line is about.
    paused.tell({ kind: 'hold', calls: 2 });
    await until('it is in two calls', () => paused.has('holds', 2));
    paused.child.kill('SIGSTOP');
    const pausedAtMs = monotonicNowMs();
    try {
      await until('its calls are settled by another node', async () => {
        const told = (await redis.ask((client) => client.sendCommand(['HKEYS', '{shared}:nodes']))) as string[];
        return !told.some((name) => name.startsWith('a-'));
      });
      const before = other.of('settled').length;
      await until('the other node goes on', () => other.of('settled').length > before + 10);
    } finally {
      paused.child.kill('SIGCONT');
    }
    const settledBefore = paused.of('settled').length;
    await until('it calls again', () => paused.of('settled').length > settledBefore + 10, 30_000);
    await Promise.all(nodes.map((node) => node.stop()));
    const { ledger } = observer;
    await until('nothing is held', () => (ledger.usageOfPayer(PAYER, Date.now())?.[0]?.held ?? 1) === 0);

    // What its lease held is lost when it wakes, and nothing of it is taken up after that.
    const lost = new Set(paused.of('lost').flatMap(({ reservationIds }) => reservationIds));
    const took = paused.of('took').filter(({ reservationId }) => lost.has(reservationId));
    assert.ok(took.length >= 2 && took.every(({ atMs }) => atMs <= pausedAtMs), JSON.stringify([...lost]));
    const told = new Map<string, number>();
    for (const { reservationId, billedSeconds } of nodes.flatMap((node) => node.of('settled')))
      told.set(reservationId, billedSeconds);
    const sum = [...told.values()].reduce((total, seconds) => total + seconds, 0);
    const { ok, differences } = await ledger.verify();
    assert.deepEqual([ok, differences], [true, []]);
    assert.equal(ledger.usageOfPayer(PAYER, Date.now())?.[0]?.used, sum);
  });
});
