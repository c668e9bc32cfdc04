// simtrunk in a process of its own for one test run: started, asked for ports and counters, stopped.
// The child is `simtrunk-child.ts`; both speak the messages below over Node's IPC channel.
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Listener {
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly address: string;
  readonly port: number;
}

export type ChildRequest =
  | { readonly kind: 'counters' }
  | { readonly kind: 'usage'; readonly simIds: readonly string[] }
  | { readonly kind: 'reload' }
  | { readonly kind: 'drain'; readonly deadlineSeconds: number | null }
  | { readonly kind: 'resume' }
  | { readonly kind: 'stop' };

/** `refused`: the config is not sound, and `message` says why. */
export interface ReloadAnswer {
  readonly outcome: 'unchanged' | 'reloaded' | 'would-reload' | 'needs-restart' | 'refused';
  readonly message: string;
}

export type ChildMessage =
  | { readonly kind: 'ready'; readonly listeners: readonly Listener[] }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'answer'; readonly value: unknown };

export interface SimtrunkProcess {
  readonly pid: number;
  portOf(transport: 'udp' | 'tcp'): number;
  counters(): Promise<unknown>;
  /** Usage of each SIM, by allowance id. */
  usage(simIds: readonly string[]): Promise<Record<string, Record<string, number>>>;
  /** Has it read its config's file again. */
  reload(): Promise<ReloadAnswer>;
  drain(deadlineSeconds: number | null): Promise<void>;
  /** Takes a drain back. */
  resume(): Promise<void>;
  /** Asks it to end, ends it by force after a while; resolves to its exit code. */
  stop(): Promise<number | null>;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Its log, JSON lines. */
  log(): string;
  /** Exit code or signal when it has ended by itself. */
  ended(): string | undefined;
}

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

/** @throws Error with the child's own words and log when it does not start. */
export async function startSimtrunk(configFile: string, logFolder: string): Promise<SimtrunkProcess> {
  const logFile = join(logFolder, 'simtrunk.log');
  const logDescriptor = openSync(logFile, 'a');
  const child = fork(fileURLToPath(new URL('./simtrunk-child.js', import.meta.url)), [configFile], {
    stdio: ['ignore', logDescriptor, logDescriptor, 'ipc'],
    execArgv: ['--enable-source-maps'],
  });
  closeSync(logDescriptor);
  const log = () => readFileSync(logFile, 'utf8');
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  let ended: string | undefined;
  child.once('exit', (code, signal) => {
    ended = signal ?? String(code);
  });

  const ready = await firstMessage(child, exited);
  if (ready.kind !== 'ready') {
    child.kill('SIGKILL');
    const said = ready.kind === 'failed' ? ready.message : 'no readiness';
    throw new Error(`simtrunk did not start: ${said}\n${log().slice(-4000)}`);
  }

  let queue: Promise<unknown> = Promise.resolve();
  const ask = (request: ChildRequest): Promise<unknown> => {
    const answer = queue.then(async () => {
      if (ended !== undefined) throw new Error(`simtrunk has ended: ${ended}`);
      child.send(request);
      const reply = await firstMessage(child, exited);
      if (reply.kind !== 'answer') throw new Error(`simtrunk: ${JSON.stringify(reply)}`);
      return reply.value;
    });
    queue = answer.catch(() => undefined);
    return answer;
  };

  return {
    pid: child.pid ?? 0,
    portOf: (transport) => {
      const listener = ready.listeners.find((candidate) => candidate.transport === transport);
      if (listener === undefined) throw new Error(`simtrunk has no ${transport} listener`);
      return listener.port;
    },
    counters: () => ask({ kind: 'counters' }),
    usage: async (simIds) => (await ask({ kind: 'usage', simIds })) as Record<string, Record<string, number>>,
    reload: async () => (await ask({ kind: 'reload' })) as ReloadAnswer,
    drain: async (deadlineSeconds) => void (await ask({ kind: 'drain', deadlineSeconds })),
    resume: async () => void (await ask({ kind: 'resume' })),
    stop: async () => {
      if (ended === undefined && child.connected) child.send({ kind: 'stop' } satisfies ChildRequest);
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      const code = await exited;
      clearTimeout(force);
      return code;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    log,
    ended: () => ended,
  };
}

function firstMessage(child: ChildProcess, exited: Promise<number | null>): Promise<ChildMessage> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ kind: 'failed', message: 'no message in time' }), START_TIMEOUT_MS);
    const settle = (message: ChildMessage) => {
      clearTimeout(timer);
      child.off('message', settle);
      resolve(message);
    };
    child.on('message', settle);
    void exited.then((code) => settle({ kind: 'failed', message: `exit code ${code}` }));
  });
}
