// What a person or a service manager sees of the process: exit statuses and words.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './app/testing/command.js';

describe('the simtrunk command', () => {
  it('says its usage and ends with 2 when no command is named, with 0 when asked for help', async () => {
    const [none, help] = await Promise.all([runCommand().ended, runCommand('--help').ended]);
    assert.deepEqual([none.code, help.code], [2, 0]);
    for (const { stdout } of [none, help]) assert.match(stdout, /^usage: simtrunk COMMAND/);
  });

  for (const args of [
    ['status', '--help'],
    ['ledger', 'adjust', '-h'],
    ['sip-tests', '--help'],
  ]) {
    it(`says how ${args[0]} is used when asked for help, and ends with 0`, async () => {
      const { code, stdout, stderr } = await runCommand(...args).ended;
      assert.deepEqual([code, stderr], [0, '']);
      assert.ok(stdout.startsWith(`usage: simtrunk ${args[0]} `), stdout);
    });
  }

  for (const [what, args] of [
    ['a command', ['stat']],
    ['an option', ['start', '--conifg', 'x.yaml']],
    ['an argument', ['start', 'x.yaml']],
    ['an option without its value', ['start', '--config']],
  ] as const) {
    it(`says its usage and ends with 2 for ${what} that it does not know`, async () => {
      const { code, stdout, stderr } = await runCommand(...args).ended;
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /usage: simtrunk/);
      assert.doesNotMatch(stderr, / at .*\.js/);
    });
  }

  it('says in a sentence that the config cannot be read, and ends with 1', async () => {
    const { code, stdout, stderr } = await runCommand('start', '--config', '/nowhere/simtrunk.yaml').ended;
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^Cannot read the config file \/nowhere\/simtrunk\.yaml: [^\n]+\n$/);
  });

  it('lists every problem of the config with its line, starts nothing, and ends with 1', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-main-'));
    try {
      const file = join(folder, 'simtrunk.yaml');
      writeFileSync(file, 'netwroks: []\ntrunks: []\nsip:\n  t1Ms: soon\n');
      const { code, stdout, stderr } = await runCommand('start', '--config', file).ended;
      assert.deepEqual([code, stdout], [1, '']);
      for (const place of ['1:1 ', '2:9 ', '4:9 '])
        assert.ok(stderr.includes(`${file}:${place}`), `${place}in ${stderr}`);
      assert.doesNotMatch(stderr, / at .*\.js/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
