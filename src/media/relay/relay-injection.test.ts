// Strangers against one relayed call, in memory and in the test's own time: nothing of theirs passes, nothing goes to them.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MediaAddress, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { MemorySockets } from './memory-sockets.js';
import { RelayCore } from './relay-core.js';
import { EVENTS, PCMA, relaySettings, rtcpPacket, rtpPacket } from './relay-test-kit.js';

const NETWORK = { name: 'lan', bind: '192.0.2.1', advertise: '192.0.2.1', mediaPorts: { from: 20_000, to: 20_019 } };
const SESSION = 1;
const SIDES = ['caller', 'callee'] as const;
const KINDS = ['rtp', 'rtcp'] as const;
type Kind = (typeof KINDS)[number];

interface Peer {
  readonly address: string;
  readonly port: number;
}

/** Where a side's SDP says that it is, where its signalling came from, and a media server of its own. */
const PEERS: Readonly<Record<Side, { sdp: Peer; signalling: string; listed: string }>> = {
  caller: { sdp: { address: '10.0.0.2', port: 4_000 }, signalling: '203.0.113.2', listed: '198.51.100.2' },
  callee: { sdp: { address: '10.0.0.3', port: 4_000 }, signalling: '203.0.113.3', listed: '198.51.100.3' },
};
const STRANGER = '192.0.2.66';

function remoteOf(side: Side, changes: Partial<MediaRemote> = {}): MediaRemote {
  const { sdp, signalling, listed } = PEERS[side];
  return {
    address: sdp.address,
    rtpPort: sdp.port,
    rtcpPort: sdp.port + 1,
    signallingAddress: signalling,
    nat: 'auto',
    sources: [listed],
    codecs: [PCMA, EVENTS],
    sends: true,
    ...changes,
  };
}

class Scene {
  nowMs = 0;
  readonly sockets = new MemorySockets(() => this.nowMs);
  readonly core = new RelayCore(
    relaySettings([NETWORK]),
    this.sockets,
    () => this.nowMs,
    () => undefined,
  );
  readonly local: Readonly<Record<Side, MediaAddress>>;

  constructor() {
    const opened = this.core.open(SESSION, 'lan', 'lan');
    assert.ok(opened.ok);
    this.local = opened.local;
  }

  remote(side: Side, changes: Partial<MediaRemote> = {}): void {
    this.core.setRemote(SESSION, side, remoteOf(side, changes));
  }

  send(from: Peer, side: Side, kind: Kind, packet: Uint8Array): void {
    const { address, rtpPort, rtcpPort } = this.local[side];
    this.sockets.deliver({ address, port: kind === 'rtp' ? rtpPort : rtcpPort }, packet, from);
  }

  /** Sends a packet to a side's port; whether it came out at the other side. */
  passes(from: Peer, side: Side, kind: Kind, sequence = 1): boolean {
    const before = this.sockets.sent.length;
    this.send(from, side, kind, kind === 'rtp' ? rtpPacket({ sequence }) : rtcpPacket(sequence));
    return this.sockets.sent.length > before;
  }

  report(): MediaReport {
    const report = this.core.report(SESSION);
    assert.ok(report);
    return report;
  }
}

/** The peer of a side as it sends: RTP from the port that it is given, RTCP from the next. */
function at(peer: Peer, kind: Kind): Peer {
  return kind === 'rtp' ? peer : { address: peer.address, port: peer.port + 1 };
}

describe('a stranger to a relayed call', () => {
  for (const side of SIDES) {
    for (const kind of KINDS) {
      const { sdp, signalling, listed } = PEERS[side];
      const title = `on the ${side}'s ${kind.toUpperCase()} port`;

      it(`passes nothing ${title} before, while and after a source of each class is learned`, () => {
        const sources: Peer[] = [
          sdp,
          { address: sdp.address, port: 5_000 },
          { address: signalling, port: 6_000 },
          { address: listed, port: 7_000 },
        ];
        for (const source of sources) {
          const scene = new Scene();
          const attack = (): void => {
            for (const port of [1, 4_000, 4_001, source.port, source.port + 1]) {
              assert.equal(scene.passes({ address: STRANGER, port }, side, kind), false);
            }
          };
          attack();
          for (const each of SIDES) scene.remote(each);
          attack();
          assert.ok(scene.passes(at(source, kind), side, kind));
          attack();
          for (const waitMs of [2_999, 1, 1, 2_000, 600_000]) {
            scene.nowMs += waitMs;
            attack();
            assert.ok(scene.passes(at(source, kind), side, kind), `${source.address} after ${scene.nowMs}`);
          }
          // Re-INVITE: learned anew, still from the peer alone.
          scene.remote(side, { rtpPort: 4_100, rtcpPort: 4_101 });
          attack();
          assert.ok(scene.passes(at({ address: sdp.address, port: 4_100 }, kind), side, kind));
          attack();
          scene.core.clearRemote(SESSION, side);
          attack();
          const report = scene.report();
          assert.equal(report[side].dropped.source, 5 * 11);
          assert.ok(scene.sockets.sent.every(({ address }) => address !== STRANGER));
        }
      });

      it(`cannot have another port of the peer's address ${title}, until that was silent for 2 s`, () => {
        const scene = new Scene();
        for (const each of SIDES) scene.remote(each);
        const [peer, other] = [at(sdp, kind), { address: sdp.address, port: 4_500 }];
        assert.ok(scene.passes(peer, side, kind));
        assert.equal(scene.passes(other, side, kind), false);
        scene.nowMs += 3_001;
        assert.ok(scene.passes(peer, side, kind));
        scene.nowMs += 1_999;
        assert.equal(scene.passes(other, side, kind), false);
        scene.nowMs += 1;
        assert.ok(scene.passes(other, side, kind));
        assert.equal(scene.passes(peer, side, kind), false);
      });

      it(`of a worse class gives way to a better one ${title} within 3 s, and never after`, () => {
        const classes = [
          { address: listed, port: 7_000 },
          { address: signalling, port: 6_000 },
          { address: sdp.address, port: 5_000 },
          at(sdp, kind),
        ];
        const scene = new Scene();
        for (const each of SIDES) scene.remote(each);
        for (const source of classes) {
          assert.ok(scene.passes(source, side, kind));
          for (const worse of classes.slice(0, classes.indexOf(source))) {
            assert.equal(scene.passes(worse, side, kind), false);
          }
          scene.nowMs += 900;
        }
        const late = new Scene();
        for (const each of SIDES) late.remote(each);
        const [worst, ...better] = classes;
        assert.ok(worst && late.passes(worst, side, kind));
        late.nowMs += 3_001;
        for (const source of better) assert.equal(late.passes(source, side, kind), false);
        late.nowMs += 60_000;
        for (const source of better) assert.equal(late.passes(source, side, kind), false);
        assert.ok(late.passes(worst, side, kind));
      });
    }
  }

  it('does not open RTP by what it sends to RTCP, nor the other way', () => {
    const scene = new Scene();
    for (const each of SIDES) scene.remote(each);
    const elsewhere = { address: PEERS.caller.listed, port: 7_000 };
    assert.ok(scene.passes(elsewhere, 'caller', 'rtcp'));
    assert.ok(scene.passes(PEERS.callee.sdp, 'callee', 'rtp'));
    assert.deepEqual(
      { ...scene.sockets.sent.at(-1), bytes: null },
      { fromPort: scene.local.caller.rtpPort, ...PEERS.caller.sdp, bytes: null },
    );
  });

  it('gets nothing and has nothing passed, whatever happens in the call, and every packet is counted', () => {
    const address = fc.constantFrom(STRANGER, ...SIDES.flatMap((side) => Object.values(addressesOf(side))));
    const packet = fc.oneof(
      { weight: 4, arbitrary: fc.nat(65_535).map((sequence) => rtpPacket({ sequence })) },
      fc.nat(65_535).map((sequence) => rtpPacket({ sequence, payloadType: sequence % 128 })),
      { weight: 2, arbitrary: fc.nat(1_000).map((ssrc) => rtcpPacket(ssrc)) },
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from([0xb0 | ((bytes[0] ?? 0) & 15), 8, ...bytes])),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from([0x81, 200 + ((bytes[0] ?? 0) & 7), 0, ...bytes])),
    );
    const side = fc.constantFrom(...SIDES);
    const step = fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          do: fc.constant('send' as const),
          side,
          kind: fc.constantFrom(...KINDS),
          address,
          port: fc.constantFrom(4_000, 4_001, 5_000),
          packet,
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(2_500) }) },
      fc.record({
        do: fc.constant('remote' as const),
        side,
        rtpPort: fc.constantFrom(0, 4_000, 4_100),
        sends: fc.boolean(),
        nat: fc.constantFrom('auto' as const, 'off' as const),
        address: fc.constantFrom(null, '0.0.0.0', 'nonsense'),
      }),
      fc.record({ do: fc.constant('clear' as const), side }),
      fc.record({ do: fc.constant('move' as const) }),
      fc.record({ do: fc.constant('fail' as const), canSend: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const scene = new Scene();
        for (const each of SIDES) scene.remote(each);
        for (const each of steps) {
          if (each.do === 'wait') scene.nowMs += each.ms;
          else if (each.do === 'clear') scene.core.clearRemote(SESSION, each.side);
          else if (each.do === 'move') scene.core.place(SESSION, 'lan');
          else if (each.do === 'fail') scene.sockets.canSend = () => each.canSend;
          else if (each.do === 'remote') {
            const { rtpPort, sends, nat } = each;
            const moved = each.address === null ? {} : { address: each.address };
            scene.remote(each.side, { rtpPort, rtcpPort: rtpPort === 0 ? 0 : rtpPort + 1, sends, nat, ...moved });
          } else {
            const [sent, counted] = [scene.sockets.sent.length, countOf(scene.report())];
            scene.send({ address: each.address, port: each.port }, each.side, each.kind, each.packet);
            assert.ok(countOf(scene.report()) > counted, 'every packet is counted');
            const isForeign = !Object.values(addressesOf(each.side)).includes(each.address);
            if (isForeign)
              assert.equal(scene.sockets.sent.length, sent, `${each.address} is a stranger to ${each.side}`);
          }
        }
        for (const { fromPort, address: to } of scene.sockets.sent) {
          const { caller } = scene.local;
          const here = fromPort === caller.rtpPort || fromPort === caller.rtcpPort ? 'caller' : 'callee';
          assert.ok(Object.values(addressesOf(here)).includes(to), `${to} got what is for the ${here}`);
        }
        scene.core.close(SESSION);
        assert.equal(scene.sockets.boundPorts, 0);
      }),
      { numRuns: 300 },
    );
  });
});

function addressesOf(side: Side): Record<string, string> {
  const { sdp, signalling, listed } = PEERS[side];
  return { sdp: sdp.address, signalling, listed };
}

/** All that the relay has counted of what it received. */
function countOf(report: MediaReport): number {
  let count = 0;
  for (const { packets, rtcpPackets, dropped } of [report.caller, report.callee]) {
    count += packets + rtcpPackets + Object.values(dropped).reduce((sum, drops) => sum + drops, 0);
  }
  return count;
}
