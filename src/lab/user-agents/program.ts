// A program that we have not written, as a child process with a folder of its own: what it prints, what is typed, its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { boundToUs, endWithUs, isInstalled } from '../../lib/end-with-us.js';

export interface Program {
  /** What it printed last. */
  log(): string;
  hasEnded(): boolean;
  /** Resolves when what it printed has matched; rejects with all of it when it has not, for long. */
  printed(pattern: RegExp): Promise<void>;
  /** A command as its user would type it. */
  type(command: string): void;
  /** Asks it to leave, and ends it by force when it does not. Idempotent. */
  close(): Promise<void>;
}

const LEAVING_TIMEOUT_MS = 1_500;
const PRINTING_TIMEOUT_MS = 15_000;
const LOG_CHARACTERS = 40_000;
const CONNECT_TRIES = 300;

/** With the processes that it has started. */
function killAll(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // None of them is left.
  }
}

/** Skips the tests that need these programs where one is not installed, and says so. @param whence who has it, or has it not */
export function needPrograms(test: Mocha.Context, commands: readonly string[], whence: string): void {
  const missing = commands.filter((command) => !isInstalled(command));
  if (missing.length === 0) return;
  console.log(`      skipped: ${missing.join(' and ')} not installed (${whence})`);
  test.skip();
}

/** @param leave how it is asked to end */
export function startProgram(
  command: string,
  args: readonly string[],
  folder: string,
  leave: (child: ChildProcess) => void,
): Program {
  const child = spawn(...boundToUs(command, args, 'TERM'), {
    env: { ...process.env, HOME: folder },
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A process group of its own.
    detached: true,
  });
  endWithUs(child, killAll);
  let hasEnded = false;
  let log = '';
  const news = new EventEmitter();
  const ended = once(child, 'close')
    .catch((error) => {
      log += `${error}`;
    })
    .then(() => {
      hasEnded = true;
      news.emit('news');
    });
  // One that has ended by itself is found out by what it does not do.
  child.stdin.on('error', () => undefined);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS);
      news.emit('news');
    });
  }
  const printed = async (pattern: RegExp): Promise<void> => {
    const signal = AbortSignal.timeout(PRINTING_TIMEOUT_MS);
    while (!pattern.test(log) && !hasEnded) {
      await once(news, 'news', { signal }).catch(() => {
        throw new Error(`${command} has not printed ${pattern}:\n${log}`);
      });
    }
    if (!pattern.test(log)) throw new Error(`${command} has ended:\n${log}`);
  };
  return {
    log: () => log,
    hasEnded: () => hasEnded,
    printed,
    type: (line) => void child.stdin.write(`${line}\n`),
    close: async () => {
      if (!hasEnded) leave(child);
      const force = setTimeout(() => killAll(child), LEAVING_TIMEOUT_MS);
      await ended;
      clearTimeout(force);
    },
  };
}

/** What is to be done first with a program that has been started; it is ended when that fails. */
export async function beginWith<T>(program: Program, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    await program.close();
    throw error;
  }
}

/** A connection to a port of this machine by which a program is told what to do, once it listens there. */
export async function connectTo(program: Program, name: string, port: number): Promise<Socket> {
  for (let tries = 0; tries < CONNECT_TRIES && !program.hasEnded(); tries++) {
    const socket = createConnection(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      // It has not got there yet: asked again.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${name} cannot be reached:\n${program.log()}`);
}
