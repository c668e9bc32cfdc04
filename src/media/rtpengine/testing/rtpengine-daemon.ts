// Debian's rtpengine-daemon for tests: started on loopback with ports of its own and no file of the machine's, killed at the end.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { SystemClock } from '../../../lib/clock.js';
import { boundToUs, endWithUs } from '../../../lib/end-with-us.js';
import { claimPorts } from '../../../lib/testing/claimed-ports.js';
import { NgClient } from '../ng-client.js';

const READY_MS = 10_000;

export interface DaemonOptions {
  /** `name/address`, each; one interface without a name by default. */
  readonly interfaces?: readonly string[];
  readonly mediaPorts?: number;
  /** More of its command line. */
  readonly more?: readonly string[];
  /** The same control ports again, as a daemon that is started anew has. */
  readonly after?: RtpengineDaemon;
}

/** Ports of one daemon, which the next one may have when it has ended. */
interface Ports {
  readonly ng: number;
  readonly http: number;
  readonly media: number;
  readonly mediaPorts: number;
}

const unused: Ports[] = [];

export class RtpengineDaemon {
  readonly #ports: Ports;
  readonly #process: ChildProcess;
  #said = '';

  private constructor(process: ChildProcess, ports: Ports) {
    this.#process = process;
    this.#ports = ports;
    void once(process, 'exit').then(() => unused.push(ports));
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-8_000);
    });
  }

  /** Why tests with it cannot run here, or null. */
  static missing(): string | null {
    const asked = spawnSync('rtpengine', ['--version'], { encoding: 'utf8' });
    return asked.error === undefined ? null : "rtpengine is not installed (Debian's package is rtpengine-daemon)";
  }

  static async start(options: DaemonOptions = {}): Promise<RtpengineDaemon> {
    const { interfaces = ['127.0.0.1'], mediaPorts = 40, more = [], after } = options;
    const ports = await takePorts(mediaPorts, after === undefined ? undefined : after.#ports);
    const command = boundToUs('rtpengine', [
      '--foreground',
      '--config-file=none',
      '--log-stderr',
      '--log-level=5',
      // No kernel module, no Redis, no delay of a delete.
      '--table=-1',
      '--delete-delay=0',
      '--num-threads=2',
      // Without it two threads may turn the packets of one socket around.
      '--poller-per-thread',
      '--media-num-threads=1',
      `--listen-ng=127.0.0.1:${ports.ng}`,
      `--listen-http=127.0.0.1:${ports.http}`,
      `--port-min=${ports.media}`,
      `--port-max=${ports.media + mediaPorts - 1}`,
      ...interfaces.map((text) => `--interface=${text}`),
      ...more,
    ]);
    const child = endWithUs(spawn(...command, { stdio: ['ignore', 'ignore', 'pipe'] }));
    const daemon = new RtpengineDaemon(child, ports);
    await daemon.#ready();
    return daemon;
  }

  get ngPort(): number {
    return this.#ports.ng;
  }

  get udpUrl(): string {
    return `udp://127.0.0.1:${this.#ports.ng}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.#ports.http}`;
  }

  /** Its last lines, for a test that failed. */
  get said(): string {
    return this.#said;
  }

  /** Stands still, as one whose machine does; resolves when all its threads do. */
  async freeze(): Promise<void> {
    this.#process.kill('SIGSTOP');
    const threads = `/proc/${this.#process.pid}/task`;
    const stands = (thread: string) => / T /.test(readFileSync(`${threads}/${thread}/stat`, 'latin1'));
    while (!readdirSync(threads).every(stands)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  /** Idempotent. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }

  /** Call-ids that it has, at most `limit`. */
  async calls(limit = 32): Promise<readonly string[]> {
    const client = new NgClient({ url: this.udpUrl, timeoutMs: 2_000, clock: new SystemClock() });
    const listed = await client.request('list', { limit });
    client.close();
    if (!listed.ok) throw new Error(`rtpengine does not list its calls: ${listed.detail}`);
    return listed.reply.calls as readonly string[];
  }

  async #ready(): Promise<void> {
    const client = new NgClient({ url: this.udpUrl, timeoutMs: READY_MS, clock: new SystemClock() });
    const died = once(this.#process, 'exit').then(() => false);
    const answered = client.request('ping').then((result) => result.ok);
    const isReady = await Promise.race([answered, died]);
    client.close();
    if (isReady) return;
    await this.kill();
    throw new Error(`rtpengine did not start: ${this.#said}`);
  }
}

/** Those of a daemon that has ended, or new ones. */
async function takePorts(mediaPorts: number, same: Ports | undefined): Promise<Ports> {
  const at = unused.findIndex((ports) => (same === undefined ? ports.mediaPorts === mediaPorts : ports === same));
  const [taken] = at < 0 ? [] : unused.splice(at, 1);
  if (taken !== undefined) return taken;
  return { ng: await claimPorts(2), http: await claimPorts(2), media: await claimPorts(mediaPorts), mediaPorts };
}
