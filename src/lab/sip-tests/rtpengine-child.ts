// An rtpengine of one case's own: on loopback, with the case's media ports, killed with the case.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { boundToUs, endWithUs } from '../../lib/end-with-us.js';
import { freePort } from './free-ports.js';

const READY_MS = 5_000;
const REPEAT_MS = 50;
/** The ng protocol's ping: a cookie and a bencoded dictionary. */
const PING = 'ready d7:command4:pinge';

export const RTPENGINE_MISSING = "sip-tests --media rtpengine needs rtpengine: Debian's package is rtpengine-daemon";

export function hasRtpengine(): boolean {
  return spawnSync('rtpengine', ['--version']).error === undefined;
}

export interface RtpengineChild {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startRtpengineChild(mediaPorts: { from: number; to: number }): Promise<RtpengineChild> {
  const port = await freePort();
  const command = boundToUs('rtpengine', [
    ...[
      '--foreground',
      '--config-file=none',
      '--table=-1',
      '--delete-delay=0',
      '--num-threads=2',
      '--poller-per-thread',
    ],
    ...['--log-stderr', '--log-level=4', '--interface=127.0.0.1', `--listen-ng=127.0.0.1:${port}`],
    ...[`--port-min=${mediaPorts.from}`, `--port-max=${mediaPorts.to}`],
  ]);
  const child = endWithUs(spawn(...command, { stdio: 'ignore' }));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  if (!(await answers(child, port))) {
    await stop();
    throw new Error('rtpengine did not start');
  }
  return { url: `udp://127.0.0.1:${port}`, stop };
}

/** Resolves when it answers, or has not within its time. */
async function answers(child: ChildProcess, port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  const answered = once(socket, 'message').then(() => true);
  const ended = once(child, 'exit').then(() => false);
  const timers: NodeJS.Timeout[] = [];
  const late = new Promise<boolean>((resolve) => timers.push(setTimeout(() => resolve(false), READY_MS)));
  timers.push(setInterval(() => socket.send(PING, port, '127.0.0.1', () => undefined), REPEAT_MS));
  const isReady = await Promise.race([answered, ended, late]);
  for (const timer of timers) clearTimeout(timer);
  socket.close();
  return isReady;
}
