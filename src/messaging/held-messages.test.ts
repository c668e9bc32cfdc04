import assert from 'node:assert/strict';
import { createLogger, type Logger } from '../lib/logger.js';
import { MessageWorld } from '../messages/testing/message-kit.js';
import type { ToldEntry } from '../messages/told-messages.js';
import { HeldMessages, MOST_HELD } from './held-messages.js';

const HELD_FOR_MS = 86_400_000;

describe('messages of channels that are not in the config', () => {
  let world: MessageWorld;
  let held: HeldMessages;
  let logged: string[];

  beforeEach(async () => {
    world = await MessageWorld.open();
    held = open();
  });
  afterEach(() => world.close());

  function open(): HeldMessages {
    logged = [];
    const keep = (fields: { channel?: unknown; gateway?: unknown; messages?: unknown }, message: string) =>
      logged.push(`${fields.channel ?? `${fields.gateway} ${fields.messages}`}: ${message}`);
    const log = Object.assign(createLogger({ level: 'silent', redactNumbers: false }), { warn: keep, error: keep });
    const { journal, clock } = world;
    return new HeldMessages({ journal, clock, log: log as Logger, heldForMs: () => HELD_FOR_MS });
  }

  const hold = (text: string, gateway = 'gw1', channel = '7') =>
    world.journal.commit(held.hold(gateway, '/in', { text }, channel));

  async function offered(gateway = 'gw1', isTaken = true): Promise<unknown[]> {
    const entries: ToldEntry[] = [];
    await held.offer(gateway, async (source, entry) => {
      assert.equal(source, '/in');
      entries.push(entry);
      return isTaken;
    });
    return entries.map(({ text }) => text);
  }

  it('are held over restarts, by gateway and in order, until they are taken', async () => {
    await hold('one');
    await hold('two');
    await hold('of another', 'gw2');
    await world.crash();
    held = open();
    assert.deepEqual([await offered('gw1', false), held.count], [['one', 'two'], 2]);
    assert.deepEqual([await offered(), held.count], [['one', 'two'], 0]);
    assert.deepEqual([await offered(), await offered('gw2')], [[], ['of another']]);
  });

  it('are told of in the log once for each channel, by its name', async () => {
    for (const channel of ['7', '7', '8', 'x'.repeat(100)]) await hold('one', 'gw1', channel);
    assert.deepEqual(
      logged.map((line) => line.split(':')[0]),
      ['7', '8', 'x'.repeat(64)],
    );
  });

  it('are offered once more, however old, and then let go with an alarm that says how many', async () => {
    held.start();
    await hold('old');
    await hold('old, too');
    await hold('old of another', 'gw2');
    world.clock.advance(HELD_FOR_MS - 1_000);
    await hold('newer');
    await world.settled();
    logged = [];
    world.clock.advance(2_000);
    assert.deepEqual([await offered('gw1', false), held.count], [['old', 'old, too', 'newer'], 4]);
    assert.deepEqual(logged, []);
    world.clock.advance(3_600_000);
    await world.settled();
    assert.equal(held.count, 1);
    assert.deepEqual(logged, [
      'gw1 2: messages whose channel was not in the config for too long are lost',
      'gw2 1: messages whose channel was not in the config for too long are lost',
    ]);
    assert.deepEqual([await offered('gw2'), await offered()], [[], ['newer']]);
    const { pendingTimers } = world.clock;
    held.close();
    assert.equal(world.clock.pendingTimers, pendingTimers - 1);
  });

  it('are so many of a gateway, of such a length, and the log says what is lost', async () => {
    await world.journal.commit(
      Array.from({ length: MOST_HELD + 2 }, (_, n) => held.hold('gw1', '/in', { text: n }, '7')).flat(),
    );
    await hold('x'.repeat(100_000));
    assert.equal(held.count, MOST_HELD);
    assert.equal(logged.filter((line) => / lost$/.test(line)).length, 3);
    const entries = await offered();
    assert.deepEqual([entries.length, entries[0], entries.at(-1)], [MOST_HELD, 2, MOST_HELD + 1]);
  });

  it('stay when one cannot be taken', async () => {
    await hold('one');
    await hold('two');
    const fails = async (_: string, { text }: ToldEntry) => {
      if (text === 'two') throw new Error('the journal is closed');
      return true;
    };
    await assert.rejects(held.offer('gw1', fails), /closed/);
    assert.deepEqual(await offered(), ['two']);
  });
});
