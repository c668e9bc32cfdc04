import assert from 'node:assert/strict';
import { ManualClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { LedgerMemory } from '../ledger-memory.js';
import { Covering } from './covering.js';
import { LocalShare } from './local-share.js';
import { RedisClock } from './redis-clock.js';
import type { Own, SharedParts } from './shared-parts.js';
import { PAYER, requestFor, settlementOf, sharedSettings } from './testing/shared-setup.js';

const CAP_SECONDS = 1_000;
const SLICE_MS = 30_000;

describe('how long a call of the shared ledger may last', () => {
  const session = { isAttached: true, quarantineMs: 0, isLeased: () => true, run: async () => ['covered', '1'] };
  let memory: LedgerMemory;
  let covering: Covering;
  let answeredWallMs: number;
  let own: Own;

  beforeEach(() => {
    Object.assign(session, { isAttached: true, quarantineMs: 0 });
    const clock = new RedisClock(new ManualClock(), createLogger({ level: 'silent', redactNumbers: false }), 0);
    const settings = sharedSettings(CAP_SECONDS);
    memory = new LedgerMemory(settings, clock, () => {});
    answeredWallMs = clock.wallMs();
    const request = requestFor(1, { wallMs: answeredWallMs });
    const reserved = memory.reserve(request);
    assert.ok(reserved.ok);
    memory.confirm(reserved.live, answeredWallMs);
    const parts = {
      options: { ...settings, clock, journal: { isStalled: true }, whenAway: 'local-share' },
      // Its log is being read again: nothing is known to have come to its place there.
      replica: { memory, await() {}, outcome: () => null, reached: async () => false },
      writes: { once: async () => {}, inBackground() {} },
      ...{ session, share: new LocalShare(['gw1/1'], 50), own: new Map() },
    } as unknown as SharedParts;
    own = {
      ...{ request, answeredWallMs, aheadMs: 0, coveredUntilWallMs: answeredWallMs + SLICE_MS, renewedWallMs: null },
      ...{ settled: false, isOrphan: false, isLost: false },
    };
    parts.own.set(request.reservationId, own);
    covering = new Covering(parts);
  });

  afterEach(() => memory.close());

  const renew = (slices: number) => covering.renew(own.request.reservationId, answeredWallMs + slices * SLICE_MS);

  /** By somebody else. */
  function use(seconds: number): void {
    const request = requestFor(2, { wallMs: answeredWallMs });
    const charge = { simId: 'sim2', billedSeconds: seconds, cost: '0', currency: 'KRW', estimated: false };
    const { durationMs } = settlementOf(request.reservationId, seconds);
    const times = { reservedWallMs: answeredWallMs, answeredWallMs, durationMs, settledWallMs: answeredWallMs };
    memory.settled({ ...request, ...charge, ...times });
  }

  it('is no matter of this node’s part of a cap while Redis is there and only its log is read again', async () => {
    assert.equal((await renew(2)).isFinal, false);
    use(700);
    const grant = await renew(3);
    assert.deepEqual([grant.isFinal, grant.maxCallSeconds >= 89], [false, true]);
  });

  it('is bounded by this node’s part of what is left when Redis is away, or may have forgotten what it granted', async () => {
    use(700);
    for (const without of [{ isAttached: false }, { isAttached: true, quarantineMs: 1 }]) {
      Object.assign(session, without);
      assert.equal((await renew(2)).isFinal, false);
    }
    // Of the 240 s that were left, 120 s.
    use(120);
    const limit = { holder: PAYER, allowanceId: 'seconds-day' };
    assert.deepEqual(await renew(3), { maxCallSeconds: 59, isFinal: true, limit });
  });
});
