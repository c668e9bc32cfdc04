import { strict as assert } from 'node:assert';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { RunningSipServer, SipTlsSettings } from '../control.js';
import { startSipServer } from '../start-sip-server.js';
import { Arena, deferred, type ServerUnderTest, until } from '../testing/arena.js';
import { createAuthority } from '../testing/certificate.js';
import type { PeerTls, SipAddress, TcpPeer } from '../testing/raw-peer.js';
import { Call, calleeRequestText, responseText, SDP } from '../testing/sip-script.js';
import type { AppDialog } from '../testing/test-application.js';

const authority = createAuthority();
const stranger = createAuthority('Somebody else');
const OURS = authority.issue('sip.test', '127.0.0.1');

async function start(tls: Partial<SipTlsSettings> = {}): Promise<{ server: ServerUnderTest; tls: SipAddress }> {
  const settings = { ...OURS, ca: authority.cert, ...tls };
  const control = await startSipServer({
    listeners: [{ transport: 'tls', address: '127.0.0.1', port: 0, advertise: '127.0.0.1', tls: settings }],
    admin: { address: '127.0.0.1', port: 0, secret: 's' },
    timers: { t1Ms: 100, t2Ms: 800, t4Ms: 1000 },
    maxMessageBytes: 65_535,
    connections: { openingMs: 1_000 },
  });
  const [listener] = control.listeners;
  if (listener === undefined) throw new Error('The server has lost its listener');
  const server: ServerUnderTest = {
    name: 'embedded server over TLS',
    admin: { host: '127.0.0.1', port: control.adminPort, secret: 's' },
    udp: listener,
    tcp: listener,
    t1Ms: 100,
    control,
    close: () => control.close(),
  };
  return { server, tls: listener };
}

/** A peer that has a certificate for its address, and looks at ours. */
function peerTls(...names: string[]): PeerTls {
  return { ...authority.issue(...(names.length === 0 ? ['127.0.0.1'] : names)), ca: authority.cert };
}

describe('SIP over TLS', () => {
  let server: ServerUnderTest;
  let tls: SipAddress;
  let arena: Arena;

  async function open(settings: Partial<SipTlsSettings> = {}): Promise<void> {
    ({ server, tls } = await start(settings));
    arena = new Arena(server);
  }

  function control(): RunningSipServer {
    if (server.control === null) throw new Error('no control port');
    return server.control;
  }

  function call(peer: TcpPeer, uri = `sip:x@127.0.0.1:${peer.local.port};transport=tls`): Promise<number | AppDialog> {
    const result = deferred<number | AppDialog>();
    void arena.app().then((srf) => {
      srf.createUAC(uri, { localSdp: SDP, callingNumber: '1' }, {}, (error, dialog) =>
        result.resolve(dialog ?? error?.status ?? 0),
      );
    });
    return result.promise;
  }

  afterEach(async () => {
    arena.close();
    await server.close();
  });

  it('takes a call, and sends what belongs to its dialog over the same connection', async () => {
    await open();
    const dialog = deferred<AppDialog>();
    const protocol = deferred<string>();
    const srf = await arena.app();
    srf.use('invite', (request, answer) => {
      protocol.resolve(request.protocol);
      srf.createUAS(request, answer, { localSdp: SDP }, (_error, made) => made && dialog.resolve(made));
    });
    const peer = await arena.tlsPeer(tls, { ca: authority.cert });
    const incoming = new Call(peer, tls);
    incoming.invite();
    const ok = await peer.response(200, 'INVITE');
    assert.equal(await protocol.promise, 'tls');
    assert.match(ok.header('Contact'), /;transport=tls>?$/);
    incoming.learn(ok);
    incoming.ack();
    const bye = (await dialog.promise).destroy();
    const request = await peer.request('BYE');
    assert.match(request.header('Via'), /^SIP\/2\.0\/TLS 127\.0\.0\.1:\d+;rport;alias;branch=/);
    peer.send(responseText(request, 200));
    await bye;
    assert.equal(peer.accepted, 0);
  });

  it('calls a peer, and uses one connection for all calls to it', async () => {
    await open();
    const peer = await arena.tlsPeer(tls, peerTls());
    for (let count = 0; count < 3; count++) {
      const result = call(peer, count === 1 ? `sips:x@127.0.0.1:${peer.local.port}` : undefined);
      const invite = await peer.request('INVITE');
      peer.reply(responseText(invite, 486, { toTag: 'x' }));
      assert.equal(await result, 486);
    }
    assert.equal(peer.accepted, 1);
  });

  it('does not call a peer whose certificate nobody trusted has signed', async () => {
    await open();
    const peer = await arena.tlsPeer(tls, { ...stranger.issue('127.0.0.1'), ca: authority.cert });
    assert.equal(await call(peer), 503);
  });

  it('does not call a peer whose certificate speaks for another host, unless told not to look', async () => {
    await open();
    const other = await arena.tlsPeer(tls, peerTls('other.test'));
    assert.equal(await call(other), 503);
    arena.close();
    await server.close();
    for (const verifyServer of ['chain', 'off'] as const) {
      await open({ verifyServer });
      const peer = await arena.tlsPeer(tls, {
        ...(verifyServer === 'off' ? stranger : authority).issue('other.test'),
        ca: authority.cert,
      });
      const result = call(peer);
      peer.reply(responseText(await peer.request('INVITE'), 486, { toTag: 'x' }));
      assert.equal(await result, 486);
      if (verifyServer === 'chain') {
        arena.close();
        await server.close();
      }
    }
  });

  it('finds the name of a peer among its `sip:` URIs, and tells it by SNI', async () => {
    await open();
    const peer = await arena.tlsPeer(tls, peerTls('sip:localhost'));
    const result = call(peer, `sip:x@localhost:${peer.local.port};transport=tls`);
    peer.reply(responseText(await peer.request('INVITE'), 486, { toTag: 'x' }));
    assert.equal(await result, 486);
    assert.equal(peer.lastServerName, 'localhost');
  });

  it('opens another connection to a peer known by name whose Contact is an address, when the first is gone', async () => {
    await open();
    const peer = await arena.tlsPeer(tls, peerTls('localhost'));
    const result = call(peer, `sip:x@localhost:${peer.local.port};transport=tls`);
    const invite = await peer.request('INVITE');
    const contact = `Contact: <sip:x@127.0.0.1:${peer.local.port};transport=tls>`;
    peer.reply(responseText(invite, 200, { toTag: 'x', headers: [contact], body: SDP }));
    await peer.request('ACK');
    const dialog = await result;
    assert.ok(typeof dialog === 'object');
    peer.dropAccepted();
    await until(
      () => control().counters(),
      (now) => now.connections === 1,
    );
    const ended = dialog.destroy();
    peer.reply(responseText(await peer.request('BYE'), 200));
    await ended;
    assert.equal(peer.accepted, 2);
  });

  it('asks clients for a certificate by setting, and counts those that have none', async () => {
    await open({ requestClientCertificate: true });
    const known = await arena.tlsPeer(tls, peerTls());
    known.send(new Call(known, tls).text('OPTIONS'));
    await known.response(503, 'OPTIONS');
    for (const refused of [{ ca: authority.cert }, { ...stranger.issue('127.0.0.1'), ca: authority.cert }]) {
      // TLS 1.3 lets a client believe that it is connected before the server has looked at its certificate.
      const peer = await arena.tlsPeer(tls, refused).catch(() => null);
      await peer?.closed();
    }
    await until(
      () => control().counters(),
      (now) => now.dropped['tls-handshake'] === 2,
    );
  });

  it('shows a new certificate to new connections and keeps the old ones open', async () => {
    await open();
    const before = await arena.tlsPeer(tls, { ca: authority.cert });
    const renewed = authority.issue('sip.test', '127.0.0.1');
    await control().setCertificate(tls, { ...renewed, ca: authority.cert });
    const after = await arena.tlsPeer(tls, { ca: authority.cert });
    assert.deepEqual(before.serverCertificate, new X509Certificate(OURS.cert).raw);
    assert.deepEqual(after.serverCertificate, new X509Certificate(renewed.cert).raw);
    for (const peer of [before, after]) {
      peer.send(new Call(peer, tls).text('OPTIONS'));
      await peer.response(503, 'OPTIONS');
    }
  });

  it('sends new requests still to who has connected before it had a new certificate', async () => {
    await open();
    const srf = await arena.app();
    const peer = await arena.tlsPeer(tls, { ca: authority.cert });
    peer.send(new Call(peer, tls).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    const renewed = authority.issue('sip.test', '127.0.0.1');
    await control().setCertificate(tls, { ...renewed, ca: authority.cert });
    const source = `sip:127.0.0.1:${peer.connectedFrom.port};transport=tls`;
    for (const proxy of [`${source};open-connection`, source]) {
      srf.request('sip:pbx@10.9.0.2;transport=tls', { method: 'OPTIONS', proxy }, () => undefined);
      peer.send(responseText(await peer.request('OPTIONS'), 200, { toTag: 'x' }));
    }
  });

  it('sends nothing new over what it had opened before it had a new certificate', async () => {
    await open();
    const peer = await arena.tlsPeer(tls, peerTls());
    for (const accepted of [1, 2]) {
      const result = call(peer);
      peer.reply(responseText(await peer.request('INVITE'), 486, { toTag: 'x' }));
      assert.deepEqual([await result, peer.accepted], [486, accepted]);
      await control().setCertificate(tls, { ...OURS, ca: authority.cert });
    }
  });

  it('refuses a certificate that cannot be used, and keeps the old one', async () => {
    await open();
    const { key } = authority.issue('127.0.0.1');
    await assert.rejects(control().setCertificate(tls, { cert: OURS.cert, key }), /cannot be used/);
    await assert.rejects(control().setCertificate({ ...tls, port: 1 }, OURS), /no TLS listener/);
    const peer = await arena.tlsPeer(tls, { ca: authority.cert });
    assert.deepEqual(peer.serverCertificate, new X509Certificate(OURS.cert).raw);
    await assert.rejects(start({ key }), /Cannot listen on tls:127\.0\.0\.1:0/);
  });

  it('sends new requests over the connection of a verified peer that offers it as an alias', async () => {
    await open({ requestClientCertificate: true });
    const srf = await arena.app();
    srf.use('options', (_request, answer) => answer.send(200));
    const peer = await arena.tlsPeer(tls, peerTls());
    const hello = new Call(peer, tls).text('OPTIONS');
    peer.send(hello.replace(';branch=', ';alias;branch='));
    await peer.response(200, 'OPTIONS');
    const result = call(peer);
    const invite = await peer.request('INVITE');
    assert.equal(peer.accepted, 0);
    peer.send(responseText(invite, 200, { toTag: 'x', headers: [`Contact: <sip:x@127.0.0.1>`], body: SDP }));
    await peer.request('ACK');
    const dialog = await result;
    assert.ok(typeof dialog === 'object');
    const ended = deferred<void>();
    dialog.on('destroy', () => ended.resolve());
    peer.send(calleeRequestText('BYE', invite, peer, { toTag: 'x' }));
    await ended.promise;
  });

  it('opens a connection of its own to a peer whose alias nothing vouches for', async () => {
    await open();
    const peer = await arena.tlsPeer(tls, peerTls());
    const hello = new Call(peer, tls).text('OPTIONS');
    peer.send(hello.replace(';branch=', ';alias;branch='));
    await peer.response(503, 'OPTIONS');
    const result = call(peer);
    peer.reply(responseText(await peer.request('INVITE'), 486, { toTag: 'x' }));
    assert.equal(await result, 486);
    assert.equal(peer.accepted, 1);
  });

  it('closes at once, whoever is still shaking hands', async () => {
    await open();
    const silent = connect(tls.port, tls.address);
    silent.on('error', () => undefined);
    await once(silent, 'connect');
    // What this peer asks is answered after the other connection was accepted.
    const peer = await arena.tlsPeer(tls, { ca: authority.cert });
    peer.send(new Call(peer, tls).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    const startedMs = performance.now();
    await server.close();
    assert.ok(performance.now() - startedMs < 900, 'waited for the handshake');
  });

  it('gives up a connection that does not finish its handshake', async () => {
    await open();
    const silent = connect(tls.port, tls.address);
    silent.on('error', () => undefined);
    await once(silent, 'close');
    const garbage = connect(tls.port, tls.address);
    garbage.on('error', () => undefined);
    garbage.write('OPTIONS sip:x@y SIP/2.0\r\n\r\n');
    await once(garbage, 'close');
    await until(
      () => control().counters(),
      (now) => now.dropped['tls-handshake'] === 2,
    );
  });
});
