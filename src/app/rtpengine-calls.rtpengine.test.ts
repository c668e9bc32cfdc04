// Whole calls whose media goes over rtpengine, by settings alone: heard, recorded, reported, and without one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import type { Cdr } from '../cdr/cdr.js';
import { answers } from '../lab/callee-behaviour.js';
import { correlate } from '../lab/correlate.js';
import { readWav } from '../lab/read-wav.js';
import type { SoftphoneCall } from '../lab/softphone.js';
import { SAMPLE_RATE_HZ, speak } from '../lab/speech.js';
import { RtpengineDaemon } from '../media/rtpengine/testing/rtpengine-daemon.js';
import { Arena, until } from './testing/arena.js';
import { runCommand } from './testing/command.js';

const CALLER_SAYS = speak(21, 3);
const CALLEE_SAYS = speak(22, 3);
const NUMBER = '01055551234';

describe('calls over rtpengine', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp | undefined;
  const daemons: RtpengineDaemon[] = [];

  before(function () {
    const missing = RtpengineDaemon.missing();
    if (missing === null) return;
    process.stderr.write(`      skipped: ${missing}\n`);
    this.skip();
  });

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 20, says: CALLEE_SAYS }));
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    await arena.close();
    for (const daemon of daemons.splice(0)) await daemon.kill();
  });

  async function daemon(after?: RtpengineDaemon): Promise<RtpengineDaemon> {
    const started = await RtpengineDaemon.start(after === undefined ? {} : { after });
    daemons.push(started);
    return started;
  }

  async function start(urls: readonly string[], more: Record<string, unknown> = {}): Promise<void> {
    const rtpengine = { engines: urls.map((url) => ({ url })), pingIntervalMs: 100, watchIntervalMs: 200, ...more };
    app = await startApp(arena.config({ media: { engine: 'rtpengine', rtpengine } }));
  }

  async function talk(): Promise<SoftphoneCall> {
    const call = await arena.phone.call({ number: NUMBER, says: CALLER_SAYS, saysRepeatedly: true });
    assert.equal(await call.answered, true);
    await until('both sides have talked', () => call.packetsHeard >= 75 && call.packetsSent >= 75);
    return call;
  }

  function assertVoices(cdr: Cdr): void {
    assert.equal(cdr.recording?.state, 'complete');
    const { channels } = readWav(readFileSync(cdr.recording?.path ?? ''));
    const [left = new Int16Array(), right = new Int16Array()] = channels;
    assert.ok(correlate(CALLER_SAYS, left, SAMPLE_RATE_HZ).coefficient > 0.9, 'the caller is not on the left');
    assert.ok(correlate(CALLEE_SAYS, right, SAMPLE_RATE_HZ).coefficient > 0.9, 'the callee is not on the right');
  }

  it('are heard on both sides, recorded as over the relay, and reported', async () => {
    const rtpengine = await daemon();
    await start([rtpengine.udpUrl]);
    const call = await talk();
    assert.equal((await rtpengine.calls()).length, 1);
    call.hangUp();
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.endedBy], ['normal', 'caller']);
    assertVoices(cdr);
    assert.ok(cdr.media !== null && cdr.media.caller.packets >= 75 && cdr.media.callee.packets >= 75);
    assert.equal(cdr.media.caller.lost, 0);
    assert.ok((cdr.media.caller.mos ?? 0) > 4 && (cdr.media.callee.mos ?? 0) > 4, JSON.stringify(cdr.media));
    await until('nothing of the call is left there', async () => (await rtpengine.calls()).length === 0);
    assert.equal((await app?.counters())?.rtpengine?.sessions, 0);
  });

  it('are spread over engines, and go to the others when one has ended', async () => {
    const [first, second] = [await daemon(), await daemon()];
    await start([first.udpUrl, second.wsUrl]);
    const calls = [await talk(), await talk()];
    assert.deepEqual([(await first.calls()).length, (await second.calls()).length], [1, 1]);
    await first.kill();
    const third = await talk();
    assert.equal((await second.calls()).length, 2);
    for (const call of [...calls, third]) call.hangUp();
    for (const call of [...calls, third]) assert.equal((await arena.cdrOf(call.sipCallId)).endReason, 'normal');
  });

  it('go to no engine that an operator drains, as long as that lasts', async () => {
    const [first, second] = [await daemon(), await daemon()];
    await start([first.udpUrl, second.udpUrl]);
    const simtrunk = (...line: string[]) => runCommand('engines', ...line, '--data', join(arena.folder, 'var')).ended;
    assert.equal((await simtrunk('drain', first.udpUrl)).stdout, `${first.udpUrl} gets no new calls.\n`);
    const calls = [await talk(), await talk()];
    assert.deepEqual([(await first.calls()).length, (await second.calls()).length], [0, 2]);
    const { stdout } = await simtrunk();
    assert.match(stdout, new RegExp(`${first.udpUrl} +up, drained +0\n +${second.udpUrl} +up +2\n`));
    assert.equal((await simtrunk('resume', first.udpUrl)).code, 0);
    calls.push(await talk());
    assert.equal((await first.calls()).length, 1);
    for (const call of calls) call.hangUp();
    for (const call of calls) assert.equal((await arena.cdrOf(call.sipCallId)).endReason, 'normal');
  });

  it('end on both legs when their engine was started anew, and the next one goes over it', async () => {
    const before = await daemon();
    await start([before.udpUrl], { lostAfterMs: 60_000 });
    const call = await talk();
    await before.kill();
    await daemon(before);
    await call.ended;
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.equal(cdr.endReason, 'media-lost');
    const next = await talk();
    next.hangUp();
    assertVoices(await arena.cdrOf(next.sipCallId));
  });

  it('are refused while no engine answers, and carried as soon as one does', async () => {
    const before = await daemon();
    await before.kill();
    await start([before.udpUrl]);
    const refused = await arena.phone.call({ number: NUMBER });
    assert.equal(await refused.answered, false);
    assert.equal((await arena.cdrOf(refused.sipCallId)).sipStatus, 503);
    await daemon(before);
    await until('it is up', async () => (await app?.counters())?.rtpengine?.engines[0]?.state === 'up');
    const call = await talk();
    call.hangUp();
    assertVoices(await arena.cdrOf(call.sipCallId));
  });
});
