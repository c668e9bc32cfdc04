import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { casesFolder, loadCase } from './case-file.js';
import { hasRtpengine } from './rtpengine-child.js';
import { runCase } from './run-case.js';

/** Programs of this name that we have started and that still run. */
function childrenNamed(name: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const [, command, rest = ''] = /^\d+ \((.*)\) (.*)/.exec(readFileSync(`/proc/${entry}/stat`, 'latin1')) ?? [];
      const [state, parent] = rest.split(' ');
      return command === name && state !== 'Z' && Number(parent) === process.pid;
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

describe('a SIPp case', () => {
  before(function () {
    if (hasRtpengine()) return;
    process.stderr.write("      skipped: rtpengine is not installed (Debian's package is rtpengine-daemon)\n");
    this.skip();
  });

  it('that cannot be set up leaves no rtpengine behind', async () => {
    const some = loadCase(casesFolder(), 'answered-call');
    const files = { 'no-such-folder/list.txt': { text: '', ageDays: 0 } };
    const { isPassed, problems } = await runCase(
      { ...some, files },
      { sipp: ['sipp'], keep: false, withRtpengine: true },
    );
    assert.equal(isPassed, false);
    assert.match(problems.join(), /no-such-folder/);
    assert.deepEqual(childrenNamed('rtpengine'), []);
  });
});
