import assert from 'node:assert/strict';
import { INITIAL_HEALTH, nextHealth, type ProbeResult } from './gateway-health.js';

function statesAfter(results: readonly ProbeResult[], thresholds = { failAfter: 3, succeedAfter: 2 }): string[] {
  let health = INITIAL_HEALTH;
  return results.map((result) => {
    health = nextHealth(health, result, thresholds);
    return health.state;
  });
}

describe('a gateway’s health', () => {
  it('is up before its first probe', () => {
    assert.equal(INITIAL_HEALTH.state, 'up');
  });

  it('goes down after enough silent probes in a row, and only in a row', () => {
    assert.deepEqual(statesAfter(['silent', 'silent', 'silent']), ['up', 'up', 'down']);
    assert.deepEqual(statesAfter(['silent', 'silent', 'responded', 'silent', 'silent']), Array(5).fill('up'));
  });

  it('comes up again after enough responses in a row', () => {
    const down: ProbeResult[] = ['silent', 'silent', 'silent'];
    assert.deepEqual(statesAfter([...down, 'responded', 'silent', 'responded', 'responded']).slice(3), [
      'down',
      'down',
      'down',
      'up',
    ]);
  });

  it('needs one probe where the threshold is one', () => {
    assert.deepEqual(statesAfter(['silent', 'responded'], { failAfter: 1, succeedAfter: 1 }), ['down', 'up']);
  });
});
