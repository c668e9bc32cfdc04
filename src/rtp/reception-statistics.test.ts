import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ReceptionStatistics } from './reception-statistics.js';

interface Sent {
  readonly index: number;
  readonly arrivalMs: number;
}

/** Receives packets of a stream that begins with the given numbers, 160 ticks and 20 ms apart. */
function received(packets: readonly Sent[], first = { sequence: 1, timestamp: 0 }): ReceptionStatistics {
  const statistics = new ReceptionStatistics(8000);
  for (const { index, arrivalMs } of packets) {
    const sequence = (first.sequence + index) & 0xffff;
    statistics.receive(7, sequence, (first.timestamp + index * 160) >>> 0, arrivalMs, 172);
  }
  return statistics;
}

function stream(indexes: readonly number[]): Sent[] {
  return indexes.map((index) => ({ index, arrivalMs: 1000 + index * 20 }));
}

describe('ReceptionStatistics', () => {
  it('counts packets and bytes, and nothing else of an even stream', () => {
    const statistics = received(stream([0, 1, 2, 3]));
    const { packets, bytes, lost, outOfOrder, duplicates, jitterMs } = statistics;
    assert.deepEqual(
      { packets, bytes, lost, outOfOrder, duplicates, jitterMs },
      { packets: 4, bytes: 688, lost: 0, outOfOrder: 0, duplicates: 0, jitterMs: 0 },
    );
  });

  it('goes on over the wrap of sequence number and timestamp', () => {
    const statistics = received(stream([0, 1, 2, 3, 5]), { sequence: 65_534, timestamp: 2 ** 32 - 200 });
    assert.equal(statistics.lost, 1);
    assert.equal(statistics.outOfOrder, 0);
    assert.ok(statistics.jitterMs < 1e-6);
  });

  it('tells late packets from duplicates, and takes late ones off the loss', () => {
    const statistics = received(stream([0, 1, 4, 2, 2, 4]));
    assert.equal(statistics.lost, 1);
    assert.equal(statistics.outOfOrder, 1);
    assert.equal(statistics.duplicates, 2);
  });

  it('takes a packet from before the first one', () => {
    const statistics = received(stream([5, 4, 6]), { sequence: 65_533, timestamp: 0 });
    assert.equal(statistics.lost, 0);
    assert.equal(statistics.outOfOrder, 1);
  });

  it('begins anew with another SSRC and with a leap, keeping the loss of before', () => {
    const statistics = received(stream([0, 2]));
    statistics.receive(8, 40_000, 0, 5000, 172);
    statistics.receive(8, 40_002, 320, 5040, 172);
    statistics.receive(8, 10_000, 480, 5060, 172);
    assert.equal(statistics.lost, 2);
    assert.equal(statistics.packets, 5);
  });

  it('says of the present run what a report block needs, over the wrap of the sequence', () => {
    const statistics = new ReceptionStatistics(8000);
    assert.deepEqual([statistics.ssrc, statistics.expectedInRun, statistics.lostInRun], [null, 0, 0]);
    const packets = stream([0, 1, 3, 7]);
    for (const { index, arrivalMs } of packets) {
      statistics.receive(7, (65_534 + index) & 0xffff, index * 160, arrivalMs, 172);
    }
    assert.deepEqual([statistics.ssrc, statistics.expectedInRun, statistics.lostInRun], [7, 8, 4]);
    assert.equal(statistics.highestSequence, 0x1_0005);
    statistics.receive(8, 9, 0, 5000, 172);
    assert.deepEqual([statistics.ssrc, statistics.expectedInRun, statistics.lostInRun], [8, 1, 0]);
    assert.deepEqual([statistics.highestSequence, statistics.lost], [9, 4]);
  });

  it('counts the gaps that loss makes, apart from how long they are', () => {
    assert.deepEqual([received(stream([0, 1, 2])).gaps, received(stream([0, 5, 6, 8])).gaps], [0, 2]);
  });

  it('measures jitter as RFC 3550 §A.8 does', () => {
    const arrivals = [0, 25, 38, 60, 85, 99];
    let jitterMs = 0;
    for (let index = 1; index < arrivals.length; index += 1) {
      const step = (arrivals[index] ?? 0) - (arrivals[index - 1] ?? 0) - 20;
      jitterMs += (Math.abs(step) - jitterMs) / 16;
    }
    const statistics = received(arrivals.map((arrivalMs, index) => ({ index, arrivalMs: arrivalMs + 1000 })));
    assert.ok(Math.abs(statistics.jitterMs - jitterMs) < 1e-9);
  });

  it('leaves the packets of one DTMF event out of the jitter', () => {
    const statistics = new ReceptionStatistics(8000);
    for (let index = 0; index < 10; index += 1) statistics.receive(7, index, 4000, 1000 + index * 20, 16);
    assert.equal(statistics.jitterMs, 0);
  });

  it('agrees with a plain count for any loss, order and duplication within the window', () => {
    const indexes = fc.array(fc.nat(300), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(indexes, fc.nat(0xffff), (sent, sequence) => {
        const statistics = received(stream(sent), { sequence, timestamp: 0 });
        const distinct = new Set(sent);
        const expected = Math.max(...sent) - Math.min(...sent) + 1;
        assert.equal(statistics.lost, expected - distinct.size);
        assert.equal(statistics.duplicates, sent.length - distinct.size);
        assert.equal(statistics.packets, sent.length);
      }),
    );
  });

  it('tells late packets from duplicates as a list of all that came does, up to 480 behind, however far the stream has gone', () => {
    const windowPackets = 480;
    // Packets in a row, a hole, or one that is late.
    const step = fc.oneof(
      fc.record({ ahead: fc.constant(1), count: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ ahead: fc.integer({ min: 2, max: 1_200 }), count: fc.constant(1) }),
      fc.record({ ahead: fc.integer({ min: -600, max: 0 }), count: fc.constant(1) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.nat(0xffff), (steps, sequence) => {
        let highest = 0;
        let [outOfOrder, duplicates] = [0, 0];
        const came = new Set([0]);
        const sent = [0];
        for (const ahead of steps.flatMap((each) => new Array<number>(each.count).fill(each.ahead))) {
          const at = highest + ahead;
          // Nothing is from before the first packet here.
          if (at < 0) continue;
          sent.push(at);
          const isLate = at <= highest;
          const isKnown = highest - at < windowPackets;
          if (isLate && isKnown && came.has(at)) duplicates += 1;
          else if (isLate) outOfOrder += 1;
          if (!isLate || isKnown) came.add(at);
          highest = Math.max(highest, at);
        }
        const statistics = received(stream(sent), { sequence, timestamp: 0 });
        assert.deepEqual([statistics.duplicates, statistics.outOfOrder], [duplicates, outOfOrder]);
        assert.equal(statistics.lost, highest + 1 - came.size);
      }),
    );
  });
});
