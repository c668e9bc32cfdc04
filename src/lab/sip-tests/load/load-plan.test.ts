import assert from 'node:assert/strict';
import { planLoad } from './load-plan.js';

describe('the plan of a load run', () => {
  it('is the same for the same seed and another for another', () => {
    assert.deepEqual(planLoad(500, 7), planLoad(500, 7));
    assert.notDeepEqual(planLoad(500, 7), planLoad(500, 8));
  });

  it('gives one call in ten a pair of tones of its own', () => {
    const toned = planLoad(1000, 1).filter((call) => call.tones !== null);
    assert.equal(toned.length, 100);
    const tones = toned.flatMap((call) => [call.tones?.callerHz, call.tones?.calleeHz]);
    assert.equal(new Set(tones).size, 200);
    assert.ok(tones.every((hz) => hz !== undefined && hz >= 300 && hz <= 3400));
  });

  it('dials each number once and uses every kind', () => {
    const plan = planLoad(1000, 1);
    assert.equal(new Set(plan.map((call) => call.number)).size, 1000);
    assert.equal(new Set(plan.map((call) => call.kind)).size, 7);
  });

  it('keeps every talk away from whole seconds, so that two clocks round alike', () => {
    assert.ok(planLoad(1000, 3).every(({ talkMs }) => talkMs % 1000 >= 300 && talkMs % 1000 <= 600));
  });
});
