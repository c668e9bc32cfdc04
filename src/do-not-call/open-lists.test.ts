import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { ManualClock } from '../lib/clock.js';
import type { ListSettings } from './list-keeper.js';
import { openDoNotCallLists } from './open-lists.js';

describe('the do-not-call lists of a config', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-lists-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function list(name: string, numbers: readonly string[]): ListSettings {
    const file = join(folder, `${name}.txt`);
    writeFileSync(file, numbers.join('\n'));
    return { name, source: { kind: 'file', file }, country: 'KR', maxAgeMs: null, maxBytes: 1_000 };
  }

  it('keep over a reload those that say the same, read those that are new, and end those that are gone', async () => {
    const clock = new ManualClock();
    const own = list('own', ['01011112222']);
    const lists = await openDoNotCallLists([own, list('old', ['01033334444'])], {
      ...{ clock, log: pino({ level: 'silent' }), watch: true },
    });
    const [before] = lists.lists;
    const given = await lists.prepare([{ ...own }, list('given-up', [])]);
    given.discard();
    assert.equal(lists.lists.length, 2);
    const ready = await lists.prepare([{ ...own }, list('new', ['01055556666'])]);
    assert.deepEqual([ready.lists[0] === before, ready.lists[1]?.has('+821055556666')], [true, true]);
    assert.deepEqual(
      lists.counters.map(({ name }) => name),
      ['own', 'old'],
    );
    ready.take();
    assert.deepEqual(
      lists.counters.map(({ name, numbers }) => [name, numbers]),
      [
        ['own', 1],
        ['new', 1],
      ],
    );
    assert.equal(clock.pendingTimers, 2);
    await lists.close();
    assert.equal(clock.pendingTimers, 0);
  });
});
