// Who may send media, from one network namespace to another and through a real NAT: each class, and strangers at every moment.
import assert from 'node:assert/strict';
import type { MediaAddress, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { type LabMember, NetworkLab, whyNoNetworkLab } from '../../lib/testing/network-lab.js';
import type { OpenReply } from './relay-messages.js';
import { PCMA, type ReceivedPacket, rtcpPacket, rtpPacket } from './relay-test-kit.js';

const MEMBER = new URL('./relay-lab-member.js', import.meta.url);
const NETWORK = { name: 'lan', bind: '192.0.2.1', advertise: '192.0.2.1', mediaPorts: { from: 20_000, to: 20_399 } };
const NETWORK_6 = { ...NETWORK, name: 'lan6', bind: '2001:db8::1', advertise: '2001:db8::1' };
const NAT = '192.0.2.254';
const PHONE = '10.9.0.2';
const LOCK_MS = 3_001;
const SILENCE_MS = 2_000;

/** One socket of a member. */
class LabPeer {
  readonly #member: LabMember;
  readonly #socket: string;
  readonly port: number;
  readonly address: string;

  private constructor(member: LabMember, socket: string, address: string, port: number) {
    this.#member = member;
    this.#socket = socket;
    this.address = address;
    this.port = port;
  }

  static async open(member: LabMember, address: string, port = 0): Promise<LabPeer> {
    const socket = `${address}-${port}-${Math.random()}`;
    return new LabPeer(member, socket, address, await member.ask<number>('bind', socket, address, port));
  }

  send(packet: Uint8Array, address: string, port: number): Promise<void> {
    return this.#member.ask('send', this.#socket, packet, { address, port });
  }

  received(): Promise<readonly ReceivedPacket[]> {
    return this.#member.ask('received', this.#socket);
  }

  receivedCount(count: number): Promise<readonly ReceivedPacket[]> {
    return this.#member.ask('receivedCount', this.#socket, count);
  }
}

describe('who may send media, across networks', function () {
  this.timeout(60_000);
  let lab: NetworkLab;
  let relay: LabMember;
  let gateway: LabMember;
  let pbx: LabMember;
  let phone: LabMember;
  let stranger: LabMember;
  let local: Readonly<Record<Side, MediaAddress>>;
  let callee: LabPeer;
  let calleeControl: LabPeer;
  let strangers: LabPeer[];
  let counted: Record<Side, number>;
  let sequence: number;

  before(async function () {
    const missing = whyNoNetworkLab();
    if (missing !== null) {
      console.log(`      skipped: ${missing}`);
      this.skip();
    }
    lab = await NetworkLab.open();
    [relay, gateway, pbx, phone, stranger] = await Promise.all([
      lab.outside(MEMBER, '192.0.2.1', '2001:db8::1'),
      lab.outside(MEMBER, '192.0.2.20'),
      lab.outside(MEMBER, '192.0.2.10', '192.0.2.11', '2001:db8::10'),
      lab.behindNat(MEMBER, PHONE, '10.9.0.3'),
      lab.outside(MEMBER, '192.0.2.66', '2001:db8::66'),
    ]);
  });
  after(async () => lab?.close());

  beforeEach(async () => {
    await open('lan');
    callee = await LabPeer.open(gateway, '192.0.2.20');
    calleeControl = await LabPeer.open(gateway, '192.0.2.20');
    strangers = [await LabPeer.open(stranger, '192.0.2.66')];
    sequence = 0;
    await remote('callee', { address: '192.0.2.20', rtpPort: callee.port, rtcpPort: calleeControl.port });
  });

  async function open(callerNetwork: string): Promise<void> {
    const opened = await relay.ask<OpenReply>('relay', [NETWORK, NETWORK_6], callerNetwork, 'lan');
    assert.ok(opened.ok);
    local = opened.local;
    counted = { caller: 0, callee: 0 };
  }

  function remote(
    side: Side,
    changes: Partial<MediaRemote> & Pick<MediaRemote, 'address' | 'rtpPort' | 'rtcpPort'>,
  ): Promise<void> {
    const rest = { signallingAddress: changes.address, nat: 'auto', sources: [], codecs: [PCMA], sends: true } as const;
    return relay.ask('setRemote', side, { ...rest, ...changes });
  }

  /** Sends to a port of the relay and waits until it was counted there, passed on or dropped. */
  async function fire(from: LabPeer, side: Side, kind: 'rtp' | 'rtcp', packet: Uint8Array): Promise<void> {
    const { address, rtpPort, rtcpPort } = local[side];
    await from.send(packet, address, kind === 'rtp' ? rtpPort : rtcpPort);
    counted[side] += 1;
    await relay.ask('counted', side, counted[side]);
  }

  /** Every stranger sends RTP and RTCP to all four ports: nothing may come of it. */
  async function attack(): Promise<void> {
    for (const from of strangers) {
      for (const side of ['caller', 'callee'] as const) {
        if (from.address.includes(':') !== local[side].address.includes(':')) continue;
        await fire(from, side, 'rtp', rtpPacket({ sequence: 0xbad, ssrc: 0xbad }));
        await fire(from, side, 'rtcp', rtcpPacket(0xbad));
      }
    }
  }

  /** The caller, from its sockets, and the callee talk once; both hear each other's RTP and RTCP. */
  async function talk(caller: LabPeer, control: LabPeer): Promise<void> {
    sequence += 1;
    const before = {
      callee: (await callee.received()).length,
      calleeControl: (await calleeControl.received()).length,
      caller: (await caller.received()).length,
      control: (await control.received()).length,
    };
    await fire(caller, 'caller', 'rtp', rtpPacket({ sequence }));
    await fire(control, 'caller', 'rtcp', rtcpPacket(sequence));
    await fire(callee, 'callee', 'rtp', rtpPacket({ sequence, ssrc: 9 }));
    await fire(calleeControl, 'callee', 'rtcp', rtcpPacket(sequence + 1_000));
    const heard = {
      callee: (await callee.receivedCount(before.callee + 1)).slice(before.callee).map(({ bytes }) => hex(bytes)),
      control: (await calleeControl.receivedCount(before.calleeControl + 1)).slice(before.calleeControl).length,
      caller: (await caller.receivedCount(before.caller + 1)).slice(before.caller).map(({ bytes }) => hex(bytes)),
      callerControl: (await control.receivedCount(before.control + 1)).slice(before.control).length,
    };
    assert.deepEqual(heard, {
      callee: [hex(rtpPacket({ sequence }))],
      control: 1,
      caller: [hex(rtpPacket({ sequence, ssrc: 9 }))],
      callerControl: 1,
    });
  }

  /** The caller of this remote talks, with strangers before, while and after its source is learned. */
  async function holdsAgainstStrangers(
    caller: LabPeer,
    control: LabPeer,
    changes: Parameters<typeof remote>[1],
  ): Promise<void> {
    strangers.push(
      await LabPeer.open(stranger, strangers[0]?.address ?? '', caller.port),
      await LabPeer.open(stranger, strangers[0]?.address ?? '', callee.port),
    );
    await attack();
    await remote('caller', changes);
    await attack();
    await talk(caller, control);
    await attack();
    await talk(caller, control);
    await relay.ask('advance', LOCK_MS);
    await attack();
    await talk(caller, control);
    await relay.ask('advance', 10 * SILENCE_MS);
    await attack();
    await talk(caller, control);
    await remote('caller', { ...changes, rtpPort: changes.rtpPort + 2, rtcpPort: changes.rtcpPort + 2 });
    await attack();
    await relay.ask('clearRemote', 'caller');
    await attack();
    for (const each of strangers) assert.deepEqual(await each.received(), []);
    const report = await relay.ask<MediaReport>('report');
    const here = strangers.filter(({ address }) => address.includes(':') === local.caller.address.includes(':'));
    assert.equal(report.caller.dropped.source, 2 * 7 * here.length);
  }

  it('class (a): the address and port of the SDP are heard, strangers never', async () => {
    const [caller, control] = [await LabPeer.open(pbx, '192.0.2.10'), await LabPeer.open(pbx, '192.0.2.10')];
    await holdsAgainstStrangers(caller, control, {
      address: '192.0.2.10',
      rtpPort: caller.port,
      rtcpPort: control.port,
    });
  });

  it('class (a) over IPv6, to a gateway on IPv4', async () => {
    await open('lan6');
    await remote('callee', { address: '192.0.2.20', rtpPort: callee.port, rtcpPort: calleeControl.port });
    const [caller, control] = [await LabPeer.open(pbx, '2001:db8::10'), await LabPeer.open(pbx, '2001:db8::10')];
    strangers.unshift(await LabPeer.open(stranger, '2001:db8::66'));
    await holdsAgainstStrangers(caller, control, {
      address: '2001:db8::10',
      rtpPort: caller.port,
      rtcpPort: control.port,
    });
  });

  it('class (b): the address of the SDP is heard from another port, and answered there', async () => {
    const [caller, control] = [await LabPeer.open(pbx, '192.0.2.10'), await LabPeer.open(pbx, '192.0.2.10')];
    await holdsAgainstStrangers(caller, control, { address: '192.0.2.10', rtpPort: 4_000, rtcpPort: 4_001 });
  });

  it('class (c): a phone behind a NAT is heard by the address of its signalling, and answered through the NAT', async () => {
    const [caller, control] = [await LabPeer.open(phone, PHONE), await LabPeer.open(phone, PHONE)];
    await holdsAgainstStrangers(caller, control, {
      address: PHONE,
      rtpPort: caller.port,
      rtcpPort: control.port,
      signallingAddress: NAT,
    });
  });

  it('class (c) needs nat: auto: without it the NAT is a stranger', async () => {
    const caller = await LabPeer.open(phone, PHONE);
    await remote('caller', {
      address: PHONE,
      rtpPort: caller.port,
      rtcpPort: caller.port + 1,
      signallingAddress: NAT,
      nat: 'off',
    });
    await fire(caller, 'caller', 'rtp', rtpPacket({ sequence: 1 }));
    const report = await relay.ask<MediaReport>('report');
    assert.deepEqual([report.caller.packets, report.caller.dropped.source], [0, 1]);
  });

  it('class (c): another phone behind the same NAT does not take over a stream that was learned', async () => {
    const [caller, control] = [await LabPeer.open(phone, PHONE), await LabPeer.open(phone, PHONE)];
    const address = { address: PHONE, rtpPort: caller.port, rtcpPort: control.port, signallingAddress: NAT };
    await remote('caller', address);
    await talk(caller, control);
    strangers = [await LabPeer.open(phone, '10.9.0.3')];
    await fireAtCaller();
    await talk(caller, control);
    await relay.ask('advance', LOCK_MS);
    await talk(caller, control);
    await fireAtCaller();
    await talk(caller, control);
    assert.deepEqual(await strangers[0]?.received(), []);
    const report = await relay.ask<MediaReport>('report');
    assert.match(report.caller.source ?? '', /^192\.0\.2\.254:30[01]\d\d$/);
    assert.equal(report.caller.dropped.source, 4);
  });

  it('class (c): follows the NAT to another port after 2 s of silence, and not before', async () => {
    const [caller, control] = [await LabPeer.open(phone, PHONE), await LabPeer.open(phone, PHONE)];
    const address = { address: PHONE, rtpPort: caller.port, rtcpPort: control.port, signallingAddress: NAT };
    await remote('caller', address);
    await talk(caller, control);
    const moved = [await LabPeer.open(phone, PHONE), await LabPeer.open(phone, PHONE)] as const;
    await relay.ask('advance', SILENCE_MS - 1);
    await fire(moved[0], 'caller', 'rtp', rtpPacket({ sequence: 77 }));
    await fire(moved[1], 'caller', 'rtcp', rtcpPacket(77));
    assert.equal((await relay.ask<MediaReport>('report')).caller.dropped.source, 2);
    await relay.ask('advance', 1);
    await talk(moved[0], moved[1]);
  });

  it('class (d): a configured source is heard, and gives way to the address of the SDP', async () => {
    const [server, control] = [await LabPeer.open(pbx, '192.0.2.11'), await LabPeer.open(pbx, '192.0.2.11')];
    const [caller, callerControl] = [await LabPeer.open(pbx, '192.0.2.10'), await LabPeer.open(pbx, '192.0.2.10')];
    const address = {
      address: '192.0.2.10',
      rtpPort: caller.port,
      rtcpPort: callerControl.port,
      sources: ['192.0.2.11/32'],
    };
    await remote('caller', address);
    await talk(server, control);
    await talk(caller, callerControl);
    await fire(server, 'caller', 'rtp', rtpPacket({ sequence: 99 }));
    await fire(control, 'caller', 'rtcp', rtcpPacket(99));
    await talk(caller, callerControl);
    await relay.ask('advance', 10 * SILENCE_MS);
    await fire(server, 'caller', 'rtp', rtpPacket({ sequence: 99 }));
    await fire(control, 'caller', 'rtcp', rtcpPacket(99));
    await talk(caller, callerControl);
    assert.equal((await relay.ask<MediaReport>('report')).caller.dropped.source, 4);
  });

  it('class (d): a configured source holds against strangers', async () => {
    const [caller, control] = [await LabPeer.open(pbx, '192.0.2.11'), await LabPeer.open(pbx, '192.0.2.11')];
    await holdsAgainstStrangers(caller, control, {
      address: '192.0.2.10',
      rtpPort: 4_000,
      rtcpPort: 4_001,
      sources: ['192.0.2.11/32'],
    });
  });

  /** The strangers send to the caller's ports alone. */
  async function fireAtCaller(): Promise<void> {
    for (const from of strangers) {
      await fire(from, 'caller', 'rtp', rtpPacket({ sequence: 0xbad }));
      await fire(from, 'caller', 'rtcp', rtcpPacket(0xbad));
    }
  }

  it('goes on when its packets are refused by ICMP, from the peer and from a router on the way', async () => {
    const [caller, control] = [await LabPeer.open(phone, PHONE), await LabPeer.open(phone, PHONE)];
    const address = { address: PHONE, rtpPort: caller.port, rtcpPort: control.port, signallingAddress: NAT };
    await remote('caller', address);
    await talk(caller, control);
    // Nobody listens at the gateway's port, which says so; what goes through the NAT the router refuses.
    await remote('callee', { address: '192.0.2.20', rtpPort: 9, rtcpPort: 10 });
    const refuse = 'add table ip deny; add chain ip deny out { type filter hook forward priority 0; }';
    lab.run('nft', `${refuse}; add rule ip deny out ip daddr ${PHONE} reject with icmp type host-prohibited`);
    for (let sent = 100; sent < 110; sent += 1) {
      await fire(caller, 'caller', 'rtp', rtpPacket({ sequence: sent }));
      await fire(control, 'caller', 'rtcp', rtcpPacket(sent));
    }
    for (let sent = 100; sent < 110; sent += 1) {
      await fire(callee, 'callee', 'rtp', rtpPacket({ sequence: sent, ssrc: 9 }));
      await fire(calleeControl, 'callee', 'rtcp', rtcpPacket(sent));
    }
    lab.run('nft', 'delete table ip deny');
    await remote('callee', { address: '192.0.2.20', rtpPort: callee.port, rtcpPort: calleeControl.port });
    await talk(caller, control);
    const report = await relay.ask<MediaReport>('report');
    assert.deepEqual([report.caller.packets, report.callee.packets], [12, 12]);
  });

  it('a stranger who forges the address of the peer is held by its port, once that was learned', async () => {
    const [caller, control] = [await LabPeer.open(pbx, '192.0.2.10'), await LabPeer.open(pbx, '192.0.2.10')];
    await remote('caller', { address: '192.0.2.10', rtpPort: caller.port, rtcpPort: control.port });
    await talk(caller, control);
    // The address of the peer, on a machine that is not the peer's, and that does not say so by ARP.
    stranger.run('sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2');
    stranger.run('ip', 'addr', 'add', '192.0.2.10/32', 'dev', 'lo');
    strangers = [await LabPeer.open(stranger, '192.0.2.10')];
    await fireAtCaller();
    await talk(caller, control);
    await relay.ask('advance', LOCK_MS);
    await talk(caller, control);
    await fireAtCaller();
    await talk(caller, control);
    assert.equal((await relay.ask<MediaReport>('report')).caller.dropped.source, 4);
    stranger.run('ip', 'addr', 'del', '192.0.2.10/32', 'dev', 'lo');
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
