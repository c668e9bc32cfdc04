// Gateways that keep messages until they are asked, through the whole service: what makers' documents say that they answer.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DateTime } from 'luxon';
import { type RunningApp, startApp } from '../app.js';
import { DigestGuard } from '../digest/digest-guard.js';
import { answers } from '../lab/callee-behaviour.js';
import { readLatestMessages } from '../lab/sip-tests/read-cdrs.js';
import { Arena, until } from './testing/arena.js';

type Json = Record<string, unknown>;

/** Answers each path as the gateway is told to, and keeps what it was asked. */
class Box {
  readonly asked: { readonly url: URL; readonly body: string; readonly authorization: string | undefined }[] = [];
  answer: (url: URL, body: string) => unknown = () => ({});
  challenge: string | null = null;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const { authorization } = request.headers;
        if (this.challenge !== null && authorization === undefined) {
          response.writeHead(401, { 'www-authenticate': this.challenge }).end();
          return;
        }
        const url = new URL(request.url ?? '', 'http://box');
        this.asked.push({ url, body, authorization });
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.answer(url, body)));
      });
    });
  }

  static async open(): Promise<Box> {
    const box = new Box();
    await new Promise<void>((resolve) => box.#server.listen(0, '127.0.0.1', resolve));
    return box;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('messages that gateways keep until they are asked', function () {
  this.timeout(30_000);
  let arena: Arena;
  let box: Box;
  let app: RunningApp | undefined;

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 10 }));
    box = await Box.open();
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await box.close();
    await arena.close();
  });

  const settings = (poll: object, more: object = { via: 'none' }): Json => ({
    gateways: [{ messages: { ...more, poll: { url: box.url, intervalSeconds: 1, ...poll } } }],
    plans: [{ messageRates: { sms: '22', lms: '44', mms: '220' } }],
    messages: { defaultTrunk: 'pbx' },
    api: { port: 0, tokens: [{ name: 'crm', trunk: 'pbx', secret: 'for-the-trunk' }] },
  });
  const records = () => readLatestMessages(join(arena.folder, 'var', 'cdr'));
  const texts = () => records().map(({ text }) => text);
  const messages = async () => (await (app as RunningApp).counters()).messages;
  const polls = async () => (await messages()).polls;

  it('are taken from a Dinstar, reports too, once over restarts, by digest', async () => {
    const keys = {
      realm: 'Web Server',
      algorithms: ['MD5'] as const,
      nonceLifetimeMs: 60_000,
      nonceSecret: 'secret',
    } as const;
    const guard = new DigestGuard(keys, []);
    box.challenge = guard.challenges(Date.now(), false)[0] ?? null;
    const incoming = (id: number, text: string) => ({
      ...{ incoming_sms_id: id, port: 2, number: '01055550009', smsc: '+8210', timestamp: '2026-11-21 17:11:18', text },
    });
    const sms = [incoming(1, 'first'), incoming(2, 'second; "quoted"')];
    const report = (port: number, at: DateTime) => ({
      ...{
        port,
        number: '01012345678',
        time: at.toFormat('yyyy-MM-dd HH:mm:ss'),
        ref_id: 14,
        status_code: 0,
        imsi: '4',
      },
    });
    const now = () => DateTime.now().setZone('Asia/Seoul');
    const reports: Json[] = [];
    let sent: Json = {};
    box.answer = (url, body) => {
      if (url.pathname === '/api/send_sms') {
        sent = JSON.parse(body) as Json;
        return { error_code: 202, task_id: 7 };
      }
      if (url.pathname === '/api/query_sms_deliver_status') return { error_code: 200, sn: 'x', result: reports };
      const after = Number(url.searchParams.get('incoming_sms_id'));
      return { error_code: 200, sn: 'x', sms: sms.filter((one) => one.incoming_sms_id > after), read: 0, unread: 2 };
    };
    const account = { username: 'admin', password: 'p&ss' };
    const via = { via: 'http', http: { preset: 'dinstar', url: `${box.url}/api/send_sms`, account } };
    const config = settings({ preset: 'dinstar', account }, via);
    app = await startApp(arena.config(config));
    await until('both are recorded', () => records().length === 2);
    const [message] = records();
    assert.deepEqual(texts().sort(), ['first', 'second; "quoted"']);
    const { direction, calling, channel, trunk } = message ?? {};
    assert.deepEqual([direction, calling, channel, trunk], ['in', '+821055550009', 'gw1/2', 'pbx']);

    const posted = await fetch(`http://127.0.0.1:${app.apiPort}/api/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer for-the-trunk' },
      body: JSON.stringify({ to: '01012345678', text: 'hello' }),
    });
    assert.equal(posted.status, 202);
    const { messageId } = (await posted.json()) as Json;
    await until('it is sent', () => records().some((one) => one.messageId === messageId && one.state === 'sent'));
    const [port] = sent.port as number[];
    // Of a message of yesterday, which the gateway tells again.
    reports.push(
      { ...report(port as number, now().minus({ days: 1 })), status_code: 64 },
      report(port as number, now()),
    );
    sms.push(incoming(3, 'third'));
    await app.close();
    app = await startApp(arena.config(config));
    const isDelivered = () => records().some((one) => one.messageId === messageId && one.state === 'delivered');
    await until('the report has come', isDelivered);
    assert.equal((await polls()).unknown, 1);
    await until('the third is recorded', () => records().length === 4);
    assert.deepEqual(texts().sort(), ['first', 'hello', 'second; "quoted"', 'third']);
    const asked = box.asked.filter(({ url }) => url.pathname === '/api/query_incoming_sms');
    assert.ok(
      asked.every(
        ({ url, authorization }) => url.searchParams.get('flag') === 'all' && /^Digest/.test(authorization ?? ''),
      ),
    );
    const span = box.asked.find(({ url }) => url.pathname === '/api/query_sms_deliver_status')?.body ?? '';
    assert.match(span, /^\{"time_after":"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d","time_before":"20[\d: -]+"\}$/);
  });

  it('are taken from an Ejoin, whose store begins anew when it is switched off', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    let ssrc = '0123456789abcdef';
    let stored: unknown[][] = [
      [0, '2.01', 1_766_500_000, '01055550009', '', base64('안녕')],
      [1, '2.01', 1_766_500_001, '+8210', '01012345678', '0 2026112117'],
      [0, '9.01', 1_766_500_002, '100', '', base64('of a port that is not there')],
    ];
    box.answer = (url) => {
      const from = Number(url.searchParams.get('sms_id'));
      return {
        code: 0,
        reason: 'OK',
        ssrc,
        sms_num: stored.length,
        next_sms: stored.length + 1,
        data: stored.slice(from - 1),
      };
    };
    const account = { username: 'root', password: 'a&b' };
    app = await startApp(arena.config(settings({ preset: 'ejoin', account })));
    await until('all is read', async () => (await polls()).unknown === 2);
    assert.equal((await messages()).held, 1);
    await until('it is recorded', () => records().length > 0);
    assert.deepEqual(texts(), ['안녕']);
    stored = [[0, '3A', 1_766_600_000, 'Bank', '', base64('after')]];
    ssrc = 'fedcba9876543210';
    await until('it is read anew', () => records().length === 2);
    assert.deepEqual(
      records()
        .map(({ channel }) => channel)
        .sort(),
      ['gw1/2', 'gw1/3'],
    );
    assert.equal(box.asked[0]?.url.searchParams.get('password'), 'a&b');

    // What came to a port that was not in the config is taken when it is.
    const value = arena.configValue(settings({ preset: 'ejoin', account }));
    Object.assign((value.channels as Json[]).at(-1) ?? {}, { line: '9.01' });
    writeFileSync(join(arena.folder, 'simtrunk.yaml'), JSON.stringify(value));
    assert.ok((await app.reload({ dryRun: false })).ok);
    await until('what was held is recorded', () => texts().includes('of a port that is not there'));
    assert.equal((await messages()).held, 0);
  });

  it('stay where they are while it answers otherwise, and are asked for by a config that is read again', async () => {
    box.answer = () => ({ error: 'no' });
    const ask = {
      path: '/in?after={cursor}',
      list: 'new',
      cursor: { id: 'n' },
      message: { from: 'who', text: 'what', channel: 'sim', id: 'n' },
    };
    app = await startApp(arena.config(settings({ ask: [ask] })));
    await until('it has failed', async () => (await polls()).failures > 0);
    box.answer = () => ({ new: [{ n: 1, who: '100', what: 'here', sim: '+821040000004' }] });
    await until('it is taken', () => records().length === 1);
    assert.equal(records()[0]?.channel, 'gw1/4');
    const other = settings({ ask: [{ ...ask, path: '/other?after={cursor}' }] });
    writeFileSync(join(arena.folder, 'simtrunk.yaml'), JSON.stringify(arena.configValue(other)));
    const { polls: asked } = await polls();
    assert.ok((await app.reload({ dryRun: false })).ok);
    assert.ok((await polls()).polls >= asked);
    const inbox = async () => (await messages()).inbox;
    await until('it is told the same at the other place', async () => (await inbox()).repeated === 1);
    assert.deepEqual([(await inbox()).received, records().length], [1, 1]);
  });
});
