// Whole calls from one network to another: IPv6 to IPv4, TLS to UDP, and to a gateway over TLS.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { createAuthority } from '../sip-server/testing/certificate.js';
import { type RawPeer, type SipAddress, TcpPeer, UdpPeer } from '../sip-server/testing/raw-peer.js';
import { Call, calleeRequestText, responseText } from '../sip-server/testing/sip-script.js';
import { Arena } from './testing/arena.js';

const CALLEE = '01055550001';

function sdp(address: string): string {
  const version = address.includes(':') ? 6 : 4;
  return [
    'v=0',
    `o=- 1 1 IN IP${version} ${address}`,
    's=-',
    `c=IN IP${version} ${address}`,
    't=0 0',
    'm=audio 40000 RTP/AVP 8',
    'a=rtpmap:8 PCMA/8000',
    '',
  ].join('\r\n');
}

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
}

describe('calls between networks', () => {
  const authority = createAuthority();
  let arena: Arena;
  let app: RunningApp | undefined;
  let peers: RawPeer[];

  beforeEach(async () => {
    arena = await Arena.open(() => {
      throw new Error('The simulated gateway is not called here');
    });
    peers = [];
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    for (const peer of peers) peer.close();
    await arena.close();
  });

  function tlsListener(address: string): object {
    const { cert, key } = authority.issue(address);
    writeFileSync(join(arena.folder, 'sip.pem'), cert);
    writeFileSync(join(arena.folder, 'sip-key.pem'), key);
    writeFileSync(join(arena.folder, 'ca.pem'), authority.cert);
    return { transport: 'tls', port: 0, cert: 'sip.pem', key: 'sip-key.pem', ca: 'ca.pem' };
  }

  async function start(
    from: { address: string; listener: object },
    to: { address: string; listener: object; gateway: object },
  ): Promise<RunningApp> {
    const { from: low } = arena.mediaPorts;
    const networks = [
      { name: 'pbx', bind: from.address, mediaPorts: { from: low, to: low + 19 }, sip: [from.listener] },
      { name: 'sims', bind: to.address, mediaPorts: { from: low + 20, to: low + 39 }, sip: [to.listener] },
    ];
    app = await startApp(
      arena.config({
        networks,
        trunks: [{ name: 'pbx', network: 'pbx', sources: [from.address] }],
        gateways: [{ name: 'gw1', network: 'sims', gapMs: 0, probe: false, ...to.gateway }],
      }),
    );
    return app;
  }

  /** A whole call; the callee answers and hangs up. */
  async function callThrough(caller: RawPeer, simtrunk: SipAddress, gateway: RawPeer, addresses: [string, string]) {
    const [ours, theirs] = addresses;
    const call = new Call(caller, simtrunk, { user: CALLEE, body: sdp(ours) });
    call.invite();
    const invite = await gateway.request('INVITE');
    const answer = (text: string): void => (gateway instanceof TcpPeer ? gateway.reply(text) : gateway.send(text));
    const host = theirs.includes(':') ? `[${theirs}]` : theirs;
    const contact = `Contact: <sip:gw@${host}:${gateway.local.port};transport=${gateway.protocol}>`;
    answer(responseText(invite, 200, { toTag: 'callee', headers: [contact], body: sdp(theirs) }));
    const ok = await caller.response(200, 'INVITE');
    call.learn(ok);
    call.ack();
    await gateway.request('ACK');
    answer(calleeRequestText('BYE', invite, gateway, { toTag: 'callee' }));
    await gateway.response(200, 'BYE');
    caller.send(responseText(await caller.request('BYE'), 200));
    const cdr = await arena.cdrOf(call.callId);
    return { invite, ok, cdr };
  }

  it('go from IPv6 over TLS to IPv4 over UDP', async function () {
    if (!hasIPv6()) {
      console.log('      skipped: this machine has no IPv6 loopback');
      this.skip();
    }
    const port = await freePort();
    const { listeners } = await start(
      { address: '::1', listener: tlsListener('::1') },
      {
        address: '127.0.0.1',
        listener: { transport: 'udp', port: 0 },
        gateway: { address: `127.0.0.1:${port}` },
      },
    );
    const simtrunk = listeners[0];
    const sims = listeners.find(({ address }) => address === '127.0.0.1');
    assert.ok(simtrunk && sims);
    const gateway = await UdpPeer.open(sims, '127.0.0.1', port);
    const caller = await TcpPeer.open(simtrunk, '::1', { ca: authority.cert });
    peers.push(gateway, caller);
    const { invite, ok, cdr } = await callThrough(caller, simtrunk, gateway, ['::1', '127.0.0.1']);
    assert.match(invite.body, /c=IN IP4 127\.0\.0\.1/);
    assert.match(ok.body, /c=IN IP6 ::1/);
    assert.match(ok.header('Contact'), /\[::1\]:\d+;transport=tls/);
    assert.equal(cdr.endedBy, 'callee');
    assert.equal(cdr.attempts[0]?.outcome, 'answered');
  });

  it('go to a gateway over TLS', async () => {
    const listener = tlsListener('127.0.0.1');
    const port = await freePort();
    const { listeners } = await start(
      { address: '127.0.0.2', listener: { transport: 'udp', port: 0 } },
      {
        address: '127.0.0.1',
        listener,
        gateway: { address: `127.0.0.1:${port}`, transport: 'tls' },
      },
    );
    const simtrunk = listeners[0];
    const sims = listeners.find(({ address }) => address === '127.0.0.1');
    assert.ok(simtrunk && sims);
    const tls = { ...authority.issue('127.0.0.1'), ca: authority.cert };
    const gateway = await TcpPeer.open(sims, '127.0.0.1', tls, port);
    const caller = await UdpPeer.open(simtrunk, '127.0.0.2');
    peers.push(gateway, caller);
    const { invite, cdr } = await callThrough(caller, simtrunk, gateway, ['127.0.0.2', '127.0.0.1']);
    assert.match(invite.uri, /;transport=tls$/);
    assert.match(invite.header('Via'), /^SIP\/2\.0\/TLS /);
    assert.equal(gateway.accepted, 1);
    assert.equal(cdr.attempts[0]?.outcome, 'answered');
  });
});
