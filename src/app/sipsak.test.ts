// sipsak, which we have not written, asks with OPTIONS and sends what is broken; calls go on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { isInstalled } from '../lib/end-with-us.js';
import { Arena } from './testing/arena.js';

const RANDOM_RUNS = 12;
/** What sipsak waits for an answer at first; it asks three times, each twice as long as before. */
const PATIENCE_MS = '20';

const SOUND = [
  'From: <sip:a@127.0.0.1>;tag=1',
  'To: <sip:b@127.0.0.1>',
  'Call-ID: $call$',
  'CSeq: 1 INVITE',
  'Contact: <sip:a@127.0.0.1>',
  'Max-Forwards: 70',
];

/** @param broken in place of the sound header of the same name; a name alone leaves it out */
function invite(broken: string, { uri = 'sip:01055550001@127.0.0.1', version = 'SIP/2.0', length = '0' } = {}): string {
  const [name] = broken.split(':');
  const headers = SOUND.map((line) => (line.startsWith(`${name}:`) ? broken : line)).filter((line) => line !== name);
  return [`INVITE ${uri} ${version}`, ...headers, `Content-Length: ${length}`, '', ''].join('\n');
}

/** Each with a Call-ID of its own, where it has one: else the second would be the first that came by another way. */
const BROKEN: readonly (readonly [what: string, message: string, answer: RegExp])[] = [
  ['no Call-ID', invite('Call-ID'), /^SIP\/2.0 400 /m],
  ['no CSeq', invite('CSeq'), /^SIP\/2.0 400 /m],
  ['another method in CSeq', invite('CSeq: 1 OPTIONS'), /^SIP\/2.0 400 /m],
  ['a CSeq beyond 32 bits', invite('CSeq: 36893488147419103232 INVITE'), /^SIP\/2.0 400 /m],
  ['no From', invite('From'), /^SIP\/2.0 400 /m],
  ['a From that never ends', invite('From: <sip:a@127.0.0.1;tag=1'), /^SIP\/2.0 400 /m],
  ['no Contact', invite('Contact'), /^SIP\/2.0 400 /m],
  ['a body that is not there', invite('To: <sip:b@127.0.0.1>', { length: '9999' }), /^SIP\/2.0 400 /m],
  ['a negative length', invite('To: <sip:b@127.0.0.1>', { length: '-1' }), /^SIP\/2.0 400 /m],
  ['another version', invite('To: <sip:b@127.0.0.1>', { version: 'SIP/7.0' }), /^SIP\/2.0 505 /m],
  ['another scheme', invite('To: <sip:b@127.0.0.1>', { uri: 'nobody:1' }), /^SIP\/2.0 416 /m],
  ['an unknown method', invite('CSeq: 1 NOISE').replace('INVITE', 'NOISE'), /^SIP\/2.0 (?:405|501) /m],
  ['no hop left', invite('Max-Forwards: 0'), /^SIP\/2.0 483 /m],
];

describe('sipsak', function () {
  this.timeout(60_000);
  const isThere = isInstalled('sipsak');
  let arena: Arena;
  let app: RunningApp;
  let target: string;

  before(async function () {
    if (!isThere) {
      console.log('      skipped: sipsak is not installed (Debian: sipsak)');
      this.skip();
    }
    arena = await Arena.open(() => answers({ afterMs: 20, hangsUpAfterMs: 100 }));
    app = await startApp(arena.config());
    target = `sip:pbx@127.0.0.1:${arena.sipPort}`;
  });

  after(async () => {
    if (!isThere) return;
    await app.close();
    await arena.close();
  });

  async function sipsak(args: readonly string[], input = ''): Promise<{ code: number; printed: string }> {
    const child = spawn('sipsak', [...args, '-s', target], { stdio: ['pipe', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('latin1').on('data', (text: string) => {
        printed += text;
      });
    }
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const [code] = await once(child, 'close');
    return { code: Number(code), printed };
  }

  async function assertAnswered(): Promise<void> {
    const { code, printed } = await sipsak(['-v']);
    assert.equal(code, 0, printed);
  }

  it('is answered OPTIONS with 200 over UDP and TCP, and at its last hop', async () => {
    for (const args of [['-vv'], ['-vv', '-E', 'tcp']]) {
      const { code, printed } = await sipsak(args);
      assert.equal(code, 0, printed);
      assert.match(printed, /^SIP\/2.0 200 OK\r\n(?:.+\r\n)*Allow: INVITE, ACK, CANCEL, BYE, OPTIONS/m);
    }
    const { code, printed } = await sipsak(['-T']);
    assert.equal(code, 0, printed);
    assert.match(printed, /^0: .*SIP\/2.0 200 OK/m);
  });

  it('is told what is wrong with each broken message', async () => {
    for (const [index, [what, message, answer]] of BROKEN.entries()) {
      const { printed } = await sipsak(['-vv', '-f', '-'], message.replace('$call$', `sipsak-${index}`));
      assert.match(printed, answer, `${what}: ${printed}`);
    }
    assert.deepEqual(arena.gateway.calls, []);
    await assertAnswered();
  });

  it('floods and sends random trash, and the next call goes through', async () => {
    const trash = Array.from({ length: RANDOM_RUNS }, (_, run) => [
      '-R',
      '-t',
      String(10 * (run + 1)),
      '-Z',
      PATIENCE_MS,
    ]);
    await Promise.all([sipsak(['-F', '-e', '2000']), ...trash.map((args) => sipsak(args))]);
    await assertAnswered();
    const outcome = await (await arena.phone.call({ number: '01055550001' })).ended;
    assert.equal(outcome.status, 200);
    assert.equal((await arena.cdrOf(outcome.sipCallId)).endReason, 'normal');
    assert.equal((await app.counters()).restarts, 0);
  });
});
