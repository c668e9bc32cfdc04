import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from '../testing/arena.js';
import { DnsServer, type ZoneRecord } from '../testing/dns-server.js';
import type { RawMessage } from '../testing/raw-message.js';
import type { RawPeer, TcpPeer, UdpPeer } from '../testing/raw-peer.js';
import { Call, responseText, SDP } from '../testing/sip-script.js';
import type { AppRequest, TestApplication } from '../testing/test-application.js';

describe('requests to names', () => {
  let dns: DnsServer;
  let server: ServerUnderTest;
  let arena: Arena;
  let srf: TestApplication;
  before(async () => {
    dns = await DnsServer.open();
    server = await startEmbedded({ t1Ms: 20, settings: { nameServers: [dns.address] } });
  });
  after(async () => {
    await server.close();
    dns.close();
  });
  beforeEach(async () => {
    arena = new Arena(server);
    srf = await arena.app();
  });
  afterEach(() => arena.close());

  /** SRV records in this order, under a name of its own for each test, since the server remembers answers. */
  let zones = 0;
  function zoneOf(service: string, ...peers: (RawPeer | number)[]): string {
    zones++;
    const name = `z${zones}.test`;
    const zone: Record<string, ZoneRecord[]> = { [name]: [] };
    zone[`${service}.${name}`] = peers.map((peer, index) => {
      const target = `t${index}.${name}`;
      const { address, port } = typeof peer === 'number' ? { address: '127.0.0.1', port: peer } : peer.local;
      zone[target] = [{ type: 'A', address }];
      return { type: 'SRV', priority: index, weight: 0, port, name: target };
    });
    dns.zone = zone;
    return name;
  }

  function call(uri: string, options: object = {}): { request: Promise<AppRequest>; status: Promise<number> } {
    const request = deferred<AppRequest>();
    const status = deferred<number>();
    srf.createUAC(
      uri,
      { localSdp: SDP, callingNumber: '1', ...options },
      { cbRequest: (_error, sent) => request.resolve(sent) },
      (error, dialog) => status.resolve(dialog === undefined ? (error?.status ?? 0) : 200),
    );
    return { request: request.promise, status: status.promise };
  }

  async function answer(peer: UdpPeer, invite: RawMessage): Promise<void> {
    const { address, port } = peer.local;
    peer.send(responseText(invite, 200, { toTag: 'x', headers: [`Contact: <sip:x@${address}:${port}>`], body: SDP }));
    await peer.request('ACK');
  }

  async function unusedPort(): Promise<number> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    socket.close();
    return port;
  }

  it('go on to the next target at 503, with another branch and all else the same', async () => {
    const [first, second] = [await arena.udpPeer(), await arena.udpPeer('127.0.0.2')];
    const { status } = call(`sip:x@${zoneOf('_sip._udp', first, second)}`);
    const invite = await first.request('INVITE');
    first.send(responseText(invite, 503, { toTag: 'busy' }));
    await first.request('ACK');
    const again = await second.request('INVITE');
    assert.notEqual(again.branch, invite.branch);
    for (const header of ['Call-ID', 'CSeq', 'From', 'To', 'Contact']) {
      assert.equal(again.header(header), invite.header(header));
    }
    await answer(second, again);
    assert.equal(await status, 200);
  });

  it('go on to the next target when one refuses, and when one is silent', async () => {
    const silent = await arena.udpPeer();
    const answering = await arena.udpPeer('127.0.0.2');
    const { status } = call(`sip:x@${zoneOf('_sip._udp', await unusedPort(), silent, answering)}`);
    await silent.request('INVITE');
    await answer(answering, await answering.request('INVITE'));
    assert.equal(await status, 200);
  });

  it('go on over TCP when a connection is refused', async () => {
    const peer = await arena.tcpPeer();
    const { status } = call(`sip:x@${zoneOf('_sip._tcp', await unusedPort(), peer)}`);
    const invite = await peer.request('INVITE');
    assert.match(invite.header('Via'), /^SIP\/2\.0\/TCP /);
    peer.reply(responseText(invite, 486, { toTag: 'x' }));
    assert.equal(await status, 486);
  });

  it('tell the application of the last target’s failure', async () => {
    const peer = await arena.udpPeer();
    const { status } = call(`sip:x@${zoneOf('_sip._udp', await unusedPort(), peer)}`);
    peer.send(responseText(await peer.request('INVITE'), 503, { toTag: 'x' }));
    assert.equal(await status, 503);
    const name = zoneOf('_sip._udp', await unusedPort(), await unusedPort());
    assert.equal(await call(`sip:x@${name}`).status, 503);
  });

  it('are cancelled at the target that is being tried', async () => {
    const [first, second] = [await arena.udpPeer(), await arena.udpPeer('127.0.0.2')];
    const { request, status } = call(`sip:x@${zoneOf('_sip._udp', first, second)}`);
    const invite = await first.request('INVITE');
    first.send(responseText(invite, 180, { toTag: 'a' }));
    first.send(responseText(invite, 503, { toTag: 'a' }));
    const again = await second.request('INVITE');
    (await request).cancel({});
    second.send(responseText(again, 100));
    const cancel = await second.request('CANCEL');
    assert.equal(cancel.branch, again.branch);
    second.send(responseText(cancel, 200));
    second.send(responseText(again, 487, { toTag: 'b' }));
    assert.equal(await status, 487);
    assert.equal(first.inbox.untaken.filter(({ method }) => method === 'CANCEL').length, 0);
  });

  it('are sent on to the next target by a proxy too, and cancelled there', async () => {
    const [first, second] = [await arena.udpPeer(), await arena.udpPeer('127.0.0.2')];
    const name = zoneOf('_sip._udp', first, second);
    srf.use('invite', (request) => void srf.proxyRequest(request, `sip:x@${name}`, {}).catch(() => undefined));
    const caller = await arena.udpPeer();
    const incoming = new Call(caller, server.udp);
    incoming.invite();
    const invite = await first.request('INVITE');
    first.send(responseText(invite, 180, { toTag: 'a' }));
    first.send(responseText(invite, 503, { toTag: 'a' }));
    const again = await second.request('INVITE');
    const mark = (branch: string): string => branch.slice(branch.indexOf('.'));
    assert.equal(mark(again.branch), mark(invite.branch));
    second.send(responseText(again, 180, { toTag: 'b' }));
    await caller.response(180, 'INVITE');
    await caller.response(180, 'INVITE');
    incoming.cancel();
    const cancel = await second.request('CANCEL');
    assert.equal(cancel.branch, again.branch);
    second.send(responseText(cancel, 200));
    second.send(responseText(again, 487, { toTag: 'b' }));
    incoming.ackFailure(await caller.response(487, 'INVITE'));
  });

  it('that lead nowhere are refused', async () => {
    dns.zone = {};
    const error = deferred<unknown>();
    srf.createUAC('sip:x@gone.test', { localSdp: SDP }, {}, (failure) => error.resolve(failure));
    assert.match(String(await error.promise), /requested protocol\/transport not available/);
  });
});

describe('requests too large for UDP', () => {
  const LARGE = { headers: { 'X-Filler': 'x'.repeat(1_300) } };
  let server: ServerUnderTest;
  let arena: Arena;
  let srf: TestApplication;
  before(async () => {
    server = await startEmbedded({ t1Ms: 50 });
  });
  after(() => server.close());
  beforeEach(async () => {
    arena = new Arena(server);
    srf = await arena.app();
  });
  afterEach(() => arena.close());

  /** One peer that takes UDP and TCP on one port. */
  async function bothPeer(): Promise<{ udp: UdpPeer; tcp: TcpPeer }> {
    const tcp = await arena.tcpPeer();
    return { tcp, udp: await arena.udpPeer('127.0.0.1', tcp.local.port) };
  }

  function call(uri: string): Promise<number> {
    const status = deferred<number>();
    srf.createUAC(uri, { localSdp: SDP, callingNumber: '1', ...LARGE }, {}, (error, dialog) =>
      status.resolve(dialog === undefined ? (error?.status ?? 0) : 200),
    );
    return status.promise;
  }

  it('go over TCP', async () => {
    const { udp, tcp } = await bothPeer();
    const status = call(`sip:x@127.0.0.1:${udp.local.port}`);
    tcp.reply(responseText(await tcp.request('INVITE'), 486, { toTag: 'x' }));
    assert.equal(await status, 486);
    assert.equal(udp.inbox.untaken.length, 0);
  });

  it('stay on UDP where the URI says so', async () => {
    const { udp, tcp } = await bothPeer();
    const status = call(`sip:x@127.0.0.1:${udp.local.port};transport=udp`);
    udp.send(responseText(await udp.request('INVITE'), 486, { toTag: 'x' }));
    assert.equal(await status, 486);
    assert.equal(tcp.accepted, 0);
  });

  it('return to UDP where TCP is refused, and do not try it again for a while', async () => {
    const peer = await arena.udpPeer();
    const failovers = async () => (await server.control?.counters())?.failovers;
    for (const expected of [1, 1]) {
      const status = call(`sip:x@127.0.0.1:${peer.local.port}`);
      const invite = await peer.request('INVITE');
      assert.match(invite.header('Via'), /^SIP\/2\.0\/UDP /);
      peer.send(responseText(invite, 486, { toTag: 'x' }));
      assert.equal(await status, 486);
      await until(failovers, (count) => count === expected);
    }
  });
});
