// Runs a simtrunk command from source: installs and compiles when needed, then becomes the command.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install, root } from './build.mjs';

install();
build();

const child = spawn(
  process.execPath,
  ['--enable-source-maps', join(root, 'dist', 'main.js'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exit(signal === null ? (code ?? 1) : 1);
});
