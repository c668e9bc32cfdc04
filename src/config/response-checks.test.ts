import assert from 'node:assert/strict';
import { formatPath } from './config-problem.js';
import { resolveResponses } from './resolve-responses.js';
import { findResponseProblems } from './response-checks.js';
import { responseKeys } from './response-schema.js';
import { SoundParts } from './sound-parts.js';

function problems(responses: readonly object[]): string[] {
  const gateways = [{ name: 'gw1', network: 'lan', address: '192.0.2.1', responses }];
  return findResponseProblems(new SoundParts({ gateways })).map(
    ({ path, message }) => `${formatPath(path)}: ${message}`,
  );
}

describe('rules on final responses', () => {
  it('name a status, a cause or both, one or several', () => {
    const rules = [
      { status: 503, cause: [38, 41], means: 'gateway', coolDownSeconds: 30 },
      { status: [500, 503], means: 'channel', coolDownSeconds: 0.5 },
      { cause: 17, means: 'callee' },
    ];
    assert.deepEqual(problems(rules), []);
    assert.deepEqual(resolveResponses(responseKeys.responses.parse(rules)), [
      { statuses: [503], causes: [38, 41], means: 'gateway', coolDownMs: 30_000 },
      { statuses: [500, 503], causes: [], means: 'channel', coolDownMs: 500 },
      { statuses: [], causes: [17], means: 'callee', coolDownMs: 0 },
    ]);
  });

  it('are refused when they name nothing, or what no response has', () => {
    for (const rule of [
      { means: 'channel' },
      { status: 180, means: 'channel' },
      { cause: 0, means: 'channel' },
      { status: [], means: 'channel' },
      { status: 503, means: 'retry' },
    ]) {
      assert.equal(responseKeys.responses.safeParse([rule]).success, false, JSON.stringify(rule));
    }
  });

  it('are refused when one before fits whatever they fit', () => {
    const wide = { status: [486, 503], means: 'channel' };
    assert.match(
      problems([wide, { status: 503, cause: 41, means: 'gateway' }])[0] ?? '',
      /responses\[1\]: never decides: responses\[0\]/,
    );
    assert.deepEqual(problems([wide, { status: [503, 504], means: 'gateway' }]), []);
    assert.deepEqual(problems([{ status: 503, cause: 41, means: 'gateway' }, wide]), []);
    assert.equal(
      problems([
        { cause: 17, means: 'callee' },
        { status: 486, cause: 17, means: 'channel' },
      ]).length,
      1,
    );
  });

  it('let nothing cool down for what the callee said', () => {
    assert.match(
      problems([{ status: 486, means: 'callee', coolDownSeconds: 1 }])[0] ?? '',
      /coolDownSeconds: must be left out/,
    );
  });
});
