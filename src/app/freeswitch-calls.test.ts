// FreeSWITCH (1.10 or later; Debian 12 has none) as the PBX: its calls out, calls from mobiles to its extensions, what it asks of a call.
import assert from 'node:assert/strict';
import { answers, refuses } from '../lab/callee-behaviour.js';
import { freePort } from '../lab/sip-tests/free-ports.js';
import type { BaresipPhone } from '../lab/user-agents/baresip.js';
import { needPrograms } from '../lab/user-agents/program.js';
import { RtpengineDaemon } from '../media/rtpengine/testing/rtpengine-daemon.js';
import { until } from './testing/arena.js';
import { AGENT, CALLEE, FreeswitchLab, type FreeswitchLabOrder, NUMBER } from './testing/freeswitch-lab.js';

describe('FreeSWITCH', function () {
  this.timeout(60_000);
  let lab: FreeswitchLab | undefined;
  let daemon: RtpengineDaemon | undefined;

  before(function () {
    needPrograms(this, ['freeswitch', 'baresip'], 'FreeSWITCH is not in Debian 12');
  });

  afterEach(async function () {
    if (this.currentTest?.isFailed()) console.log(lab?.log());
    await lab?.close();
    await daemon?.kill();
    [lab, daemon] = [undefined, undefined];
  });

  async function open(order: FreeswitchLabOrder = {}): Promise<FreeswitchLab> {
    lab = await FreeswitchLab.open(order);
    return lab;
  }

  /** A gateway whose mobile is a phone; it is called by the line of its one channel. */
  async function openWithMobile(order: FreeswitchLabOrder): Promise<readonly [FreeswitchLab, BaresipPhone]> {
    const sipPort = await freePort();
    const gateway = {
      name: 'gw1',
      network: 'lan',
      address: `127.0.0.1:${sipPort}`,
      gapMs: 0,
      probe: false,
      inbound: {},
    };
    const channels = [{ gateway: 'gw1', port: 1, line: 'line-1', sim: '+821040000001' }];
    const sims = [{ number: '+821040000001', plan: 'metered' }];
    const opened = await open({ ...order, config: { gateways: [gateway], channels, sims, ...order.config } });
    return [opened, await opened.phone('01012345678', { says: CALLEE.says, sipPort })];
  }

  it('hears its callee before the answer, then talks, holds, takes another codec, sends digits, and hangs up', async () => {
    const plan = () => ({ ...answers({ afterMs: 2_500, says: CALLEE.says }), earlyMedia: CALLEE.says });
    const the = await open({ plan });
    const leg = await the.freeswitch.call(NUMBER, { ignore_early_media: 'false' });
    await until('it has early media', () => the.freeswitch.eventOf(leg, 'CHANNEL_PROGRESS_MEDIA') !== undefined);
    await the.freeswitch.listen(leg);
    await the.hears(leg);
    await until('it is answered', () => the.freeswitch.isAnswered(leg));
    await the.calleeHears(AGENT);
    for (const command of [`uuid_hold ${leg}`, `uuid_hold off ${leg}`, `uuid_media_reneg ${leg} PCMU`])
      assert.match(await the.freeswitch.api(command), /^\+OK/);
    await the.hears(leg);
    await the.calleeHears(AGENT);
    await the.freeswitch.api(`uuid_send_dtmf ${leg} 12#`);
    const digits = async () => (await the.app.counters()).media?.dtmfEvents ?? 0;
    await until('the digits were seen', async () => (await digits()) === 3);
    await the.freeswitch.api(`uuid_kill ${leg}`);
    const [cdr] = await the.cdrs(1);
    assert.deepEqual([cdr?.endedBy, cdr?.endReason, cdr?.media?.caller.dtmfEvents], ['caller', 'normal', 3]);
    assert.equal(cdr?.recording?.state, 'complete');
  });

  it('calls over TCP with a password, a session timer and reliable 18x, sends its digits in INFO, and is hung up on', async () => {
    const credentials = { username: 'pbx', password: 'sesame' };
    const the = await open({
      plan: () => ({ ...answers({ afterMs: 1_000, says: CALLEE.says }), earlyMedia: CALLEE.says }),
      trunk: {
        digest: credentials,
        dtmf: 'info',
        prack: 'supported',
        sessionTimer: { mode: 'request', intervalSeconds: 90 },
      },
      profile: {
        'enable-100rel': 'true',
        'enable-timer': 'true',
        'session-timeout': '120',
        'minimum-session-expires': '90',
        'dtmf-type': 'info',
      },
      gateway: { ...credentials, 'register-transport': 'tcp' },
    });
    const trace = await the.app.sip?.startTrace({ match: { kind: 'all' } });
    assert.ok(trace?.ok);
    const leg = await the.talk(NUMBER);
    await the.hears(leg);
    await the.calleeHears(AGENT);
    await the.freeswitch.api(`uuid_send_dtmf ${leg} 7`);
    const ladder = async () => (await the.app.sip?.traceLadder(trace.id)) ?? '';
    await until('the digit came', async () => /200 OK \(INFO\)/.test(await ladder()));
    await the.arena.gateway.hangUpAll();
    assert.equal(await the.cause(leg), 'NORMAL_CLEARING');
    const [cdr] = await the.cdrs(1);
    assert.deepEqual([cdr?.endedBy, cdr?.media?.caller.dtmfEvents], ['callee', 1]);
    const messages = await ladder();
    assert.match(messages, /─ PRACK ─/);
    assert.match(messages, / tcp, /);
    assert.match(messages, /Session-Expires: 90;refresher=uac/);
  });

  it('brings a mobile that rings to its extension, after it has asked for credentials: voices, keys, hold', async () => {
    const inbound = { digest: { username: 'trunk', password: 'sesame' } };
    const [the, mobile] = await openWithMobile({
      trunk: { inbound },
      profile: { 'auth-calls': 'true' },
      users: { trunk: 'sesame' },
      // The hold of the phone goes on to simtrunk then, and so do its keys.
      variables: ['bypass_media=true'],
    });
    const agent = await the.extension('701');
    mobile.dial(`sip:line-1@127.0.0.1:${the.arena.sipPort}`);
    await until('they talk', () => mobile.isTalking() && agent.isTalking());
    await Promise.all([the.phoneHears(agent, CALLEE), the.phoneHears(mobile, AGENT)]);
    mobile.press('5');
    agent.press('7');
    await until('the keys are heard', () => agent.keysHeard() === '5' && mobile.keysHeard() === '7');
    await the.hold(agent);
    agent.hangUp();
    const [cdr] = await the.cdrs(1);
    assert.deepEqual([cdr?.direction, cdr?.endedBy, cdr?.endReason], ['in', 'callee', 'normal']);
    assert.deepEqual(
      cdr?.attempts.map(({ outcome }) => outcome),
      ['answered'],
    );
  });

  it('recovers a call after its own end: they hear each other, and its digits pass', async () => {
    const the = await open({ profile: { 'track-calls': 'true' } });
    const leg = await the.talk(NUMBER);
    await the.hears(leg);
    await the.replaceFreeswitch();
    await the.calleeHears(AGENT);
    await the.freeswitch.listen(leg);
    await the.hears(leg);
    await the.freeswitch.api(`uuid_send_dtmf ${leg} 5`);
    await until('the digit was seen', async () => ((await the.app.counters()).media?.dtmfEvents ?? 0) === 1);
    await the.arena.gateway.hangUpAll();
    const [cdr] = await the.cdrs(1);
    assert.deepEqual([cdr?.endedBy, cdr?.endReason], ['callee', 'normal']);
  });

  it('takes its trunk for down while simtrunk drains, and for up again after it', async () => {
    const the = await open({ gateway: { ping: '5', 'ping-max': '1' } });
    const isUp = async () => /Status\s+UP/.test(await the.freeswitch.api('sofia status gateway simtrunk'));
    await until('it is up', isUp);
    the.app.drain.begin({ deadlineSeconds: null, stops: false });
    await until('it is down', async () => !(await isUp()));
    the.app.drain.resume();
    await until('it is up again', isUp);
  });

  it('encrypts its media: refused by our own relay, which would record it, and ended by rtpengine, also after a hold', async function () {
    const missing = RtpengineDaemon.missing();
    if (missing !== null) {
      console.log(`      skipped: ${missing}`);
      this.skip();
    }
    const encrypted = { rtp_secure_media: 'mandatory' };
    const plain = await open();
    assert.equal(await plain.cause(await plain.freeswitch.call(NUMBER, encrypted)), 'INCOMPATIBLE_DESTINATION');
    assert.equal((await plain.cdrs(1))[0]?.endReason, 'encrypted-media');
    await plain.close();

    daemon = await RtpengineDaemon.start();
    const rtpengine = { engines: [{ url: daemon.udpUrl }], watchIntervalMs: 200 };
    const the = await open({ config: { media: { engine: 'rtpengine', rtpengine } } });
    const leg = await the.talk(NUMBER, encrypted);
    await the.hears(leg);
    for (const command of [`uuid_hold ${leg}`, `uuid_hold off ${leg}`])
      assert.match(await the.freeswitch.api(command), /^\+OK/);
    await the.hears(leg);
    await the.calleeHears(AGENT);
    await the.freeswitch.api(`uuid_kill ${leg}`);
    assert.equal((await the.cdrs(1))[0]?.recording?.state, 'complete');
  });

  it('knows by its causes why nobody answers, and cancels', async () => {
    const statusOf = (number: string) => Number(number.slice(-3));
    const opened = await open({
      plan: ({ number }) =>
        statusOf(number) === 180 ? { tries: true, ringsAfterMs: 20 } : refuses(statusOf(number), 20),
    });
    for (const [number, cause] of [
      ['01055550486', 'USER_BUSY'],
      ['01055550480', 'NO_USER_RESPONSE'],
      ['01055550603', 'CALL_REJECTED'],
      ['01055550484', 'INVALID_NUMBER_FORMAT'],
      ['01055550503', 'NORMAL_CIRCUIT_CONGESTION'],
      ['0605551234', 'CALL_REJECTED'],
    ] as const) {
      const leg = await opened.freeswitch.call(number);
      assert.equal(await opened.cause(leg), cause, number);
    }
    const leg = await opened.freeswitch.call('01055550180', { originate_timeout: '1' });
    assert.equal(await opened.cause(leg), 'NO_ANSWER');
    const cdrs = await opened.cdrs(7);
    assert.equal(cdrs.at(-1)?.endReason, 'caller-cancelled');
  });
});
