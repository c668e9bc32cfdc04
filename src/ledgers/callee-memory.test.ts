import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ATTEMPTS_KEPT_MS, CalleeMemory } from './callee-memory.js';

const NOW = 1_800_000_000_000;

describe('CalleeMemory', () => {
  it('names the SIMs that talked to a callee, the last one last', () => {
    const memory = new CalleeMemory();
    for (const simId of ['s1', 's2', 's1', 's3', 's3']) memory.talked('a', simId);
    memory.talked('b', 's1');
    assert.deepEqual(
      ['a', 'b', 'c'].map((callee) => memory.simsOf(callee)),
      [['s2', 's1', 's3'], ['s1'], []],
    );
  });

  it('counts a call once however often it tries, and not at all when no INVITE left', () => {
    const memory = new CalleeMemory();
    memory.try('a', 'one', NOW);
    memory.try('a', 'two', NOW + 1);
    memory.try('a', 'one', NOW + 2);
    assert.equal(memory.attemptsTo('a', NOW), 2);
    memory.untry('a', 'one');
    assert.equal(memory.attemptsTo('a', NOW), 2);
    memory.untry('a', 'one');
    memory.untry('a', 'never');
    assert.deepEqual(
      [memory.attemptsTo('a', NOW), memory.attemptsTo('a', NOW + 2), memory.attemptsTo('b', 0)],
      [1, 0, 0],
    );
  });

  it('forgets tries after two days, and callees of whom no other is known', () => {
    const memory = new CalleeMemory();
    for (let callee = 0; callee < 1_000; callee++) memory.try(`callee${callee}`, 'early', NOW);
    memory.try('callee7', 'late', NOW + ATTEMPTS_KEPT_MS + 1);
    for (let count = 1; count < 1_000; count++) memory.try('busy', `call${count}`, NOW + ATTEMPTS_KEPT_MS + count);
    assert.deepEqual(
      ['callee7', 'callee8', 'busy'].map((callee) => memory.attemptsTo(callee, 0)),
      [1, 0, 999],
    );
  });

  it('agrees with plain lists over any course', () => {
    const step = fc.record({
      kind: fc.constantFrom('try', 'try', 'untry', 'wait'),
      callee: fc.constantFrom('a', 'b', 'c'),
      callId: fc.constantFrom('one', 'two', 'three'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new CalleeMemory();
        const tried: { callee: string; callId: string; wallMs: number }[] = [];
        let nowWallMs = NOW;
        for (const { kind, callee, callId } of steps) {
          if (kind === 'wait') nowWallMs += 10 * 3_600_000;
          else if (kind === 'try') {
            memory.try(callee, callId, nowWallMs);
            tried.push({ callee, callId, wallMs: nowWallMs });
          } else {
            // Only what was tried lately is taken back: a reservation does not last for days.
            const at = tried.findLastIndex((one) => one.callee === callee && one.callId === callId);
            if (at < 0 || (tried[at]?.wallMs ?? 0) < nowWallMs - 20 * 3_600_000) continue;
            tried.splice(at, 1);
            memory.untry(callee, callId);
          }
          const since = nowWallMs - 30 * 3_600_000;
          for (const one of ['a', 'b', 'c']) {
            const calls = tried.filter((try_) => try_.callee === one && try_.wallMs >= since);
            assert.equal(memory.attemptsTo(one, since), new Set(calls.map((try_) => try_.callId)).size);
          }
        }
      }),
    );
  });
});
