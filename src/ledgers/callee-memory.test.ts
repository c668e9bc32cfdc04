import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ATTEMPTS_KEPT_MS, CalleeMemory } from './callee-memory.js';

const NOW = 1_800_000_000_000;
const CALLEES = ['a', '+821012345678', '+821012345679'];

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

  it('says that a SIM does not know a callee only while nothing was forgotten', () => {
    const memory = new CalleeMemory(100);
    memory.talked('+821012345678', 's1');
    memory.counted('+821012345678', 's2');
    assert.deepEqual(
      ['s1', 's2', 's3'].map((simId) => memory.isUnknownTo('+821012345678', simId)),
      [false, false, true],
    );
    assert.equal(memory.isUnknownTo('+821012345679', 's1'), true);
    // Callees of whom only tries are known may go: no SIM knows them.
    for (let callee = 0; callee < 150; callee++) memory.try(`+82102${1_000_000 + callee}`, 'call', NOW);
    assert.equal(memory.isUnknownTo('+821099999999', 's1'), memory.simsOf('+821012345678').length > 0);
    for (let callee = 0; callee < 150; callee++) memory.talked(`+82103${1_000_000 + callee}`, 's1');
    assert.equal(memory.isUnknownTo('+821099999999', 's1'), false);
  });

  it('remembers emergency numbers and names as well as numbers with a country', () => {
    const memory = new CalleeMemory();
    const callees = ['119', '+119', '0119', '+0119', '', '+', 'anna', '+1234567890123456', '+123456789012345'];
    for (const [at, callee] of callees.entries()) {
      memory.talked(callee, `s${at}`);
      memory.try(callee, `call${at}`, NOW);
    }
    assert.deepEqual(
      callees.map((callee) => memory.simsOf(callee)),
      callees.map((_, at) => [`s${at}`]),
    );
    for (const [at, callee] of callees.entries()) {
      assert.equal(memory.attemptsTo(callee, NOW), 1);
      memory.untry(callee, `call${at}`);
      assert.equal(memory.attemptsTo(callee, NOW), 0);
    }
  });

  it('agrees with plain lists over any course', () => {
    const step = fc.record({
      kind: fc.constantFrom('try', 'try', 'untry', 'wait', 'talked', 'counted'),
      callee: fc.constantFrom(...CALLEES),
      simId: fc.constantFrom('s1', 's2', 's3'),
      callId: fc.constantFrom('one', 'two', 'three'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new CalleeMemory();
        const tried: { callee: string; callId: string; wallMs: number }[] = [];
        const sims = new Map<string, string[]>(CALLEES.map((callee) => [callee, []]));
        let nowWallMs = NOW;
        for (const { kind, callee, callId, simId } of steps) {
          const known = sims.get(callee) as string[];
          if (kind === 'talked' || (kind === 'counted' && known.length === 0)) {
            memory.talked(callee, simId);
            sims.set(callee, [...known.filter((other) => other !== simId), simId]);
          } else if (kind === 'counted') {
            memory.counted(callee, simId);
            if (!known.includes(simId)) sims.set(callee, [simId, ...known]);
          } else if (kind === 'wait') nowWallMs += 10 * 3_600_000;
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
          for (const one of CALLEES) {
            assert.deepEqual(memory.simsOf(one), sims.get(one));
            const calls = tried.filter((try_) => try_.callee === one && try_.wallMs >= since);
            assert.equal(memory.attemptsTo(one, since), new Set(calls.map((try_) => try_.callId)).size);
          }
        }
      }),
    );
  });
});
