import assert from 'node:assert/strict';
import { formatPath } from './config-problem.js';
import { findLedgerProblems } from './ledger-checks.js';
import { SoundParts } from './sound-parts.js';

const BASE = {
  gateways: [{ name: 'gw1', network: 'lan', address: '192.0.2.1' }],
  channels: [{ gateway: 'gw1', port: 7, sim: '+821011112222' }],
};

function problems(ledger: object, env: Readonly<Record<string, string>> = {}): string[] {
  return findLedgerProblems(new SoundParts({ ...BASE, ledger }), env).map(
    ({ path, message }) => `${formatPath(path)}: ${message}`,
  );
}

describe('the settings of the shared ledger', () => {
  const url = 'redis://127.0.0.1:6379';

  it('are asked for with kind redis, and need no section without it', () => {
    assert.match(problems({ kind: 'redis' })[0] ?? '', /needs a section ledger.redis/);
    assert.deepEqual(problems({ kind: 'memory' }), []);
    assert.deepEqual(problems({ kind: 'redis', redis: { url, heldBack: ['gw1', 'gw1/7'] } }), []);
  });

  it('take the URL from the file or from an environment variable, and refuse what is none', () => {
    assert.match(problems({ redis: { url: 'localhost:6379' } })[0] ?? '', /must be a redis:/);
    assert.match(problems({ redis: { url: { env: 'REDIS' } } })[0] ?? '', /REDIS is not set/);
    assert.deepEqual(problems({ redis: { url: { env: 'REDIS' } } }, { REDIS: url }), []);
  });

  it('leave a node time to renew and to end its calls', () => {
    assert.match(problems({ redis: { url, leaseMs: 5_000 } })[0] ?? '', /at most half of leaseMs, which is 5000/);
    assert.deepEqual(problems({ redis: { url, leaseMs: 5_000, guardMs: 500, timeoutMs: 500 } }), []);
  });

  it('name gateways and channels that are there, and some for local-share', () => {
    assert.match(problems({ redis: { url, heldBack: ['gw9'] } })[0] ?? '', /"gw9" is neither a gateway nor a channel/);
    assert.match(problems({ redis: { url, whenAway: 'local-share' } })[0] ?? '', /there are none/);
  });
});
