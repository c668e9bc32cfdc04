import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

interface DemoLine {
  readonly call: string;
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly attempts: readonly { readonly sipStatus: number }[];
  readonly correlation: { readonly leftIsCaller: number; readonly rightIsCallee: number } | null;
  readonly recording: { readonly path: string } | null;
}

describe('simtrunk demo', () => {
  it('places its four calls as they should go, keeps calling until Ctrl-C, and exits 0', async function () {
    this.timeout(90_000);
    const dataDir = await mkdtemp(join(tmpdir(), 'simtrunk-demo-'));
    const main = fileURLToPath(new URL('../main.js', import.meta.url));
    const demo = spawn(process.execPath, [main, 'demo', '--json', '--keep', '--data', dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const exited = once(demo, 'exit');
      const lines: DemoLine[] = [];
      for await (const line of createInterface({ input: demo.stdout })) {
        lines.push(JSON.parse(line));
        if (lines.length === 5) demo.kill('SIGINT');
      }
      assert.deepEqual(await exited, [0, null]);
      const calls = lines.slice(0, 4);
      assert.deepEqual(
        calls.map(({ call, ok, problems }) => [call, ok, problems]),
        ['answered', 'busy-sim', 'caller-cancels', 'callee-hangs-up'].map((call) => [call, true, []]),
      );
      assert.deepEqual(
        calls.map(({ attempts }) => attempts.map(({ sipStatus }) => sipStatus)),
        [[200], [503, 200], [487], [200]],
      );
      for (const { correlation, recording } of calls.filter(({ call }) => call !== 'caller-cancels')) {
        assert.ok((correlation?.leftIsCaller ?? 0) > 0.9 && (correlation?.rightIsCallee ?? 0) > 0.9);
        assert.ok(existsSync(recording?.path ?? ''));
      }
      assert.equal(lines[4]?.call, 'kept');
    } finally {
      demo.kill('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
