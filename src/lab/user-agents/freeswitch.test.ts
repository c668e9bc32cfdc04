import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { Freeswitch } from './freeswitch.js';
import type { Program } from './program.js';

const PROGRAM: Program = {
  log: () => 'the log of FreeSWITCH',
  hasEnded: () => false,
  printed: async () => undefined,
  type: () => undefined,
  close: async () => undefined,
};

describe('the event socket of FreeSWITCH', () => {
  let server: Server;
  let theirs: Socket;
  let control: Socket;

  beforeEach(async () => {
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    control = createConnection((server.address() as { port: number }).port, '127.0.0.1');
    [theirs] = await accepted;
  });

  afterEach(() => {
    control.destroy();
    theirs.destroy();
    server.close();
  });

  it('answers each command in its turn', async () => {
    const freeswitch = new Freeswitch(PROGRAM, control, '.');
    const answers = Promise.all([freeswitch.api('status'), freeswitch.api('create_uuid')]);
    theirs.write(
      'Content-Type: api/response\nContent-Length: 3\n\nUP\nContent-Type: api/response\nContent-Length: 4\n\nabc\n',
    );
    assert.deepEqual(await answers, ['UP', 'abc']);
  });

  it('that is closed leaves nobody waiting, and takes no command any more', async () => {
    const freeswitch = new Freeswitch(PROGRAM, control, '.');
    const waiting = assert.rejects(freeswitch.api('status'), /has not answered api status:\nthe log of FreeSWITCH/);
    theirs.destroy();
    await waiting;
    await assert.rejects(freeswitch.api('version'), /has not answered api version/);
  });

  it('that is silent for long leaves nobody waiting, and a late answer is not taken for another', async () => {
    const freeswitch = new Freeswitch(PROGRAM, control, '.', 50);
    await assert.rejects(freeswitch.api('status'), /has not answered api status/);
    const next = freeswitch.api('version');
    theirs.write(
      'Content-Type: api/response\nContent-Length: 4\n\nlateContent-Type: api/response\nContent-Length: 2\n\n22',
    );
    assert.equal(await next, '22');
  });
});
