import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../app/testing/command.js';

const SCENARIO = `title: A day
period: { from: 2026-12-07, to: 2026-12-07 }
agents: { count: 1, callsPerDay: 20, talk: { kind: exponential, meanSeconds: 60 } }
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { plan: office, count: 1 } ]
`;

describe('simtrunk simulate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simtrunk-simulate-'));
  const file = join(folder, 'day.yaml');
  before(() => writeFileSync(file, SCENARIO));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('prints one JSON object, the same for one seed and another for another', async () => {
    const args = ['simulate', file, '--json', '--seed'];
    const [first, again, other] = await Promise.all(['5', '5', '6'].map((seed) => runCommand(...args, seed).ended));
    const results = [first, again, other].map((ended) => {
      assert.deepEqual([ended?.code, ended?.stderr], [0, '']);
      const { elapsedMs, ...result } = JSON.parse(ended?.stdout ?? '');
      assert.ok(elapsedMs >= 0);
      return result;
    });
    assert.deepEqual(results[0], results[1]);
    assert.notDeepEqual(results[0].calls, results[2].calls);
    for (const field of [
      'firstExhaustedWorkingDay',
      'sustainableCalleesPerDay',
      'sustainableMinutesPerDay',
      'simsPerAgent',
      'costByPlan',
    ]) {
      assert.ok(field in results[0], field);
    }
  });

  it('prints tables, and writes the page beside them', async () => {
    const page = join(folder, 'day.html');
    const { code, stdout, stderr } = await runCommand('simulate', file, '--html', page).ended;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^A day\n/);
    assert.match(readFileSync(page, 'utf8'), /<h1>A day<\/h1>/);
    assert.match(stderr, /day\.html/);
  });

  it('lists the problems of a scenario and ends with 1', async () => {
    const bad = join(folder, 'bad.yaml');
    writeFileSync(bad, SCENARIO.replace('plan: office', 'plan: offfice'));
    const { code, stdout, stderr } = await runCommand('simulate', bad, '--json').ended;
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^The scenario has 1 problem:\n {2}.*bad\.yaml:5:17 {2}sims\[0\]\.plan: no such plan: "offfice"; did you mean "office"\?\n$/,
    );
  });

  for (const [what, args] of [
    ['no scenario', []],
    ['two scenarios', ['a.yaml', 'b.yaml']],
    ['a seed that is no number', ['a.yaml', '--seed', 'x']],
    ['an unknown option', ['a.yaml', '--plot']],
  ] as const) {
    it(`says its usage and ends with 2 for ${what}`, async () => {
      const { code, stderr } = await runCommand('simulate', ...args).ended;
      assert.equal(code, 2);
      assert.match(stderr, /usage: simtrunk simulate FILE \[--json\] \[--html OUT\] \[--seed N\]/);
    });
  }
});
