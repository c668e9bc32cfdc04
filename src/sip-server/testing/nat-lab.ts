// Three network namespaces with a NAT between: a phone (10.9.0.2), a router that masquerades it, and the server (192.0.2.1),
// which has no route to the phone. Run as `unshare -Urn node nat-lab.js`; writes what became of a call by UDP, and one by
// TCP, as a line of JSON. The router is this process; server and phone are children in namespaces of their own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startEmbedded } from './arena.js';
import { type RawPeer, type SipAddress, TcpPeer, UdpPeer } from './raw-peer.js';
import { Call, responseText, SDP } from './sip-script.js';
import { connectApplication } from './test-application.js';

export interface NatLabResult {
  readonly transport: 'udp' | 'tcp';
  /** Topmost Via of the 200, as the phone reads it. */
  readonly via: string;
  /** Request-URI of the BYE that reached the phone. */
  readonly byeUri: string;
}

const SERVER = '192.0.2.1';
const ROUTER_OUTSIDE = '192.0.2.254';
const ROUTER_INSIDE = '10.9.0.1';
const PHONE = '10.9.0.2';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Starts this file in a namespace of its own, and tells it when its link is there. */
async function member(role: 'server' | 'phone'): Promise<ChildProcess> {
  const file = fileURLToPath(import.meta.url);
  const child = spawn('unshare', ['-n', process.execPath, file, role], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

function join(child: ChildProcess, link: string, ours: string, theirs: string, route: string | null): void {
  const inside = (...args: string[]): void => {
    execFileSync('nsenter', ['-t', String(child.pid), '-n', 'ip', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(child.pid));
  ip('addr', 'add', `${ours}/24`, 'dev', link);
  ip('link', 'set', link, 'up');
  inside('link', 'set', 'lo', 'up');
  inside('addr', 'add', `${theirs}/24`, 'dev', 'eth0');
  inside('link', 'set', 'eth0', 'up');
  if (route !== null) inside('route', 'add', 'default', 'via', route);
}

/** Other ports, too, so that the phone's own are of no use outside. */
function masquerade(): void {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  if (process.env.NAT_LAB_TOOL === 'nft') {
    const rules =
      'add table ip lab; add chain ip lab out { type nat hook postrouting priority 100; };' +
      'add rule ip lab out oifname "outside" meta l4proto { tcp, udp } masquerade to :20000-20100';
    execFileSync('nft', [rules], { stdio: ['ignore', 'ignore', 'inherit'] });
    return;
  }
  for (const protocol of ['udp', 'tcp']) {
    const to = ['-j', 'MASQUERADE', '--to-ports', '20000-20100'];
    execFileSync('iptables', ['-t', 'nat', '-A', 'POSTROUTING', '-o', 'outside', '-p', protocol, ...to], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
}

async function runRouter(): Promise<void> {
  const server = await member('server');
  const phone = await member('phone');
  join(server, 'outside', ROUTER_OUTSIDE, SERVER, null);
  join(phone, 'inside', ROUTER_INSIDE, PHONE, ROUTER_INSIDE);
  masquerade();
  server.send('go');
  const [addresses] = await once(server, 'message');
  phone.send(addresses);
  const [results] = await once(phone, 'message');
  process.stdout.write(`${JSON.stringify(results)}\n`);
  for (const child of [phone, server]) {
    child.disconnect();
    await once(child, 'exit');
  }
}

async function runServer(): Promise<void> {
  await once(process, 'message');
  const at = { address: SERVER, port: 0, advertise: SERVER };
  const listeners = [
    { ...at, transport: 'udp' as const },
    { ...at, transport: 'tcp' as const },
  ];
  const server = await startEmbedded({ settings: { listeners } });
  const { srf } = await connectApplication(server.admin);
  srf.use('invite', (request, answer) => {
    srf.createUAS(request, answer, { localSdp: SDP }, (_error, dialog) => {
      dialog?.on('ack', () => void dialog.destroy().catch(() => undefined));
    });
  });
  process.send?.({ udp: server.udp, tcp: server.tcp });
  await once(process, 'disconnect');
  srf.disconnect();
  await server.close();
}

async function callFrom(peer: RawPeer, server: SipAddress): Promise<NatLabResult> {
  const call = new Call(peer, server);
  call.invite();
  const ok = await peer.response(200, 'INVITE');
  call.learn(ok);
  call.ack();
  const bye = await peer.request('BYE');
  peer.send(responseText(bye, 200));
  return { transport: peer.protocol === 'udp' ? 'udp' : 'tcp', via: ok.header('Via'), byeUri: bye.uri };
}

async function runPhone(): Promise<void> {
  const [{ udp, tcp }] = (await once(process, 'message')) as [{ udp: SipAddress; tcp: SipAddress }];
  const peers = [await UdpPeer.open(udp, PHONE), await TcpPeer.open(tcp, PHONE)] as const;
  const results = [await callFrom(peers[0], udp), await callFrom(peers[1], tcp)];
  process.send?.(results);
  await once(process, 'disconnect');
  for (const peer of peers) peer.close();
}

const role = process.argv[2];
if (role !== undefined) process.send?.('ready');
await (role === 'server' ? runServer() : role === 'phone' ? runPhone() : runRouter());
