import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MediaCodec } from '../../call/ports.js';
import { ManualClock } from '../../lib/clock.js';
import { A_LAW_TO_LINEAR, linearToALaw, linearToMuLaw, MU_LAW_TO_LINEAR } from '../../rtp/g711.js';
import { writeRtpHeader } from '../../rtp/rtp-header.js';
import { windowsWithTone } from '../../rtp/tone-test-kit.js';
import { LegPlayer, type Play } from './leg-player.js';
import { Pacer } from './pacer.js';
import { RecordedSound, SILENCE, type Sound, Tone } from './sound.js';

const PCMA: MediaCodec = { payloadType: 8, name: 'PCMA', clockRateHz: 8_000 };
const PCMU: MediaCodec = { payloadType: 0, name: 'PCMU', clockRateHz: 8_000 };
const CN: MediaCodec = { payloadType: 13, name: 'CN', clockRateHz: 8_000 };
const BEEP = new Tone({ frequenciesHz: [1_400], cadenceMs: [100] });

interface Sent {
  readonly payloadType: number;
  readonly payload: Buffer;
  readonly ticks: number;
  readonly atMs: number;
  readonly dueMs: number;
}

class Bench {
  readonly clock = new ManualClock();
  readonly sent: Sent[] = [];
  readonly ended: string[] = [];
  readonly pacer = new Pacer(this.clock);
  readonly player = new LegPlayer(
    {
      send: (payloadType, packet, ticks, dueMs) =>
        this.sent.push({ payloadType, payload: Buffer.from(packet.subarray(12)), ticks, dueMs, atMs: this.now }),
    },
    (playId, end) => this.ended.push(`${playId} ${end} at ${this.now}`),
  );
  #flowMs: number | null = null;

  constructor(codecs: readonly MediaCodec[] = [PCMA], ptimeMs?: number) {
    this.player.setCodecs(codecs, ptimeMs);
  }

  get now(): number {
    return this.clock.monotonicMs();
  }

  play(sound: Sound, more: Partial<Play> = {}): void {
    this.player.play({ playId: 'p1', sound, loop: false, mode: 'replace', ...more }, this.#flowMs, this.now);
    this.pacer.watch(this.player);
  }

  /** A packet of the other side passes; what the leg gets of it, or null. */
  pass(packet: Buffer, isComfortNoise = false): Buffer | null {
    this.#flowMs = this.now;
    const { isReplacing } = this.player;
    this.player.over(packet, isComfortNoise, this.now);
    return isReplacing ? null : packet;
  }

  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1) this.clock.advance(1);
  }

  /** All that was sent, as samples. */
  heard(): Int16Array {
    return Int16Array.from(
      this.sent.flatMap(({ payload, payloadType }) =>
        [...payload].map((octet) => (payloadType === 0 ? MU_LAW_TO_LINEAR : A_LAW_TO_LINEAR)[octet] ?? 0),
      ),
    );
  }
}

function rtp(
  timestamp: number,
  octets: Uint8Array | number = 0xd5,
  more: { payloadType?: number; ssrc?: number } = {},
) {
  const payload = typeof octets === 'number' ? new Uint8Array(160).fill(octets) : octets;
  const packet = Buffer.concat([Buffer.alloc(12), payload]);
  const { payloadType = 8, ssrc = 7 } = more;
  writeRtpHeader(packet, { payloadType, marker: false, sequence: 1, timestamp: timestamp >>> 0, ssrc });
  return packet;
}

function ramp(samples: number): RecordedSound {
  return new RecordedSound(Int16Array.from({ length: samples }, (_, index) => (index % 2_000) * 16));
}

describe('LegPlayer', () => {
  it('sends a packet each 20 ms from the first moment, and says when the sound is finished', () => {
    const bench = new Bench();
    bench.play(BEEP);
    bench.advance(500);
    assert.deepEqual(
      bench.sent.map(({ atMs }) => atMs),
      [0, 20, 40, 60, 80],
    );
    assert.deepEqual(
      windowsWithTone(bench.heard(), 1_400).map((start) => start / 160),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(bench.ended, ['p1 finished at 80']);
    assert.equal(bench.pacer.count, 0);
    assert.equal(bench.clock.pendingTimers, 0);
  });

  it('has the codec and packet time of the leg', () => {
    for (const [codec, encode] of [
      [PCMU, linearToMuLaw],
      [PCMA, linearToALaw],
    ] as const) {
      const bench = new Bench([{ ...codec, payloadType: 96 }], 40);
      bench.play(ramp(640));
      bench.advance(100);
      assert.deepEqual(
        bench.sent.map(({ payloadType, ticks, atMs }) => ({ payloadType, ticks, atMs })),
        [
          { payloadType: 96, ticks: 320, atMs: 0 },
          { payloadType: 96, ticks: 320, atMs: 40 },
        ],
      );
      assert.deepEqual(
        [...(bench.sent[1]?.payload ?? [])],
        Array.from({ length: 320 }, (_, index) => encode((320 + index) * 16)),
      );
    }
  });

  it('fills the last packet with silence', () => {
    const bench = new Bench();
    bench.play(new RecordedSound(new Int16Array(200).fill(1_000)));
    bench.advance(100);
    assert.equal(bench.sent.length, 2);
    assert.ok(bench.sent[1]?.payload.subarray(40).every((octet) => octet === linearToALaw(0)));
  });

  it('plays again from the start until it is stopped, without a seam', () => {
    const bench = new Bench();
    const sound = ramp(250);
    bench.play(sound, { loop: true });
    bench.advance(95);
    bench.player.stop('p1');
    bench.advance(100);
    assert.equal(bench.sent.length, 5);
    const expected = Array.from({ length: 800 }, (_, index) => A_LAW_TO_LINEAR[linearToALaw((index % 250) * 16)]);
    assert.deepEqual([...bench.heard()], expected);
    assert.deepEqual(bench.ended, ['p1 stopped at 95']);
  });

  it('keeps its schedule however late its timer is, and leaves out what a long stall cost', () => {
    const bench = new Bench();
    bench.play(new Tone({ frequenciesHz: [400] }));
    bench.clock.advance(27);
    bench.clock.advance(33);
    assert.deepEqual(
      bench.sent.map(({ dueMs }) => dueMs),
      [0, 20, 40, 60],
    );
    bench.player.tick(1_071);
    assert.deepEqual(
      bench.sent.slice(4).map(({ dueMs }) => dueMs),
      [1_060],
    );
  });

  it('does not drift in an hour', () => {
    const bench = new Bench();
    bench.play(SILENCE);
    let dueMs = 0;
    for (let ticks = 1; ticks <= 180_000; ticks += 1) {
      dueMs = bench.player.dueMs;
      bench.player.tick(dueMs + 0.9);
      bench.sent.length = 0;
    }
    assert.equal(dueMs, 3_600_000);
  });

  it('holds back what the other side says while something is played in its place', () => {
    const bench = new Bench();
    bench.play(BEEP);
    assert.equal(bench.pass(rtp(0)), null);
    bench.advance(100);
    const after = rtp(160, 0x12);
    assert.deepEqual(bench.pass(Buffer.from(after)), after);
  });

  it('is laid over packets that pass, and adds none to them', () => {
    const bench = new Bench();
    bench.pass(rtp(0));
    bench.play(BEEP, { mode: 'mix' });
    const speech = linearToALaw(3_000);
    const passed: Buffer[] = [];
    for (let index = 1; index <= 7; index += 1) {
      bench.advance(20);
      passed.push(bench.pass(rtp(index * 160, speech)) ?? Buffer.alloc(0));
    }
    assert.equal(bench.sent.length, 0);
    const linear = Int16Array.from(
      passed.flatMap((packet) => [...packet.subarray(12)]),
      (octet) => (A_LAW_TO_LINEAR[octet] ?? 0) - 3_000,
    );
    assert.deepEqual(
      windowsWithTone(linear, 1_400).map((start) => start / 160),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(passed[5], rtp(6 * 160, speech));
    assert.deepEqual(bench.ended, ['p1 finished at 100']);
  });

  it('is mixed in the codec of each packet, and never wraps around', () => {
    const bench = new Bench([PCMA, PCMU]);
    bench.pass(rtp(0));
    bench.play(new RecordedSound(new Int16Array(480).fill(30_000)), { mode: 'mix' });
    const loud = bench.pass(rtp(160, linearToMuLaw(30_000), { payloadType: 0 }));
    assert.ok(loud?.subarray(12).every((octet) => octet === linearToMuLaw(32_767)));
    const other = rtp(320, 5, { payloadType: 18 });
    assert.deepEqual(bench.pass(Buffer.from(other)), other);
  });

  it('takes its place from timestamps, so that loss and disorder leave no seam', () => {
    const bench = new Bench();
    const start = 0xffff_ff60;
    bench.pass(rtp(start));
    bench.play(ramp(800), { mode: 'mix' });
    const zero = linearToALaw(0);
    const placed = (packet: Buffer | null) => A_LAW_TO_LINEAR[packet?.[12 + 100] ?? 0];
    const expected = (position: number) => A_LAW_TO_LINEAR[linearToALaw((A_LAW_TO_LINEAR[zero] ?? 0) + position * 16)];
    assert.equal(placed(bench.pass(rtp(start + 160, zero))), expected(100));
    assert.equal(placed(bench.pass(rtp(start + 480, zero))), expected(420));
    assert.equal(placed(bench.pass(rtp(start + 320, zero))), expected(260));
    // Another source goes on where the first one was.
    assert.equal(placed(bench.pass(rtp(77, zero, { ssrc: 8 }))), expected(580));
    assert.equal(placed(bench.pass(rtp(1_000_000, zero, { ssrc: 8 }))), expected(740));
    assert.deepEqual(bench.ended, ['p1 finished at 0']);
  });

  it('begins at its beginning, however soon after the last one that passed with the same stream', () => {
    const bench = new Bench();
    const zero = linearToALaw(0);
    bench.pass(rtp(0));
    bench.play(new RecordedSound(new Int16Array(160)), { mode: 'mix' });
    for (let index = 1; index <= 10; index += 1) bench.pass(rtp(index * 160, zero));
    bench.play(ramp(320), { playId: 'p2', mode: 'mix' });
    const first = bench.pass(rtp(11 * 160, zero));
    assert.equal(A_LAW_TO_LINEAR[first?.[12 + 100] ?? 0], A_LAW_TO_LINEAR[linearToALaw(8 + 100 * 16)]);
  });

  it('has none of the other side’s noise in a sound that is played in its place', () => {
    const bench = new Bench();
    bench.player.fill({ noiseDbov: 20 }, bench.now);
    bench.play(new RecordedSound(new Int16Array(160).fill(1_000)));
    assert.ok(bench.sent.at(-1)?.payload.every((octet) => octet === linearToALaw(1_000)));
  });

  it('is heard when the other side says nothing, and joins it when it speaks', () => {
    const bench = new Bench();
    bench.play(ramp(1_600), { mode: 'mix' });
    bench.advance(55);
    assert.equal(bench.sent.length, 3);
    const zero = linearToALaw(0);
    const joined = bench.pass(rtp(9_000, zero));
    assert.equal(A_LAW_TO_LINEAR[joined?.[12] ?? 0], A_LAW_TO_LINEAR[linearToALaw(480 * 16 + 8)]);
    bench.advance(99);
    assert.equal(bench.sent.length, 3);
    bench.advance(1);
    assert.equal(bench.sent.length, 4);
    assert.equal(A_LAW_TO_LINEAR[bench.sent[3]?.payload[0] ?? 0], A_LAW_TO_LINEAR[linearToALaw(640 * 16)]);
  });

  it('plays several sounds together, each to its own end', () => {
    const bench = new Bench();
    bench.play(new RecordedSound(new Int16Array(320).fill(1_000)));
    bench.advance(15);
    bench.play(new RecordedSound(new Int16Array(320).fill(2_000)), { playId: 'p2', mode: 'mix' });
    bench.advance(100);
    const levels = bench.sent.map(({ payload }) => A_LAW_TO_LINEAR[payload[0] ?? 0] ?? 0);
    assert.deepEqual(
      levels.map((level) => Math.round(level / 100) * 100),
      [1_000, 3_000, 2_000],
    );
    assert.deepEqual(bench.ended, ['p1 finished at 20', 'p2 finished at 40']);
  });

  it('refuses what it cannot play: a leg without G.711, too many at once, a sound of nothing', () => {
    const opus = new Bench([{ payloadType: 96, name: 'opus', clockRateHz: 48_000, channels: 2 }]);
    opus.play(BEEP);
    assert.deepEqual(opus.ended, ['p1 failed at 0']);
    const bench = new Bench();
    for (let play = 1; play <= 9; play += 1) bench.play(BEEP, { playId: `p${play}` });
    bench.play(new RecordedSound(new Int16Array(0)), { playId: 'empty', loop: true });
    assert.deepEqual(bench.ended, ['p9 failed at 0', 'empty failed at 0']);
  });

  it('ends what is played when the leg has no G.711 any more, or the call is over', () => {
    const bench = new Bench();
    bench.play(BEEP);
    bench.player.setCodecs([{ payloadType: 18, name: 'G729', clockRateHz: 8_000 }]);
    assert.deepEqual(bench.ended, ['p1 failed at 0']);
    bench.player.setCodecs([PCMA]);
    bench.play(BEEP, { playId: 'p2' });
    bench.player.close();
    assert.equal(bench.ended[1], 'p2 stopped at 0');
    bench.advance(200);
    assert.equal(bench.sent.length, 2);
  });

  it('makes noise or silence of the other side’s silence, until that speaks', () => {
    const bench = new Bench();
    bench.player.fill({ noiseDbov: 40 }, bench.now);
    bench.pacer.watch(bench.player);
    bench.advance(45);
    assert.equal(bench.sent.length, 3);
    const power = bench.heard().reduce((sum, sample) => sum + sample ** 2, 0) / 480;
    assert.ok(Math.abs(-10 * Math.log10(power / 32_768 ** 2) - 40) < 3);
    assert.notEqual(bench.pass(rtp(0)), null);
    bench.advance(200);
    assert.equal(bench.sent.length, 3);
    bench.player.fill('silence', bench.now);
    assert.ok(bench.sent[3]?.payload.every((octet) => octet === linearToALaw(0)));
  });

  it('leaves the noise to a leg that has CN, and tells its level each second', () => {
    const bench = new Bench([PCMA, CN]);
    bench.player.fill({ noiseDbov: 62 }, bench.now);
    bench.pacer.watch(bench.player);
    bench.advance(2_500);
    assert.deepEqual(
      bench.sent.map(({ payloadType, payload, atMs }) => [payloadType, [...payload], atMs]),
      [
        [13, [62], 0],
        [13, [62], 1_000],
        [13, [62], 2_000],
      ],
    );
    bench.play(BEEP);
    bench.advance(10);
    assert.equal(bench.sent[3]?.payloadType, 8);
  });

  it('fills every silence of the other side that lasts, and none that does not', () => {
    const bench = new Bench();
    bench.player.fillWhenSilent({ fill: 'silence', afterMs: 300 }, bench.now);
    bench.pass(rtp(0));
    bench.pacer.watch(bench.player);
    bench.advance(299);
    bench.pass(rtp(160));
    bench.advance(299);
    assert.equal(bench.sent.length, 0);
    bench.advance(1 + 40);
    assert.equal(bench.sent.length, 3);
    bench.pass(rtp(320));
    bench.advance(299);
    assert.equal(bench.sent.length, 3);
    bench.advance(1);
    assert.equal(bench.sent.length, 4);
    bench.player.setCodecs([]);
    assert.equal(bench.player.dueMs, Number.POSITIVE_INFINITY);
  });

  it('fills nothing after the other side’s own comfort noise, which passes, until that has spoken again', () => {
    const bench = new Bench([PCMA, CN]);
    bench.player.fillWhenSilent({ fill: 'silence', afterMs: 300 }, bench.now);
    bench.pass(rtp(0));
    bench.advance(20);
    const noise = rtp(160, Uint8Array.of(55), { payloadType: 13 });
    assert.deepEqual(bench.pass(noise, true), noise);
    bench.pacer.watch(bench.player);
    bench.advance(1_000);
    assert.equal(bench.sent.length, 0);
    bench.pass(rtp(8_000));
    bench.pacer.watch(bench.player);
    bench.advance(320);
    assert.equal(bench.sent.length, 2);
  });

  it('plays into a silence that it fills, and fills it again after that', () => {
    const bench = new Bench([PCMA, CN]);
    bench.player.fillWhenSilent({ fill: { noiseDbov: 60 }, afterMs: 300 }, bench.now);
    bench.pacer.watch(bench.player);
    bench.advance(500);
    bench.play(BEEP);
    bench.advance(120);
    assert.deepEqual(
      bench.sent.map(({ payloadType, atMs }) => [payloadType, atMs]),
      [[13, 300], ...[500, 520, 540, 560, 580].map((atMs) => [8, atMs]), [13, 600]],
    );
  });

  it('never throws, changes a length or touches a header, whatever passes', () => {
    const packets = fc.array(fc.uint8Array({ minLength: 12, maxLength: 2_000 }), { maxLength: 20 });
    fc.assert(
      fc.property(packets, (all) => {
        const bench = new Bench([PCMA, PCMU, { ...PCMA, payloadType: 64 }]);
        bench.pass(rtp(0));
        bench.play(new Tone({ frequenciesHz: [500] }), { mode: 'mix' });
        for (const bytes of all) {
          const packet = Buffer.from(bytes);
          assert.ok(bench.pass(packet));
          assert.deepEqual(new Uint8Array(packet.subarray(0, 12)), bytes.subarray(0, 12));
        }
      }),
      { numRuns: 50 },
    );
  });
});
