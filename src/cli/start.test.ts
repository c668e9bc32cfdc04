// The service as a service manager runs it: signals, exit statuses, and what becomes of live calls.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Arena, until } from '../app/testing/arena.js';
import { type RunningCommand, runCommand } from '../app/testing/command.js';
import { startApp } from '../app.js';
import { answers, type CalleeBehaviour } from '../lab/callee-behaviour.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { speak } from '../lab/speech.js';
import { createAuthority } from '../sip-server/testing/certificate.js';

const TALKS = '01055550001';
const RINGS = '01055550002';
const SILENT = '01055550003';

const BEHAVIOURS: Readonly<Record<string, CalleeBehaviour>> = {
  [TALKS]: answers({ afterMs: 20, says: speak(5, 2) }),
  [RINGS]: { tries: true, ringsAfterMs: 0 },
  [SILENT]: { tries: false },
};

describe('simtrunk start', function () {
  this.timeout(30_000);
  let arena: Arena;
  let running: RunningCommand[];

  beforeEach(async () => {
    arena = await Arena.open(({ number }) => BEHAVIOURS[number] ?? { tries: false });
    running = [];
  });

  afterEach(async () => {
    for (const command of running) command.send('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
    await arena.close();
  });

  function start(over: Record<string, unknown> = {}): RunningCommand {
    const file = join(arena.folder, 'simtrunk.yaml');
    writeFileSync(file, JSON.stringify(arena.configValue(over)));
    const command = runCommand('start', '--config', file);
    running.push(command);
    return command;
  }

  it('ends live calls with BYE, settles and publishes them, and exits 0 by itself on SIGTERM', async () => {
    const command = start();
    await command.printed(/Ctrl-C ends it/);
    const talking = await arena.phone.call({ number: TALKS, says: speak(6, 2) });
    const ringing = await arena.phone.call({ number: RINGS });
    assert.equal(await talking.answered, true);
    await ringing.ringing;
    const startMs = performance.now();
    command.send('SIGTERM');
    const { code, signal, stderr } = await command.ended;
    assert.deepEqual([code, signal, stderr], [0, null, '']);
    assert.ok(performance.now() - startMs < 3_000, 'it took longer than 3 s');

    const outcomes = await Promise.all([talking.ended, ringing.ended]);
    assert.deepEqual(
      outcomes.map(({ status, endedBy }) => [status, endedBy]),
      [
        [200, 'callee'],
        [503, 'callee'],
      ],
    );
    for (const { reason } of outcomes) assert.match(reason, /shutdown/);
    assert.equal(arena.gateway.liveCalls, 0);
    assert.deepEqual(arena.gateway.violations, []);
    const cdrs = [await arena.cdrOf(talking.sipCallId), await arena.cdrOf(ringing.sipCallId)];
    assert.deepEqual(
      cdrs.map((cdr) => [cdr.endReason, cdr.endedBy, cdr.attempts[0]?.outcome, cdr.billedSeconds]),
      [
        ['shutdown', 'simtrunk', 'answered', 1],
        ['shutdown', 'simtrunk', 'cancelled', 0],
      ],
    );
    assert.equal(cdrs[0]?.recording?.state, 'complete');

    // The next start finds nothing left: what was used is used, and no call is taken for interrupted.
    const app = await startApp(arena.config());
    assert.equal(arena.usedSeconds(app, 1), 1);
    await app.close();
    assert.equal(arena.cdrLines().length, 2);
  });

  it('exits 0 on SIGINT', async () => {
    const command = start();
    await command.printed(/Ctrl-C ends it/);
    command.send('SIGINT');
    assert.deepEqual((await command.ended).code, 0);
  });

  it('shows a renewed certificate after SIGHUP, and goes on', async () => {
    const authority = createAuthority();
    const issue = (): string => {
      const { cert, key } = authority.issue('127.0.0.1');
      writeFileSync(join(arena.folder, 'sip.pem'), cert);
      writeFileSync(join(arena.folder, 'sip-key.pem'), key);
      return new X509Certificate(cert).fingerprint256;
    };
    const tls = { transport: 'tls', port: await freePort(), cert: 'sip.pem', key: 'sip-key.pem' };
    const shown = async (): Promise<string> => {
      const socket = connect({ port: tls.port, host: '127.0.0.1', ca: authority.cert });
      await once(socket, 'secureConnect');
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      return new X509Certificate(raw).fingerprint256;
    };
    const first = issue();
    const sip = [{ transport: 'udp', port: arena.sipPort }, tls];
    const command = start({ networks: [{ name: 'lan', bind: '127.0.0.1', mediaPorts: arena.mediaPorts, sip }] });
    await command.printed(/Ctrl-C ends it/);
    assert.equal(await shown(), first);
    const second = issue();
    command.send('SIGHUP');
    await until('the new certificate is shown', async () => (await shown()) === second);
    command.send('SIGTERM');
    assert.equal((await command.ended).code, 0);
  });

  it('takes over a changed config on SIGHUP, and is loud about one that it cannot take', async () => {
    const command = start({ log: { level: 'warn' } });
    await command.printed(/Ctrl-C ends it/);
    const file = join(arena.folder, 'simtrunk.yaml');
    const log = { level: 'warn' };
    writeFileSync(file, JSON.stringify(arena.configValue({ log, trunks: [{ maxCalls: 1 }] })));
    command.send('SIGHUP');
    await arena.phone.call({ number: TALKS });
    await until('a second call is one too many', async () => {
      const second = await arena.phone.call({ number: TALKS });
      if (await second.answered) second.hangUp();
      return (await second.ended).status === 503;
    });
    writeFileSync(file, '{');
    command.send('SIGHUP');
    writeFileSync(file, JSON.stringify(arena.configValue({ log, dataDir: 'elsewhere' })));
    command.send('SIGHUP');
    await until('it has said so', () => /"needRestart":\["dataDir"/.test(command.errors()));
    command.send('SIGTERM');
    assert.equal((await command.ended).code, 0);
  });

  it('ends by itself when it was drained to be stopped', async () => {
    const command = start();
    await command.printed(/Ctrl-C ends it/);
    const talking = await arena.phone.call({ number: TALKS });
    assert.equal(await talking.answered, true);
    const data = ['--data', join(arena.folder, 'var')];
    const drain = runCommand('drain', '--stop', '--wait', ...data);
    running.push(drain);
    await until('new calls are refused', async () => {
      const late = await arena.phone.call({ number: TALKS });
      if (await late.answered) late.hangUp();
      return (await late.ended).status === 503;
    });
    talking.hangUp();
    const ended = await Promise.all([command.ended, drain.ended]);
    assert.deepEqual(
      ended.map(({ code }) => code),
      [0, 0],
    );
    assert.equal(ended[1].stdout, 'Drained: no call is live. The service ends.\n');
    assert.equal((await arena.cdrOf(talking.sipCallId)).endReason, 'normal');
  });

  it('takes no new call while it ends, and a signal a second after the first ends it at once', async () => {
    // 64·T1, for which the channel of a silent gateway is held, is longer than this test.
    const command = start({ sip: { t1Ms: 1_000, t2Ms: 4_000 } });
    await command.printed(/Ctrl-C ends it/);
    await arena.phone.call({ number: SILENT });
    await until('the gateway has the call', () => arena.gateway.liveCalls === 1);
    command.send('SIGTERM');
    await command.printed(/Ending/);
    const late = await (await arena.phone.call({ number: TALKS })).ended;
    assert.equal(late.status, 503);
    assert.match(late.reason, /shutdown/);
    const startMs = performance.now();
    while (!command.hasEnded()) {
      // Those within the first second are taken for the same one: a terminal, npm and the launcher all pass it on.
      command.send('SIGTERM');
      await delay(50);
    }
    const afterMs = performance.now() - startMs;
    assert.equal((await command.ended).code, 130);
    assert.ok(afterMs > 800 && afterMs < 5_000, `it ended after ${afterMs} ms`);
  });

  it('says in a sentence that its port is taken, and exits 1', async () => {
    const server = createServer().listen(arena.sipPort, '127.0.0.1');
    try {
      const { code, stdout, stderr } = await start().ended;
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, new RegExp(`^Cannot listen on [^\\n]*127\\.0\\.0\\.1:${arena.sipPort}[^\\n]*\\n$`));
    } finally {
      server.close();
    }
  });
});
