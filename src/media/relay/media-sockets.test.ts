// One behaviour of both kinds of sockets. The batched ones are compiled for this with the machine's compiler, where it has one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { monotonicNowMs } from '../../lib/clock.js';
import { BatchedSockets, loadNativeSockets, type NativeSockets } from './batched-sockets.js';
import { DgramSockets } from './dgram-sockets.js';
import { BindError, type MediaSocket, type MediaSockets } from './media-socket.js';
import { openSockets } from './open-sockets.js';
import { realTimeRefusal } from './precedence-kit.js';
import { freePortRange, hasIpv6Loopback } from './relay-test-kit.js';

const LOOPBACK = '127.0.0.1';

interface Heard {
  readonly text: string;
  readonly address: string;
  readonly port: number;
  readonly arrivalMs: number;
}

/** A listener that copies what comes, and waits for it. */
class Ear {
  readonly heard: Heard[] = [];
  failures = 0;
  onPacket: ((packet: Buffer, address: string, port: number) => void) | null = null;
  #wakeUp: () => void = () => {};

  received(packet: Buffer, address: string, port: number, arrivalMs: number): void {
    this.heard.push({ text: packet.toString('latin1'), address, port, arrivalMs });
    this.onPacket?.(packet, address, port);
    this.#wakeUp();
  }

  sendFailed(): void {
    this.failures += 1;
    this.#wakeUp();
  }

  async count(count: number): Promise<Heard[]> {
    while (this.heard.length < count) await this.#change();
    return this.heard;
  }

  async failed(count: number): Promise<void> {
    while (this.failures < count) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
    });
  }
}

function behaves(open: () => MediaSockets): void {
  let sockets: MediaSockets;
  let bound: MediaSocket[];
  beforeEach(() => {
    sockets = open();
    bound = [];
  });
  afterEach(() => {
    for (const socket of bound) socket.close();
    sockets.close();
  });

  async function socketAt(ear: Ear, address = LOOPBACK): Promise<{ socket: MediaSocket; port: number }> {
    const { from: port } = await freePortRange(1, address);
    const socket = sockets.bind(address, port);
    socket.listen(ear);
    bound.push(socket);
    return { socket, port };
  }

  it('says who sent a packet, and when it came by the monotonic clock', async () => {
    const [earA, earB] = [new Ear(), new Ear()];
    const [a, b] = [await socketAt(earA), await socketAt(earB)];
    const beforeMs = monotonicNowMs();
    a.socket.send(Buffer.from('one'), LOOPBACK, b.port);
    const [heard] = await earB.count(1);
    assert.deepEqual([heard?.text, heard?.address, heard?.port], ['one', LOOPBACK, a.port]);
    assert.ok((heard?.arrivalMs ?? 0) >= beforeMs - 1 && (heard?.arrivalMs ?? 0) <= monotonicNowMs() + 1);
  });

  it('refuses a port that is taken, and an address that is not ours', async () => {
    const { port } = await socketAt(new Ear());
    assert.throws(
      () => sockets.bind(LOOPBACK, port),
      (error) => error instanceof BindError && error.isTaken,
    );
    assert.throws(
      () => sockets.bind('192.0.2.1', port),
      (error) => error instanceof BindError && !error.isTaken,
    );
  });

  it('passes a packet on from within its arrival, to another place for each socket and each packet', async () => {
    const [source, relayed, ears] = [new Ear(), new Ear(), [new Ear(), new Ear(), new Ear()]];
    const [a, relay] = [await socketAt(source), await socketAt(relayed)];
    const goals = await Promise.all(ears.map((ear) => socketAt(ear)));
    let next = 0;
    relayed.onPacket = (packet) => {
      relay.socket.send(packet, LOOPBACK, goals[next % 3]?.port ?? 0);
      next += 1;
    };
    for (let index = 0; index < 30; index += 1) a.socket.send(Buffer.from(`packet ${index}`), LOOPBACK, relay.port);
    for (const [goal, ear] of ears.entries()) {
      const texts = (await ear.count(10)).map(({ text }) => text);
      assert.deepEqual(
        texts,
        Array.from({ length: 10 }, (_, index) => `packet ${goal + 3 * index}`),
      );
    }
  });

  it('brings every packet of a burst, in the order of each sender', async () => {
    const ears = Array.from({ length: 40 }, () => new Ear());
    const ends: { socket: MediaSocket; port: number }[] = [];
    for (const ear of ears) ends.push(await socketAt(ear));
    const sink = new Ear();
    const goal = await socketAt(sink);
    for (let index = 0; index < 15; index += 1) {
      for (const [at, { socket }] of ends.entries()) socket.send(Buffer.from(`${at} ${index}`), LOOPBACK, goal.port);
      await sink.count((index + 1) * ends.length);
    }
    for (let at = 0; at < ends.length; at += 1) {
      const own = sink.heard.filter(({ port }) => port === ends[at]?.port).map(({ text }) => text);
      assert.deepEqual(
        own,
        Array.from({ length: 15 }, (_, index) => `${at} ${index}`),
      );
    }
  });

  it('brings nothing to a socket that was closed, nor to the one that came after it', async () => {
    const [source, first, second] = [new Ear(), new Ear(), new Ear()];
    const [a, one, two] = [await socketAt(source), await socketAt(first), await socketAt(second)];
    const later = new Ear();
    const { from } = await freePortRange(1);
    const closeOther = (other: MediaSocket) => () => {
      other.close();
      const socket = sockets.bind(LOOPBACK, from);
      socket.listen(later);
      bound.push(socket);
      for (const ear of [first, second]) ear.onPacket = null;
    };
    first.onPacket = closeOther(two.socket);
    second.onPacket = closeOther(one.socket);
    a.socket.send(Buffer.from('to one'), LOOPBACK, one.port);
    a.socket.send(Buffer.from('to two'), LOOPBACK, two.port);
    await Promise.race([first.count(1), second.count(1)]);
    a.socket.send(Buffer.from('later'), LOOPBACK, from);
    assert.deepEqual(
      (await later.count(1)).map(({ text }) => text),
      ['later'],
    );
    assert.equal(first.heard.length + second.heard.length, 1);
  });

  it('sends what was made here as it was at the call', async () => {
    const [source, sink] = [new Ear(), new Ear()];
    const [a, goal] = [await socketAt(source), await socketAt(sink)];
    for (let index = 0; index < 300; index += 1) {
      a.socket.send(Buffer.from(`made ${index}`), LOOPBACK, goal.port);
      if (index % 100 === 99) await sink.count(index + 1);
    }
    assert.deepEqual(
      sink.heard.map(({ text }) => text),
      Array.from({ length: 300 }, (_, index) => `made ${index}`),
    );
  });

  it('counts what cannot be sent, and goes on', async () => {
    const [source, sink] = [new Ear(), new Ear()];
    const [a, goal] = [await socketAt(source), await socketAt(sink)];
    a.socket.send(Buffer.alloc(65_508), LOOPBACK, goal.port);
    await source.failed(1);
    a.socket.send(Buffer.alloc(65_507, 'x'), LOOPBACK, goal.port);
    assert.equal((await sink.count(1))[0]?.text.length, 65_507);
    assert.equal(source.failures, 1);
  });

  it('does the same over IPv6', async function () {
    if (!hasIpv6Loopback()) {
      process.stdout.write('      no IPv6 on this machine\n');
      this.skip();
    }
    const [source, sink] = [new Ear(), new Ear()];
    const [a, goal] = [await socketAt(source, '::1'), await socketAt(sink, '::1')];
    a.socket.send(Buffer.from('six'), '::1', goal.port);
    const [heard] = await sink.count(1);
    assert.deepEqual([heard?.text, heard?.address, heard?.port], ['six', '::1', a.port]);
  });
}

describe('sockets of node:dgram', () => {
  behaves(() => new DgramSockets(monotonicNowMs));

  it('are used where they are asked for, whatever was built', () => {
    const { sockets, kind, detail } = openSockets('dgram', monotonicNowMs);
    sockets.close();
    assert.deepEqual([kind, detail], ['dgram', null]);
  });
});

const READ_LATE_MS = 20;

describe('batched sockets', () => {
  let folder: string;
  let native: NativeSockets;
  let file: string;

  before(function () {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-native-'));
    file = join(folder, 'media-sockets.node');
    const script = fileURLToPath(new URL('../../../scripts/build-native.mjs', import.meta.url));
    const { status, stderr, error } = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
    if (status !== 0) {
      process.stdout.write(`      not compiled here: ${error?.message ?? stderr.trim()}\n`);
      this.skip();
    }
    const loaded = loadNativeSockets(file);
    assert.ok(loaded.native !== null, loaded.native === null ? loaded.cause : '');
    native = loaded.native;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  behaves(() => new BatchedSockets(native));

  it('are not used, with the reason, where they do not load', () => {
    const missing = loadNativeSockets(join(folder, 'other.node'));
    assert.deepEqual(missing, { native: null, cause: 'it was not built' });
    const other = join(folder, 'other.cjs');
    writeFileSync(other, 'exports.version = 0;');
    assert.match(String(Object.values(loadNativeSockets(other))), /built from another version/);
  });

  it('count what found the receive buffer full', async () => {
    const sockets = new BatchedSockets(native, { receiveBufferBytes: 4_096 });
    const { from: port } = await freePortRange(1);
    const ear = new Ear();
    const [sender, receiver] = [sockets.bind(LOOPBACK, port + 1), sockets.bind(LOOPBACK, port)];
    receiver.listen(ear);
    // All leave before the receiver is read.
    for (let index = 0; index < 200; index += 1) sender.send(Buffer.alloc(172), LOOPBACK, port);
    await ear.count(1);
    const overflows = receiver.overflows?.() ?? 0;
    assert.ok(overflows > 0);
    assert.equal(ear.heard.length + overflows, 200);
    for (const socket of [sender, receiver]) socket.close();
    sockets.close();
  });

  it('tell when a packet came to its socket, however late it is read, where that is asked for', async () => {
    const sockets = new BatchedSockets(native, { hasExactArrivals: true });
    const { from: port } = await freePortRange(2);
    const ear = new Ear();
    const [sender, receiver] = [sockets.bind(LOOPBACK, port + 1), sockets.bind(LOOPBACK, port)];
    receiver.listen(ear);
    // The kernel begins to stamp packets some time after the first socket of the machine has asked for it (net_enable_timestamp).
    let waitedMs = 0;
    for (let sent = 1; waitedMs < READ_LATE_MS && sent <= 100; sent += 1) {
      sender.send(Buffer.from('one'), LOOPBACK, port);
      // It has left by then, and has come.
      queueMicrotask(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READ_LATE_MS));
      const heard = (await ear.count(sent)).at(-1);
      waitedMs = monotonicNowMs() - (heard?.arrivalMs ?? 0);
    }
    for (const socket of [sender, receiver]) socket.close();
    sockets.close();
    assert.ok(waitedMs >= READ_LATE_MS, `was read ${waitedMs} ms after it came`);
  });

  it('have their thread go before others as the kernel allows, and no thread that it starts', async function () {
    if (process.platform !== 'linux') {
      process.stdout.write('      skipped: only Linux has priorities of threads\n');
      this.skip();
    }
    // proc(5), /proc/pid/stat: field 41, the policy, counted behind the name; SCHED_RR is 2.
    const policy = `Number(require('node:fs').readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ')[38])`;
    const code = `
      const { parentPort, Worker } = require('node:worker_threads');
      const precedence = require(${JSON.stringify(file)}).precede();
      const started = new Worker(${JSON.stringify(`require('node:worker_threads').parentPort.postMessage(${policy})`)}, { eval: true });
      started.on('message', (ofStarted) => parentPort.postMessage({ precedence, own: ${policy}, ofStarted }));`;
    const worker = new Worker(code, { eval: true });
    const [{ precedence, own, ofStarted }] = await once(worker, 'message');
    await worker.terminate();
    const refusal = realTimeRefusal();
    if (refusal === null) assert.equal(precedence, 2);
    else process.stdout.write(`      real-time not looked for: ${refusal}\n`);
    assert.ok([0, 1, 2].includes(precedence));
    assert.deepEqual([own, ofStarted], [precedence === 2 ? 2 : 0, 0]);
  });

  it('end with their thread, even by force in the middle of a flood', async () => {
    const { from: port } = await freePortRange(1);
    const module = new URL('./batched-sockets.js', import.meta.url).href;
    const code = `
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(module)}).then(({ BatchedSockets, loadNativeSockets }) => {
        const sockets = new BatchedSockets(loadNativeSockets(${JSON.stringify(file)}).native);
        const socket = sockets.bind('127.0.0.1', ${port});
        let count = 0;
        const received = (packet) => {
          if (++count === 1000) parentPort.postMessage('flooded');
          socket.send(packet, '127.0.0.1', ${port});
        };
        socket.listen({ received, sendFailed() {} });
        for (let index = 0; index < 50; index++) socket.send(Buffer.from('round'), '127.0.0.1', ${port});
      });`;
    for (let run = 0; run < 3; run += 1) {
      const worker = new Worker(code, { eval: true });
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      await worker.terminate();
    }
    const again = new BatchedSockets(native);
    again.bind(LOOPBACK, port).close();
    again.close();
  });
});
