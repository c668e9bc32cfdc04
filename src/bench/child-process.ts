// A part under measurement in a process of its own, so that /proc counts its CPU and memory apart from everything else.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../lib/end-with-us.js';

export interface MeasuredProcess<Ready, Report> {
  readonly pid: number;
  /** What the child said when it was ready. */
  readonly ready: Ready;
  /** Asks the child for its numbers. */
  report(): Promise<Report>;
  /** Asks it to end, and ends it by force when it does not. */
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 10_000;

/**
 * Forks `entry`, a file beside this one. It sends one message when it is ready, one for each `report` that it is sent, and
 * ends when it is sent `stop`.
 */
export async function startMeasured<Ready, Report>(
  entry: string,
  order: object,
  nodeOptions: readonly string[] = [],
): Promise<MeasuredProcess<Ready, Report>> {
  const child = endWithUs(
    fork(fileURLToPath(new URL(entry, import.meta.url)), [JSON.stringify(order)], {
      execArgv: ['--enable-source-maps', ...nodeOptions],
      stdio: ['ignore', 2, 2, 'ipc'],
    }),
  );
  const nextMessage = async (): Promise<unknown> => {
    const stopped = new AbortController();
    try {
      const [message] = await Promise.race([
        once(child, 'message', { signal: stopped.signal }),
        once(child, 'exit', { signal: stopped.signal }).then(([code, signal]) => {
          throw new Error(`${entry} ended: ${signal ?? code}`);
        }),
      ]);
      return message;
    } finally {
      stopped.abort();
    }
  };
  const ready = (await nextMessage()) as Ready;
  return {
    pid: child.pid ?? 0,
    ready,
    report: async () => {
      child.send('report');
      return (await nextMessage()) as Report;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      if (child.connected) child.send('stop');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(force);
    },
  };
}

/** The child's side: what it was ordered, and how it says that it is ready. */
export function readOrder<Order>(): Order {
  return JSON.parse(process.argv[2] ?? 'null') as Order;
}

/** The child's side: serves until `stop` comes, or until the parent is gone. */
export function serveParent(ready: object, report: () => Promise<object>, stop: () => Promise<void>): void {
  const end = (): void => {
    void stop().finally(() => process.disconnect?.());
  };
  process.on('message', (message) => {
    if (message === 'stop') end();
    else void report().then((numbers) => process.send?.(numbers));
  });
  process.once('disconnect', () => process.exit());
  process.send?.(ready);
}
