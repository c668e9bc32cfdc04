import assert from 'node:assert/strict';
import fc from 'fast-check';
import { A_LAW_TO_LINEAR } from '../rtp/g711.js';
import { RecordingTimeline } from './timeline.js';

const PACKET_FRAMES = 160;
const START_MS = 5_000;

/** One packet of a stream: its place in the stream, and when it came, in ms after the recording's start. */
interface Sent {
  readonly index: number;
  readonly atMs: number;
  readonly ssrc?: number;
  readonly timestamp?: number;
}

/** An octet for each frame of a stream, never silent, so that a misplaced frame shows. */
function octetAt(frame: number): number {
  return (frame * 7 + (frame >> 8)) & 0xff;
}

function linearAt(frame: number): number {
  return A_LAW_TO_LINEAR[octetAt(frame)] ?? 0;
}

function place(timeline: RecordingTimeline, isCallee: boolean, sent: Sent): void {
  const first = sent.index * PACKET_FRAMES;
  const payload = Uint8Array.from({ length: PACKET_FRAMES }, (_, at) => octetAt(first + at));
  const rtp = { ssrc: sent.ssrc ?? 1, timestamp: (sent.timestamp ?? first) >>> 0 };
  timeline.place(isCallee, rtp, START_MS + sent.atMs, true, payload, 0, PACKET_FRAMES);
}

/** Runs a recording as the recorder does, packets in order of arrival, and gives one channel. */
function record(packets: readonly Sent[], lengthMs: number, isCallee = false) {
  const timeline = new RecordingTimeline(START_MS);
  const taken: number[] = [];
  const sink = (frames: Int16Array) => taken.push(...frames);
  for (const sent of [...packets].sort((a, b) => a.atMs - b.atMs)) {
    timeline.takeSettled(START_MS + sent.atMs, sink);
    place(timeline, isCallee, sent);
  }
  timeline.takeUntil(timeline.frameAt(START_MS + lengthMs), sink);
  const channel = (offset: number) => taken.filter((_, index) => index % 2 === offset);
  return { heard: channel(isCallee ? 1 : 0), other: channel(isCallee ? 0 : 1), timeline };
}

function assertHeard(heard: readonly number[], atFrame: number, index: number): void {
  for (let frame = 0; frame < PACKET_FRAMES; frame += 1) {
    assert.equal(heard[atFrame + frame], linearAt(index * PACKET_FRAMES + frame), `frame ${frame} of packet ${index}`);
  }
}

describe('RecordingTimeline', () => {
  it('anchors a run to the arrival of its first packet and goes on by RTP time, whatever the jitter', () => {
    const packets = [
      { index: 0, atMs: 100 },
      { index: 1, atMs: 155 },
      { index: 2, atMs: 141 },
      { index: 3, atMs: 160 },
    ];
    const { heard, other, timeline } = record(packets, 400);
    assert.equal(heard.length, 400 * 8);
    for (const { index } of packets) assertHeard(heard, 800 + index * PACKET_FRAMES, index);
    assert.equal(timeline.reanchored, 0);
    assert.ok(other.every((sample) => sample === 0));
  });

  it('is as long as the call when nobody sends', () => {
    assert.equal(record([], 3_210).heard.length, 3_210 * 8);
  });

  it('keeps a pause that the timestamps tell of', () => {
    const { heard, timeline } = record(
      [
        { index: 0, atMs: 0 },
        { index: 200, atMs: 4_010 },
      ],
      5_000,
    );
    assertHeard(heard, 200 * PACKET_FRAMES, 200);
    assert.equal(timeline.reanchored, 0);
  });

  it('anchors anew, and counts it, for a new SSRC and beyond 500 ms between RTP and arrival time', () => {
    const { heard, timeline } = record(
      [
        { index: 0, atMs: 0 },
        { index: 1, atMs: 1_000, ssrc: 2, timestamp: 77_000 },
        { index: 2, atMs: 2_000, ssrc: 2, timestamp: 77_160 },
        { index: 3, atMs: 2_500, ssrc: 2, timestamp: 77_320 },
      ],
      3_000,
    );
    assert.equal(timeline.reanchored, 2);
    assertHeard(heard, 8_000, 1);
    assertHeard(heard, 16_000, 2);
    // 480 ms late: still part of its run.
    assertHeard(heard, 16_000 + PACKET_FRAMES, 3);
  });

  it('goes on over the wrap of the timestamp', () => {
    const before = 2 ** 32 - PACKET_FRAMES;
    const { heard, timeline } = record(
      [
        { index: 0, atMs: 0, timestamp: before },
        { index: 1, atMs: 20, timestamp: 0 },
      ],
      100,
    );
    assertHeard(heard, PACKET_FRAMES, 1);
    assert.equal(timeline.reanchored, 0);
  });

  it('cuts a packet that would reach further than 2 s past now', () => {
    const timeline = new RecordingTimeline(START_MS);
    const long = new Uint8Array(40_000).fill(0xaa);
    timeline.place(false, { ssrc: 1, timestamp: 0 }, START_MS, true, long, 0, long.length);
    let loud = 0;
    timeline.takeUntil(40_000, (frames) => {
      for (const sample of frames) if (sample !== 0) loud += 1;
    });
    assert.ok(loud > 0 && loud <= 16_384);
  });

  it('has nothing of another call, whose memory it is given', () => {
    const loud = Array.from({ length: 200 }, (_, index) => ({ index, atMs: index * 20 }));
    record(loud, 4_000);
    const { heard, other } = record([{ index: 0, atMs: 10 }], 4_000);
    assertHeard(heard, 80, 0);
    assert.ok(heard.every((sample, frame) => sample === 0 || (frame >= 80 && frame < 240)));
    assert.ok(other.every((sample) => sample === 0));
  });

  it('loses, and counts, what one side sends too much of, and nothing of the other side', () => {
    const timeline = new RecordingTimeline(START_MS);
    const taken: number[] = [];
    const sink = (frames: Int16Array) => taken.push(...frames);
    const flood = new Uint8Array(1_400).fill(0xaa);
    for (let index = 0; index < 200; index += 1) {
      timeline.takeSettled(START_MS + index * 20, sink);
      for (let again = 0; again < 10; again += 1) {
        const rtp = { ssrc: 1, timestamp: index * PACKET_FRAMES };
        timeline.place(false, rtp, START_MS + index * 20, true, flood, 0, flood.length);
      }
      place(timeline, true, { index, atMs: index * 20 });
    }
    assert.ok(timeline.lostPackets > 1_000, `${timeline.lostPackets} lost`);
    timeline.takeUntil(200 * PACKET_FRAMES, sink);
    const callee = taken.filter((_, index) => index % 2 === 1);
    for (let index = 0; index < 200; index += 1) assertHeard(callee, index * PACKET_FRAMES, index);
  });

  it('gives its memory back when it is closed, whatever still waits', () => {
    const payload = new Uint8Array(PACKET_FRAMES * 50);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 2_000; count += 1) {
      const timeline = new RecordingTimeline(START_MS);
      timeline.place(false, { ssrc: 1, timestamp: 0 }, START_MS, true, payload, 0, payload.length);
      timeline.close();
    }
    // Two chunks of 4 KiB of each would be 16 MB.
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 4_000_000, `${grown} bytes more`);
  });

  it('counts what comes after its place was taken, and changes nothing', () => {
    const timeline = new RecordingTimeline(START_MS);
    place(timeline, false, { index: 10, atMs: 200 });
    timeline.takeUntil(8_000, () => {});
    place(timeline, false, { index: 9, atMs: 500 });
    assert.equal(timeline.lostPackets, 1);
    assert.equal(timeline.takenFrames, 8_000);
  });

  it('misplaces no frame and has the right length, for any order, loss and duplication within the window', () => {
    const steps = fc.array(
      fc.record({ index: fc.nat(150), delayMs: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.nat(480)) }),
      { minLength: 1, maxLength: 250 },
    );
    fc.assert(
      fc.property(steps, fc.boolean(), fc.nat(0xffff_ffff), (sent, isCallee, firstTimestamp) => {
        // The first packet is on time: it anchors the run, so every other one is late by its own delay.
        const packets: Sent[] = [
          { index: 0, atMs: 0, timestamp: firstTimestamp },
          ...sent.map(({ index, delayMs }) => ({
            index,
            atMs: index * 20 + delayMs,
            timestamp: firstTimestamp + index * PACKET_FRAMES,
          })),
        ];
        const lengthMs = 4_000;
        const { heard, other, timeline } = record(packets, lengthMs, isCallee);
        assert.equal(heard.length, lengthMs * 8);
        assert.equal(timeline.reanchored, 0);
        assert.equal(timeline.lostPackets, 0);
        const present = new Set(packets.map(({ index }) => index));
        for (let frame = 0; frame < heard.length; frame += 1) {
          const isPresent = present.has(Math.floor(frame / PACKET_FRAMES));
          if (heard[frame] !== (isPresent ? linearAt(frame) : 0)) assert.fail(`frame ${frame} is misplaced`);
        }
        assert.ok(other.every((sample) => sample === 0));
      }),
      { numRuns: 60 },
    );
  });

  it('never runs ahead or loses its length, whatever timestamps and SSRCs are sent', () => {
    const wild = fc.array(
      fc.record(
        { index: fc.nat(10), atMs: fc.nat(3_000), ssrc: fc.nat(3), timestamp: fc.nat(0xffff_ffff) },
        { noNullPrototype: true },
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(wild, (packets) => {
        const { heard } = record(packets, 3_100);
        assert.equal(heard.length, 3_100 * 8);
      }),
      { numRuns: 60 },
    );
  });
});
