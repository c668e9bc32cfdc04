// For tests of commands: `simtrunk` with arguments as a child process, what it printed and how it ended.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from './arena.js';

const MAIN = fileURLToPath(new URL('../../main.js', import.meta.url));

export interface CommandEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  /** When it has ended and all of its output was read. */
  readonly ended: Promise<CommandEnd>;
  hasEnded(): boolean;
  /** What it has printed on standard output so far. */
  output(): string;
  /** The same on standard error. */
  errors(): string;
  /** Resolves when standard output has matched; rejects when the command ended without. */
  printed(pattern: RegExp): Promise<void>;
  send(signal: NodeJS.Signals): void;
}

export function runCommand(...args: string[]): RunningCommand {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      said[stream] += chunk;
    });
  }
  let hasEnded = false;
  const ended = once(child, 'close').then(([code, signal]): CommandEnd => {
    hasEnded = true;
    return { code, signal, ...said };
  });
  return {
    ended,
    hasEnded: () => hasEnded,
    output: () => said.stdout,
    errors: () => said.stderr,
    async printed(pattern) {
      await until(`it prints ${pattern}`, () => hasEnded || pattern.test(said.stdout));
      if (!pattern.test(said.stdout)) throw new Error(`it ended: ${said.stdout}${said.stderr}`);
    },
    send: (signal) => void child.kill(signal),
  };
}
