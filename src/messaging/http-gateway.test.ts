import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { SMS_PRESETS, type SmsPreset, type SmsPresetName } from '../config/message-presets.js';
import { DigestGuard } from '../digest/digest-guard.js';
import type { SendOutcome, SendRequest } from '../messages/message-ports.js';
import { createAuthority } from '../sip-server/testing/certificate.js';
import { HttpGateway, type HttpGatewaySettings, shortId } from './http-gateway.js';

interface Heard {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

const MESSAGE: SendRequest = {
  ...{ messageId: '6f1c2d3e-0000-4000-8000-000000000001', attemptId: 'a', gateway: 'gw1', channelId: 'gw1/3' },
  simNumber: '+821040000003',
  callee: { e164: '+821012345678', national: '01012345678', numberClass: 'mobile' },
  text: 'a & b? "c" \\ <d> 한\n',
  pictures: [],
  load: { kind: 'sms', count: 1 },
  encoding: 'ucs-2',
};

describe('a gateway that is told over HTTP', () => {
  let server: Server;
  let heard: Heard[];
  let answer: (request: IncomingMessage) => { status: number; body: string; headers?: Record<string, string> };

  beforeEach(async () => {
    heard = [];
    answer = () => ({ status: 200, body: 'ok' });
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const { method = '', url = '' } = request;
        heard.push({ method, url, authorization: request.headers.authorization, body });
        const { status, body: text, headers } = answer(request);
        response.writeHead(status, headers).end(text);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const place = () => `127.0.0.1:${(server.address() as AddressInfo).port}`;

  function send(changes: Partial<HttpGatewaySettings> = {}, message: Partial<SendRequest> = {}): Promise<SendOutcome> {
    const settings: HttpGatewaySettings = {
      ...{ host: place(), method: 'POST', url: 'http://{host}/send?to={number}', headers: {}, body: null },
      ...{ account: null, auth: 'none', accepted: null, reference: null, retryStatuses: [429, 500, 502, 503] },
      ...{ timeoutMs: 5_000, verifyServer: true },
      ...changes,
    };
    const gateway = new HttpGateway(settings, (channelId) =>
      channelId === 'gw1/3' ? { port: 3, line: 'L3' } : undefined,
    );
    return gateway.send({ ...MESSAGE, ...message });
  }

  const ofPreset = (name: SmsPresetName): Partial<HttpGatewaySettings> => {
    const preset: SmsPreset = SMS_PRESETS[name];
    return {
      ...{ method: preset.method, url: preset.url, headers: preset.headers ?? {}, body: preset.body ?? null },
      auth: preset.auth,
      account: { username: 'api', password: 'p&ss' },
      accepted: preset.accepted === undefined ? null : new RegExp(preset.accepted),
      reference: preset.reference === undefined ? null : new RegExp(preset.reference),
    };
  };

  it('writes each value as its place wants it, so that no text ends it', async () => {
    await send({ method: 'GET', url: 'http://{host}/s?t={text}&p={port:2}&l={line}' });
    const asked = new URL(heard[0]?.url ?? '', 'http://x');
    assert.deepEqual(
      [...asked.searchParams],
      [
        ['t', MESSAGE.text],
        ['p', '03'],
        ['l', 'L3'],
      ],
    );

    const json = { 'Content-Type': 'application/json; charset=utf-8' };
    await send({ headers: json, body: '{"t":"{text}","to":"{e164}","n":{parts}}' });
    assert.deepEqual(JSON.parse(heard[1]?.body ?? ''), { t: MESSAGE.text, to: '+821012345678', n: 1 });

    await send({ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 't={text}&from={sim}' });
    assert.deepEqual(
      [...new URLSearchParams(heard[2]?.body)],
      [
        ['t', MESSAGE.text],
        ['from', '+821040000003'],
      ],
    );

    await send({ headers: { 'Content-Type': 'text/xml' }, body: '<t>{text}</t>' });
    assert.equal(heard[3]?.body, '<t>a &#38; b? &#34;c&#34; \\ &#60;d&#62; 한\n</t>');

    await send({ method: 'GET', url: 'http://{host}/s?t={text}' }, { text: '\ud800 alone' });
    assert.equal(new URL(heard[4]?.url ?? '', 'http://x').searchParams.get('t'), '\ufffd alone');
  });

  it('is what its presets say', async () => {
    answer = () => ({ status: 200, body: '{"error_code":202,"sn":"x","sms_in_queue":1,"task_id":1284}' });
    assert.deepEqual(await send(ofPreset('dinstar')), { kind: 'sent', status: 200, reference: '1284' });
    assert.deepEqual(JSON.parse(heard[0]?.body ?? ''), {
      text: '#param#',
      port: [3],
      param: [{ number: '01012345678', text_param: [MESSAGE.text], user_id: Number(shortId(MESSAGE.messageId)) }],
      request_status_report: true,
    });
    answer = () => ({ status: 200, body: '{"error_code":400}' });
    assert.equal((await send(ofPreset('dinstar'))).kind, 'refused');

    answer = () => ({ status: 200, body: '{"message":"x","report":[{"0":[{"port":"3","result":"sending"}]}]}' });
    assert.equal((await send(ofPreset('openvox'))).kind, 'sent');
    const asked = new URL(heard.at(-1)?.url ?? '', 'http://x').searchParams;
    assert.deepEqual([asked.get('message'), asked.get('port'), asked.get('password')], [MESSAGE.text, 'L3', 'p&ss']);

    answer = () => ({ status: 200, body: 'Response: Success\r\nMessage: Commit successfully!' });
    assert.equal((await send(ofPreset('yeastar'))).kind, 'sent');
    assert.match(
      heard.at(-1)?.url ?? '',
      /^\/cgi\/WebCGI\?1500101=account=api&password=p%26ss&port=3&destination=01012345678&content=a%20/,
    );

    answer = () => ({ status: 200, body: '<html>' });
    assert.equal((await send(ofPreset('goip'))).kind, 'sent');
    assert.equal(heard.at(-1)?.authorization, `Basic ${Buffer.from('api:p&ss').toString('base64')}`);
    assert.equal(new URLSearchParams(heard.at(-1)?.body).get('smscontent'), MESSAGE.text);

    answer = () => ({ status: 201, body: '{"id":"abc"}' });
    const pictures = [{ contentType: 'image/png', base64: 'AAAA' }];
    assert.deepEqual(await send(ofPreset('json'), { pictures }), { kind: 'sent', status: 201, reference: 'abc' });
    assert.deepEqual(JSON.parse(heard.at(-1)?.body ?? '').media, pictures);
  });

  it('gets credentials when it asks for them, and the message once', async () => {
    const account = { username: 'api', password: 'secret' };
    const settings = { realm: 'gw', algorithms: ['MD5' as const], nonceLifetimeMs: 60_000, nonceSecret: 'x' };
    const guard = new DigestGuard(settings, [account]);
    answer = ({ method = '', url = '', headers }) => {
      const checked = guard.check({ method, uri: url, body: '', authorization: headers.authorization }, 0);
      if (checked.ok) return { status: 200, body: '' };
      const [challenge = ''] = guard.challenges(0, false);
      return { status: 401, body: '', headers: { 'WWW-Authenticate': challenge } };
    };
    assert.equal((await send({ auth: 'digest', account })).kind, 'sent');
    assert.equal(heard.length, 2);
    const wrong = await send({ auth: 'digest', account: { ...account, password: 'wrong' } });
    assert.deepEqual([wrong.kind, wrong.kind === 'refused' && wrong.means], ['refused', 'gateway']);
  });

  it('says by its answer whether the message, the channel or nothing was wrong', async () => {
    const outcomes: [status: number, expected: string][] = [
      [200, 'sent'],
      [204, 'sent'],
      [400, 'refused message'],
      [429, 'refused channel'],
      [503, 'refused channel'],
      [504, 'silent'],
    ];
    for (const [status, expected] of outcomes) {
      answer = () => ({ status, body: '' });
      const outcome = await send();
      assert.equal(outcome.kind === 'refused' ? `refused ${outcome.means}` : outcome.kind, expected, String(status));
    }
    answer = () => ({ status: 200, body: 'ERROR no credit' });
    const refused = await send({ accepted: /^ok/ });
    assert.deepEqual(refused, { kind: 'refused', means: 'channel', status: 200, detail: 'ERROR no credit' });
  });

  it('tells apart what was never heard from what may have been', async () => {
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    assert.equal((await send({ host: `127.0.0.1:${port}` })).kind, 'unsent');
    assert.equal((await send({}, { channelId: 'gw1/9' })).kind, 'unsent');
    assert.equal((await send({ url: 'http://' })).kind, 'unsent');

    answer = () => {
      server.closeAllConnections();
      return { status: 200, body: 'ok' };
    };
    assert.equal((await send()).kind, 'silent');

    const deaf = createServer(() => {});
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const timed = await send({ host: `127.0.0.1:${(deaf.address() as AddressInfo).port}`, timeoutMs: 100 });
    assert.deepEqual(timed, { kind: 'silent', detail: 'no answer within 100 ms' });
    deaf.closeAllConnections();
    await new Promise((resolve) => deaf.close(resolve));
  });

  it('is told by TLS with a certificate of its own only where that is allowed', async () => {
    const secure = createSecureServer(createAuthority('gateway'), (_request, response) => response.end('ok'));
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/send`;
    try {
      assert.equal((await send({ url, verifyServer: false })).kind, 'sent');
      assert.equal((await send({ url })).kind, 'unsent');
    } finally {
      secure.closeAllConnections();
      await new Promise((resolve) => secure.close(resolve));
    }
  });

  it('may answer at any length', async () => {
    answer = () => ({ status: 200, body: `ok${' '.repeat(500_000)}` });
    assert.equal((await send({ accepted: null })).kind, 'sent');
  });
});
