import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Agenda } from './agenda.js';

describe('Agenda', () => {
  it('hands out what is due, over any setting, moving and removing of instants', () => {
    const step = fc.oneof(
      fc.record({ number: fc.nat(7), instant: fc.oneof(fc.nat(20), fc.constant(Number.POSITIVE_INFINITY)) }),
      fc.record({ now: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const agenda = new Agenda(8);
        const expected = new Map<number, number>();
        for (const taken of steps) {
          if ('now' in taken) {
            const due: number[] = [];
            for (let one = agenda.takeDue(taken.now); one >= 0; one = agenda.takeDue(taken.now)) due.push(one);
            const isDue = [...expected].filter(([, instant]) => instant <= taken.now).map(([number]) => number);
            assert.deepEqual(
              due.map((number) => expected.get(number)),
              isDue.map((number) => expected.get(number) ?? 0).sort((a, b) => a - b),
            );
            assert.deepEqual([...due].sort(), [...isDue].sort());
            for (const number of due) expected.delete(number);
          } else {
            agenda.set(taken.number, taken.instant);
            if (taken.instant === Number.POSITIVE_INFINITY) expected.delete(taken.number);
            else expected.set(taken.number, taken.instant);
          }
          assert.equal(agenda.next, Math.min(Number.POSITIVE_INFINITY, ...expected.values()));
        }
      }),
    );
  });
});
