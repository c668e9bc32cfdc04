// The SIP server as a command: what it listens on, who may connect, how it ends, and what it says of a wrong config.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningCommand, runCommand } from '../app/testing/command.js';
import { createAuthority } from '../sip-server/testing/certificate.js';
import { UdpPeer } from '../sip-server/testing/raw-peer.js';
import { Call, SDP } from '../sip-server/testing/sip-script.js';
import { connectApplication } from '../sip-server/testing/test-application.js';
import { loadServerConfig, parseServerFile } from './sip-server-config.js';

const MANUAL = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'config', 'sip-server.yaml');

describe('simtrunk sip-server', function () {
  this.timeout(30_000);
  let folder: string;
  let running: RunningCommand[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-sip-server-'));
    running = [];
  });
  afterEach(async () => {
    for (const command of running) command.send('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
    rmSync(folder, { recursive: true });
  });

  function start(...args: string[]): RunningCommand {
    const command = runCommand('sip-server', ...args);
    running.push(command);
    return command;
  }

  function fileOf(value: object): string {
    const file = join(folder, 'server.yaml');
    writeFileSync(file, JSON.stringify(value));
    return file;
  }

  /** The ports that it says it has taken. */
  async function portsOf(command: RunningCommand): Promise<{ sip: number; admin: number }> {
    await command.printed(/Ctrl-C ends it/);
    const [, sip = '', admin = ''] =
      /SIP on udp 127\.0\.0\.1:(\d+)[\s\S]*connect to 127\.0\.0\.1:(\d+)/.exec(command.output()) ?? [];
    return { sip: Number(sip), admin: Number(admin) };
  }

  it('serves a drachtio application from the command line alone, and ends on SIGTERM', async () => {
    const command = start('--listen', 'udp:127.0.0.1:0', '--admin', '127.0.0.1:0', '--secret', 'cymru');
    const ports = await portsOf(command);
    const admin = { host: '127.0.0.1', port: ports.admin, secret: 'cymru' };
    const { srf } = await connectApplication(admin, { options: (_request, reply) => reply.send(200) });
    const server = { address: '127.0.0.1', port: ports.sip };
    const peer = await UdpPeer.open(server);
    try {
      peer.send(new Call(peer, server).text('OPTIONS'));
      await peer.response(200, 'OPTIONS');
    } finally {
      srf.disconnect();
      peer.close();
    }
    command.send('SIGTERM');
    const { code, signal, stderr } = await command.ended;
    assert.deepEqual([code, signal], [0, null]);
    assert.doesNotMatch(stderr, /"level":50/);
  });

  it('waits for the calls there are when it is told to drain, and takes no new ones', async () => {
    const file = fileOf({
      listen: ['udp:127.0.0.1:0'],
      admin: { port: 0, secret: 's' },
      drain: { seconds: 20, retryAfterSeconds: 7 },
    });
    const command = start('--config', file);
    const ports = await portsOf(command);
    const server = { address: '127.0.0.1', port: ports.sip };
    const peer = await UdpPeer.open(server);
    const { srf } = await connectApplication(
      { host: '127.0.0.1', port: ports.admin, secret: 's' },
      { invite: (request, reply) => srf.createUAS(request, reply, { localSdp: SDP }, () => undefined) },
    );
    try {
      const call = new Call(peer, server);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      command.send('SIGTERM');
      await command.printed(/Draining/);
      const refused = new Call(peer, server);
      refused.invite();
      const unavailable = await peer.response(503, 'INVITE');
      assert.equal(unavailable.header('Retry-After'), '7');
      refused.ackFailure(unavailable);
      assert.equal(command.hasEnded(), false);
      call.inside('BYE');
      await peer.response(200, 'BYE');
      // Left alone it would try to connect again.
      srf.disconnect();
      assert.equal((await command.ended).code, 0);
    } finally {
      peer.close();
    }
  });

  it('reports every problem of its file at once, and exits 1', async () => {
    const file = fileOf({
      listen: ['udp:nowhere:1'],
      admin: { port: 70_000 },
      t1: 5,
      requestHandlers: [{ method: 'x' }],
    });
    const { code, stderr } = await start('--config', file).ended;
    assert.equal(code, 1);
    assert.match(stderr, /has 5 problems/);
    for (const part of ['listen[0]: must be as udp:127.0.0.1:5060', 'admin.port', '"t1"', 'method: must be', 'url:']) {
      assert.ok(stderr.includes(part), `${part} is missing in ${stderr}`);
    }
  });

  it('names a port in use, and exits 1', async () => {
    const peer = await UdpPeer.open({ address: '127.0.0.1', port: 9 });
    const where = `udp:127.0.0.1:${peer.local.port}`;
    const { code, stderr } = await start('--listen', where, '--admin', '127.0.0.1:0', '--secret', 's').ended;
    peer.close();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`Cannot listen on ${where}`));
  });

  for (const [what, args] of [
    ['an unknown option', ['--frobnicate']],
    ['no secret', ['--listen', 'udp:127.0.0.1:0']],
    ['a listener that is none', ['--listen', 'smoke:1', '--secret', 's']],
    ['a wildcard that nobody could answer to', ['--listen', 'udp:0.0.0.0:0', '--secret', 's']],
    ['an admin address that is none', ['--admin', 'here', '--secret', 's']],
  ] as const) {
    it(`does not understand ${what}, and exits 2`, async () => {
      const { code, stderr } = await start(...args).ended;
      assert.equal(code, 2, stderr);
    });
  }

  it('has a manual that says what is meant when nothing is said', () => {
    const manual = parseServerFile(readFileSync(MANUAL, 'utf8'), MANUAL);
    const nothing = parseServerFile('', 'nothing');
    assert.deepEqual(
      { ...manual, defence: {}, sources: {}, admin: { ...manual.admin, secret: undefined } },
      { ...nothing, defence: {}, sources: {}, admin: { ...nothing.admin, secret: undefined } },
    );
  });

  it('takes the defence of the manual for that of a server that is told nothing', async () => {
    const env = { DRACHTIO_SECRET: 's' };
    const told = await loadServerConfig({ config: MANUAL }, env);
    const untold = await loadServerConfig({}, env);
    assert.deepEqual(told, untold);
  });

  it('reads certificates from beside its file', async () => {
    const { cert, key } = createAuthority().issue('127.0.0.1');
    writeFileSync(join(folder, 'sip.pem'), cert);
    writeFileSync(join(folder, 'sip-key.pem'), key);
    const tls = { transport: 'tls', address: '127.0.0.1', port: 0, cert: 'sip.pem', key: 'sip-key.pem' };
    const file = fileOf({ listen: [tls] });
    const { server } = await loadServerConfig({ config: file, secret: 's' }, {});
    assert.equal(server.listeners[0]?.tls?.cert, cert);
    writeFileSync(file, JSON.stringify({ listen: [{ ...tls, key: 'nowhere.pem' }] }));
    await assert.rejects(loadServerConfig({ config: file, secret: 's' }, {}), { code: 'CERTIFICATE_UNUSABLE' });
  });
});
