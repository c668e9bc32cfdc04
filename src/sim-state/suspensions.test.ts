import assert from 'node:assert/strict';
import { pino } from 'pino';
import { ManualClock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import { openSuspensions, type Suspension, type SuspensionSettings, type Suspensions } from './suspensions.js';

const FOUND = { streak: 'no-alerting', count: 15 } as const;

function channelsOf(count: number, gateway = 'gw1'): SuspensionSettings['channels'] {
  return Array.from({ length: count }, (_, i) => {
    return { channelId: `${gateway}/${i + 1}`, gateway, simId: `${gateway} sim ${i + 1}` };
  });
}

/** A journal of one table. */
class Rows {
  readonly rows = new Map<string, string>();

  async commit(entries: readonly JournalEntry[]): Promise<void> {
    for (const { statement, parameters } of entries) {
      const [channelId, data] = parameters.map(String);
      if (statement.startsWith('DELETE')) this.rows.delete(channelId ?? '');
      else this.rows.set(channelId ?? '', data ?? '');
    }
  }

  async query() {
    return [...this.rows.values()].map((data) => ({ data }));
  }
}

describe('Suspensions', () => {
  let clock: ManualClock;
  let journal: Rows;
  let told: string[];
  let alarms: string[];

  beforeEach(() => {
    clock = new ManualClock();
    journal = new Rows();
    told = [];
    alarms = [];
  });

  function open(channels = channelsOf(4), mostPercent = 50): Promise<Suspensions> {
    const write = (text: string) => {
      const { alarm, channelId, msg } = JSON.parse(text) as Record<string, string>;
      alarms.push(`${alarm} ${channelId}: ${msg}`);
    };
    const onChange = (channelId: string, suspension: Suspension | null) =>
      told.push(`${channelId} ${suspension !== null}`);
    return openSuspensions(
      { channels, mostPercent },
      { journal, clock, log: pino({ level: 'warn' }, { write }), onChange },
    );
  }

  it('suspend a channel with an alarm until it is resumed', async () => {
    const suspensions = await open();
    const suspension = suspensions.suspend('gw1/2', FOUND);
    assert.deepEqual(suspension, { channelId: 'gw1/2', simId: 'gw1 sim 2', ...FOUND, sinceWallMs: clock.wallMs() });
    assert.equal(suspensions.suspend('gw1/2', FOUND), null);
    assert.deepEqual(suspensions.list(), [suspension]);
    assert.deepEqual(suspensions.resume('gw1/2'), suspension);
    assert.equal(suspensions.resume('gw1/2'), null);
    assert.deepEqual(told, ['gw1/2 true', 'gw1/2 false']);
    assert.deepEqual(alarms, ['channel gw1/2: channel is suspended for what its calls came to']);
    assert.equal(journal.rows.size, 0);
  });

  it('hold after a restart, but not for another SIM and not for a channel that is gone', async () => {
    const before = await open(channelsOf(6), 100);
    for (const channelId of ['gw1/1', 'gw1/2', 'gw1/6']) before.suspend(channelId, FOUND);
    told = [];
    const channels = channelsOf(5).map((channel) =>
      channel.channelId === 'gw1/2' ? { ...channel, simId: 'new' } : channel,
    );
    const after = await open(channels, 100);
    assert.deepEqual(
      after.list().map(({ channelId }) => channelId),
      ['gw1/1'],
    );
    assert.deepEqual(
      told.filter((one) => one.endsWith('true')),
      ['gw1/1 true'],
    );
    assert.deepEqual([...journal.rows.keys()], ['gw1/1']);
  });

  it('take no more than a share of a gateway’s channels, and say so once for each further one', async () => {
    const suspensions = await open([...channelsOf(4), ...channelsOf(1, 'gw2')]);
    for (const port of [1, 2, 3, 3]) suspensions.suspend(`gw1/${port}`, FOUND);
    assert.deepEqual(
      suspensions.list().map(({ channelId }) => channelId),
      ['gw1/1', 'gw1/2'],
    );
    assert.match(alarms.at(-1) ?? '', /^channel gw1\/3: channel stays in use/);
    assert.equal(alarms.length, 3);
    // One may be, however few there are.
    assert.notEqual(suspensions.suspend('gw2/1', FOUND), null);
    suspensions.resume('gw1/1');
    assert.notEqual(suspensions.suspend('gw1/3', FOUND), null);
  });

  it('take nothing that they do not know', async () => {
    const suspensions = await open();
    assert.equal(suspensions.suspend('gw9/1', FOUND), null);
    assert.deepEqual([told, alarms], [[], []]);
  });
});
