import assert from 'node:assert/strict';
import type { JournalValue } from '../lib/journal-entry.js';
import type { DeliveryReport } from '../messages/message.js';
import { log, MessageWorld } from '../messages/testing/message-kit.js';
import { MessageStore } from './message-store.js';

const REPORT: DeliveryReport = {
  ...{ gateway: 'gw1', status: 'delivered', detail: null, messageId: null, reference: null, number: null },
  ...{ channelId: 'gw1/1', atMs: null, key: 'k' },
};

describe('messages in the journal', () => {
  let world: MessageWorld;

  before(async () => {
    world = await MessageWorld.open();
  });
  after(() => world.close());

  it('are found by an index whatever is asked: the journal’s thread has calls to commit', async () => {
    const asked: (readonly [string, readonly JournalValue[]])[] = [];
    const { journal, clock } = world;
    const store = new MessageStore({
      journal: {
        isOpen: true,
        commit: (entries) => journal.commit(entries),
        query(statement, parameters) {
          asked.push([statement, parameters]);
          return journal.query(statement, parameters);
        },
      },
      ...{ noticesOf: () => [], recordOf: () => [], keepDays: () => 8, clock, log },
    });
    await store.find('id');
    await store.findByKey('key');
    await store.left();
    await store.findReported({ ...REPORT, messageId: 'id' });
    await store.findReported({ ...REPORT, reference: '7' });
    await store.findReported({ ...REPORT, number: '01012345678' });
    await store.isReported('key');
    await store.lastSender('+821012345678', 'sim1', 0);
    assert.equal(asked.length, 9);
    for (const [statement, parameters] of asked) {
      const plan = await journal.query(`EXPLAIN QUERY PLAN ${statement}`, parameters);
      const steps = plan.map(({ detail }) => String(detail));
      assert.ok(steps.length > 0);
      for (const step of steps) assert.doesNotMatch(step, /SCAN/, statement);
      // A gateway alone, or a time, has nearly all of them.
      for (const step of steps) assert.doesNotMatch(step, /\(gateway=\?\)|taken_wall_ms<\?\)$/, statement);
    }
  });
});
