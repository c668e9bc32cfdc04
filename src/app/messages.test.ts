// Text messages through the whole service: the HTTP API, a gateway over HTTP, webhooks, records, kill and reload.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import { messageRecordSchema } from '../cdr/message-record.js';
import { answers } from '../lab/callee-behaviour.js';
import { readLatestMessages } from '../lab/sip-tests/read-cdrs.js';
import { Arena, until } from './testing/arena.js';

type Json = Record<string, unknown>;

/** The gateway's API and the trunk's webhook. */
class Web {
  readonly sent: Json[] = [];
  readonly hooked: Json[] = [];
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const isHook = request.url === '/hook';
        (isHook ? this.hooked : this.sent).push(JSON.parse(body) as Json);
        response.writeHead(isHook ? 200 : this.status).end('{"id":"gw-77"}');
      });
    });
  }

  static async open(): Promise<Web> {
    const web = new Web();
    await new Promise<void>((resolve) => web.#server.listen(0, '127.0.0.1', resolve));
    return web;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('text messages of the service', function () {
  this.timeout(30_000);
  let arena: Arena;
  let web: Web;
  let app: RunningApp;

  before(async () => {
    arena = await Arena.open(() => answers({ afterMs: 10 }));
    web = await Web.open();
    app = await startApp(arena.config(settings()));
  });

  after(async () => {
    await app.close();
    await web.close();
    await arena.close();
  });

  beforeEach(() => {
    web.sent.length = 0;
    web.hooked.length = 0;
    web.status = 200;
  });

  function settings(): Json {
    const place = `http://127.0.0.1:${web.port}`;
    return {
      trunks: [{ messages: { webhook: { url: `${place}/hook` } } }],
      gateways: [
        {
          gapMs: 0,
          messages: {
            ...{ via: 'http', alphabet: 'euc-kr', lmsBytes: 2_000, mms: true },
            http: { preset: 'json', url: `${place}/messages` },
          },
        },
      ],
      plans: [{ messageRates: { sms: '22', lms: '44', mms: '220' } }],
      messages: { defaultTrunk: 'pbx' },
      api: {
        port: 0,
        tokens: [
          { name: 'crm', trunk: 'pbx', secret: 'for-the-trunk' },
          { name: 'box', gateway: 'gw1', secret: 'for-the-gateway' },
          { name: 'desk', operator: true, secret: 'for-the-operator' },
        ],
      },
    };
  }

  async function ask(
    method: string,
    path: string,
    { body, token = 'for-the-trunk', headers = {} }: { body?: unknown; token?: string | null; headers?: Json } = {},
  ): Promise<{ status: number; body: Json; headers: Headers }> {
    const response = await fetch(`http://127.0.0.1:${app.apiPort}/api/v1/${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(headers as Record<string, string>),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Json), headers: response.headers };
  }

  const records = () =>
    readLatestMessages(join(arena.folder, 'var', 'cdr')).map((line) => messageRecordSchema.parse(line));
  const recordOf = (messageId: unknown) => records().find((record) => record.messageId === messageId);
  const codeOf = ({ body }: { body: Json }) => (body.error as Json | undefined)?.code;

  it('are posted, sent, shown, recorded and told to the webhook', async () => {
    const { status, body, headers } = await ask('POST', 'messages', {
      body: { to: '010-1234-5678', text: '안녕하세요', agent: '701', reference: 'order-7' },
    });
    assert.equal(status, 202);
    const { messageId } = body;
    assert.equal(headers.get('location'), `/api/v1/messages/${messageId}`);
    await until('the message is recorded', () => recordOf(messageId) !== undefined);
    assert.deepEqual(web.sent, [
      {
        ...{ id: messageId, channel: '1', to: '+821012345678', from: recordOf(messageId)?.attempts[0]?.simNumber },
        ...{ text: '안녕하세요', kind: 'sms', media: [] },
      },
    ]);
    const record = recordOf(messageId);
    assert.deepEqual(
      [record?.state, record?.origin, record?.agent, record?.reference, record?.gatewayReference, record?.encoding],
      ['sent', 'api', '701', 'order-7', 'gw-77', 'euc-kr'],
    );
    assert.deepEqual([record?.attempts[0]?.cost, record?.attempts[0]?.currency], ['22', 'KRW']);
    const shown = await ask('GET', `messages/${messageId}`);
    assert.deepEqual([shown.status, shown.body.state, shown.body.kind], [200, 'sent', 'sms']);
    await until('the webhook was told', () => web.hooked.length === 1);
    assert.deepEqual([web.hooked[0]?.event, web.hooked[0]?.reference], ['message.sent', 'order-7']);
  });

  it('are one for one Idempotency-Key, which no other message may have', async () => {
    const headers = { 'idempotency-key': 'once' };
    const post = (text: string) => ask('POST', 'messages', { body: { to: '01012345678', text }, headers });
    const first = await Promise.all([post('hello'), post('hello'), post('hello')]);
    const again = await post('hello');
    const ids = new Set([...first, again].map(({ body }) => body.messageId));
    assert.equal(ids.size, 1);
    assert.deepEqual([...first, again].map(({ status }) => status).sort(), [200, 200, 200, 202]);
    assert.equal(codeOf(await post('something else')), 'key-reused');
    await until('it was sent', () => web.sent.length > 0);
    assert.equal(web.sent.length, 1);
    assert.equal(
      (await ask('POST', 'messages', { body: { to: '1', text: '' }, headers: { 'idempotency-key': 'a b' } })).status,
      400,
    );
  });

  it('may have pictures, and are an MMS then', async () => {
    const pictures = [{ contentType: 'image/png', base64: 'iVBORw0KGgo=' }];
    const { body } = await ask('POST', 'messages', { body: { to: '01012345678', text: 'look', pictures } });
    await until('the message is recorded', () => recordOf(body.messageId) !== undefined);
    assert.deepEqual(web.sent[0]?.media, pictures);
    const record = recordOf(body.messageId);
    assert.deepEqual([record?.kind, record?.pictures, record?.attempts[0]?.cost], ['mms', ['image/png'], '220']);
  });

  it('are refused with a code, the reason in the record', async () => {
    const refused = await ask('POST', 'messages', { body: { to: '0601234567', text: 'hello' } });
    assert.deepEqual([refused.status, codeOf(refused)], [403, 'class-not-allowed']);
    await until('the refusal is recorded', () => recordOf(refused.body.messageId) !== undefined);
    assert.equal(recordOf(refused.body.messageId)?.endReason, 'class-not-allowed');
    assert.equal(codeOf(await ask('POST', 'messages', { body: { to: 'x', text: 'hello' } })), 'bad-number');
    assert.equal(codeOf(await ask('POST', 'messages', { body: { to: '01012345678' } })), 'empty');
  });

  it('are not taken from whoever has no token, nor for what a token is not for', async () => {
    const body = { to: '01012345678', text: 'hello' };
    assert.equal((await ask('POST', 'messages', { body, token: null })).status, 401);
    assert.equal((await ask('POST', 'messages', { body, token: 'wrong' })).status, 401);
    assert.equal((await ask('POST', 'messages', { body, token: 'for-the-gateway' })).status, 403);
    assert.equal((await ask('POST', 'gateways/gw1', { body: {} })).status, 403);
    assert.equal((await ask('GET', 'messages/no-such')).status, 404);
    assert.equal((await ask('GET', 'nothing')).status, 404);
    assert.equal((await ask('GET', 'messages/%ff')).status, 404);
    assert.equal((await ask('DELETE', 'messages/x')).status, 405);
    assert.equal(web.sent.length, 0);
  });

  it('have to be sound JSON of a bounded length', async () => {
    assert.equal(codeOf(await ask('POST', 'messages', { body: '{' })), 'bad-request');
    assert.equal(codeOf(await ask('POST', 'messages', { body: { to: '01012345678', texts: 'hello' } })), 'bad-request');
    const form = { 'content-type': 'text/plain' };
    assert.equal((await ask('POST', 'messages', { body: 'hello', headers: form })).status, 415);
    assert.equal((await ask('POST', 'messages', { body: 'x'.repeat(600_000) })).status, 413);
  });

  it('come from mobiles over the gateway’s own requests, once, and reports of ours too', async () => {
    const { body } = await ask('POST', 'messages', { body: { to: '01099998888', text: 'hello', agent: '702' } });
    const { messageId } = body;
    await until('the message is recorded', () => recordOf(messageId) !== undefined);
    web.hooked.length = 0;
    const tell = (told: Json) => ask('POST', 'gateways/gw1', { body: told, token: 'for-the-gateway' });
    const { channel } = recordOf(messageId) as { channel: string };
    const answer = { from: '010-9999-8888', text: '네', channel: channel.split('/')[1], id: '5' };
    assert.deepEqual((await tell(answer)).body, { messages: 1, held: 0, reports: 0, unknown: 0 });
    await tell(answer);
    assert.deepEqual((await tell({ messageId, status: 'delivered' })).body, {
      messages: 0,
      held: 0,
      reports: 1,
      unknown: 0,
    });
    assert.deepEqual((await tell({ reference: 'no-such', status: 'delivered' })).body.unknown, 1);
    assert.deepEqual((await tell({ ...answer, channel: '99' })).body, { messages: 0, held: 1, reports: 0, unknown: 0 });
    const query = 'gateways/gw1?token=for-the-gateway&from=01099998888&text=again&channel=1';
    assert.equal((await ask('GET', query, { token: null })).body.messages, 1);
    await until('the webhook was told', () => web.hooked.length === 3);
    const [received] = web.hooked.filter(({ event }) => event === 'message.received');
    assert.deepEqual([received?.from, received?.text, received?.agent], ['+821099998888', '네', '702']);
    await until('the report is recorded', () => recordOf(messageId)?.state === 'delivered');
    assert.equal(recordOf(messageId)?.revision, 2);
    await until('both are recorded', () => records().filter(({ direction }) => direction === 'in').length === 2);
  });

  it('go on to the next channel when the gateway cannot, and fail at last', async () => {
    web.status = 503;
    const { body } = await ask('POST', 'messages', { body: { to: '01012345678', text: 'hello' } });
    await until('the message is recorded', () => recordOf(body.messageId) !== undefined);
    const record = recordOf(body.messageId);
    assert.deepEqual(
      [record?.state, record?.endReason, record?.attempts.length],
      ['failed', 'every-attempt-failed', 3],
    );
    assert.ok(record?.attempts.every(({ cost }) => cost === '0'));
    await until('the webhook was told', () => web.hooked.length === 1);
    assert.deepEqual([web.hooked[0]?.event, web.hooked[0]?.reason], ['message.failed', 'every-attempt-failed']);
  });

  it('go by a config that is read again: who may send them, what a text is on a gateway, which channels there are', async () => {
    const file = join(arena.folder, 'simtrunk.yaml');
    const reload = async (change: (value: Json) => void) => {
      const value = arena.configValue(settings());
      change(value);
      writeFileSync(file, JSON.stringify(value));
      const reloaded = await app.reload({ dryRun: false });
      assert.ok(reloaded.ok && reloaded.report.outcome === 'reloaded', JSON.stringify(reloaded));
    };
    const messagesOf = (value: Json, section: string) => (value[section] as { messages: Json }[])[0]?.messages as Json;
    const body = { to: '01012345678', text: '가'.repeat(46) };
    const told = { from: '01099998888', text: 'early', channel: '99', id: '1' };
    const { body: heard } = await ask('POST', 'gateways/gw1', { body: told, token: 'for-the-gateway' });
    assert.equal(heard.held, 1);
    assert.ok((await app.counters()).messages.held > 0);
    await reload((value) => {
      messagesOf(value, 'gateways').lmsBytes = 0;
      Object.assign((value.channels as Json[])[1] ?? {}, { line: '99' });
    });
    await until('what was held is recorded', () =>
      records().some(({ channel, text }) => channel === 'gw1/2' && text === 'early'),
    );
    await until('nothing is held', async () => (await app.counters()).messages.held === 0);
    assert.equal(codeOf(await ask('POST', 'messages', { body })), 'too-long');
    await reload((value) => {
      messagesOf(value, 'trunks').take = false;
    });
    assert.equal(codeOf(await ask('POST', 'messages', { body })), 'forbidden');
    await reload((value) => {
      value.messages = { defaultTrunk: 'pbx', recordText: false };
    });
    const { body: taken } = await ask('POST', 'messages', { body });
    await until('the message is recorded', () => recordOf(taken.messageId) !== undefined);
    const record = recordOf(taken.messageId);
    assert.deepEqual([record?.kind, record?.text, record?.characters], ['lms', null, 46]);
  });
});
