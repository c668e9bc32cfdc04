// Programs that we start and that are not told when we end: they are ended with us, whether we exit or are killed.
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const running = new Map<ChildProcess, (child: ChildProcess) => void>();
process.once('exit', () => {
  for (const [child, end] of running) end(child);
});

/** Ends the child when we exit. @param end how, where killing it alone is not enough */
export function endWithUs<T extends ChildProcess>(
  child: T,
  end: (child: T) => void = (each) => void each.kill('SIGKILL'),
): T {
  running.set(child, () => end(child));
  const forget = () => running.delete(child);
  child.once('exit', forget);
  // It was never started.
  child.once('error', () => child.pid === undefined && forget());
  return child;
}

/**
 * The command and its arguments, to be started so that the kernel ends it when we are killed ourselves: by setpriv (util-linux),
 * where that is installed, which then becomes the program; elsewhere as they are.
 */
export function boundToUs(
  command: string,
  args: readonly string[],
  signal: 'KILL' | 'TERM' = 'KILL',
): [command: string, args: string[]] {
  // Of a program that is not there its start should say so, not setpriv.
  if (!isInstalled('setpriv') || !isInstalled(command)) return [command, [...args]];
  return ['setpriv', ['--pdeathsig', signal, command, ...args]];
}

export function isInstalled(command: string): boolean {
  if (command.includes('/')) return isExecutable(command);
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, command)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
