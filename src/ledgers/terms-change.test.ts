// Plans, SIMs, channels and caps that change while calls live: what new reservations meet, and what live calls keep.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Journal, openJournal } from '../journal/journal.js';
import { ManualClock } from '../lib/clock.js';
import type { ReserveRequest } from '../quota/ledger.js';
import type { Caps, Plan } from '../quota/plan.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { type JournalledMemoryLedger, openJournalledLedger } from './journalled-memory-ledger.js';
import type { LedgerSettings } from './ledger-memory.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';

const log = pino({ level: 'silent' });

function plan(limit: number, ...more: ReturnType<typeof allowanceOf>[]): Plan {
  return planOf({
    name: 'office',
    classes: ['mobile', 'emergency'],
    maxCallSeconds: 3_600,
    allowances: [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit, classes: ['mobile'] }), ...more],
  });
}

function caps(limit: number): Caps {
  const allowance = allowanceOf({ id: 'seconds-day', counts: 'seconds', limit, classes: ['mobile'] });
  return { name: 'pbx', timeZone: 'Asia/Seoul', currency: 'KRW', windowEdge: 'split', allowances: [allowance] };
}

const SIMS = ['sim-1', 'sim-2'].map((simId) => ({ simId, plan: 'office' }));
const CHANNELS = SIMS.map(({ simId }, at) => ({ channelId: `gw1/${at + 1}`, simId, gapMs: 0 }));

function settings(over: Partial<LedgerSettings> = {}): LedgerSettings {
  return { plans: [plan(100)], sims: SIMS, channels: CHANNELS, sliceSeconds: 30, ...over };
}

describe('terms that change while calls live', () => {
  let folder: string;
  let clock: ManualClock;
  let journal: Journal;
  let ledger: JournalledMemoryLedger;
  let made: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-terms-'));
    clock = new ManualClock();
    made = 0;
    const file = join(folder, 'ledger.db');
    journal = await openJournal({ file, durability: 'process', timeoutMs: 2_000, schema: LEDGER_SCHEMA, log, clock });
    ledger = await openJournalledLedger({ ...settings(), journal, clock, log });
  });

  afterEach(async () => {
    ledger.close();
    await journal.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function request(sim: number, over: Partial<ReserveRequest> = {}): ReserveRequest {
    made += 1;
    return {
      ...{ reservationId: `r${made}`, callId: `c${made}`, trunk: 'pbx', direction: 'out', payers: ['trunk:pbx'] },
      ...{ channelId: `gw1/${sim}`, simId: `sim-${sim}`, callee: '+821012345678', numberClass: 'mobile' },
      wallMs: clock.wallMs(),
      ...over,
    };
  }

  /** Reserved and answered. */
  async function talk(sim: number, over: Partial<ReserveRequest> = {}): Promise<string> {
    const asked = request(sim, over);
    assert.deepEqual((await ledger.reserve(asked)).ok, true);
    await ledger.confirm(asked.reservationId, clock.wallMs());
    return asked.reservationId;
  }

  async function end(reservationId: string, seconds: number, answeredWallMs = clock.wallMs()) {
    return ledger.settle({
      ...{ reservationId, answeredWallMs, durationMs: seconds * 1_000, estimated: false, channelInUse: false },
    });
  }

  async function take(next: LedgerSettings): Promise<void> {
    (await ledger.prepare(next)).take();
  }

  const used = (sim: number, id = 'seconds-day') =>
    ledger.usageOf(`sim-${sim}`, clock.wallMs())?.allowances.find(({ allowanceId }) => allowanceId === id)?.used;
  const held = (sim: number, id = 'seconds-day') =>
    ledger.usageOf(`sim-${sim}`, clock.wallMs())?.allowances.find(({ allowanceId }) => allowanceId === id)?.held;

  const states = () => CHANNELS.map(({ channelId }) => ledger.view.channelState(channelId));

  async function assertSound(): Promise<void> {
    const { differences } = await ledger.verify();
    assert.deepEqual(differences, []);
  }

  it('count what an allowance that was not there before would have counted', async () => {
    await end(await talk(1), 12);
    await end(await talk(1), 5);
    const calls = allowanceOf({ id: 'calls-day', counts: 'calls', limit: 3, classes: ['mobile'] });
    await take(settings({ plans: [plan(100, calls)] }));
    assert.deepEqual([used(1), used(1, 'calls-day'), used(2, 'calls-day')], [17, 2, 0]);
    await assertSound();
    await end(await talk(1), 1);
    const refused = await ledger.reserve(request(1));
    assert.deepEqual([refused.ok, !refused.ok && refused.allowanceId], [false, 'calls-day']);
    await assertSound();
  });

  it('keep the book of a SIM whose plan says the same, and read no history for it', async () => {
    await end(await talk(1), 12);
    let reads = 0;
    const { query } = journal;
    journal.query = (...ask) => {
      reads += 1;
      return query.apply(journal, ask);
    };
    await take(settings({ plans: [plan(100)], channels: CHANNELS.map((channel) => ({ ...channel, gapMs: 5 })) }));
    assert.equal(reads, 0);
    assert.equal(used(1), 12);
  });

  it('refuse above a lowered limit, and cut no call that lives', async () => {
    const live = await talk(1);
    clock.advance(20_000);
    await take(settings({ plans: [plan(10)] }));
    const grant = await ledger.renew(live, clock.wallMs() + 30_000);
    assert.deepEqual([grant.maxCallSeconds >= 49, grant.isFinal], [true, true]);
    assert.ok((held(1) ?? 0) >= 50, 'it is held in the new book');
    const charge = await end(live, 40, clock.wallMs() - 20_000);
    assert.equal(charge.billedSeconds, 40);
    assert.deepEqual([used(1), held(1)], [40, 0]);
    assert.equal((await ledger.reserve(request(1))).ok, false);
    assert.equal((await ledger.reserve(request(2))).ok, true);
    await assertSound();
  });

  it('charge a live call by the plan that it began with', async () => {
    const dear = { ...plan(100), allowances: [], rates: { mobile: { perStep: '2', stepSeconds: 1 } } };
    const live = await talk(1);
    await take(settings({ plans: [dear] }));
    assert.equal((await end(live, 10)).cost, '0');
    assert.equal((await end(await talk(1), 10)).cost, '20');
    await assertSound();
  });

  it('charge a live call by the plan that it began with as that was corrected since', async () => {
    const beyond = { kind: 'charge', perStep: '2', stepSeconds: 1 } as const;
    const planned = (limit: number) => {
      const seconds = allowanceOf({ id: 'seconds-day', counts: 'seconds', limit, classes: ['mobile'], beyond });
      return settings({ plans: [{ ...plan(100), allowances: [seconds] }] });
    };
    await take(planned(20));
    const live = await talk(1);
    await take(planned(500));
    await take(planned(400));
    const adjustment = { holder: 'sim:sim-1', allowanceId: 'seconds-day', amount: 15, reason: 'a test', by: 'kim' };
    assert.deepEqual(await ledger.adjust({ ...adjustment, adjustmentId: 'a1', wallMs: clock.wallMs() }), {
      ...{ ok: true, used: 15 },
    });
    assert.equal((await end(live, 10)).cost, '10');
    assert.deepEqual([used(1), held(1)], [25, 0]);
    await assertSound();
  });

  it('count what is booked and corrected while history is read', async () => {
    await end(await talk(1), 12);
    const live = await talk(1);
    const calls = allowanceOf({ id: 'calls-day', counts: 'calls', limit: 9, classes: ['mobile'] });
    const preparing = ledger.prepare(settings({ plans: [plan(100, calls)] }));
    await end(live, 7);
    const [prepared] = await Promise.all([
      preparing,
      ledger.adjust({
        ...{
          adjustmentId: 'a1',
          holder: 'sim:sim-1',
          allowanceId: 'seconds-day',
          amount: 3,
          reason: 'test',
          by: 'kim',
        },
        wallMs: clock.wallMs(),
      }),
    ]);
    prepared.take();
    assert.deepEqual([used(1), used(1, 'calls-day')], [22, 2]);
    await assertSound();
  });

  it('count no correction that was refused, because only they know whose it is', async () => {
    const sims = [...SIMS, { simId: 'sim-3', plan: 'office' }];
    const prepared = await ledger.prepare(settings({ sims }));
    const asked = { holder: 'sim:sim-3', allowanceId: 'seconds-day', amount: 3, reason: 'test', by: 'kim' };
    const adjusted = await ledger.adjust({ ...asked, adjustmentId: 'a1', wallMs: clock.wallMs() });
    assert.deepEqual(adjusted, { ok: false, reason: 'unknown-holder' });
    prepared.take();
    assert.equal(used(3), 0);
    await assertSound();
  });

  it('that were given up change nothing', async () => {
    const live = await talk(1);
    const prepared = await ledger.prepare(settings({ plans: [plan(5)], channels: [] }));
    prepared.discard();
    await end(live, 12);
    assert.equal(used(1), 12);
    assert.equal((await ledger.reserve(request(1))).ok, true);
  });

  it('let a channel that is gone finish its call, and take no other on it', async () => {
    const live = await talk(1);
    await take(settings({ sims: SIMS.slice(1), channels: CHANNELS.slice(1) }));
    assert.deepEqual(await ledger.reserve(request(1)), { ok: false, reason: 'unknown-channel' });
    assert.equal(ledger.view.channelState('gw1/1'), 'busy');
    assert.deepEqual((await end(live, 8)).billedSeconds, 8);
    assert.equal(ledger.view.channelState('gw1/1'), undefined);
    // It comes back with what it has used.
    await take(settings());
    assert.deepEqual([ledger.view.channelState('gw1/1'), used(1)], ['idle', 8]);
    await assertSound();
  });

  it('leave a channel busy whose card was changed while its call lives', async () => {
    const live = await talk(1);
    const sims = [...SIMS, { simId: 'sim-3', plan: 'office' }];
    const channels = [{ channelId: 'gw1/1', simId: 'sim-3', gapMs: 0 }, ...CHANNELS.slice(1)];
    await take(settings({ sims, channels }));
    const asked = { channelId: 'gw1/1', simId: 'sim-3' };
    assert.deepEqual(await ledger.reserve(request(1, asked)), { ok: false, reason: 'channel-busy' });
    await end(live, 8);
    assert.deepEqual([used(1), used(3)], [8, 0]);
    assert.equal((await ledger.reserve(request(1, asked))).ok, true);
  });

  it('let a channel rest to which a SIM in a call has moved, whose own gap was over sooner, and no longer when it moves back', async () => {
    const gaps = (...sims: readonly string[]) => sims.map((simId, at) => ({ ...CHANNELS[at], simId, gapMs: 2_000 }));
    const [before, moved] = [gaps('sim-1', 'sim-2'), gaps('sim-2', 'sim-1')] as (typeof CHANNELS)[];
    await take(settings({ channels: before ?? [] }));
    const live = await talk(1);
    await end(await talk(2), 1);
    await take(settings({ channels: moved ?? [] }));
    clock.advance(2_000);
    assert.deepEqual(states(), ['busy', 'resting']);
    const changes: string[] = [];
    ledger.view.events.on('channel:changed', (channelId, state) => changes.push(`${channelId} ${state}`));
    await take(settings({ channels: before ?? [] }));
    assert.deepEqual([states(), changes], [['busy', 'idle'], ['gw1/2 idle']]);
    await end(live, 8);
    assert.deepEqual(states(), ['resting', 'idle']);
  });

  it('hold calls that live against caps that have changed, and grant them by those that they began with', async () => {
    const of = (limit: number) => {
      const terms = caps(limit);
      return () => terms;
    };
    await take(settings({ capsOf: of(100) }));
    const live = await talk(1);
    await take(settings({ capsOf: of(40) }));
    const usage = () => ledger.usageOfPayer('trunk:pbx', clock.wallMs())?.[0];
    assert.deepEqual([usage()?.limit, usage()?.used, usage()?.held], [40, 0, 30]);
    clock.advance(25_000);
    const grant = await ledger.renew(live, clock.wallMs() + 30_000);
    assert.equal(grant.maxCallSeconds, 54);
    const refused = await ledger.reserve(request(2));
    assert.deepEqual(refused.ok || refused.reason, 'cap-exhausted');
    await end(live, 50, clock.wallMs() - 25_000);
    assert.deepEqual([usage()?.used, usage()?.held], [50, 0]);
    await take(settings({ capsOf: of(100) }));
    assert.deepEqual([usage()?.limit, usage()?.used], [100, 50]);
    await assertSound();
    await take(settings());
    assert.equal(usage(), undefined);
  });

  /** Both calls are renewed every ten seconds, and end when their grants do; how long they lasted together. */
  async function talkToTheEnd(...live: readonly string[]): Promise<number> {
    const ends = new Map(live.map((id) => [id, 0]));
    const answeredWallMs = new Map<string, number>();
    for (const { reservationId, answeredWallMs: at } of await reservations()) answeredWallMs.set(reservationId, at);
    let seconds = 0;
    while (ends.size > 0) {
      for (const id of [...ends.keys()]) {
        const since = answeredWallMs.get(id) ?? 0;
        const { maxCallSeconds } = await ledger.renew(id, clock.wallMs() + 30_000);
        ends.set(id, Math.max(ends.get(id) ?? 0, since + maxCallSeconds * 1_000));
      }
      clock.advance(10_000);
      for (const [id, endWallMs] of [...ends]) {
        if (endWallMs > clock.wallMs()) continue;
        ends.delete(id);
        const lasted = Math.round((endWallMs - (answeredWallMs.get(id) ?? 0)) / 1_000);
        seconds += (await end(id, lasted, answeredWallMs.get(id))).billedSeconds;
      }
    }
    return seconds;
  }

  async function reservations() {
    const rows = await journal.query('SELECT reservation_id, answered_wall_ms FROM reservations', []);
    return rows.map((row) => ({
      reservationId: String(row.reservation_id),
      answeredWallMs: Number(row.answered_wall_ms),
    }));
  }

  for (const [before, after] of [
    [100, 90],
    [60, 100],
    [100, 20],
  ] as const) {
    it(`let calls that began before and after a cap of ${before} s became ${after} use the larger together, and no more`, async () => {
      const of = (limit: number) => {
        const terms = caps(limit);
        return () => terms;
      };
      const roomy = { plans: [plan(10_000)] };
      await take(settings({ ...roomy, capsOf: of(before) }));
      const first = await talk(1);
      await take(settings({ ...roomy, capsOf: of(after) }));
      const asked = request(2);
      const second = (await ledger.reserve(asked)).ok ? [asked.reservationId] : [];
      for (const id of second) await ledger.confirm(id, clock.wallMs());
      const seconds = await talkToTheEnd(first, ...second);
      const limit = Math.max(before, after);
      assert.ok(seconds <= limit && seconds >= limit - 4, `${seconds} s of ${limit}`);
      await assertSound();
    });
  }
});
