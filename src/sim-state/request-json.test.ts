import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { DigestGuard } from '../digest/digest-guard.js';
import { createAuthority } from '../sip-server/testing/certificate.js';
import { type JsonQuestion, requestJson } from './request-json.js';

const ACCOUNT = { username: 'admin', password: 'sesame' };

describe('requestJson', () => {
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let requests: IncomingMessage[];

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function ask(over: Partial<JsonQuestion> = {}, path = '/status?all=1', signal = new AbortController().signal) {
    const { port } = server.address() as AddressInfo;
    const question: JsonQuestion = {
      ...{ url: new URL(path, `http://127.0.0.1:${port}`), method: 'GET', body: undefined, account: undefined },
      ...{ verifyServer: true, timeoutMs: 5_000, maxBytes: 1_000, ...over },
    };
    return requestJson(question, signal);
  }

  it('returns what the answer says', async () => {
    answer = (_request, response) => response.end('{"ports":[1]}');
    assert.deepEqual(await ask(), { ports: [1] });
    assert.equal(requests[0]?.url, '/status?all=1');
    assert.equal(requests[0]?.headers.authorization, undefined);
  });

  it('sends a body as JSON', async () => {
    answer = (request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => response.end(JSON.stringify([request.method, request.headers['content-type'], body])));
    };
    assert.deepEqual(await ask({ method: 'POST', body: '{"a":"é"}' }), ['POST', 'application/json', '{"a":"é"}']);
  });

  it('answers a digest challenge, and never sends the password itself where digest is offered', async () => {
    const settings = { realm: 'gateway', algorithms: ['MD5' as const], nonceLifetimeMs: 60_000, nonceSecret: 'x' };
    const guard = new DigestGuard(settings, [ACCOUNT]);
    answer = (request, response) => {
      const { authorization, url: uri = '' } = request.headers as { authorization?: string; url?: string };
      const asked = { method: 'GET', uri: request.url ?? uri, body: '', authorization };
      if (guard.check(asked, Date.now()).ok) response.end('{"in":true}');
      else {
        const challenges = ['Basic realm="gateway"', ...guard.challenges(Date.now(), false)];
        response.writeHead(401, { 'WWW-Authenticate': challenges.join(', ') }).end();
      }
    };
    assert.deepEqual(await ask({ account: ACCOUNT }), { in: true });
    assert.match(requests[1]?.headers.authorization ?? '', /^Digest /);
    await assert.rejects(ask({ account: { ...ACCOUNT, password: 'guess' } }), /refuses the credentials/);
    await assert.rejects(ask(), /asks for credentials that there are not/);
  });

  it('answers a Basic challenge', async () => {
    answer = (request, response) => {
      if (request.headers.authorization === 'Basic YWRtaW46c2VzYW1l') response.end('7');
      else response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="gateway"' }).end();
    };
    assert.equal(await ask({ account: ACCOUNT }), 7);
  });

  it('follows no redirection, and takes nothing but 200', async () => {
    answer = (_request, response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end('{}');
    await assert.rejects(ask(), /it answered 302/);
    answer = (_request, response) => response.writeHead(500).end('{}');
    await assert.rejects(ask(), /it answered 500/);
    assert.equal(requests.length, 2);
  });

  it('takes no more bytes than it may, whether they are announced or not', async () => {
    answer = (_request, response) => response.end(JSON.stringify('x'.repeat(2_000)));
    await assert.rejects(ask(), /more than 1000 bytes/);
    let drop: NodeJS.Timeout | undefined;
    answer = (_request, response) => {
      drop = setInterval(() => response.write('x'.repeat(300)), 1);
    };
    await assert.rejects(ask(), /more than 1000 bytes/);
    clearInterval(drop);
  });

  it('waits no longer than it may: for a connection, for an answer that drips, for a second one', async () => {
    answer = () => {};
    await assert.rejects(ask({ timeoutMs: 50 }), /did not answer within 50 ms/);
    answer = (_request, response) => response.writeHead(200).write('{');
    await assert.rejects(ask({ timeoutMs: 50 }), /did not answer within 50 ms/);
    answer = (request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end();
    };
    await assert.rejects(ask({ timeoutMs: 50, account: ACCOUNT }), /did not answer within 50 ms/);
  });

  it('says what is wrong with an answer without repeating it', async () => {
    answer = (_request, response) => response.end('<html>sesame</html>');
    await assert.rejects(
      ask(),
      (error: Error) => /no JSON/.test(error.message) && !String(error.cause).includes('sesame'),
    );
    answer = (request) => request.socket.destroy();
    await assert.rejects(ask(), /socket hang up|ECONNRESET/);
  });

  it('is not upset by what is no HTTP', async () => {
    const nonsense = createTcpServer((socket) => {
      socket.on('error', () => {}).resume();
      socket.end('SSH-2.0-OpenSSH_9.2\r\n');
    });
    await new Promise<void>((resolve) => nonsense.listen(0, '127.0.0.1', resolve));
    const { port } = nonsense.address() as AddressInfo;
    await assert.rejects(ask({ url: new URL(`http://127.0.0.1:${port}/`) }), /Parse Error/);
    await new Promise((resolve) => nonsense.close(resolve));
  });

  it('takes a certificate that the gateway has made itself only where that is allowed', async () => {
    const secure = createSecureServer(createAuthority('gateway'), (_request, response) =>
      response.end('{"is":"secure"}'),
    );
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const url = new URL(`https://127.0.0.1:${(secure.address() as AddressInfo).port}/`);
    try {
      assert.deepEqual(await ask({ url, verifyServer: false }), { is: 'secure' });
      await assert.rejects(ask({ url }), /certificate|self.signed/i);
    } finally {
      secure.closeAllConnections();
      await new Promise((resolve) => secure.close(resolve));
    }
  });

  it('ends when it is no longer wanted, with nothing left open', async () => {
    const closing = new AbortController();
    answer = () => closing.abort();
    await assert.rejects(ask({}, '/', closing.signal), /abort/i);
  });
});
