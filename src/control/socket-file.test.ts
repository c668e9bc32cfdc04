import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { askService } from './control-client.js';
import { connectTo, listenAt } from './socket-file.js';

const ASK = { command: 'status', by: { uid: null, user: 'test' } };

describe('the file of the control socket', () => {
  let folder: string;
  let path: string;
  let opened: { release(): Promise<void> }[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-socket-'));
    path = join(folder, 'control.sock');
    opened = [];
  });

  afterEach(async () => {
    for (const { release } of opened) await release();
    rmSync(folder, { recursive: true });
  });

  async function listen(at = path, server: Server = saying('hello\n')): Promise<void> {
    opened.push(await listenAt(server, at));
  }

  /** Says something to everybody, or nothing at all. */
  function saying(text: string | null): Server {
    return createServer((socket) => {
      socket.on('error', () => undefined).resume();
      if (text !== null) socket.end(text);
    });
  }

  async function heardFrom(at: string): Promise<string> {
    const socket = await connectTo(at);
    socket.setEncoding('utf8');
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  }

  it('lets only its owner in from the first instant in which it is there, and leaves nothing else behind', async () => {
    const before = process.umask(0);
    try {
      const modes = new Set<number>();
      let isOpen = false;
      const ready = listen().then(() => {
        isOpen = true;
      });
      while (!isOpen) {
        for (const name of readdirSync(folder)) {
          const { mode } = lstatSync(join(folder, name), { throwIfNoEntry: false }) ?? {};
          if (mode !== undefined) modes.add(mode & 0o777);
        }
        await turn();
      }
      await ready;
      assert.deepEqual(readdirSync(folder), ['control.sock']);
      assert.equal(lstatSync(path).mode & 0o777, 0o600);
      // The folder in which it is made can be entered by its owner only.
      for (const mode of modes) assert.ok(mode === 0o600 || mode === 0o700, mode.toString(8));
    } finally {
      process.umask(before);
    }
    assert.equal(await heardFrom(path), 'hello\n');
  });

  it('is gone when the server is, but not when another has taken its place', async () => {
    await listen();
    await opened.pop()?.release();
    assert.deepEqual(readdirSync(folder), []);
    await listen();
    rmSync(path);
    await listen();
    await opened.shift()?.release();
    assert.equal(await heardFrom(path), 'hello\n');
  });

  it('replaces that of a process that was killed', async () => {
    const listener = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.ok(lstatSync(path).isSocket());
    await assert.rejects(askService(path, ASK, 1_000), { code: 'SERVICE_NOT_RUNNING' });
    // As a start leaves it that was killed half way.
    mkdirSync(`${path}.new`);
    writeFileSync(join(`${path}.new`, 's'), '');
    await listen();
    assert.equal(await heardFrom(path), 'hello\n');
    assert.deepEqual(readdirSync(folder), ['control.sock']);
  });

  it('is refused with a clear error while another process answers on it, which goes on', async () => {
    await listen();
    await assert.rejects(listen(), { code: 'CONTROL_IN_USE', message: /Another simtrunk answers on .*control\.sock/ });
    assert.equal(await heardFrom(path), 'hello\n');
    assert.deepEqual(readdirSync(folder), ['control.sock']);
  });

  it('never replaces what is no socket', async () => {
    writeFileSync(path, 'precious');
    await assert.rejects(listen(), { code: 'CONTROL_UNAVAILABLE', message: /move it away/ });
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });

  it('is refused with a clear error where no folder can be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(listen(join(folder, 'file', 'control.sock')), { code: 'CONTROL_UNAVAILABLE' });
  });

  it('may be deeper in the file system than a socket’s address is long', async function () {
    if (process.platform !== 'linux') {
      console.log(
        `      skipped: only Linux reaches a socket by its folder's descriptor, and this is ${process.platform}`,
      );
      this.skip();
    }
    const deep = join(folder, 'd'.repeat(120), 'e'.repeat(120));
    mkdirSync(deep, { recursive: true });
    const at = join(deep, 'control.sock');
    await assert.rejects(askService(at, ASK, 1_000), { code: 'SERVICE_NOT_RUNNING' });
    await listen(at);
    assert.equal(await heardFrom(at), 'hello\n');
    await assert.rejects(listen(at), { code: 'CONTROL_IN_USE' });
    await opened.shift()?.release();
    assert.deepEqual(readdirSync(deep), []);
  });

  it('is told by the client to be nobody’s, or not to answer, or to answer nonsense', async () => {
    await assert.rejects(askService(path, ASK, 1_000), { code: 'SERVICE_NOT_RUNNING' });
    await assert.rejects(askService(join(path, 'x', 'control.sock'), ASK, 1_000), { code: 'SERVICE_NOT_RUNNING' });
    for (const [answer, words] of [
      ['hello\n', /no answer/],
      ['{"id":1}\n', /no answer/],
      ['', /without an answer/],
    ] as const) {
      await listen(path, saying(answer));
      await assert.rejects(askService(path, ASK, 1_000), { code: 'CONTROL_FAILED', message: words });
      await opened.pop()?.release();
    }
    await listen(path, saying(null));
    await assert.rejects(askService(path, ASK, 20), { code: 'CONTROL_FAILED', message: /within 0\.02 s/ });
  });
});
