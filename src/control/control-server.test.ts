import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { ControlCommands } from './control-commands.js';
import { type ControlLimits, type ControlServer, openControlServer } from './control-server.js';
import { ControlPeer } from './testing/control-peer.js';

const LIMITS: Partial<ControlLimits> = { maxClients: 4, maxRequestBytes: 2_000, idleMs: 60_000, answerMs: 10_000 };
const LARGE = 'x'.repeat(8 * 1024 * 1024);

describe('the control socket', function () {
  this.timeout(20_000);
  let folder: string;
  let path: string;
  let clock: ManualClock;
  let server: ControlServer;
  let peers: ControlPeer[];
  /** Answers of the command `wait`, to be given by the test. */
  let waiting: (() => void)[];

  const commands: ControlCommands = {
    names: ['echo'],
    async run(name, given, by) {
      if (name === 'echo') return { ok: true, result: { given, by } };
      if (name === 'large') return { ok: true, result: LARGE };
      if (name === 'fail') throw new Error('a defect');
      if (name === 'unwritable') return { ok: true, result: 1n };
      if (name === 'wait') {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return { ok: true, result: 'waited' };
      }
      return { ok: false, code: 'unknown-command', message: `no ${name}` };
    },
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-control-'));
    path = join(folder, 'control.sock');
    clock = new ManualClock();
    peers = [];
    waiting = [];
    const log = createLogger({ level: 'silent', redactNumbers: false });
    server = await openControlServer({ path, commands, clock, log, limits: LIMITS });
  });

  afterEach(async () => {
    for (const peer of peers) peer.close();
    for (const resolve of waiting) resolve();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  async function connect(): Promise<ControlPeer> {
    const peer = await ControlPeer.open(path);
    peers.push(peer);
    return peer;
  }

  /** Until what other ends of sockets do has been seen here. */
  async function until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await turn();
  }

  it('answers requests in their order, each with its id and what it asked', async () => {
    const peer = await connect();
    for (const id of [7, 'eight', 9]) peer.request('echo', { n: id }, id);
    const by = { uid: 1000, user: 'kim' };
    for (const id of [7, 'eight', 9]) {
      assert.deepEqual(await peer.answer(), { id, ok: true, result: { given: { n: id }, by } });
    }
  });

  it('answers a client that has ended its own side, then ends the connection', async () => {
    const peer = await connect();
    peer.request('echo');
    peer.request('large');
    peer.finish();
    assert.equal((await peer.answer())?.ok, true);
    assert.equal((await peer.answer())?.result, LARGE);
    assert.equal(await peer.answer(), null);
  });

  for (const [what, line, code] of [
    ['no JSON', 'status', 'bad-request'],
    ['cut JSON', '{"command":', 'bad-request'],
    ['an array', '[{"command":"echo"}]', 'bad-request'],
    ['a number', '17', 'bad-request'],
    ['null', 'null', 'bad-request'],
    ['no caller', '{"command":"echo"}', 'bad-request'],
    ['a key that it does not know', '{"command":"echo","by":{"uid":0,"user":"a"},"admin":true}', 'bad-request'],
    ['arguments that are no object', '{"command":"echo","arguments":[],"by":{"uid":0,"user":"a"}}', 'bad-request'],
    ['a command of another type', '{"command":{},"by":{"uid":0,"user":"a"}}', 'bad-request'],
    ['a user id below zero', '{"command":"echo","by":{"uid":-1,"user":"a"}}', 'bad-request'],
    ['a command that is none', '{"command":"constructor","by":{"uid":0,"user":"a"}}', 'unknown-command'],
    ['a prototype', '{"__proto__":{"command":"echo"},"by":{"uid":0,"user":"a"}}', 'bad-request'],
    ['JSON a thousand levels deep', '['.repeat(1_000), 'bad-request'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'bad-request'],
    ['zero bytes', Buffer.alloc(100), 'bad-request'],
  ] as const) {
    it(`answers ${what} by an error, and the request after it as if nothing had been`, async () => {
      const peer = await connect();
      peer.send(line);
      peer.send('\n');
      peer.request('echo', {}, 2);
      const answer = await peer.answer();
      assert.deepEqual([answer?.ok, answer?.code], [false, code]);
      assert.ok((answer?.message?.length ?? 0) > 0);
      const next = await peer.answer();
      assert.deepEqual([next?.id, next?.ok], [2, true]);
      assert.equal(server.counters.refused, 1);
    });
  }

  it('serves the next client whatever bytes one has sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), async (bytes) => {
        const hostile = await ControlPeer.open(path);
        hostile.send(bytes);
        hostile.finish();
        while ((await hostile.answer()) !== null);
        const peer = await ControlPeer.open(path);
        peer.request('echo');
        assert.equal((await peer.answer())?.ok, true);
        peer.close();
        await until(() => server.counters.clients === 0);
      }),
      { numRuns: 60 },
    );
  });

  it('answers a command that fails by a fault of ours, and goes on', async () => {
    const peer = await connect();
    for (const command of ['fail', 'unwritable']) peer.request(command);
    peer.request('echo', {}, 2);
    for (let i = 0; i < 2; i++) assert.deepEqual((await peer.answer())?.code, 'failed');
    assert.equal((await peer.answer())?.ok, true);
  });

  it('takes blank lines for nothing', async () => {
    const peer = await connect();
    peer.send('\n \r\n\n');
    peer.request('echo');
    assert.equal((await peer.answer())?.ok, true);
    assert.equal(server.counters.requests, 1);
  });

  it('says that a line is too long, ends that connection, and no other', async () => {
    const other = await connect();
    const peer = await connect();
    peer.send('x'.repeat(2_001));
    assert.equal((await peer.answer())?.code, 'line-too-long');
    assert.equal(await peer.answer(), null);
    other.request('echo');
    assert.equal((await other.answer())?.ok, true);
    assert.equal(server.counters.dropped, 1);
  });

  it('turns away clients beyond its limit with a word, and takes one again when another has left', async () => {
    const first = await connect();
    for (let i = 1; i < 4; i++) await connect();
    const beyond = await connect();
    assert.equal((await beyond.answer())?.code, 'too-many-clients');
    assert.equal(await beyond.answer(), null);
    first.close();
    await until(() => server.counters.clients === 3);
    const next = await connect();
    next.request('echo');
    assert.equal((await next.answer())?.ok, true);
  });

  it('drops a client that sends no whole request in time, however it dribbles', async () => {
    const peer = await connect();
    peer.request('echo');
    await peer.answer();
    await until(() => clock.pendingTimers === 1);
    for (let i = 0; i < 5; i++) {
      clock.advance(11_999);
      peer.send('{');
      await turn();
    }
    assert.equal(server.counters.clients, 1);
    clock.advance(5);
    assert.equal(await peer.answer(), null);
    assert.equal(server.counters.dropped, 1);
  });

  it('drops a client that does not read its answer, and holds nothing for it', async () => {
    const deaf = await ControlPeer.deaf(path);
    peers.push(deaf);
    for (let i = 0; i < 3; i++) deaf.request('large', {}, i);
    await until(() => server.counters.requests === 1 && clock.pendingTimers === 1);
    for (let i = 0; i < 50; i++) await turn();
    // The second is not begun while the first is not taken.
    assert.equal(server.counters.requests, 1);
    clock.advance(10_000);
    await until(() => server.counters.clients === 0);
    assert.equal(server.counters.dropped, 1);
  });

  it('gives a command under way its time when it closes, and none to the next', async () => {
    const peer = await connect();
    const idle = await connect();
    peer.request('wait');
    peer.request('echo', {}, 2);
    await until(() => waiting.length === 1);
    const closed = server.close();
    assert.equal(await idle.answer(), null);
    waiting.shift()?.();
    assert.deepEqual((await peer.answer())?.result, 'waited');
    assert.equal(await peer.answer(), null);
    await closed;
  });

  it('closes without a command that takes too long', async () => {
    const peer = await connect();
    peer.request('wait');
    await until(() => waiting.length === 1);
    const closed = server.close();
    clock.advance(2_000);
    await closed;
    assert.equal(await peer.answer(), null);
  });
});
