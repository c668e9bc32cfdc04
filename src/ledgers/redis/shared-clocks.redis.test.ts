// Nodes whose clocks are wrong: the ledger's time is that of Redis, which the test sets by hand.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisProcess } from '../../lab/redis-process.js';
import { ManualClock } from '../../lib/clock.js';
import {
  openSharedNode,
  PAYER,
  requestFor,
  type SharedNode,
  settlementOf,
  sharedSettings,
  until,
} from './testing/shared-setup.js';

const HOUR_MS = 3_600_000;
/** Ten minutes to midnight in Seoul. */
const EVENING_MS = Date.UTC(2026, 0, 5, 14, 50);
const MIDNIGHT_MS = Date.UTC(2026, 0, 5, 15);
const TIME_KEY = '{shared}:test-now';
const TEST_TIME = `local now = tonumber(redis.call('GET', '${TIME_KEY}'))`;
/** Nobody renews a lease here: time stands still between the steps of a test. */
const ENDLESS_MS = 1e12;

describe('nodes whose clocks differ by hours', () => {
  let redis: RedisProcess;
  let folder = '';
  let redisNowMs = EVENING_MS;
  let fast: SharedNode;
  let slow: SharedNode;
  const fastClock = new ManualClock();
  const slowClock = new ManualClock();

  /** Of all machines at once, and not of this one. */
  async function advance(ms: number): Promise<void> {
    for (const clock of [fastClock, slowClock]) clock.advance(ms);
    redisNowMs += ms;
    await setRedisTime();
  }

  async function setRedisTime(): Promise<void> {
    await redis.ask((client) => client.sendCommand(['SET', TIME_KEY, String(redisNowMs)]));
  }

  function open(node: string, clock: ManualClock, gapMs = 0): Promise<SharedNode> {
    const link = { url: redis.url, prefix: 'shared', timeoutMs: 5_000, time: TEST_TIME };
    const lease = { leaseMs: ENDLESS_MS, guardMs: 0 };
    const { channels } = sharedSettings(100, gapMs);
    return openSharedNode({ url: redis.url, folder, node, capSeconds: 100, channels, link, clock, ...lease });
  }

  const capOf = ({ ledger }: SharedNode, clock: ManualClock) => {
    const [cap] = ledger.usageOfPayer(PAYER, clock.wallMs()) ?? [];
    return { used: cap?.used, held: cap?.held, windowStartWallMs: cap?.windowStartWallMs };
  };

  /** Both have heard what the other one did. */
  async function agree(expected: { used: number; windowStartWallMs: number }): Promise<void> {
    const both = () => [capOf(fast, fastClock), capOf(slow, slowClock)];
    const wanted = { ...expected, held: 0 };
    await until(`both count ${JSON.stringify(wanted)}`, () =>
      both().every(({ used, held }) => used === wanted.used && held === 0),
    );
    assert.deepEqual(both(), [
      { used: wanted.used, held: 0, windowStartWallMs: wanted.windowStartWallMs },
      { used: wanted.used, held: 0, windowStartWallMs: wanted.windowStartWallMs },
    ]);
  }

  beforeEach(async () => {
    redis = await RedisProcess.start();
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-clocks-'));
    redisNowMs = EVENING_MS;
    fastClock.jumpWallTo(EVENING_MS + 5 * HOUR_MS);
    slowClock.jumpWallTo(EVENING_MS - 7 * HOUR_MS);
    await setRedisTime();
    [fast, slow] = await Promise.all([open('fast', fastClock), open('slow', slowClock)]);
  });

  afterEach(async () => {
    await Promise.all([fast.close(), slow.close()]);
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function call(node: SharedNode, clock: ManualClock, port: number, seconds: number): Promise<void> {
    const request = requestFor(port, { wallMs: clock.wallMs() });
    const reserved = await node.ledger.reserve(request);
    assert.deepEqual(reserved.ok, true, JSON.stringify(reserved));
    const answeredWallMs = clock.wallMs();
    await node.ledger.confirm(request.reservationId, answeredWallMs);
    await advance(seconds * 1000);
    await node.ledger.settle(settlementOf(request.reservationId, seconds, answeredWallMs));
  }

  it('see one window turn, at the midnight of Redis', async () => {
    const today = { windowStartWallMs: MIDNIGHT_MS - 24 * HOUR_MS };
    await call(fast, fastClock, 0, 60);
    await agree({ used: 60, ...today });
    await call(slow, slowClock, 1, 30);
    await agree({ used: 90, ...today });
    const refused = await fast.ledger.reserve(
      requestFor(2, { wallMs: fastClock.wallMs(), reservationId: 'too-much', callee: '+821099990000' }),
    );
    assert.equal(refused.ok && refused.maxCallSeconds < 10, true, JSON.stringify(refused));
    await fast.ledger.release('too-much', { invited: false });

    await advance(MIDNIGHT_MS - 1 - redisNowMs);
    await agree({ used: 90, ...today });
    await advance(1);
    await agree({ used: 0, windowStartWallMs: MIDNIGHT_MS });
    await call(slow, slowClock, 1, 20);
    await agree({ used: 20, windowStartWallMs: MIDNIGHT_MS });
    for (const { ledger } of [fast, slow]) {
      const { ok, settlements, differences } = await ledger.verify();
      assert.deepEqual({ ok, settlements, differences }, { ok: true, settlements: 3, differences: [] });
    }
  });

  it('split a call over midnight where midnight is in Redis', async () => {
    await advance(MIDNIGHT_MS - 30_000 - redisNowMs);
    await call(fast, fastClock, 0, 45);
    await agree({ used: 15, windowStartWallMs: MIDNIGHT_MS });
  });

  it('stamp what Redis keeps with its time, and tell their callers by their own', async () => {
    const request = requestFor(3, { wallMs: slowClock.wallMs() });
    assert.equal((await slow.ledger.reserve(request)).ok, true);
    await slow.ledger.confirm(request.reservationId, slowClock.wallMs());
    const text = String(
      await redis.ask((client) => client.sendCommand(['HGET', '{shared}:live', request.reservationId])),
    );
    const instants = text.split('\n').filter((word) => /^\d{13}$/.test(word));
    assert.deepEqual(instants.slice(-1), [String(EVENING_MS)]);
    for (const instant of instants.slice(0, -1)) assert.ok(Math.abs(Number(instant) - EVENING_MS) <= 60_000, text);

    await slow.close();
    slow = await open('slow', slowClock);
    const [orphan] = slow.ledger.orphans();
    assert.ok(Math.abs((orphan?.answeredWallMs ?? 0) - slowClock.wallMs()) <= 1, JSON.stringify(orphan));
    await slow.ledger.settle(settlementOf(request.reservationId, 10, orphan?.answeredWallMs ?? 0));
    await agree({ used: 10, windowStartWallMs: MIDNIGHT_MS - 24 * HOUR_MS });
  });

  it('have their channels back after the gap, though the clock of Redis was set back meanwhile', async () => {
    const gapMs = 5_000;
    await fast.close();
    fast = await open('fast', fastClock, gapMs);
    await call(fast, fastClock, 0, 10);
    const again = () => fast.ledger.reserve(requestFor(0, { wallMs: fastClock.wallMs() }));
    assert.deepEqual(await again(), { ok: false, reason: 'channel-resting' });
    redisNowMs -= HOUR_MS;
    await setRedisTime();
    await advance(gapMs);
    assert.equal((await again()).ok, true);
  });

  it('tell routing when a window turns by the clock that routing reads', async () => {
    const limit = 1_000_000_000;
    const used = {
      adjustmentId: 'a1',
      holder: 'sim:sim0',
      allowanceId: 'seconds-month',
      amount: limit,
      reason: 'test',
    };
    assert.deepEqual(await fast.ledger.adjust({ ...used, by: 'test', wallMs: fastClock.wallMs() }), {
      ...{ ok: true, used: limit },
    });
    const { changesAtWallMs } = fast.ledger.view.standing('sim0', 'mobile', fastClock.wallMs());
    const monthEndMs = Date.UTC(2026, 0, 31, 15);
    assert.equal(changesAtWallMs - fastClock.wallMs(), monthEndMs - EVENING_MS);
    assert.equal(
      fast.ledger.usageOf('sim0', fastClock.wallMs())?.allowances[0]?.windowStartWallMs,
      Date.UTC(2025, 11, 31, 15),
    );
  });
});
