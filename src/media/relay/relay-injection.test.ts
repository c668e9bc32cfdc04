// Strangers against one relayed call, in memory and in the test's own time: nothing of theirs passes, nothing goes to them.
import assert from 'node:assert/strict';
import type { Side } from '../../call/reports.js';
import { MemoryCall, PEERS, type Peer, SESSION, SIDES } from './memory-call.js';
import { rtcpPacket, rtpPacket } from './relay-test-kit.js';

const KINDS = ['rtp', 'rtcp'] as const;
type Kind = (typeof KINDS)[number];
const STRANGER = '192.0.2.66';

class Scene extends MemoryCall {
  /** Sends a packet to a side's port; whether it came out at the other side. */
  passes(from: Peer, side: Side, kind: Kind, sequence = 1): boolean {
    const before = this.sockets.sent.length;
    this.send(from, side, kind, kind === 'rtp' ? rtpPacket({ sequence }) : rtcpPacket(sequence));
    return this.sockets.sent.length > before;
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
            scene.clock.advance(waitMs);
            attack();
            assert.ok(
              scene.passes(at(source, kind), side, kind),
              `${source.address} after ${scene.clock.monotonicMs()}`,
            );
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
        scene.clock.advance(3_001);
        assert.ok(scene.passes(peer, side, kind));
        scene.clock.advance(1_999);
        assert.equal(scene.passes(other, side, kind), false);
        scene.clock.advance(1);
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
          scene.clock.advance(900);
        }
        const late = new Scene();
        for (const each of SIDES) late.remote(each);
        const [worst, ...better] = classes;
        assert.ok(worst && late.passes(worst, side, kind));
        late.clock.advance(3_001);
        for (const source of better) assert.equal(late.passes(source, side, kind), false);
        late.clock.advance(60_000);
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
});
