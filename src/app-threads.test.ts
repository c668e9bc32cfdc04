// What a call, and the next one, make of a thread that ends by itself (semantics.md, "After a crash").
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Arena, ThreadWatch, until } from './app/testing/arena.js';
import { type RunningApp, startApp } from './app.js';
import { answers } from './lab/callee-behaviour.js';
import { correlate } from './lab/correlate.js';
import { readWav } from './lab/read-wav.js';
import type { SoftphoneCall } from './lab/softphone.js';
import { SAMPLE_RATE_HZ, speak } from './lab/speech.js';

const CALLER_SAYS = speak(11, 3);
const CALLEE_SAYS = speak(12, 3);
const NUMBER = '01055551234';
const RINGS = '01055550180';
/** Answered with 484. */
const NO_NUMBER = '1';
/** The recorder writes every second; by now the first second is on the disk. */
const WRITTEN_AFTER_SECONDS = 2;

describe('a thread that ends in a call', function () {
  this.timeout(30_000);
  let arena: Arena;
  let threads: ThreadWatch;
  let app: RunningApp;

  beforeEach(async () => {
    arena = await Arena.open(({ number }) =>
      number === RINGS ? { tries: true, ringsAfterMs: 0 } : answers({ afterMs: 20, says: CALLEE_SAYS }),
    );
    threads = new ThreadWatch();
  });

  afterEach(async () => {
    await app.close();
    threads.close();
    await arena.close();
  });

  /** A call in which both sides have heard each other for so long. */
  async function talk(seconds = 0.5): Promise<SoftphoneCall> {
    const call = await arena.phone.call({ number: NUMBER, says: CALLER_SAYS, saysRepeatedly: true });
    assert.equal(await call.answered, true);
    const packets = 50 * seconds;
    await until('both sides have talked', () => call.packetsHeard >= packets && call.packetsSent >= packets);
    return call;
  }

  /** The call is ended by its caller, and its recording has both voices. */
  async function endAndHear(call: SoftphoneCall): Promise<void> {
    const heard = call.packetsHeard;
    await until('another second and a half was heard', () => call.packetsHeard >= heard + 75);
    call.hangUp();
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.endedBy, cdr.recording?.state], ['normal', 'caller', 'complete']);
    const { channels } = readWav(readFileSync(cdr.recording?.path ?? ''));
    const [left = new Int16Array(), right = new Int16Array()] = channels;
    assert.ok(correlate(CALLER_SAYS, left, SAMPLE_RATE_HZ).coefficient > 0.9, 'the caller is not on the left');
    assert.ok(correlate(CALLEE_SAYS, right, SAMPLE_RATE_HZ).coefficient > 0.9, 'the callee is not on the right');
  }

  const restarted = (times: number) =>
    until('the thread runs again', async () => (await app.counters()).restarts === times);

  /** The server answers 503 by itself until the application is connected to it again; such a call was never offered. */
  async function placeWhenServed(number: string): Promise<SoftphoneCall> {
    for (;;) {
      const { offered } = (await app.counters()).calls;
      const call = await arena.phone.call({ number });
      await call.ringing;
      if ((await app.counters()).calls.offered > offered) return call;
    }
  }

  it('ends the call with BYE on both legs when it is the relay, and relays and records the next one', async () => {
    app = await startApp(arena.config());
    const call = await talk();
    await threads.kill('relay');
    const outcome = await call.ended;
    assert.equal(outcome.endedBy, 'callee');
    assert.match(outcome.reason, /media-lost/);
    await arena.gateway.idle();
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.endedBy, cdr.billedSeconds], ['media-lost', 'simtrunk', 1]);
    assert.equal(cdr.recording?.state, 'complete');
    assert.ok((cdr.recording?.durationMs ?? 0) >= 400);
    assert.equal(arena.usedSeconds(app, 1), 1);
    await restarted(1);
    await endAndHear(await talk());
    assert.deepEqual(arena.gateway.violations, []);
  });

  it('refuses a call with 503 while the relay is down, before a channel is reserved', async () => {
    app = await startApp(arena.config());
    const killed = threads.kill('relay');
    await killed;
    const call = await arena.phone.call({ number: NUMBER });
    const outcome = await call.ended;
    assert.equal(outcome.status, 503);
    assert.equal((await arena.cdrOf(call.sipCallId)).attempts.length, 0);
  });

  it('goes on without a recording when it is the recorder, says so in the CDR, and records the next call', async () => {
    app = await startApp(arena.config());
    const call = await talk(WRITTEN_AFTER_SECONDS);
    await threads.kill('recorder');
    const heard = call.packetsHeard;
    await until('the call goes on', () => call.packetsHeard >= heard + 25);
    call.hangUp();
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.recording?.state], ['normal', 'partial']);
    const { channels } = readWav(readFileSync(cdr.recording?.path ?? ''));
    assert.equal(channels[0]?.length, Math.round((cdr.recording?.durationMs ?? 0) * 8));
    await restarted(1);
    await endAndHear(await talk());
  });

  it('ends the call when it is the recorder and no audio may be lost', async () => {
    app = await startApp(arena.config({ recording: { onLoss: 'end' } }));
    const call = await talk(WRITTEN_AFTER_SECONDS);
    await threads.kill('recorder');
    const outcome = await call.ended;
    assert.match(outcome.reason, /recording-unavailable/);
    await arena.gateway.idle();
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual(
      [cdr.endReason, cdr.endedBy, cdr.recording?.state],
      ['recording-unavailable', 'simtrunk', 'partial'],
    );
    await restarted(1);
    await endAndHear(await talk());
  });

  it('goes on while media flows when it is the SIP server, which takes the next call on the same port', async () => {
    app = await startApp(arena.config());
    const first = await talk();
    await threads.kill('SIP server');
    await restarted(1);
    const heard = first.packetsHeard;
    await until('the call goes on', () => first.packetsHeard >= heard + 25);
    await placeWhenServed(NO_NUMBER);
    await endAndHear(await talk());
    // The phone's BYE finds no dialog any more; the call is watched by media alone from here on.
    await app.close();
    const outcome = await first.ended;
    assert.equal(outcome.endedBy, 'callee');
    await arena.gateway.idle();
    const cdr = await arena.cdrOf(first.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.endedBy, cdr.recording?.state], ['shutdown', 'simtrunk', 'complete']);
    assert.deepEqual(arena.gateway.violations, []);
  });

  it('holds the channel of a ringing call for 64·T1 when it is the SIP server, for its phone may ring on', async () => {
    const off = { enabled: false };
    app = await startApp(arena.config({ channels: [{}, off, off, off] }));
    const ringing = await arena.phone.call({ number: RINGS });
    await ringing.ringing;
    await threads.kill('SIP server');
    await restarted(1);
    const refused = await placeWhenServed(RINGS);
    assert.equal((await refused.ended).status, 503);
    const cdr = await arena.cdrOf(ringing.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.attempts[0]?.outcome, cdr.billedSeconds], ['signalling-lost', 'cancelled', 0]);
    assert.deepEqual((await arena.cdrOf(refused.sipCallId)).decision?.refused, {
      'channel-busy': 1,
      'channel-disabled': 3,
    });
    assert.deepEqual(arena.gateway.violations, []);
    await arena.gateway.hangUpAll();
    const next = await arena.phone.call({ number: RINGS });
    await next.ringing;
    next.hangUp();
    assert.equal((await next.ended).status, 487);
  });
});
