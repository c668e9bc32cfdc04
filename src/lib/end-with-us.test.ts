import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { boundToUs, endWithUs, isInstalled } from './end-with-us.js';

const MODULE = new URL('./end-with-us.js', import.meta.url).href;

/** A process that has started a program which would stay, and both write to one pipe: it is closed when neither is left. */
async function parentOfProgram(then: string) {
  const code = `
    const { spawn } = require('node:child_process');
    import(${JSON.stringify(MODULE)}).then(({ boundToUs, endWithUs }) => {
      const child = endWithUs(spawn(...boundToUs('sh', ['-c', 'echo started; exec sleep 600']), { stdio: ['ignore', 'inherit', 'ignore'] }));
      child.once('spawn', () => { ${then} });
      setInterval(() => undefined, 1000);
    });`;
  const parent = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(parent.stdout, 'close');
  await once(parent.stdout, 'data');
  return { parent, closed };
}

describe('a program that ends with us', () => {
  it('is ended when we exit', async () => {
    const { parent, closed } = await parentOfProgram("process.stdin.once('data', () => process.exit(3))");
    parent.stdin.write('leave\n');
    await closed;
  });

  it('is ended when we are killed', async function () {
    if (!isInstalled('setpriv')) {
      process.stderr.write('      skipped: setpriv is not installed (util-linux)\n');
      this.skip();
    }
    const { parent, closed } = await parentOfProgram('');
    parent.kill('SIGKILL');
    await closed;
  });

  it('says itself that it is not there', async () => {
    const command = boundToUs('no-such-program', ['--version']);
    assert.deepEqual(command, ['no-such-program', ['--version']]);
    const [error] = await once(endWithUs(spawn(...command)), 'error').catch((failed) => [failed]);
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
  });
});
