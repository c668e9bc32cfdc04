import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '../lib/logger.js';
import type { Message } from '../messages/message.js';
import { MessageWorld, SENT } from '../messages/testing/message-kit.js';
import { MessageStore } from './message-store.js';
import { type Notice, NoticeDelivery, type NoticeResult } from './notice-delivery.js';
import { tellWebhook } from './webhook.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const GIVE_UP_MS = 10_000;

describe('what trunks are told', () => {
  let world: MessageWorld;
  let message: Message;
  let told: Notice[];
  let results: NoticeResult[];
  /** Of the trunk that cannot be told: what waits for an answer. */
  let unanswered: ((result: NoticeResult) => void)[];
  let store: MessageStore;
  let delivery: NoticeDelivery;
  let giveUpMs: number;

  beforeEach(async () => {
    world = await MessageWorld.open();
    world.gateway.answerAllBy(() => SENT);
    const submission = await world.service.submit(world.request({ reference: 'order-7' }));
    await world.settled();
    message = (await world.store.find(submission.message.messageId)) as Message;
    told = [];
    results = [];
    giveUpMs = GIVE_UP_MS;
    unanswered = [];
    store = new MessageStore({
      ...{ journal: world.journal, clock: world.clock, log, keepDays: () => 8 },
      noticesOf: () => ['sip', 'webhook'],
      recordOf: () => [],
    });
    start();
  });

  afterEach(async () => {
    for (const answer of unanswered.splice(0)) answer('failed');
    await delivery.close();
    await world.close();
  });

  function start(): void {
    const tell = async (notice: Notice): Promise<NoticeResult> => {
      told.push(notice);
      if (notice.trunk === 'dead') return new Promise((resolve) => unanswered.push(resolve));
      const result = results.shift() ?? 'told';
      return result;
    };
    delivery = new NoticeDelivery({
      ...{ journal: world.journal, clock: world.clock, log, giveUpAfterMs: () => giveUpMs },
      tellers: { sip: tell, webhook: tell },
    });
  }

  const news = async () => store.commit(store.keep(message, { isNews: true }));
  const left = async () => (await world.journal.query('SELECT notice_id FROM message_notices', [])).length;
  async function wake(): Promise<void> {
    delivery.wake();
    await world.settled();
    await world.settled();
  }

  it('is kept with what has happened, and gone when it was told each way', async () => {
    await news();
    assert.equal(await left(), 2);
    await wake();
    assert.equal(told.length, 2);
    assert.equal(told[0]?.message.messageId, message.messageId);
    assert.equal(await left(), 0);
    assert.deepEqual(delivery.counters, { told: 2, failedTries: 0, givenUp: 0 });
  });

  it('is told again with longer pauses under the same id, and after a restart', async () => {
    results = ['told', 'failed', 'failed'];
    await news();
    await wake();
    assert.equal(told.length, 2);
    world.clock.advance(1_000);
    await world.settled();
    await world.settled();
    assert.equal(told.length, 3);
    await delivery.close();
    start();
    await wake();
    assert.equal(told.length, 3, 'not before its time');
    world.clock.advance(2_000);
    await wake();
    assert.equal(told.length, 4);
    assert.equal(new Set(told.slice(1).map(({ noticeId }) => noticeId)).size, 1);
    assert.equal(await left(), 0);
  });

  it('is given up when the trunk refuses it or it is too old', async () => {
    results = ['refused', ...Array.from({ length: 20 }, (): NoticeResult => 'failed')];
    await news();
    await wake();
    assert.equal(await left(), 1);
    for (let second = 0; second < 20; second++) {
      world.clock.advance(1_000);
      await wake();
    }
    assert.equal(await left(), 0);
    assert.equal(delivery.counters.givenUp, 2);
  });

  const deadNews = async (count: number) => {
    const dead = { ...message, trunk: 'dead' };
    await store.commit(Array.from({ length: count }, () => store.keep(dead, { isNews: true })).flat());
  };
  const toldTo = (trunk: string) => told.filter((notice) => notice.trunk === trunk).length;
  async function answerDead(result: NoticeResult): Promise<void> {
    for (const answer of unanswered.splice(0)) answer(result);
    await world.settled();
    await world.settled();
  }

  it('reaches a trunk while another one does not answer, which is tried by one notice at a time then', async () => {
    await deadNews(100);
    await wake();
    await news();
    await wake();
    assert.deepEqual([toldTo('dead'), toldTo('pbx')], [32, 2], 'sixteen by each way');
    await answerDead('failed');
    await wake();
    assert.equal(toldTo('dead'), 32, 'it rests');
    for (const pauseMs of [1_000, 2_000]) {
      world.clock.advance(pauseMs);
      await wake();
      assert.equal(unanswered.length, 2, 'one by each way');
      await answerDead('failed');
    }
    world.clock.advance(4_000);
    await wake();
    await answerDead('told');
    assert.equal(unanswered.length, 32, 'it is there again');
    await news();
    await wake();
    assert.equal(toldTo('pbx'), 4);
    while (unanswered.length > 0) await answerDead('told');
    world.clock.advance(10_000);
    await wake();
    while (unanswered.length > 0) await answerDead('told');
    assert.equal(await left(), 0);
  });

  it('is given up with all that are as old, when nobody could be told of them', async () => {
    await deadNews(300);
    await wake();
    await answerDead('failed');
    world.clock.advance(300_000);
    await deadNews(1);
    await wake();
    assert.deepEqual([await left(), unanswered.length], [2, 2], 'the new one is tried');
    assert.equal(delivery.counters.givenUp, 600);
    await answerDead('told');
    assert.equal(await left(), 0);
  });

  it('is tried once where nothing is told again, also after others were told in vain', async () => {
    giveUpMs = 0;
    for (let round = 0; round < 3; round++) {
      await deadNews(1);
      await wake();
      assert.equal(unanswered.length, 2);
      await answerDead('failed');
      assert.equal(await left(), 0);
      world.clock.advance(10_000);
    }
  });

  it('passes over a row that cannot be read', async () => {
    const parameters = ['m', 'pbx', 'sip', '{', 0, 0];
    const statement = `INSERT INTO message_notices (message_id, trunk, via, data, made_wall_ms, due_wall_ms, tries)
      VALUES (?, ?, ?, ?, ?, ?, 0)`;
    await world.journal.commit([{ statement, parameters }]);
    await news();
    await wake();
    assert.equal(told.length, 2);
    assert.equal(await left(), 0);
  });

  describe('by its webhook', () => {
    let server: Server;
    let status: number;
    let heard: { body: string; signature: string | undefined }[];

    beforeEach(async () => {
      status = 200;
      heard = [];
      server = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        request.on('end', () => {
          heard.push({ body, signature: request.headers['x-simtrunk-signature']?.toString() });
          response.writeHead(status).end();
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    const tell = (secret: string | null) => {
      const { port } = server.address() as AddressInfo;
      const settings = { url: `http://127.0.0.1:${port}/hook`, secret, timeoutMs: 5_000 };
      return tellWebhook({ noticeId: '7', trunk: 'pbx', message, tries: 0 }, settings, world.clock);
    };

    it('is one JSON object, signed with the time', async () => {
      assert.equal(await tell('s3cret'), 'told');
      const [{ body, signature } = { body: '', signature: undefined }] = heard;
      const { id, event, messageId, reference, to, from, kind } = JSON.parse(body);
      assert.deepEqual([id, event, messageId, reference], ['7', 'message.sent', message.messageId, 'order-7']);
      assert.deepEqual([to, from, kind], ['+821012345678', '+821040000001', 'sms']);
      const seconds = Math.floor(world.clock.wallMs() / 1000);
      const expected = createHmac('sha256', 's3cret').update(`${seconds}.${body}`).digest('hex');
      assert.equal(signature, `t=${seconds},v1=${expected}`);
    });

    it('is tried again for any answer but 2xx, and not any more for 410', async () => {
      for (const [code, result] of [
        [204, 'told'],
        [302, 'failed'],
        [404, 'failed'],
        [500, 'failed'],
        [410, 'refused'],
      ] as const) {
        status = code;
        assert.equal(await tell(null), result, String(code));
      }
      assert.equal(heard[0]?.signature, undefined);
    });
  });
});
