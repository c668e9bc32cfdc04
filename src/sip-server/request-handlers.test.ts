// New requests that a URL decides about, and applications that the server connects to (`srf.listen`); applications by tag.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import Srf from 'drachtio-srf';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from './testing/arena.js';
import { contactOf, uriOf } from './testing/called-peer.js';
import { createAuthority } from './testing/certificate.js';
import { Call, responseText, SDP } from './testing/sip-script.js';
import {
  type AppDialog,
  type AppMessage,
  type AppRequest,
  routesKnown,
  type TestApplication,
} from './testing/test-application.js';

/** What the parts of drachtio-srf for listening applications look like. */
type ListeningApplication = TestApplication & {
  listen(options: { server: Server; secret: string }): void;
  endSession(request: AppRequest): void;
};

describe('request handlers', function () {
  this.timeout(30_000);
  let server: ServerUnderTest;
  let arena: Arena;
  let http: HttpServer;
  /** What the URL says next, and what it was asked last. */
  let says: { status: number; body: string } = { status: 200, body: '{}' };
  let asked = '';
  let posted = '';
  /** Where the application listens. */
  let listening: Server;
  let sockets: Socket[] = [];
  const apps: TestApplication[] = [];

  before(async () => {
    http = createHttpServer((request, response) => {
      asked = request.url ?? '';
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        posted = body;
        response.writeHead(says.status).end(says.body);
      });
    });
    listening = createServer();
    // Keeps one that listened before from hearing of it.
    for (const each of [http, listening]) {
      each.listen(0, '127.0.0.1');
      await once(each, 'listening');
    }
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/route`;
    const direct = `tcp://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    server = await startEmbedded({
      requestHandlers: [
        { method: 'OPTIONS', url: direct },
        { method: 'MESSAGE', url, httpMethod: 'POST' },
        { method: 'INFO', url: 'http://127.0.0.1:1/nobody' },
        { method: 'INVITE', url },
      ],
    });
  });
  beforeEach(() => {
    arena = new Arena(server);
    sockets = [];
    listening.removeAllListeners('connection');
    listening.on('connection', (socket: Socket) => sockets.push(socket));
  });
  afterEach(() => {
    arena.close();
    for (const srf of apps.splice(0)) srf.disconnect();
    for (const socket of sockets) socket.destroy();
  });
  after(async () => {
    http.close();
    http.closeAllConnections();
    listening.close();
    await server.close();
  });

  function listeningApp(secret = server.admin.secret): ListeningApplication {
    const srf = new Srf() as unknown as ListeningApplication;
    srf.on('error', () => undefined);
    srf.on('connect', () => undefined);
    srf.listen({ server: listening, secret });
    return srf;
  }

  function tell(action: string, data: object): void {
    says = { status: 200, body: JSON.stringify({ action, data }) };
  }

  it('connect to an application that listens, and carry its whole call on that connection', async () => {
    const srf = listeningApp();
    const dialogs = deferred<AppDialog>();
    srf.use('invite', (request, reply) => {
      srf.createUAS(request, reply, { localSdp: SDP }, (_error, dialog) => {
        dialog?.on('destroy', () => srf.endSession(request));
        if (dialog !== undefined) dialogs.resolve(dialog);
      });
    });
    tell('route', { uri: `127.0.0.1:${(listening.address() as AddressInfo).port}` });
    const peer = await arena.udpPeer();
    const call = new Call(peer, server.udp);
    call.invite();
    call.learn(await peer.response(200, 'INVITE'));
    call.ack();
    const dialog = await dialogs.promise;
    const informing = dialog.request({ method: 'INFO', headers: { 'Content-Type': 'text/plain' }, body: 'x' });
    peer.send(responseText(await peer.request('INFO'), 200));
    assert.equal((await informing).status, 200);
    assert.equal(sockets.length, 1);
    call.inside('BYE');
    await peer.response(200, 'BYE');
    await until(
      async () => sockets[0]?.destroyed,
      (isClosed) => isClosed === true,
    );
  });

  it('connect once for each request, by a fixed address too', async () => {
    const srf = listeningApp();
    const got: string[] = [];
    srf.use('options', (request, reply) => {
      got.push(request.get('call-id') ?? '');
      reply.send(200);
    });
    const peer = await arena.udpPeer();
    for (let count = 0; count < 2; count++) {
      peer.send(new Call(peer, server.udp).text('OPTIONS'));
      await peer.response(200, 'OPTIONS');
    }
    assert.equal(got.length, 2);
    assert.equal(sockets.length, 2);
  });

  it('answer 480 when the application cannot be reached, or gives another secret', async () => {
    tell('route', { uri: '127.0.0.1:1' });
    const peer = await arena.udpPeer();
    const call = new Call(peer, server.udp);
    call.invite();
    call.ackFailure(await peer.response(480, 'INVITE'));
    listeningApp('another secret');
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    await peer.response(480, 'OPTIONS');
  });

  it('leave a call alone that is cancelled before its application is there', async () => {
    tell('route', { uri: `127.0.0.1:${(listening.address() as AddressInfo).port}` });
    const peer = await arena.udpPeer();
    const call = new Call(peer, server.udp);
    const connected = once(listening, 'connection');
    call.invite();
    const [socket] = (await connected) as [Socket];
    call.cancel();
    await peer.response(200, 'CANCEL');
    call.ackFailure(await peer.response(487, 'INVITE'));
    const secret = `1|authenticate|${server.admin.secret}|`;
    socket.write(`${Buffer.byteLength(secret)}#${secret}`);
    let told = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    await once(socket, 'close');
    assert.doesNotMatch(told, /INVITE/);
  });

  it('ask the URL as drachtio-server does', async () => {
    tell('reject', { status: 486, reason: 'Not now' });
    const peer = await arena.udpPeer();
    const call = new Call(peer, server.udp, { user: '010-1234;x=y' });
    call.invite();
    const refused = await peer.response(486, 'INVITE');
    assert.equal(refused.startLine, 'SIP/2.0 486 Not now');
    call.ackFailure(refused);
    assert.match(
      asked,
      /^\/route\?method=INVITE&domain=127\.0\.0\.1&protocol=udp&source_address=127\.0\.0\.1&fromUser=peer&toUser=010-1234%3bx%3dy&uriUser=010-1234%3bx%3dy&contentType=application%2fsdp&uri=sip%3a010-1234%3bx%3dy%40127\.0\.0\.1%3a\d+$/,
    );
    tell('reject', { status: 403 });
    peer.send(new Call(peer, server.udp).text('MESSAGE', { body: 'v=0 čau' }));
    await peer.response(403, 'MESSAGE');
    assert.match(posted, /^MESSAGE sip:.*\r\n\r\nv=0 čau$/s);
  });

  it('redirect and proxy as the URL says', async () => {
    tell('redirect', { contact: ['sip:one@example.com', 'sip:two@example.com'] });
    const [peer, callee] = [await arena.udpPeer(), await arena.udpPeer()];
    const call = new Call(peer, server.udp);
    call.invite();
    const moved = await peer.response(302, 'INVITE');
    assert.deepEqual(moved.headers('Contact'), ['<sip:one@example.com>', '<sip:two@example.com>']);
    call.ackFailure(moved);
    tell('proxy', { destination: uriOf(callee), recordRoute: true });
    const second = new Call(peer, server.udp);
    second.invite();
    const invite = await callee.request('INVITE');
    assert.match(invite.header('Record-Route'), /;lr/);
    callee.send(responseText(invite, 200, { toTag: 'c', headers: [contactOf(callee)], body: SDP }));
    assert.equal((await peer.response(200, 'INVITE')).toTag, 'c');
  });

  it('give the request to an application by its tag', async () => {
    const peer = await arena.udpPeer();
    const got = deferred<AppMessage>();
    for (const tag of ['sales', 'support']) {
      const srf = new Srf(tag) as unknown as TestApplication;
      srf.use('invite', (request, reply) => {
        reply.send(486, { headers: { 'X-Tag': tag } });
        got.resolve(request);
      });
      const connected = once(srf as unknown as NodeJS.EventEmitter, 'connect');
      srf.connect(server.admin);
      apps.push(srf);
      await connected;
      await routesKnown(srf);
    }
    tell('route', { tag: 'support' });
    for (let count = 0; count < 3; count++) {
      const call = new Call(peer, server.udp);
      call.invite();
      const busy = await peer.response(486, 'INVITE');
      assert.equal(busy.header('X-Tag'), 'support');
      call.ackFailure(busy);
    }
    tell('route', { tag: 'nobody' });
    const call = new Call(peer, server.udp);
    call.invite();
    call.ackFailure(await peer.response(480, 'INVITE'));
  });

  for (const [what, answer] of [
    ['an error', { status: 500, body: '' }],
    ['no JSON', { status: 200, body: 'go away' }],
    ['an unknown action', { status: 200, body: '{"action":"dance"}' }],
    ['a status that is no refusal', { status: 200, body: '{"action":"reject","data":{"status":200}}' }],
    ['a header within a reason', { status: 200, body: '{"action":"redirect","data":{"contact":"a\\r\\nX: y"}}' }],
  ] as const) {
    it(`answer 500 when the URL gives ${what}`, async () => {
      says = answer;
      const peer = await arena.udpPeer();
      const call = new Call(peer, server.udp);
      call.invite();
      call.ackFailure(await peer.response(500, 'INVITE'));
    });
  }

  it('answer 500 when nobody is at the URL', async () => {
    const peer = await arena.udpPeer();
    peer.send(new Call(peer, server.udp).text('INFO'));
    await peer.response(500, 'INFO');
  });

  it('connect by TLS, where the certificate is looked at unless told otherwise', async () => {
    const secure = createTlsServer(createAuthority().issue('127.0.0.1'));
    secure.on('tlsClientError', () => undefined);
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    const url = `tls://127.0.0.1:${(secure.address() as AddressInfo).port}`;
    const tls = await startEmbedded({
      requestHandlers: [
        { method: 'OPTIONS', url },
        { method: 'MESSAGE', url, verifyPeer: false },
      ],
    });
    const other = new Arena(tls);
    try {
      const got = deferred<string>();
      secure.on('secureConnection', (socket) => {
        socket.on('error', () => undefined);
        const secret = `1|authenticate|${tls.admin.secret}|`;
        socket.write(`${Buffer.byteLength(secret)}#${secret}`);
        socket.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('\r\nMESSAGE ')) got.resolve(text);
        });
      });
      const peer = await other.udpPeer();
      peer.send(new Call(peer, tls.udp).text('OPTIONS'));
      await peer.response(480, 'OPTIONS');
      peer.send(new Call(peer, tls.udp).text('MESSAGE'));
      await got.promise;
    } finally {
      other.close();
      await tls.close();
      secure.close();
    }
  });
});

describe('a server that is drained', () => {
  it('takes no new dialogs, and lets those there are go on', async () => {
    const server = await startEmbedded();
    const arena = new Arena(server);
    try {
      const { control } = server;
      assert.ok(control);
      const srf = await arena.app({
        invite: (request, reply) => srf.createUAS(request, reply, { localSdp: SDP }, () => undefined),
        options: (_request, reply) => reply.send(200),
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server.udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      await control.setDrain({ retryAfterSeconds: 30 });
      const refused = new Call(peer, server.udp);
      refused.invite();
      const unavailable = await peer.response(503, 'INVITE');
      assert.equal(unavailable.header('Retry-After'), '30');
      refused.ackFailure(unavailable);
      peer.send(new Call(peer, server.udp).text('OPTIONS'));
      await peer.response(200, 'OPTIONS');
      call.inside('BYE');
      await peer.response(200, 'BYE');
      await control.setDrain({});
      const again = new Call(peer, server.udp);
      again.invite();
      const silent = await peer.response(503, 'INVITE');
      assert.equal(silent.header('Retry-After'), '');
      again.ackFailure(silent);
      await control.setDrain(null);
      const taken = new Call(peer, server.udp);
      taken.invite();
      taken.learn(await peer.response(200, 'INVITE'));
      taken.ack();
    } finally {
      arena.close();
      await server.close();
    }
  });
});
