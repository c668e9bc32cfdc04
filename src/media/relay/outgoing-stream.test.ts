import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hasMarker, sequenceOf, ssrcOf, timestampOf } from '../../rtp/rtp-header.js';
import { OutgoingStream } from './outgoing-stream.js';
import { rtpPacket } from './relay-test-kit.js';

const RANDOM = 0xcafe_0001;
const PACKET_TICKS = 160;

interface Sent {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
}

/** A source whose n-th packet has these numbers. */
interface Source {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

function packetOf(source: Source, index: number): Buffer {
  return rtpPacket({
    ssrc: source.ssrc,
    sequence: source.sequence + index,
    timestamp: (source.timestamp + index * PACKET_TICKS) >>> 0,
  });
}

function headerOf(packet: Uint8Array): Sent {
  return {
    ssrc: ssrcOf(packet),
    sequence: sequenceOf(packet),
    timestamp: timestampOf(packet),
    marker: hasMarker(packet),
  };
}

describe('OutgoingStream', () => {
  let stream: OutgoingStream;

  beforeEach(() => {
    stream = new OutgoingStream(true, () => RANDOM);
  });

  function passed(packet: Buffer, arrivalMs: number): Sent {
    stream.pass(packet, 8_000, arrivalMs);
    return headerOf(packet);
  }

  const source = fc.record({ ssrc: fc.nat(0xffff_ffff), sequence: fc.nat(0xffff), timestamp: fc.nat(0xffff_ffff) });

  it('changes nothing of a call with one source, whatever is lost, late or repeated', () => {
    fc.assert(
      fc.property(
        source,
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60 }),
        (from, indexes) => {
          stream = new OutgoingStream(true, () => RANDOM);
          for (const index of indexes) {
            const packet = packetOf(from, index);
            const original = Buffer.from(packet);
            stream.pass(packet, 8_000, 1_000 + index * 20);
            assert.deepEqual(packet, original);
          }
          assert.equal(stream.isRenumbered, false);
          assert.equal(stream.packets, indexes.length);
          assert.equal(stream.octets, indexes.length * 160);
        },
      ),
    );
  });

  it('goes on in sequence and time when the source changes, however near both are to their wrap', () => {
    const near = (bits: number) => fc.integer({ min: 2 ** bits - 3, max: 2 ** bits - 1 });
    const wrapping = fc.record({ ssrc: fc.nat(0xffff_ffff), sequence: near(16), timestamp: near(32) });
    const anySource = fc.oneof(source, wrapping);
    const run = fc.record({ source: anySource, packets: fc.integer({ min: 1, max: 6 }), pauseMs: fc.nat(1_000) });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 6 }), (runs) => {
        stream = new OutgoingStream(true, () => RANDOM);
        const sent: (Sent & { readonly arrivalMs: number; readonly isFirst: boolean })[] = [];
        let arrivalMs = 0;
        for (const [number, { source: from, packets, pauseMs }] of runs.entries()) {
          // No two runs have the same SSRC.
          const ofRun = { ...from, ssrc: ((from.ssrc & ~7) | number) >>> 0 };
          arrivalMs += pauseMs;
          for (let index = 0; index < packets; index += 1) {
            arrivalMs += 20;
            sent.push({ ...passed(packetOf(ofRun, index), arrivalMs), arrivalMs, isFirst: index === 0 });
          }
        }
        for (const [at, each] of sent.entries()) {
          const before = sent[at - 1];
          if (before === undefined) continue;
          assert.equal(each.ssrc, before.ssrc);
          assert.equal(each.sequence, (before.sequence + 1) & 0xffff);
          const ticks = (each.timestamp - before.timestamp) >>> 0;
          const elapsedTicks = (each.arrivalMs - before.arrivalMs) * 8;
          assert.equal(ticks, each.isFirst ? Math.max(PACKET_TICKS, elapsedTicks) : PACKET_TICKS);
        }
      }),
    );
  });

  it('marks the first packet of another source as the beginning of a talkspurt', () => {
    const [first, second] = [
      { ssrc: 1, sequence: 100, timestamp: 5_000 },
      { ssrc: 2, sequence: 9, timestamp: 77 },
    ];
    const marks = [
      passed(packetOf(first, 0), 0),
      passed(packetOf(first, 1), 20),
      passed(packetOf(second, 0), 60),
      passed(packetOf(second, 1), 80),
    ].map(({ marker }) => marker);
    assert.deepEqual(marks, [false, false, true, false]);
    assert.equal(stream.isRenumbered, true);
    assert.equal(stream.sourceSsrc, 2);
  });

  it('follows loss, order and duplicates of a source that it renumbers', () => {
    passed(packetOf({ ssrc: 1, sequence: 500, timestamp: 0 }, 0), 0);
    const second = { ssrc: 2, sequence: 65_534, timestamp: 2 ** 32 - 200 };
    const sequences = [0, 1, 4, 3, 3, 6].map((index) => passed(packetOf(second, index), 20 + index * 20).sequence);
    assert.deepEqual(sequences, [501, 502, 505, 504, 504, 507]);
  });

  it('goes on when a source begins its sequence, or its clock, anew under the same SSRC', () => {
    passed(packetOf({ ssrc: 1, sequence: 100, timestamp: 1_000 }, 0), 0);
    const restarted = passed(packetOf({ ssrc: 1, sequence: 40_000, timestamp: 1_160 }, 0), 20);
    assert.deepEqual([restarted.sequence, restarted.timestamp], [101, 1_160]);
    const leapt = passed(packetOf({ ssrc: 1, sequence: 40_001, timestamp: 3_000_000_000 }, 0), 40);
    assert.deepEqual([leapt.sequence, leapt.timestamp], [102, 1_320]);
    const back = passed(packetOf({ ssrc: 1, sequence: 40_002, timestamp: 5 }, 0), 60);
    assert.deepEqual([back.sequence, back.timestamp], [103, 1_480]);
  });

  it('passes the newest of two sources that send at a time, and the older one again when it is left alone', () => {
    const sources = { a: { ssrc: 1, sequence: 10, timestamp: 0 }, b: { ssrc: 2, sequence: 900, timestamp: 70_000 } };
    const passedOf = (order: string) =>
      [...order]
        .map((name, at) => {
          const packet = packetOf(sources[name as 'a' | 'b'], at);
          return stream.pass(packet, 8_000, at * 20) ? name : '-';
        })
        .join('');
    // Stragglers after a transfer; then two that go on; then the older one alone.
    assert.equal(passedOf('aaabababbb'), 'aaab-b-bbb');
    stream = new OutgoingStream(true, () => RANDOM);
    assert.equal(passedOf('aabababababaaaaa'), 'aab-b-b-b-b--aaa');
    stream = new OutgoingStream(true, () => RANDOM);
    // One stray packet, and a sender without any order at all.
    assert.equal(passedOf('aaabaaaa'), 'aaab--aa');
    for (let ssrc = 10; ssrc < 30; ssrc += 1) {
      assert.ok(stream.pass(rtpPacket({ ssrc, sequence: ssrc * 1_000 }), 8_000, ssrc * 20));
    }
  });

  it('leaves a pause alone, whether its timestamps tell of it or not', () => {
    const from = { ssrc: 1, sequence: 1, timestamp: 0 };
    passed(packetOf(from, 0), 0);
    const told = passed(rtpPacket({ ssrc: 1, sequence: 2, timestamp: 240_000 }), 30_000);
    const untold = passed(rtpPacket({ ssrc: 1, sequence: 3, timestamp: 240_160 }), 60_000);
    assert.deepEqual([told.timestamp, untold.timestamp, untold.marker], [240_000, 240_160, false]);
  });

  it('leaves no hole where a packet is not sent, also for packets that come late', () => {
    const from = { ssrc: 1, sequence: 65_533, timestamp: 0 };
    const sequences: number[] = [];
    for (const index of [0, 1, 2, 4, 5, 3, 6]) {
      const packet = packetOf(from, index);
      if (index === 4) stream.skip(packet);
      else sequences.push(passed(packet, index * 20).sequence);
    }
    assert.deepEqual(sequences, [65_533, 65_534, 65_535, 1, 0, 2]);
    // What was skipped between a late packet and its neighbours was never numbered.
    assert.equal(new Set(sequences).size, sequences.length);
  });

  it('puts packets of its own in between, and goes on with the source after them', () => {
    const from = { ssrc: 1, sequence: 10, timestamp: 1_000 };
    passed(packetOf(from, 0), 0);
    const own = [20, 40, 60].map((nowMs) => {
      const packet = rtpPacket({ sequence: 0 });
      stream.compose(packet, 8, PACKET_TICKS, 8_000, nowMs);
      return headerOf(packet);
    });
    assert.deepEqual(
      own.map(({ ssrc, sequence, timestamp, marker }) => ({ ssrc, sequence, timestamp, marker })),
      [
        { ssrc: 1, sequence: 11, timestamp: 1_160, marker: true },
        { ssrc: 1, sequence: 12, timestamp: 1_320, marker: false },
        { ssrc: 1, sequence: 13, timestamp: 1_480, marker: false },
      ],
    );
    assert.equal(stream.sourceSsrc, null);
    assert.deepEqual(passed(packetOf(from, 4), 80), { ssrc: 1, sequence: 14, timestamp: 1_640, marker: true });
    assert.deepEqual(passed(packetOf(from, 5), 100), { ssrc: 1, sequence: 15, timestamp: 1_800, marker: false });
  });

  it('begins by itself when it speaks first, and the source follows', () => {
    const packet = rtpPacket({ sequence: 0 });
    stream.compose(packet, 8, PACKET_TICKS, 8_000, 0);
    const own = headerOf(packet);
    assert.deepEqual(own, { ssrc: RANDOM, sequence: RANDOM & 0xffff, timestamp: RANDOM, marker: true });
    const next = passed(packetOf({ ssrc: 1, sequence: 50, timestamp: 0 }, 0), 20);
    assert.deepEqual(next, { ...own, sequence: (own.sequence + 1) & 0xffff, timestamp: RANDOM + PACKET_TICKS });
  });

  it('says the time of its stream between packets, for reports', () => {
    passed(packetOf({ ssrc: 1, sequence: 1, timestamp: 2 ** 32 - 80 }, 0), 1_000);
    assert.equal(stream.timestampAt(1_100), 720);
  });

  it('lets headers pass as they came without continuity, and counts each source by itself', () => {
    stream = new OutgoingStream(false, () => RANDOM);
    const packets = [
      packetOf({ ssrc: 1, sequence: 1, timestamp: 0 }, 0),
      packetOf({ ssrc: 2, sequence: 40_000, timestamp: 99 }, 0),
      packetOf({ ssrc: 2, sequence: 10, timestamp: 7 }, 0),
    ];
    for (const [index, packet] of packets.entries()) {
      const original = Buffer.from(packet);
      stream.pass(packet, 8_000, index * 20);
      stream.skip(packetOf({ ssrc: 2, sequence: 11, timestamp: 7 }, 0));
      assert.deepEqual(packet, original);
    }
    assert.deepEqual([stream.ssrc, stream.packets, stream.isRenumbered], [2, 2, false]);
    const own = rtpPacket({ sequence: 0 });
    stream.compose(own, 8, PACKET_TICKS, 8_000, 60);
    assert.deepEqual([headerOf(own).ssrc, stream.packets], [RANDOM, 1]);
  });
});
