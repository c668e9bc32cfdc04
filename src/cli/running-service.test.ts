// What an operator does to a running service from another terminal: commands as processes, over its control socket.
import assert from 'node:assert/strict';
import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Arena, until } from '../app/testing/arena.js';
import { runCommand } from '../app/testing/command.js';
import { type RunningApp, startApp } from '../app.js';
import { askService, thisCaller } from '../control/control-client.js';
import type { LiveCallReport } from '../control/live-call-report.js';
import type { RouteReport } from '../control/route-report.js';
import type { StatusReport } from '../control/status-report.js';
import { answers } from '../lab/callee-behaviour.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import type { SoftphoneCall } from '../lab/softphone.js';
import { run as bans } from './bans.js';
import { run as calls } from './calls.js';
import { run as hangup } from './hangup.js';
import { run as status } from './status.js';
import { statusText } from './status-text.js';
import { run as trace } from './trace.js';

const NUMBER = '01055550001';
const SILENT = '01055550003';
const E164 = '+821055550001';

describe('a running service, from another terminal', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp | undefined;

  beforeEach(async () => {
    arena = await Arena.open(({ number }) => (number === SILENT ? { tries: false } : answers({ afterMs: 10 })));
    app = await startApp(arena.config());
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await arena.close();
  });

  const dataDir = (): string => join(arena.folder, 'var');

  /** Runs a command on this service; its exit status and what it said. */
  async function simtrunk(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await runCommand(...args, '--data', dataDir()).ended;
    return { code, stdout, stderr };
  }

  async function json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await simtrunk(...args, '--json');
    assert.deepEqual([code, stderr], [0, '']);
    return JSON.parse(stdout) as T;
  }

  async function talking(): Promise<SoftphoneCall> {
    const call = await arena.phone.call({ number: NUMBER });
    assert.equal(await call.answered, true);
    return call;
  }

  it('says what it is and does, in words and as JSON', async () => {
    await talking();
    const [report, text] = await Promise.all([json<StatusReport>('status'), simtrunk('status')]);
    assert.equal(report.state, 'running');
    assert.equal(report.pid, process.pid);
    assert.equal(report.version, JSON.parse(readFileSync('package.json', 'utf8')).version);
    assert.deepEqual([report.dataDir, report.liveCalls], [dataDir(), 1]);
    assert.deepEqual(report.channels, { idle: 3, busy: 1, resting: 0, disabled: 0 });
    assert.deepEqual(report.gateways, [
      { name: 'gw1', state: 'up', isProbed: false, isCooling: false, channels: report.channels },
    ]);
    assert.deepEqual([report.ledger.kind, report.ledger.isStalled, report.ledger.orphans], ['memory', false, 0]);
    assert.deepEqual(report.counters.calls, { offered: 1, answered: 0, ended: {} });
    assert.equal(text.code, 0);
    assert.match(text.stdout, /^simtrunk \S+ runs, process \d+, since \S+ \(0:\d\d\)\n/);
    assert.match(text.stdout, /\n {2}calls +1 live\n/);
    assert.match(text.stdout, /\n {2}gw1 +up \(not probed\) +4 +3 +1 +0 +0\n/);
    assert.match(text.stdout, /\n {2}calls +offered 1\n/);
  });

  it('lists its live calls, and ends one by its id or its Call-ID', async () => {
    assert.match((await simtrunk('calls')).stdout, /^No call is live\.\n$/);
    const [one, other] = [await talking(), await talking()];
    const live = await json<LiveCallReport[]>('calls');
    assert.deepEqual(
      live.map(({ sipCallId, trunk, callee, numberClass, phase }) => [sipCallId, trunk, callee, numberClass, phase]),
      [one, other].map(({ sipCallId }) => [sipCallId, 'pbx', E164, 'mobile', 'talking']),
    );
    const channelId = live[0]?.attempts[0]?.channelId ?? '';
    const { stdout } = await simtrunk('calls');
    assert.match(stdout, /^2 live calls\n/);
    assert.match(
      stdout,
      new RegExp(` {2}pbx +\\S+ +\\${E164} +mobile +${channelId} +talking +0:0\\d +\\S+( or more)? +1\n`),
    );

    const byId = await simtrunk('hangup', live[0]?.callId ?? '');
    assert.deepEqual([byId.code, byId.stderr], [0, '']);
    assert.match(byId.stdout, /^Call \S+ to \+821055550001 ends; it was talking\.\n$/);
    assert.equal((await one.ended).endedBy, 'callee');
    await json<LiveCallReport>('hangup', other.sipCallId);
    await other.ended;
    for (const { sipCallId } of [one, other]) {
      const cdr = await arena.cdrOf(sipCallId);
      assert.deepEqual([cdr.endReason, cdr.endedBy], ['operator', 'simtrunk']);
    }
    await until('the gateway has heard of it', () => arena.gateway.liveCalls === 0);

    const again = await simtrunk('hangup', one.sipCallId);
    assert.deepEqual([again.code, again.stdout], [1, '']);
    assert.match(again.stderr, /^No call ".*" is live\.\n$/);
  });

  it('explains the decision that it would make now, while a call holds a channel', async () => {
    const call = await talking();
    const report = await json<RouteReport>('route', '01055559999');
    assert.deepEqual([report.source.runningService, report.policy], [true, 'admitted']);
    assert.deepEqual(report.refused, { 'channel-busy': 1 });
    assert.deepEqual(
      report.ranked.map(({ channelId }) => channelId),
      ['gw1/2', 'gw1/3', 'gw1/4'],
    );
    const text = await simtrunk('route', '01055559999', '--all');
    assert.match(text.stdout, /Refused:\n +gw1\/1 +\S+ +channel-busy/);
    assert.match(text.stdout, /Asked of the running service, as of/);
    call.hangUp();
    await arena.cdrOf(call.sipCallId);
    await until('the channel is free', async () => {
      return Object.keys((await json<RouteReport>('route', '01055559999')).refused).length === 0;
    });
    const premium = await simtrunk('route', '0601234567', '--agent', '201');
    assert.equal(premium.code, 1);
    assert.match(
      premium.stdout,
      /^0601234567 from trunk pbx \(commercial\), agent 201: .*, premium\n {2}policy: refused: .+\n/,
    );
    const unknown = await simtrunk('route', NUMBER, '--trunk', 'nobody');
    assert.deepEqual([unknown.code, unknown.stderr], [2, 'No trunk "nobody"; there are: pbx\n']);
  });

  it('reads its config again, says what is different, and what a reload has taken away is listed until its calls are over', async () => {
    const file = join(arena.folder, 'simtrunk.yaml');
    const value = arena.configValue();
    writeFileSync(file, JSON.stringify(value));
    const call = await talking();
    assert.deepEqual(await simtrunk('reload'), {
      ...{ code: 0, stdout: 'The config says what it said: nothing has changed.\n', stderr: '' },
    });
    const channels = (value.channels as object[]).slice(1);
    const [gateway] = value.gateways as object[];
    writeFileSync(file, JSON.stringify({ ...value, channels, gateways: [{ ...gateway, ringTimeoutMs: 5_000 }] }));
    const looked = await simtrunk('reload', '--dry-run');
    const changes = '~ gateways.gw1.ringTimeoutMs: 60000 → 5000\n- channels.gw1/1\n';
    assert.deepEqual(
      [looked.code, looked.stdout],
      [0, `${changes}Could be taken over; nothing has been changed yet.\n`],
    );
    const taken = await simtrunk('reload');
    assert.deepEqual([taken.code, taken.stdout], [0, `${changes}Taken over. Live calls keep what they began with.\n`]);
    const { leaving } = await json<StatusReport>('status');
    assert.deepEqual(leaving, [{ kind: 'channel', name: 'gw1/1', calls: 1 }]);
    assert.match((await simtrunk('status')).stdout, /\n {2}channel gw1\/1 +1\n/);
    call.hangUp();
    await arena.cdrOf(call.sipCallId);
    assert.deepEqual((await json<StatusReport>('status')).leaving, []);

    writeFileSync(file, JSON.stringify({ ...value, dataDir: 'elsewhere' }));
    const refused = await simtrunk('reload');
    assert.equal(refused.code, 1);
    assert.match(refused.stdout, /^~ dataDir: .* → "elsewhere" {3}NEEDS A RESTART\n/);
    assert.match(refused.stdout, /\nNOT taken over: .*\n$/);
    writeFileSync(file, '{');
    const unsound = await simtrunk('reload');
    assert.deepEqual([unsound.code, unsound.stdout], [1, '']);
    assert.match(unsound.stderr, /simtrunk\.yaml:1:/);
    (await talking()).hangUp();
  });

  it('is drained, and taken into use again', async () => {
    const call = await talking();
    const begun = await simtrunk('drain', '--deadline', '600');
    assert.match(begun.stdout, /^Draining: 1 call is live, until \S+ at the latest; no new ones\.\n$/);
    assert.equal((await (await arena.phone.call({ number: NUMBER })).ended).status, 503);
    assert.match(
      (await simtrunk('status')).stdout,
      / is draining: it takes no new call, .*\n[\s\S]*1 live; those that last until/,
    );
    const waiting = simtrunk('drain', '--wait');
    call.hangUp();
    assert.deepEqual(await waiting, { code: 0, stdout: 'Drained: no call is live.\n', stderr: '' });
    assert.deepEqual((await simtrunk('resume')).stdout, 'New calls are taken again.\n');
    const again = await simtrunk('resume');
    assert.deepEqual([again.code, again.stderr], [1, 'The service is not draining.\n']);
    (await talking()).hangUp();
  });

  it('traces a live call that is named by its id, shows it as a ladder, and saves it for its owner alone', async () => {
    const call = await talking();
    const [live] = await json<LiveCallReport[]>('calls');
    const { id } = await json<{ id: string }>('trace', 'on', '--call-id', live?.callId ?? '', '--for', '600');
    call.hangUp();
    await arena.cdrOf(call.sipCallId);
    const ladder = await simtrunk('trace', 'ladder', id, '--short');
    assert.match(ladder.stdout, / BYE /);
    assert.match(ladder.stdout, /200 OK \(BYE\)/);
    assert.ok((await simtrunk('trace', 'ladder', id)).stdout.includes(`Call-ID: ${call.sipCallId}`));
    const out = join(arena.folder, 'call.pcap');
    assert.equal((await simtrunk('trace', 'pcap', id, '--out', out)).code, 0);
    assert.equal(lstatSync(out).mode & 0o777, 0o600);
    // RFC 9722 and its forebears: the first bytes of a pcap file, nanoseconds or microseconds.
    assert.ok([0xa1b2c3d4, 0xa1b23c4d, 0xd4c3b2a1, 0x4d3cb2a1].includes(readFileSync(out).readUInt32BE(0)));
    assert.match((await simtrunk('trace', 'off', id)).stdout, /is off/);
    assert.match((await simtrunk('trace', 'list')).stdout, new RegExp(`\n {2}${id} +Call-ID \\S+ +off +\\d+ +0\n`));
    const none = await simtrunk('trace', 'ladder', 'nonesuch');
    assert.deepEqual([none.code, none.stderr], [1, 'There is no trace nonesuch.\n']);
  });

  it('shuts sources out and lets them in again', async () => {
    assert.equal((await simtrunk('bans')).stdout, 'Nobody is banned.\n');
    assert.equal((await simtrunk('bans', 'add', '192.0.2.7', '--for', '600')).code, 0);
    assert.match((await simtrunk('bans')).stdout, /\n {2}192\.0\.2\.7 +an operator +(10:00|9:5\d)\n/);
    assert.equal((await simtrunk('bans', 'remove', '192.0.2.7')).code, 0);
    assert.deepEqual(await json('bans', 'list'), []);
    const nobody = await simtrunk('bans', 'add', 'the-neighbour');
    assert.deepEqual([nobody.code, nobody.stderr], [1, 'the-neighbour is no IP address.\n']);
    const notThere = await simtrunk('bans', 'remove', '192.0.2.7');
    assert.deepEqual([notThere.code, notThere.stderr], [1, '192.0.2.7 is not banned.\n']);
  });

  it('says that it is stopping, and which calls are left', async () => {
    const ringing = await arena.phone.call({ number: SILENT });
    // Faster than a process of its own: it stops within a few seconds.
    const ask = async (command: string): Promise<unknown> => {
      const answer = await askService(join(dataDir(), 'control.sock'), { command, by: thisCaller() }, 10_000);
      return answer.ok ? answer.result : assert.fail(answer.message);
    };
    const phases = async () => ((await ask('calls')) as LiveCallReport[]).map(({ phase }) => phase);
    await until('it is dialled', async () => (await phases())[0] === 'dialling');
    const closed = app?.close();
    // The gateway says nothing: its answer is waited for as long as one may come (RFC 3261 §17.1.1.2).
    const report = (await ask('status')) as StatusReport;
    assert.deepEqual([report.state, report.liveCalls], ['stopping', 1]);
    assert.match(statusText(report), /^simtrunk \S+ is stopping: it takes no new call/);
    assert.deepEqual(await phases(), ['clearing']);
    assert.equal((await ringing.ended).status, 503);
    await closed;
    assert.equal((await simtrunk('status')).code, 1);
  });

  it('is found by its config, too', async () => {
    const file = join(arena.folder, 'simtrunk.yaml');
    writeFileSync(file, JSON.stringify(arena.configValue()));
    const { code, stdout } = await runCommand('status', '--json', '--config', file).ended;
    assert.deepEqual([code, (JSON.parse(stdout) as StatusReport).pid], [0, process.pid]);
  });

  it('is not joined by another on the same dataDir', async () => {
    // Of its own is all that would be taken before.
    const ledger = { file: join(arena.folder, 'another.db') };
    const port = await freePort();
    const another = arena.config({ ledger, networks: [{ sip: [{ port }, { port }] }] });
    await assert.rejects(startApp(another), { code: 'CONTROL_IN_USE' });
    assert.equal((await json<StatusReport>('status')).state, 'running');
  });
});

describe('commands for a service that does not run', () => {
  it('say so, and end with 1', async () => {
    const { code, stdout, stderr } = await runCommand('status', '--data', '/nowhere').ended;
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr, 'No service runs here: nobody listens on /nowhere/control.sock.\n');
  });

  const commands = { status, calls, hangup, trace, bans };
  type Name = keyof typeof commands;

  for (const line of ['status', 'calls', 'hangup x', 'trace list', 'trace on --all', 'bans']) {
    it(`refuse: ${line}`, async () => {
      const [name, ...args] = line.split(' ');
      await assert.rejects(commands[name as Name]([...args, '--data', '/nowhere']), { code: 'SERVICE_NOT_RUNNING' });
    });
  }

  for (const line of [
    'status me',
    'calls --nonsense',
    'hangup',
    'hangup a b',
    'trace',
    'trace on',
    'trace on --all --number 1',
    'trace on --all --for ever',
    'trace ladder',
    'trace pcap t1',
    'trace list t1',
    'bans add',
    'bans add 192.0.2.1 192.0.2.2',
    'bans shrink 192.0.2.1',
  ]) {
    it(`show their usage: ${line}`, async () => {
      const [name, ...args] = line.split(' ');
      const ended = commands[name as Name]([...args, '--data', '/nowhere']);
      await assert.rejects(ended, { code: 'USAGE', message: /usage: simtrunk/ });
    });
  }
});
