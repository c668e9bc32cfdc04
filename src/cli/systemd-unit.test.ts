// The unit in `systemd/`: its commands are ours, and systemd understands it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { USAGE as DRAIN } from './drain.js';
import { USAGE as RELOAD } from './reload.js';
import { USAGE as START } from './start.js';

const UNIT = readFileSync('systemd/simtrunk.service', 'utf8');
const USAGES: Readonly<Record<string, string>> = { start: START, reload: RELOAD, drain: DRAIN };

describe('systemd/simtrunk.service', () => {
  it('calls commands that there are, with options that they have', () => {
    const lines = [...UNIT.matchAll(/^Exec(\w+)=(.*)$/gm)].map(([, key, line = '']) => [key, line.split(' ')] as const);
    assert.deepEqual(
      lines.map(([key, [node, main, command]]) => [key, node, main, command]),
      [
        ['Start', '/usr/bin/node', 'dist/main.js', 'start'],
        ['Reload', '/usr/bin/node', 'dist/main.js', 'reload'],
        ['Stop', '/usr/bin/node', 'dist/main.js', 'drain'],
      ],
    );
    for (const [, [, , command = '', ...words]] of lines) {
      for (const option of words.filter((word) => word.startsWith('--'))) {
        assert.ok(USAGES[command]?.includes(option), `${command} ${option}`);
      }
    }
  });

  it('is understood by systemd', function () {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
      console.log('      systemd-analyze is not installed');
      this.skip();
    }
    this.timeout(20_000);
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-unit-'));
    try {
      const file = join(folder, 'simtrunk.service');
      const here = UNIT.replaceAll('/usr/bin/node', process.execPath)
        .replace('/opt/simtrunk', process.cwd())
        .replaceAll(/=simtrunk$/gm, `=${userInfo().username}`);
      writeFileSync(file, here);
      const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
      // What it says of units that this machine has, or lacks, is not about ours.
      assert.deepEqual(
        stderr.split('\n').filter((line) => line.includes('simtrunk.service')),
        [],
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
