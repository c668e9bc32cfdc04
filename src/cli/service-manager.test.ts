// What systemd hears of the service: by a stand-in for `systemd-notify`, and by the real one where it is installed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { until } from '../app/testing/arena.js';
import { ManualClock } from '../lib/clock.js';
import { ServiceManager } from './service-manager.js';

describe('the service manager', () => {
  let folder: string;
  let clock: ManualClock;
  let alarms: string[];
  let isAlive: () => Promise<unknown>;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-notify-'));
    const script = join(folder, 'systemd-notify');
    writeFileSync(script, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${join(folder, 'said')}\n`);
    chmodSync(script, 0o755);
    writeFileSync(join(folder, 'said'), '');
    clock = new ManualClock();
    alarms = [];
    isAlive = async () => {};
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function manager(env: Record<string, string | undefined>): ServiceManager {
    const log = pino({}, { write: (line: string) => void alarms.push(JSON.parse(line).alarm) });
    const status = () => 'takes calls, 3 live';
    return new ServiceManager({
      env: { PATH: `${folder}:/bin:/usr/bin`, ...env },
      pid: 77,
      clock,
      log,
      isAlive: () => isAlive(),
      status,
    });
  }

  const said = () => readFileSync(join(folder, 'said'), 'utf8').split('\n').slice(0, -1);

  it('hears nothing where there is none', async () => {
    const none = manager({});
    await none.ready();
    await none.stopping();
    assert.deepEqual(said(), []);
  });

  it('hears that the service is ready, then at a third of its watchdog’s time that it lives, and that it is stopping', async () => {
    const told = manager({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '77' });
    await told.ready();
    assert.deepEqual(said(), ['/run/x READY=1 MAINPID=77 STATUS=takes calls, 3 live']);
    clock.advance(9_999);
    assert.equal(said().length, 1);
    clock.advance(1);
    await until('it is told', () => said().length === 2);
    assert.equal(said()[1], '/run/x WATCHDOG=1 STATUS=takes calls, 3 live');
    await told.stopping();
    clock.advance(60_000);
    assert.match(said()[2] ?? '', /STOPPING=1/);
    assert.equal(said().length, 3);
  });

  it('is not told that the service lives while a part does not answer', async () => {
    isAlive = () => new Promise(() => {});
    await manager({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '2000000' }).ready();
    clock.advance(60_000);
    isAlive = () => Promise.reject(new Error('gone'));
    await manager({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '2000000' }).ready();
    clock.advance(60_000);
    await until('it is an alarm', () => alarms.includes('watchdog'));
    assert.ok(said().every((line) => !line.includes('WATCHDOG=1')));
    // One look that fails is not the last.
    isAlive = async () => {};
    await until('it looks again', () => {
      clock.advance(1_000);
      return said().some((line) => line.includes('WATCHDOG=1'));
    });
  });

  it('of another process has no watchdog for us', async () => {
    await manager({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '2000000', WATCHDOG_PID: '78' }).ready();
    clock.advance(60_000);
    assert.equal(said().length, 1);
  });

  it('that cannot be told is an alarm once, and the service goes on', async () => {
    const mute = manager({ NOTIFY_SOCKET: '/run/x', PATH: join(folder, 'empty') });
    await mute.ready();
    await mute.stopping();
    assert.deepEqual(alarms, ['watchdog']);
  });

  it('really hears it: by a datagram to its socket', async function () {
    const isThere = (name: string) => spawnSync(name, ['--version']).status === 0;
    if (!isThere('systemd-notify') || !isThere('python3')) {
      console.log('      systemd-notify or python3 is not installed');
      this.skip();
    }
    const path = join(folder, 'socket');
    const listener = spawn('python3', ['-c', LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let heard = '';
      listener.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        heard += chunk;
      });
      await until('it listens', () => heard.includes('listening'));
      await manager({ NOTIFY_SOCKET: path, PATH: process.env.PATH }).ready();
      await until('it has heard', () => heard.includes('READY=1'));
      assert.match(heard, /MAINPID=77/);
    } finally {
      listener.kill();
      await once(listener, 'close');
    }
  });
});

/** Prints each datagram; closes the descriptors of `sd_notify_barrier(3)`, which systemd-notify waits for. */
const LISTENER = `
import os, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("listening", flush=True)
while True:
    data, descriptors, _, _ = socket.recv_fds(receiver, 4096, 8)
    for descriptor in descriptors: os.close(descriptor)
    print(data.decode(), flush=True)
`;
