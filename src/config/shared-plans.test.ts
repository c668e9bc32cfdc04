import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from './config.js';
import { parseConfig } from './load-config.js';

const CONFIG = `networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 127.0.0.1 ] } ]
gateways: [ { name: gw1, network: lan, address: 127.0.0.1:5080 } ]
sims: [ { number: "+821012340001", plan: shared } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001" } ]
`;

const SHARED = 'plans:\n  - { name: shared, commercialUse: allowed, gapMs: 7000 }\n';

describe('planFiles of a config', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simtrunk-plan-files-'));
  mkdirSync(join(folder, 'plans'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, text: string) => writeFileSync(join(folder, 'plans', name), text);
  const parse = (...lines: string[]): Config =>
    parseConfig(CONFIG + lines.join('\n'), join(folder, 'trunk.yaml'), { env: {} }, 'etc/trunk.yaml');

  function problemsOf(...lines: string[]): string[] {
    try {
      parse(...lines);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'CONFIG_INVALID');
      const [head, ...problems] = (error as Error).message.split('\n');
      assert.equal(head, `The config has ${problems.length} problem${problems.length === 1 ? '' : 's'}:`);
      return problems.map((line) => line.trim());
    }
    return [];
  }

  it('gives the plans of files beside the config, for SIMs as for channels', () => {
    write('a.yaml', SHARED);
    const config = parse('planFiles: [ plans/a.yaml ]');
    assert.deepEqual(
      config.plans.map(({ name }) => name),
      ['shared'],
    );
    assert.equal(config.channels[0]?.gapMs, 7_000);
  });

  it('joins them with the plans of the config, its own first', () => {
    write('a.yaml', SHARED);
    const config = parse('planFiles: [ plans/a.yaml ]', 'plans: [ { name: own, commercialUse: forbidden } ]');
    assert.deepEqual(
      config.plans.map(({ name }) => name),
      ['own', 'shared'],
    );
  });

  it('reports what is wrong in a file beside what is wrong in the config, each at its place', () => {
    write('a.yaml', `${SHARED}    montlyFee: "1"\n`);
    write('b.yaml', 'plans:\n  - name: b\n    commercialUse: maybe\n    allowances: []\n');
    write('c.yaml', 'plans: [ }\n');
    const problems = problemsOf(
      'planFiles: [ plans/b.yaml, plans/nowhere.yaml, plans/c.yaml ]',
      'log: { level: loud }',
    );
    assert.equal(problems.length, 4, problems.join('\n'));
    assert.match(
      problems[0] ?? '',
      /^etc\/trunk\.yaml:6:28 {2}planFiles\[1\]: cannot read the plan file etc\/plans\/nowhere\.yaml: /,
    );
    assert.match(problems[1] ?? '', /^etc\/trunk\.yaml:7:15 {2}log\.level: is "loud"/);
    assert.match(problems[2] ?? '', /^etc\/plans\/b\.yaml:3:20 {2}plans\[0\]\.commercialUse: is "maybe"/);
    assert.match(problems[3] ?? '', /^etc\/plans\/c\.yaml:1:\d+ {2}not valid YAML/);
  });

  it('refuses a name that stands in two places, and says both', () => {
    write('a.yaml', SHARED);
    write('b.yaml', `# The same again.\n${SHARED}`);
    assert.deepEqual(problemsOf('planFiles: [ plans/a.yaml, plans/b.yaml ]'), [
      'etc/plans/b.yaml:3:13  plans[0].name: "shared" is already the name of a plan at etc/plans/a.yaml:2:13',
    ]);
    assert.deepEqual(problemsOf('planFiles: [ plans/a.yaml ]', 'plans: [ { name: shared, commercialUse: allowed } ]'), [
      'etc/plans/a.yaml:2:13  plans[0].name: "shared" is already the name of a plan at etc/trunk.yaml:7:18',
    ]);
  });

  it('checks references and currencies against the plans of files too', () => {
    write('a.yaml', SHARED.replace('shared,', 'abroad, currency: USD,'));
    const problems = problemsOf('planFiles: [ plans/a.yaml ]');
    assert.equal(problems.length, 2, problems.join('\n'));
    assert.match(problems[0] ?? '', /trunks\[0\]\.spendCap\.currency: is KRW, but plan "abroad" costs USD/);
    assert.match(problems[1] ?? '', /sims\[0\]\.plan: no such entry in plans: "shared"/);
  });

  it('says what to do when there is no plan at all, and when the list is no list', () => {
    assert.match(
      problemsOf()[0] ?? '',
      /plans: is missing; must be a list of at least one, or planFiles must name files/,
    );
    assert.match(problemsOf('planFiles: plans/a.yaml').join('\n'), /planFiles: is "plans\/a\.yaml"; must be a list/);
    write('a.yaml', '- just a list\n');
    assert.match(problemsOf('planFiles: [ plans/a.yaml ]').join('\n'), /etc\/plans\/a\.yaml:1:1 {2}/);
  });
});
