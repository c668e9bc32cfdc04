import assert from 'node:assert/strict';
import fc from 'fast-check';
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from '../rtp/g711.js';
import { WaitingAudio } from './waiting-audio.js';

const WINDOW_FRAMES = 4_000;

interface Step {
  /** Of two recordings, which share what memory is free. */
  readonly recording: 0 | 1;
  readonly isCallee: boolean;
  readonly isALaw: boolean;
  /** From the first frame that was not taken. */
  readonly ahead: number;
  readonly octets: number;
  readonly seed: number;
  /** How many frames are taken after it. */
  readonly taken: number;
}

/** The same by a sample for each frame. */
class Model {
  readonly audio = new WaitingAudio();
  readonly samples = new Map<number, number>();
  taken = 0;

  add({ isCallee, isALaw, ahead, octets, seed }: Step): void {
    const before = seed % 5;
    const packet = Uint8Array.from({ length: before + octets + 3 }, (_, at) => (seed + at * 31) & 0xff);
    assert.ok(this.audio.add(isCallee, isALaw, this.taken + ahead, packet, before, octets));
    const toLinear = isALaw ? A_LAW_TO_LINEAR : MU_LAW_TO_LINEAR;
    for (let at = 0; at < octets; at += 1) {
      this.samples.set((this.taken + ahead + at) * 2 + (isCallee ? 1 : 0), toLinear[packet[before + at] ?? 0] ?? 0);
    }
  }

  take(count: number): void {
    const [begin, end] = [this.taken, this.taken + count];
    const frames = new Int16Array(count * 2);
    this.audio.decode(begin, end, frames);
    this.audio.forget(end);
    frames.forEach((sample, at) => {
      const expected = this.samples.get(begin * 2 + at) ?? 0;
      if (sample !== expected) assert.fail(`sample ${at} of frame ${begin} on is ${sample}, not ${expected}`);
    });
    this.taken = end;
  }
}

describe('WaitingAudio', () => {
  it('has of each side what came last for each frame, and nothing of another recording', () => {
    const step = fc.record(
      {
        recording: fc.constantFrom(0 as const, 1 as const),
        isCallee: fc.boolean(),
        isALaw: fc.boolean(),
        ahead: fc.nat(WINDOW_FRAMES),
        octets: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(80, 160, 240), fc.nat(9_000)),
        seed: fc.nat(0xffff),
        taken: fc.oneof(fc.constant(0), fc.nat(1_200)),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const models = [new Model(), new Model()] as const;
        for (const each of steps) {
          const model = models[each.recording];
          model.add(each);
          model.take(each.taken);
          // What is left of others never outgrows what may wait.
          if (each.octets > 1_000) model.take(WINDOW_FRAMES + each.octets);
        }
        for (const model of models) model.take(WINDOW_FRAMES + 9_000);
      }),
      { numRuns: 150 },
    );
  });

  it('goes on with new memory where the last was given back before what waits longer', () => {
    const model = new Model();
    const packet = { recording: 0, isCallee: false, isALaw: true, octets: 160, seed: 7, taken: 0 } as const;
    for (let index = 0; index < 24; index += 1) model.add({ ...packet, ahead: 3_000 + index * 160 });
    model.add({ ...packet, ahead: 0 });
    model.take(160);
    model.add({ ...packet, ahead: 0, isCallee: true });
    new Model().add({ ...packet, ahead: 0, seed: 9 });
    model.take(8_000);
  });

  it('has what was said after days', () => {
    const model = new Model();
    model.taken = 2 ** 31 - 100;
    for (let index = 0; index < 60; index += 1) {
      model.add({
        ...{ recording: 0, isCallee: index % 2 === 1, isALaw: true },
        ahead: 40,
        octets: 160,
        seed: index,
        taken: 0,
      });
      model.take(160);
    }
  });

  it('refuses what comes again and again, and takes more when what waits has been taken', () => {
    const audio = new WaitingAudio();
    const packet = new Uint8Array(160).fill(0xaa);
    let kept = 0;
    while (kept < 10_000 && audio.add(false, true, 0, packet, 0, 160)) kept += 1;
    // Seven seconds of packets of 20 ms.
    assert.ok(kept > 350 && kept < 10_000, `${kept} kept`);
    assert.ok(audio.add(true, true, 0, packet, 0, 160), 'the other side’s');
    audio.forget(160);
    assert.ok(audio.add(false, true, 160, packet, 0, 160));
  });
});
