// A Redis of its own for a test or a run: Debian’s redis-server in a temporary folder on a free port. Its loss is part of
// the tests, so it can be killed, paused, restarted on what it had saved, and set back to an older snapshot.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { boundToUs, endWithUs } from '../lib/end-with-us.js';

const START_TIMEOUT_MS = 20_000;
const ATTEMPTS = 5;

export interface RedisProcessOptions {
  /** `always`: nothing acknowledged is lost when it is killed; `no`: only what `keepSnapshot` wrote comes back. */
  readonly appendfsync?: 'always' | 'no';
}

export class RedisProcess {
  readonly port: number;
  readonly #folder: string;
  readonly #options: RedisProcessOptions;
  #child: ChildProcess | undefined;
  #isAppending = true;

  /** @throws when redis-server is not installed: no test passes without it */
  static async start(options: RedisProcessOptions = {}): Promise<RedisProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-redis-'));
    for (let attempt = 1; ; attempt++) {
      const redis = new RedisProcess(await freePort(), folder, options);
      try {
        await redis.run();
        return redis;
      } catch (error) {
        // Another process may have taken the port between the probe and the start.
        if (attempt < ATTEMPTS && !/ENOENT/.test(String(error))) continue;
        await rm(folder, { recursive: true, force: true });
        throw new Error(`redis-server cannot be started (apt-get install redis-server): ${error}`);
      }
    }
  }

  private constructor(port: number, folder: string, options: RedisProcessOptions) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it on what is in its folder; it answers when this resolves. */
  async run(): Promise<void> {
    const { appendfsync } = this.#options;
    const appends = this.#isAppending && appendfsync === 'always';
    const command = boundToUs('redis-server', [
      ...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''],
      ...['--appendonly', appends ? 'yes' : 'no', '--appendfsync', appendfsync ?? 'no'],
      ...['--dbfilename', 'dump.rdb', '--loglevel', 'warning'],
    ]);
    const child = endWithUs(spawn(...command, { stdio: 'ignore' }));
    let spawnError: Error | undefined;
    child.on('error', (error) => {
      spawnError = error;
    });
    this.#child = child;
    const until = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#answers())) {
      if (spawnError !== undefined) throw spawnError;
      if (child.exitCode !== null || Date.now() > until) throw new Error(`it ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Writes what it knows to its snapshot, and keeps a copy under a name. */
  async keepSnapshot(name: string): Promise<void> {
    await this.ask((client) => client.sendCommand(['SAVE']));
    await copyFile(join(this.#folder, 'dump.rdb'), join(this.#folder, name));
  }

  /** Kills it and starts it on an older snapshot. */
  async restartOn(name: string): Promise<void> {
    await this.kill();
    // What was appended since would bring all of it back.
    await rm(join(this.#folder, 'appendonlydir'), { recursive: true, force: true });
    this.#isAppending = false;
    await copyFile(join(this.#folder, name), join(this.#folder, 'dump.rdb'));
    await this.run();
  }

  async ask<T>(question: (client: { sendCommand(words: string[]): Promise<unknown> }) => Promise<T>): Promise<T> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await question(client);
    } finally {
      client.destroy();
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** By the process that we started: not one that is loading, not somebody else's. */
  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write('INFO server\r\nPING\r\n'));
      let text = '';
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
      socket.on('data', (bytes) => {
        text += bytes;
        if (!/\r\n[+-][^\r]*\r\n$/.test(text)) return;
        resolve(text.endsWith('+PONG\r\n') && text.includes(`\r\nprocess_id:${this.pid}\r\n`));
        socket.destroy();
      });
    });
  }
}

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}
