import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config/config.js';
import type { ArrivedMessage } from '../messages/message.js';
import { log, MessageWorld } from '../messages/testing/message-kit.js';
import { HeldMessages } from '../messaging/held-messages.js';
import { MessagePolls } from './start-message-polls.js';
import { until } from './testing/arena.js';

describe('the gateways that are asked for messages', () => {
  let world: MessageWorld;
  let box: Server;
  let polls: MessagePolls | undefined;
  let held: HeldMessages;
  let asked: string[];
  let received: ArrivedMessage[];
  /** Lets the inbox have what it is being given. */
  let keepAll: () => void;

  beforeEach(async () => {
    [asked, received] = [[], []];
    world = await MessageWorld.open();
    box = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(JSON.stringify([{ from: '100', text: 'hello' }]));
    });
    await new Promise<void>((resolve) => box.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    keepAll();
    await polls?.close();
    box.closeAllConnections();
    await new Promise((resolve) => box.close(resolve));
    await world.close();
  });

  const config = (path: string, more: readonly object[] = []) => {
    const poll = {
      ...{ url: `http://127.0.0.1:${(box.address() as AddressInfo).port}`, account: null, verifyServer: true },
      ...{ intervalMs: 1_000, timeoutMs: 5_000, maxBytes: 10_000, timeZone: 'Asia/Seoul', spanMs: 1_000 },
      ...{ questions: [{ method: 'GET', path, list: '', message: { from: 'from', text: 'text', textIs: 'text' } }] },
      channels: new Map(),
    };
    return {
      messages: { keepDays: 8, gateways: [{ gateway: 'gw1', poll }] },
      channels: [{ channelId: 'gw1/1', gateway: 'gw1', port: 1, simId: 'sim1' }, ...more],
      sims: [{ simId: 'sim1', number: '+821040000001' }],
    } as unknown as Config;
  };

  function open(): MessagePolls {
    const mayKeep = new Promise<void>((resolve) => {
      keepAll = resolve;
    });
    const inbox = {
      receive: async (message: ArrivedMessage) => {
        received.push(message);
        await mayKeep;
      },
      report: async () => true,
    };
    const { journal, clock } = world;
    held = new HeldMessages({ journal, clock, log, heldForMs: () => 1e9 });
    polls = new MessagePolls(config('/one'), { journal, inbox, held, clock, log });
    return polls;
  }

  /** Time goes by until something is so. */
  const inTime = (what: string, isSo: () => boolean) =>
    until(what, () => {
      world.clock.advance(500);
      return isSo();
    });

  it('are asked otherwise only when the questions of before have ended', async () => {
    const opened = open();
    await inTime('it is being kept', () => received.length === 1);
    opened.reconfigure(config('/two'));
    opened.reconfigure(config('/three'));
    for (let turn = 0; turn < 20; turn++) {
      world.clock.advance(500);
      await world.settled();
    }
    assert.deepEqual(asked, ['/one']);
    keepAll();
    await inTime('it is asked otherwise', () => asked.length > 1);
    assert.deepEqual(asked.slice(0, 2), ['/one', '/three']);
    assert.ok(opened.counters.messages >= 1);
  });

  it('are asked no more when the end has come, also by questions that a reload replaced', async () => {
    const opened = open();
    await inTime('it is being kept', () => received.length === 1);
    opened.reconfigure(config('/two'));
    let isClosed = false;
    const closing = opened.close().then(() => {
      isClosed = true;
    });
    await world.settled();
    assert.equal(isClosed, false, 'what is being kept is kept first');
    keepAll();
    await closing;
    world.clock.advance(10_000);
    await world.settled();
    assert.deepEqual([asked, opened.counters.messages], [['/one'], 1]);
  });

  it('take what is held for a channel when a config has it that changes nothing of how they are asked', async () => {
    const opened = open();
    keepAll();
    const second = { channelId: 'gw1/2', gateway: 'gw1', port: 2, simId: 'sim1' };
    // With two channels a message has to say which it came to, and this one does not.
    opened.reconfigure(config('/one', [second]));
    await inTime('it is held', () => opened.counters.unknown === 1);
    assert.deepEqual([received.length, held.count], [0, 1]);
    opened.reconfigure(config('/one'));
    await inTime('it is taken', () => held.count === 0);
    assert.deepEqual([received.length, asked.every((path) => path === '/one')], [1, true]);
  });
});
