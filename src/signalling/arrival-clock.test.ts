import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ArrivalClock } from './arrival-clock.js';

const DAY_MS = 86_400_000;

/** As the SIP server writes it. */
function textOf(timeOfDayMs: number): string {
  const inDay = ((timeOfDayMs % DAY_MS) + DAY_MS) % DAY_MS;
  const micros = Math.floor((inDay % 1000) * 1000);
  return `${new Date(inDay - (inDay % 1000)).toISOString().slice(11, 19)}.${String(micros).padStart(6, '0')}`;
}

describe('ArrivalClock', () => {
  it('tells how much longer than others a message waited, whatever the clocks say, over midnight too', () => {
    const messages = fc.array(
      fc.record({ afterMs: fc.integer({ min: 0, max: 20_000 }), waitedMs: fc.integer({ min: 0, max: 9_000 }) }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(
        messages,
        fc.integer({ min: 0, max: DAY_MS }),
        fc.integer({ min: 0, max: 1e9 }),
        (all, day, origin) => {
          let nowMs = origin;
          const clock = new ArrivalClock(() => nowMs);
          const waits: { atMs: number; waitedMs: number }[] = [];
          for (const { afterMs, waitedMs } of all) {
            nowMs += afterMs;
            const told = clock.latenessMs(textOf(nowMs + day - waitedMs));
            waits.push({ atMs: nowMs, waitedMs });
            // Never more than it was, and never less than by the quickest one that can still be known.
            assert.ok(told <= waitedMs + 0.002, `${told} of ${waitedMs}`);
            const least = Math.min(...waits.map((one) => one.waitedMs));
            assert.ok(told >= 0);
            const lately = waits.filter((one) => one.atMs > nowMs - 60_000);
            const leastLately = Math.min(...lately.map((one) => one.waitedMs));
            assert.ok(told >= waitedMs - leastLately - 0.002, `${told} of ${waitedMs}, others ${leastLately}`);
            assert.ok(told <= waitedMs - least + 0.002);
          }
        },
      ),
    );
  });

  it('says nothing of a time that it cannot read, nor of a clock that was set', () => {
    let nowMs = 1_000;
    const clock = new ArrivalClock(() => nowMs);
    assert.equal(clock.latenessMs('00:00:01.000000'), 0);
    for (const time of [undefined, '', '1:2:3.4', '00:00:01', 'noon']) assert.equal(clock.latenessMs(time), 0);
    nowMs += 5_000;
    assert.equal(clock.latenessMs('00:00:05.900000'), 100);
    // An hour back.
    assert.equal(clock.latenessMs('23:00:06.000000'), 0);
    clock.reset();
    assert.equal(clock.latenessMs('12:00:00.000000'), 0);
    nowMs += 70;
    assert.equal(clock.latenessMs('12:00:00.000000'), 70);
  });
});
