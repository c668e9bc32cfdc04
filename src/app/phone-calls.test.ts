// Calls between phones that we have not written, one of them in the place of the PBX and one in that of the gateway: what
// each hears, by correlation, with hold, keys, recording and record.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type RunningApp, startApp } from '../app.js';
import type { Cdr } from '../cdr/cdr.js';
import { answers } from '../lab/callee-behaviour.js';
import { readWav } from '../lab/read-wav.js';
import { BASE_PLAN, iccidOf, simNumberOf } from '../lab/sip-tests/case-config.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import { SAMPLE_RATE_HZ } from '../lab/speech.js';
import { type BaresipPhone, startBaresipPhone } from '../lab/user-agents/baresip.js';
import { type LinphoneOrder, startLinphonePhone } from '../lab/user-agents/linphone.js';
import type { Phone } from '../lab/user-agents/phone.js';
import { needPrograms } from '../lab/user-agents/program.js';
import { Arena, until } from './testing/arena.js';
import { hasFallenSilent, Listening, Voice } from './testing/understood.js';

const NUMBER = '01012345678';
const OTHER_NUMBER = '01055550002';
/** So much of a recording is compared with what was said. */
const COMPARED_SAMPLES = 3 * SAMPLE_RATE_HZ;

describe('phones', function () {
  this.timeout(60_000);
  const callerVoice = new Voice(1);
  const calleeVoice = new Voice(2);
  let arena: Arena;
  let app: RunningApp;
  const phones: Phone[] = [];

  before(function () {
    needPrograms(this, ['baresip', 'linphonec'], 'Debian: baresip-core, linphone-cli');
  });

  beforeEach(async () => {
    arena = await Arena.open(() => answers());
  });

  afterEach(async function () {
    if (this.currentTest?.isFailed()) for (const phone of phones) console.log(phone.log());
    await Promise.all(phones.splice(0).map((phone) => phone.close()));
    await app.close();
    await arena.close();
  });

  /** simtrunk with gateways of one channel each; returns where their callees have to listen. */
  async function startGateways(count = 1, over: Record<string, unknown> = {}, sessionTimer = {}): Promise<number[]> {
    const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
    const names = ports.map((_, index) => `gw${index + 1}`);
    const simOf = (index: number) => iccidOf(index + 1);
    app = await startApp(
      arena.config({
        // The phones have these clocks, and cannot be told others.
        sip: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 },
        gateways: names.map((name, index) => ({
          name,
          network: 'lan',
          address: `127.0.0.1:${ports[index]}`,
          dial: '{number}',
          gapMs: 0,
          probe: false,
          inbound: {},
          sessionTimer,
        })),
        sims: names.map((_, index) => ({ iccid: simOf(index), number: simNumberOf(index + 1), plan: BASE_PLAN.name })),
        channels: names.map((gateway, index) => ({ gateway, port: 1, line: `line-${index + 1}`, sim: simOf(index) })),
        ...over,
      }),
    );
    return ports;
  }

  async function startBaresip(user: string, { says }: Voice, sipPort: number): Promise<BaresipPhone> {
    const phone = await startBaresipPhone({ folder: arena.subfolder(`baresip-${user}`), user, says, sipPort });
    phones.push(phone);
    return phone;
  }

  async function startLinphone(
    { says }: Voice,
    sipPort: number,
    more: Pick<LinphoneOrder, 'keys' | 'sessionSeconds'> = {},
  ): Promise<Phone> {
    const folder = arena.subfolder('linphone');
    const rtpPort = await freePort();
    const phone = await startLinphonePhone({ folder, user: NUMBER, sipPort, rtpPort, says, ...more });
    phones.push(phone);
    return phone;
  }

  async function call(caller: Phone, callee: Phone): Promise<void> {
    caller.dial(`sip:${NUMBER}@127.0.0.1:${arena.sipPort}`);
    await until('they talk', () => caller.isTalking() && callee.isTalking());
  }

  /** Waits until so many half seconds more of what it hears are this voice. */
  async function hears(who: Phone, voice: Voice, halfSeconds = 1): Promise<void> {
    const listening = new Listening(voice, who.heard());
    await until('it hears the other', () => listening.halfSecondsOf(who.heard()) >= halfSeconds);
  }

  async function hold(who: Phone, whoHearsNothing: Phone): Promise<void> {
    who.hold();
    await until('it holds', () => who.isHolding());
    await until('the other hears nothing', () => hasFallenSilent(whoHearsNothing.heard()));
  }

  /** The one CDR of what was called. */
  async function record(): Promise<Cdr> {
    await until('the CDR is published', () => arena.cdrLines().length > 0);
    const [cdr, ...further] = arena.cdrLines();
    assert.ok(cdr);
    assert.deepEqual(further, []);
    assert.equal(cdr.callee, '+821012345678');
    assert.deepEqual(
      cdr.attempts.map(({ outcome, sipStatus }) => ({ outcome, sipStatus })),
      [{ outcome: 'answered', sipStatus: 200 }],
    );
    assert.equal(arena.usedSeconds(app, 1), cdr.billedSeconds);
    const talkedMs = Date.parse(cdr.endedAt) - Date.parse(cdr.answeredAt ?? '');
    assert.ok(Math.abs((cdr.recording?.durationMs ?? 0) - talkedMs) < 100, `${cdr.recording?.durationMs} ${talkedMs}`);
    return cdr;
  }

  function assertRecorded({ recording }: Cdr): void {
    const [left, right] = readWav(readFileSync(recording?.path ?? '')).channels.map((channel) =>
      channel.subarray(0, COMPARED_SAMPLES),
    );
    assert.ok(left && right);
    assert.ok(callerVoice.halfSecondsIn(left) > 0, 'the caller is on the left');
    assert.ok(calleeVoice.halfSecondsIn(right) > 0, 'the callee is on the right');
    assert.equal(calleeVoice.halfSecondsIn(left), 0);
  }

  it('baresip calls linphone: both hear each other, keys pass, baresip holds and resumes, and linphone hangs up', async () => {
    const [calleePort = 0] = await startGateways();
    const callee = await startLinphone(calleeVoice, calleePort);
    const caller = await startBaresip('agent', callerVoice, await freePort());
    await call(caller, callee);
    await Promise.all([hears(callee, callerVoice), hears(caller, calleeVoice)]);

    caller.press('5');
    callee.press('7');
    await until('the keys are heard', () => callee.keysHeard() === '5' && caller.keysHeard() === '7');

    await hold(caller, callee);
    caller.resume();
    await hears(callee, callerVoice);
    // What baresip hears after a hold it writes nowhere, but it can repeat it.
    caller.echo();
    await hears(callee, calleeVoice);

    callee.hangUp();
    const cdr = await record();
    assert.equal(cdr.endedBy, 'callee');
    assert.equal(cdr.media?.caller.dtmfEvents, 1);
    assert.equal(cdr.media?.callee.dtmfEvents, 1);
    assertRecorded(cdr);
  });

  it('linphone calls baresip: both hear each other, keys in INFO pass, linphone holds and resumes, and hangs up', async () => {
    const trunk = { name: 'pbx', network: 'lan', sources: ['127.0.0.1'], dtmf: 'info' };
    const [calleePort = 0] = await startGateways(1, { trunks: [trunk] });
    const callee = await startBaresip(NUMBER, calleeVoice, calleePort);
    const caller = await startLinphone(callerVoice, await freePort(), { keys: 'info' });
    await call(caller, callee);
    await Promise.all([hears(caller, calleeVoice), hears(callee, callerVoice)]);

    caller.press('1');
    callee.press('#');
    await until('the keys are heard', () => callee.keysHeard() === '1' && caller.keysHeard() === '#');

    caller.hold();
    await until('it holds', () => caller.isHolding());
    caller.resume();
    await hears(caller, calleeVoice);

    caller.hangUp();
    const cdr = await record();
    assert.equal(cdr.endedBy, 'caller');
    assertRecorded(cdr);
  });

  it('transfers the callee when baresip asks for it: callee and target hear each other, and two records say so', async () => {
    const [calleePort = 0, targetPort = 0] = await startGateways(2);
    const callee = await startLinphone(calleeVoice, calleePort);
    const targetVoice = new Voice(3);
    const target = await startBaresip(OTHER_NUMBER, targetVoice, targetPort);
    const caller = await startBaresip('agent', callerVoice, await freePort());
    await call(caller, callee);
    await hears(callee, callerVoice);

    caller.transfer(`sip:${OTHER_NUMBER}@127.0.0.1:${arena.sipPort}`);
    await until('the caller is out of it', () => target.isTalking() && !caller.isTalking());
    // The record begins elsewhere in the voices than what is heard: of a whole second it has a half second of its own.
    await Promise.all([hears(callee, targetVoice, 2), hears(target, calleeVoice, 2)]);

    target.hangUp();
    await until('both CDRs are published', () => arena.cdrLines().length === 2);
    const [first, second] = [NUMBER, OTHER_NUMBER].map((dialled) =>
      arena.cdrLines().find((cdr) => cdr.dialled === dialled),
    );
    assert.deepEqual(
      first?.transfers.map(({ kind, by, callId, sipStatus }) => [kind, by, callId, sipStatus]),
      [['blind', 'simtrunk', second?.callId, 200]],
    );
    assert.equal(second?.transferOf, first?.callId);
    assert.deepEqual([first?.attempts[0]?.channel, second?.attempts[0]?.channel], ['gw1/1', 'gw2/1']);
    const [left, right] = readWav(readFileSync(second?.recording?.path ?? '')).channels;
    assert.ok(left && right);
    assert.ok(calleeVoice.halfSecondsIn(left) > 0, 'of the second call the callee is the caller');
    assert.ok(targetVoice.halfSecondsIn(right) > 0);
  });

  it('brings a mobile that rings back to the agent who had called: linphone rings baresip, and both hear each other', async () => {
    const pbxPort = await freePort();
    const pbx = `127.0.0.1:${pbxPort}`;
    const trunk = { name: 'pbx', network: 'lan', sources: [pbx], agentFrom: 'from-user', inbound: { address: pbx } };
    const [mobilePort = 0] = await startGateways(1, { trunks: [trunk] });
    const mobile = await startLinphone(calleeVoice, mobilePort);
    const agent = await startBaresip('agent', callerVoice, pbxPort);
    await call(agent, mobile);
    agent.hangUp();
    await until('the first call is over', () => !mobile.isTalking() && arena.cdrLines().length === 1);

    mobile.dial(`sip:line-1@127.0.0.1:${arena.sipPort}`);
    await until('they talk', () => agent.isTalking() && mobile.isTalking());
    await Promise.all([hears(agent, calleeVoice), hears(mobile, callerVoice)]);
    mobile.hangUp();
    await until('both CDRs are published', () => arena.cdrLines().length === 2);
    const cdr = arena.cdrLines().find(({ direction }) => direction === 'in');
    assert.deepEqual(
      [cdr?.inbound?.destination, cdr?.inbound?.lastAgent, cdr?.inbound?.billedSeconds, cdr?.endReason],
      ['agent', 'agent', cdr?.billedSeconds, 'normal'],
    );
  });

  it('linphone refreshes its session, and baresip, which knows nothing of sessions, is refreshed: they talk on', async () => {
    const sessionTimer = { mode: 'request', intervalSeconds: 8, minSeconds: 2 };
    const trunk = { name: 'pbx', network: 'lan', sources: ['127.0.0.1'], sessionTimer };
    const [calleePort = 0] = await startGateways(1, { trunks: [trunk] }, sessionTimer);
    const callee = await startLinphone(calleeVoice, calleePort, { sessionSeconds: 8 });
    const caller = await startBaresip('agent', callerVoice, await freePort());
    const trace = await app.sip?.startTrace({ match: { kind: 'all' } });
    assert.ok(trace?.ok);
    const ladder = async () => (await app.sip?.traceLadder(trace.id)) ?? '';
    await call(caller, callee);
    const begun = (await ladder()).match(/─ INVITE SDP ─/g)?.length ?? 0;
    await until('both were refreshed', async () => {
      const text = await ladder();
      return /─ 200 OK \(UPDATE\) ─/.test(text) && (text.match(/─ INVITE SDP ─/g)?.length ?? 0) > begun;
    });
    await Promise.all([hears(callee, callerVoice), hears(caller, calleeVoice)]);
    callee.hangUp();
    const { endedBy, endReason } = await record();
    assert.deepEqual([endedBy, endReason], ['callee', 'normal']);
  });
});
