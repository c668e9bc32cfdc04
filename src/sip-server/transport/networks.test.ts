import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { RunningSipServer, SipListenerSettings } from '../control.js';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from '../testing/arena.js';
import { createAuthority } from '../testing/certificate.js';
import { DnsServer } from '../testing/dns-server.js';
import { type RawPeer, TcpPeer, type UdpPeer } from '../testing/raw-peer.js';
import { branch, Call, calleeRequestText, responseText, SDP, sipText } from '../testing/sip-script.js';
import type { AppDialog } from '../testing/test-application.js';

/** Nobody is there; a peer behind a NAT would say such a Contact. */
const PRIVATE_CONTACT = '<sip:phone@10.255.255.1:5060>';

function control(server: ServerUnderTest): RunningSipServer {
  if (server.control === null) throw new Error('no control port');
  return server.control;
}

/** Takes a call from a peer; the dialog is the application's. */
async function takeCall(arena: Arena, call: Call, peer: RawPeer): Promise<AppDialog> {
  const dialog = deferred<AppDialog>();
  const srf = await arena.app();
  srf.use('invite', (request, answer) => {
    srf.createUAS(request, answer, { localSdp: SDP }, (_error, made) => made && dialog.resolve(made));
  });
  call.invite();
  call.learn(await peer.response(200, 'INVITE'));
  call.ack();
  return dialog.promise;
}

describe('a peer whose Contact is not where it is', () => {
  let server: ServerUnderTest;
  let arena: Arena;
  let peer: UdpPeer;
  before(async () => {
    server = await startEmbedded();
  });
  after(() => server.close());
  beforeEach(async () => {
    await control(server).setPeers([]);
    arena = new Arena(server);
    peer = await arena.udpPeer();
  });
  afterEach(() => arena.close());

  it('gets requests in a dialog that it began at the source of its packets', async () => {
    const dialog = await takeCall(arena, new Call(peer, server.udp, { contact: PRIVATE_CONTACT }), peer);
    const ended = dialog.destroy();
    const bye = await peer.request('BYE');
    assert.equal(bye.uri, 'sip:phone@10.255.255.1:5060');
    peer.send(responseText(bye, 200));
    await ended;
  });

  it('gets requests in a dialog that we began there too', async () => {
    const srf = await arena.app();
    const dialog = deferred<AppDialog>();
    const { address, port } = peer.local;
    srf.createUAC(`sip:x@${address}:${port}`, { localSdp: SDP }, {}, (_error, made) => made && dialog.resolve(made));
    const invite = await peer.request('INVITE');
    peer.send(responseText(invite, 200, { toTag: 'x', headers: [`Contact: ${PRIVATE_CONTACT}`], body: SDP }));
    await peer.request('ACK');
    const ended = (await dialog.promise).destroy();
    peer.send(responseText(await peer.request('BYE'), 200));
    await ended;
  });

  it('is followed when its NAT gives it another port', async () => {
    const call = new Call(peer, server.udp, { contact: PRIVATE_CONTACT });
    const dialog = await takeCall(arena, call, peer);
    const moved = await arena.udpPeer('127.0.0.1');
    dialog.on('info', (_request, answer) => answer.send(200));
    call.cseq++;
    moved.send(call.text('INFO'));
    await moved.response(200, 'INFO');
    const ended = dialog.destroy();
    moved.send(responseText(await moved.request('BYE'), 200));
    await ended;
  });

  it('is believed where the operator says so', async () => {
    await control(server).setPeers([{ addresses: ['127.0.0.0/8'], followsContact: true }]);
    const elsewhere = await arena.udpPeer('127.0.0.3');
    const { address, port } = elsewhere.local;
    const dialog = await takeCall(arena, new Call(peer, server.udp, { contact: `<sip:x@${address}:${port}>` }), peer);
    const ended = dialog.destroy();
    elsewhere.send(responseText(await elsewhere.request('BYE'), 200));
    await ended;
  });

  it('is not second-guessed when there is a route set', async () => {
    const proxy = await arena.udpPeer('127.0.0.4');
    const route = `<sip:127.0.0.4:${proxy.local.port};lr>`;
    const options = { contact: PRIVATE_CONTACT, headers: [`Record-Route: ${route}`] };
    const dialog = await takeCall(arena, new Call(peer, server.udp, options), peer);
    const ended = dialog.destroy();
    const bye = await proxy.request('BYE');
    assert.equal(bye.header('Route'), route);
    proxy.send(responseText(bye, 200));
    await ended;
  });

  it('is answered where its packet came from, whatever its Via says, with received and rport', async () => {
    const via = `Via: SIP/2.0/UDP 10.255.255.1:5099;rport;branch=${branch()}`;
    const headers = ['From: <sip:a@b>;tag=1', 'To: <sip:x@y>', 'Call-ID: nat', 'CSeq: 1 OPTIONS'];
    peer.send(sipText('OPTIONS sip:x@y SIP/2.0', [via, ...headers]));
    const answer = await peer.response(503, 'OPTIONS');
    assert.match(answer.header('Via'), /;received=127\.0\.0\.1;rport=\d+$/);
    assert.ok(answer.header('Via').endsWith(`rport=${peer.local.port}`));
  });

  it('refuses peers that are no address, and keeps what it knew', async () => {
    await control(server).setPeers([{ addresses: ['127.0.0.1'], followsContact: true }]);
    await assert.rejects(control(server).setPeers([{ addresses: ['pbx.test'] }]), /pbx\.test/);
  });
});

describe('several networks', () => {
  it('are chosen by what is known of the peer before what its address looks like', async () => {
    const server = await startEmbedded({
      settings: {
        listeners: [
          { transport: 'udp', address: '127.0.0.1', port: 0, advertise: '198.51.100.1', network: 'lan' },
          { transport: 'tcp', address: '127.0.0.1', port: 0, advertise: '198.51.100.1', network: 'lan' },
          { transport: 'udp', address: '127.0.1.1', port: 0, advertise: '198.51.100.2', network: 'wan' },
        ],
      },
    });
    const arena = new Arena(server);
    await control(server).setPeers([{ addresses: ['127.0.0.0/24'], network: 'wan' }]);
    const srf = await arena.app();
    const peer = await arena.udpPeer('127.0.0.7');
    srf.createUAC(`sip:x@127.0.0.7:${peer.local.port}`, { localSdp: SDP, callingNumber: '1' }, {}, () => undefined);
    const invite = await peer.request('INVITE');
    assert.match(invite.header('Via'), /^SIP\/2\.0\/UDP 198\.51\.100\.2:/);
    assert.match(invite.header('Contact'), /@198\.51\.100\.2:/);
    arena.close();
    await server.close();
  });
});

describe('IPv6', () => {
  const authority = createAuthority();
  let dns: DnsServer;
  let server: ServerUnderTest;
  let arena: Arena;
  before(async function () {
    const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
      addresses?.some(({ address }) => address === '::1'),
    );
    if (!hasIPv6) {
      console.log('      skipped: this machine has no IPv6 loopback');
      this.skip();
    }
    const at = { address: '::1', port: 0, advertise: '::1' };
    const listeners: SipListenerSettings[] = [
      { ...at, transport: 'udp' },
      { ...at, transport: 'tcp' },
      { ...at, transport: 'tls', tls: { ...authority.issue('::1'), ca: authority.cert } },
      { transport: 'tcp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' },
    ];
    dns = await DnsServer.open();
    server = await startEmbedded({ settings: { listeners, nameServers: [dns.address] } });
  });
  after(async () => {
    await server?.close();
    dns?.close();
  });
  beforeEach(() => {
    arena = new Arena(server);
  });
  afterEach(() => arena?.close());

  function peerOver(transport: 'udp' | 'tcp' | 'tls'): Promise<RawPeer> {
    if (transport === 'udp') return arena.udpPeer('::1');
    if (transport === 'tcp') return arena.tcpPeer('::1');
    const listener = control(server).listeners[2];
    assert.ok(listener);
    return arena.tlsPeer(listener, { ...authority.issue('::1'), ca: authority.cert }, '::1');
  }

  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    it(`carries calls over ${transport}, with brackets in Via and Contact`, async () => {
      const peer = await peerOver(transport);
      const dialog = await takeCall(arena, new Call(peer, server.udp), peer);
      const ended = dialog.destroy();
      const bye = await peer.request('BYE');
      assert.match(bye.header('Via'), new RegExp(`^SIP/2\\.0/${transport.toUpperCase()} \\[::1\\]:\\d+;`));
      peer.send(responseText(bye, 200));
      await ended;

      const srf = await arena.app();
      const { address, port } = peer.local;
      const made = deferred<AppDialog>();
      const uri = `sip:x@[${address}]:${port};transport=${transport}`;
      srf.createUAC(uri, { localSdp: SDP, callingNumber: '1' }, {}, (_error, out) => out && made.resolve(out));
      const invite = await peer.request('INVITE');
      assert.match(invite.header('Contact'), /@\[::1\]:\d+/);
      const answer = (text: string): void => (peer instanceof TcpPeer ? peer.reply(text) : peer.send(text));
      answer(responseText(invite, 200, { toTag: 'x', headers: [`Contact: <${uri}>`], body: SDP }));
      await peer.request('ACK');
      const over = deferred<void>();
      (await made.promise).on('destroy', () => over.resolve());
      answer(calleeRequestText('BYE', invite, peer, { toTag: 'x' }));
      await over.promise;
    });
  }

  it('knows its own address however it is written', async () => {
    const srf = await arena.app();
    const error = deferred<unknown>();
    const uri = `sip:x@[0:0:0:0:0:0:0:1]:${server.udp.port}`;
    srf.createUAC(uri, { localSdp: SDP }, {}, (failure) => error.resolve(failure));
    assert.match(String(await error.promise), /can not send request to myself/);
  });

  it('takes of a name’s addresses those of a family that it has a listener for', async () => {
    const srf = await arena.app();
    const peer = await arena.udpPeer('::1');
    dns.zone = {
      'both.test': [
        { type: 'A', address: '127.0.0.1' },
        { type: 'AAAA', address: '::1' },
      ],
    };
    srf.createUAC(`sip:x@both.test:${peer.local.port}`, { localSdp: SDP }, {}, () => undefined);
    await peer.request('INVITE');
  });

  it('says received and rport of a peer that its Via does not show', async () => {
    const socket = createSocket('udp6').bind(0, '::1');
    await once(socket, 'listening');
    const received = once(socket, 'message');
    const via = `Via: SIP/2.0/UDP [2001:db8::1]:5099;rport;branch=${branch()}`;
    const headers = ['From: <sip:a@b>;tag=1', 'To: <sip:x@y>', 'Call-ID: six', 'CSeq: 1 OPTIONS'];
    const { port } = socket.address();
    socket.send(sipText('OPTIONS sip:x@y SIP/2.0', [via, ...headers]), server.udp.port, '::1');
    const [bytes] = (await received) as [Buffer];
    assert.ok(bytes.toString().includes(`;received=::1;rport=${port}\r\n`));
    socket.close();
  });

  it('is refused like IPv4 by source', async () => {
    await control(server).setSources({ allow: ['fd00::/8', '127.0.0.1'] });
    const peer = await arena.udpPeer('::1');
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    await until(
      () => control(server).counters(),
      (now) => now.dropped['unknown-source'] > 0,
    );
    await control(server).setSources({ allow: ['::1'] });
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    await control(server).setSources({ allow: null });
  });
});
