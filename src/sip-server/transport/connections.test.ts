import { strict as assert } from 'node:assert';
import type { SipServerCounters } from '../control.js';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from '../testing/arena.js';
import { createAuthority } from '../testing/certificate.js';
import { TcpPeer } from '../testing/raw-peer.js';
import { Call, responseText, SDP } from '../testing/sip-script.js';

describe('connections', () => {
  const authority = createAuthority();
  let server: ServerUnderTest;
  let arena: Arena;

  async function open(connections: { max?: number; idleMs?: number } = {}): Promise<void> {
    const at = { address: '127.0.0.1', port: 0, advertise: '127.0.0.1' };
    server = await startEmbedded({
      t1Ms: 10,
      settings: {
        listeners: [
          { ...at, transport: 'udp' },
          { ...at, transport: 'tcp' },
          { ...at, transport: 'tls', tls: { ...authority.issue('127.0.0.1'), ca: authority.cert } },
        ],
        maxHeaderBytes: 2_000,
        connections,
      },
    });
    arena = new Arena(server);
  }

  function tlsPeer(): Promise<TcpPeer> {
    const listener = server.control?.listeners[2];
    assert.ok(listener);
    return arena.tlsPeer(listener, { ca: authority.cert });
  }

  async function counters(): Promise<SipServerCounters> {
    if (server.control === null) throw new Error('no control port');
    return server.control.counters();
  }

  async function ask(peer: TcpPeer): Promise<void> {
    peer.send(new Call(peer, server.tcp).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
  }

  afterEach(async () => {
    arena.close();
    await server.close();
  });

  it('are closed when idle, but not while a dialog may need them', async () => {
    await open({ idleMs: 100 });
    const srf = await arena.app();
    const ended = deferred<void>();
    srf.use('invite', (request, answer) => {
      srf.createUAS(request, answer, { localSdp: SDP }, (_error, dialog) =>
        dialog?.on('destroy', () => ended.resolve()),
      );
    });
    const talking = await arena.tcpPeer();
    const call = new Call(talking, server.tcp);
    call.invite();
    call.learn(await talking.response(200, 'INVITE'));
    call.ack();
    const idle = await arena.tcpPeer();
    await ask(idle);
    await idle.closed();
    const half = await arena.tcpPeer();
    half.send('OPTIONS sip:x@y SIP/2.0\r\nVia: ');
    await half.closed();
    // Open for longer than both, and silent for as long.
    call.inside('BYE');
    await talking.response(200, 'BYE');
    await ended.promise;
    await talking.closed();
    await until(counters, (now) => now.connections === 0);
    assert.equal((await counters()).idleConnectionsClosed, 3);
  });

  it('are kept while a client is registered over them', async () => {
    await open({ idleMs: 100 });
    const srf = await arena.app({ register: (_request, answer) => answer.send(200, { headers: { Expires: '60' } }) });
    const client = await arena.tcpPeer();
    const registration = new Call(client, server.tcp);
    client.send(registration.text('REGISTER', { headers: ['Contact: <sip:phone@10.255.255.1;transport=tcp>'] }));
    await client.response(200, 'REGISTER');
    const idle = await arena.tcpPeer();
    await ask(idle);
    await idle.closed();
    srf.createUAC('sip:phone@10.255.255.1;transport=tcp', { localSdp: SDP }, {}, () => undefined);
    const invite = await client.request('INVITE');
    client.send(responseText(invite, 486, { toTag: 'x' }));
    await client.request('ACK');
  });

  it('carry requests to who has opened them, at whichever listener, from the address that they lead to', async () => {
    const at = { transport: 'tcp', address: '127.0.0.1', port: 0 } as const;
    const listeners = ['127.0.0.1', '192.0.2.1'].map((advertise) => ({ ...at, advertise }));
    server = await startEmbedded({ t1Ms: 10, settings: { listeners } });
    arena = new Arena(server);
    const srf = await arena.app();
    for (const { address, port, advertise } of server.control?.listeners ?? []) {
      const peer = await TcpPeer.open({ address, port });
      peer.send(new Call(peer, { address, port }).text('OPTIONS'));
      await peer.response(503, 'OPTIONS');
      const proxy = `sip:127.0.0.1:${peer.connectedFrom.port};transport=tcp;open-connection`;
      srf.createUAC('sip:pbx@10.9.0.2;transport=tcp', { localSdp: SDP, proxy }, {}, () => undefined);
      const invite = await peer.request('INVITE');
      assert.ok(invite.header('Via').startsWith(`SIP/2.0/TCP ${advertise}:${port};`), invite.header('Via'));
      assert.ok(invite.header('Contact').includes(`${advertise}:${port};transport=tcp`), invite.header('Contact'));
      peer.send(responseText(invite, 486, { toTag: 'x' }));
      await peer.request('ACK');
      peer.close();
    }
  });

  it('take the requests with them that nobody has responded to', async () => {
    await open();
    const srf = await arena.app();
    const peer = await arena.tcpPeer();
    const uri = `sip:x@127.0.0.1:${peer.local.port};transport=tcp`;
    const call = (): Promise<number | undefined> => {
      const status = deferred<number | undefined>();
      srf.createUAC(uri, { localSdp: SDP }, {}, (error) => status.resolve(error?.status));
      return status.promise;
    };
    const [silent, ringing] = [call(), call()];
    const invites = [await peer.request('INVITE'), await peer.request('INVITE')] as const;
    peer.reply(responseText(invites[1], 180, { toTag: 'x' }));
    await until(counters, ({ receivedResponses }) => receivedResponses.INVITE?.['180'] === 1);
    peer.dropAccepted();
    assert.equal(await silent, 503);
    // The other one may still be answered, over whatever connection.
    peer.send(responseText(invites[1], 486, { toTag: 'x' }));
    assert.equal(await ringing, 486);
  });

  it('are kept by keepalives, which are answered and counted over TCP and TLS', async () => {
    await open({ idleMs: 1_000 });
    const idle = await arena.tcpPeer();
    let isIdleOpen = true;
    void idle.closed().then(() => {
      isIdleOpen = false;
    });
    const peers = [await arena.tcpPeer(), await tlsPeer()];
    let pings = 0;
    while (isIdleOpen) {
      pings++;
      for (const peer of peers) peer.send('\r\n\r\n');
      for (const peer of peers) {
        await until(
          async () => peer.keepaliveAnswers.length,
          (length) => length === 2 * pings,
        );
      }
    }
    for (const peer of peers) await ask(peer);
    assert.equal((await counters()).dropped.keepalive, 2 * pings);
  });

  it('are bounded in number; one that ends makes room for another', async () => {
    await open({ max: 2 });
    const peers = [await arena.tcpPeer(), await tlsPeer()];
    for (const peer of peers) await ask(peer);
    const third = await arena.tcpPeer();
    await third.closed();
    assert.equal((await counters()).dropped['too-many-connections'], 1);
    peers[0]?.hangUp();
    await until(counters, (now) => now.connections === 1);
    await ask(await arena.tcpPeer());
  });

  it('carry messages cut anywhere, and several in one segment', async () => {
    await open();
    for (const peer of [await arena.tcpPeer(), await tlsPeer()]) {
      const text = new Call(peer, server.tcp).text('OPTIONS');
      for (const character of text.slice(0, -1)) peer.send(character);
      peer.send(`${text.slice(-1)}${new Call(peer, server.tcp).text('OPTIONS')}`);
      await peer.response(503, 'OPTIONS');
      await peer.response(503, 'OPTIONS');
    }
  });

  it('end when start line and headers are larger than the limit; a datagram is dropped', async () => {
    await open();
    const filler = { headers: [`X: ${'x'.repeat(2_000)}`] };
    for (const peer of [await arena.tcpPeer(), await tlsPeer()]) {
      peer.send(new Call(peer, server.tcp).text('OPTIONS', filler));
      await peer.closed();
    }
    const endless = await arena.tcpPeer();
    endless.send(`OPTIONS sip:x@y SIP/2.0\r\nX: ${'x'.repeat(2_000)}`);
    await endless.closed();
    const udp = await arena.udpPeer();
    udp.send(new Call(udp, server.udp).text('OPTIONS', filler));
    await until(counters, (now) => now.dropped['too-large'] === 4);
    // The body does not count.
    udp.send(new Call(udp, server.udp).text('OPTIONS', { body: 'x'.repeat(3_000) }));
    await udp.response(503, 'OPTIONS');
  });
});
