// Calls between two Asterisks that we have not written, one the PBX with its phones and one the gateway with its mobiles: what each
// hears, by correlation, what the PBX is told, and what the records say. docs/integrations/pbx-asterisk.md says what else was tried.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cdr } from '../cdr/cdr.js';
import { BASE_PLAN, simNumberOf } from '../lab/sip-tests/case-config.js';
import type { Asterisk } from '../lab/user-agents/asterisk.js';
import { needPrograms } from '../lab/user-agents/program.js';
import { createAuthority } from '../sip-server/testing/certificate.js';
import { until } from './testing/arena.js';
import { AsteriskLab, type AsteriskLabOrder } from './testing/asterisk-lab.js';
import { Listening, type Voice } from './testing/understood.js';

/** The last digit says what the mobile does. */
const ANSWERS = '01012345671';
const RINGS_ON = '01012345673';
const EARLY_MEDIA = '01012345674';
const ECHOES = '01012345670';

/** Asterisk has these clocks. */
const TIMERS = { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 };

describe('Asterisk', function () {
  this.timeout(60_000);
  /** Of a test that has opened one. */
  let opened: AsteriskLab | undefined;
  let lab: AsteriskLab;
  /** For certificates. */
  let folder: string;

  before(function () {
    needPrograms(this, ['asterisk', 'baresip'], 'Debian 12 has no Asterisk');
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-asterisk-'));
  });

  afterEach(async function () {
    rmSync(folder, { recursive: true, force: true });
    if (this.currentTest?.isFailed()) console.log(await opened?.log());
    await opened?.close();
    opened = undefined;
  });

  async function open(order: AsteriskLabOrder = {}): Promise<void> {
    lab = await AsteriskLab.open(order);
    opened = lab;
  }

  /** An agent without a telephone: the PBX itself calls, and says the agent's voice. */
  async function agentCalls(number = ANSWERS, extension = 'talk@said'): Promise<void> {
    const before = (await lab.pbx.channels()).length;
    await lab.pbx.originate(`PJSIP/${number}@simtrunk`, extension, { CallerID: '"Kim" <701>' });
    await until('they talk', async () => (await lab.pbx.channels()).length > before);
  }

  async function mobileCalls(line: string, number = ANSWERS): Promise<void> {
    await lab.box.originate(`PJSIP/${line}@simtrunk`, 'talk@mobiles', { CallerID: `<${number}>` });
  }

  /** Waits until this is what a channel or a phone hears from now on. */
  async function hears(heard: () => Int16Array, voice: Voice): Promise<void> {
    const listening = new Listening(voice, heard());
    await until('it hears the other', () => listening.halfSecondsOf(heard()) > 0);
  }

  const agentHears = (voice: Voice) => hears(() => lab.pbx.heard('talk'), voice);
  const mobileHears = (voice: Voice) => hears(() => lab.box.heard('talk'), voice);

  async function hangUpAt(asterisk: Asterisk): Promise<void> {
    for (const channel of await asterisk.channels()) await asterisk.ask('Hangup', { Channel: channel });
  }

  async function records(count: number): Promise<readonly Cdr[]> {
    await until('the CDRs are published', () => lab.arena.cdrLines().length >= count);
    return lab.arena.cdrLines();
  }

  /** That the only call went as any call does. */
  async function assertOrdinary(endedBy: Cdr['endedBy']): Promise<void> {
    const [cdr] = await records(1);
    assert.deepEqual([cdr?.endReason, cdr?.endedBy, cdr?.attempts.length], ['normal', endedBy, 1]);
    assert.equal(lab.arena.usedSeconds(lab.app, 1), cdr?.billedSeconds);
  }

  it('connects a phone with a mobile: voices, digits both ways, music while it holds, and the phone hangs up', async () => {
    await open();
    const phone = await lab.phone(701, lab.agentVoice);
    phone.dial(lab.uri(ANSWERS));
    await until('they talk', () => phone.isTalking());
    await Promise.all([hears(() => phone.heard(), lab.mobileVoice), mobileHears(lab.agentVoice)]);

    phone.press('5');
    const [mobile = ''] = await lab.box.channels();
    await lab.box.ask('PlayDTMF', { Channel: mobile, Digit: '7' });
    await lab.box.told(
      ({ Event, Digit, Direction }) => Event === 'DTMFEnd' && Digit === '5' && Direction === 'Received',
    );
    await until('the phone heard the key', () => phone.keysHeard() === '7');

    phone.hold();
    await mobileHears(lab.musicVoice);
    phone.resume();
    await mobileHears(lab.agentVoice);
    phone.hangUp();
    await assertOrdinary('caller');
    const [cdr] = await records(1);
    assert.deepEqual([cdr?.agent, cdr?.media?.caller.dtmfEvents, cdr?.media?.callee.dtmfEvents], ['701', 1, 1]);
    assert.equal(cdr?.recording?.state, 'complete');
  });

  it('is told by cause why nobody answers: number unknown, busy, declined, no answer, and no channel after each was tried', async () => {
    await open();
    const phone = await lab.phone(701, lab.agentVoice);
    const outcomes: unknown[] = [];
    for (const [index, digit] of ['5', '2', '7', '9', '6', '8'].entries()) {
      phone.dial(lab.uri(`0101234567${digit}`));
      const dialled = () => lab.pbx.events.filter(({ UserEvent }) => UserEvent === 'Dialled')[index];
      await until('the dialplan goes on', () => dialled() !== undefined);
      await until('the CDR is published', () => lab.arena.cdrLines().length > index);
      const cdr = lab.arena.cdrLines()[index];
      outcomes.push([dialled()?.Cause, dialled()?.DialStatus, cdr?.endReason, cdr?.attempts.length]);
    }
    assert.deepEqual(outcomes, [
      ['1', 'CHANUNAVAIL', 'bad-number', 1],
      ['17', 'BUSY', 'busy', 1],
      ['21', 'CHANUNAVAIL', 'declined', 1],
      ['19', 'NOANSWER', 'no-answer', 1],
      ['34', 'CONGESTION', 'no-channel', 3],
      ['34', 'CONGESTION', 'gateway-failure', 3],
    ]);
  });

  it('plays what a mobile network says before the answer, and gives up a call that rings', async () => {
    await open();
    const phone = await lab.phone(701, lab.agentVoice);
    phone.dial(lab.uri(EARLY_MEDIA));
    await hears(() => phone.heard(), lab.ringbackVoice);
    await until('they talk', () => phone.isTalking());
    phone.hangUp();
    await records(1);
    phone.dial(lab.uri(RINGS_ON));
    await lab.box.told(({ Event, Exten }) => Event === 'Newexten' && Exten === 'do-3');
    phone.hangUp();
    const [, given] = await records(2);
    assert.deepEqual([given?.endReason, given?.attempts[0]?.outcome], ['caller-cancelled', 'cancelled']);
  });

  it('is called by who rings back: the extension that had called, and a queue for others', async () => {
    await open();
    const phone = await lab.phone(703, lab.agentVoice);
    phone.dial(lab.uri(ANSWERS));
    await until('they talk', () => phone.isTalking());
    phone.hangUp();
    await records(1);
    for (const [line, number, destination] of [
      ['line-1', ANSWERS, 'agent'],
      ['line-2', '01099998888', 'default'],
    ] as const) {
      const before = lab.arena.cdrLines().length;
      await mobileCalls(line, number);
      await until('they talk', () => phone.isTalking());
      await Promise.all([hears(() => phone.heard(), lab.mobileVoice), mobileHears(lab.agentVoice)]);
      await hangUpAt(lab.box);
      const cdr = (await records(before + 1)).find(({ inbound }) => inbound?.destination === destination);
      assert.deepEqual([cdr?.direction, cdr?.endReason, cdr?.endedBy], ['in', 'normal', 'caller']);
      await until('the phone is free', () => !phone.isTalking());
    }
  });

  it('transfers a mobile from one phone to another and tells who is connected, which the mobile does not hear of', async () => {
    const tellsWho = { send_pai: 'yes', trust_id_outbound: 'yes', direct_media: 'yes' };
    await open({ pbx: tellsWho, phones: { direct_media: 'yes' } });
    const colleague = await lab.phone(702, lab.otherVoice);
    const phone = await lab.phone(701, lab.agentVoice);
    phone.dial(lab.uri(ANSWERS));
    await until('they talk', () => phone.isTalking());
    await mobileHears(lab.agentVoice);
    phone.transfer(lab.uri('702'));
    await until('the colleague talks', () => colleague.isTalking());
    await Promise.all([hears(() => colleague.heard(), lab.mobileVoice), mobileHears(lab.otherVoice)]);
    assert.match(await lab.ladder(), /200 OK \(UPDATE\)/);
    colleague.hangUp();
    await assertOrdinary('caller');
  });

  it('joins two of its calls by re-INVITEs, so that their media no longer passes it: the mobiles hear each other', async () => {
    await open({ pbx: { direct_media: 'yes' } });
    await agentCalls(ANSWERS, 'wait@said');
    await agentCalls(ECHOES, 'wait@said');
    const [first = '', second = ''] = await lab.pbx.channels();
    await lab.pbx.ask('Bridge', { Channel1: first, Channel2: second, Tone: 'no' });
    await mobileHears(lab.mobileVoice);
    const invites = (await lab.ladder()).match(/─ INVITE SDP ─+►/g)?.length ?? 0;
    assert.ok(invites > 4, `${invites} INVITEs: two to us, two to the gateway, and re-INVITEs`);
    await hangUpAt(lab.box);
    const cdrs = await records(2);
    assert.deepEqual(
      cdrs.map(({ endReason }) => endReason),
      ['normal', 'normal'],
    );
  });

  it('has simtrunk transfer by its application Transfer, over TLS: to a number, which is a call of its own, and to an extension', async () => {
    const way = waysToCall().find(({ title }) => title === 'over TLS');
    await open(way?.order(folder));
    await agentCalls(ANSWERS, 'number@transfers');
    await mobileHears(lab.mobileVoice);
    await lab.pbx.told(({ UserEvent, Status }) => UserEvent === 'Transferred' && Status === 'SUCCESS');
    await hangUpAt(lab.box);
    const [first, second] = [ANSWERS, ECHOES].map((dialled) => (cdr: Cdr) => cdr.dialled === dialled);
    const cdrs = await records(2);
    assert.equal(cdrs.find(second ?? Boolean)?.transferOf, cdrs.find(first ?? Boolean)?.callId);

    const colleague = await lab.phone(702, lab.otherVoice);
    await agentCalls(ANSWERS, 'extension@transfers');
    await until('the colleague talks', () => colleague.isTalking());
    await Promise.all([hears(() => colleague.heard(), lab.mobileVoice), mobileHears(lab.otherVoice)]);
    colleague.hangUp();
    const last = (await records(3)).at(-1);
    assert.deepEqual(
      last?.transfers.map(({ kind, target, sipStatus }) => [kind, target, sipStatus]),
      [['blind', '702', 200]],
    );
  });

  it('sends a text message, and takes what the mobile writes back, for the extension that wrote', async () => {
    await open({
      trunk: { messages: {} },
      gateway: { messages: { inbound: { channelFrom: 'header:X-Line' } } },
      config: { plans: [{ ...BASE_PLAN, messageRates: { sms: '22', lms: '44', mms: '220' } }] },
      pbx: { message_context: 'texts' },
      box: { message_context: 'texts' },
    });
    const text = '내일 오후에 찾아뵙겠습니다';
    await lab.pbx.ask('MessageSend', {
      To: `pjsip:simtrunk/sip:${ANSWERS}@127.0.0.1:${lab.arena.sipPort}`,
      From: '<sip:701@127.0.0.1>',
      Body: text,
    });
    for (const [asterisk, extension, from] of [
      [lab.box, ANSWERS, simNumberOf(1)],
      [lab.pbx, '701', '+821012345671'],
    ] as const) {
      const event = await asterisk.told(({ UserEvent }) => UserEvent === 'Text');
      assert.deepEqual([event.Body, event.Extension], [text, extension]);
      assert.ok(event.From?.includes(from), event.From);
    }
  });

  for (const { title, order } of waysToCall()) {
    it(`calls ${title}: voices both ways, and the mobile hangs up`, async () => {
      await open(order(folder));
      await agentCalls();
      await Promise.all([agentHears(lab.mobileVoice), mobileHears(lab.agentVoice)]);
      await hangUpAt(lab.box);
      await assertOrdinary('callee');
    });
  }
});

interface Way {
  readonly title: string;
  readonly order: (folder: string) => AsteriskLabOrder;
}

/** Ways in which the PBX reaches simtrunk, and the gateway is reached. */
function waysToCall(): readonly Way[] {
  const passed = { srtp: 'pass' };
  const reliable = { '100rel': 'required', timers: 'required', timers_sess_expires: '90' };
  return [
    {
      title: 'with a password by SHA-256, over TCP',
      order: () => ({
        trunk: { sources: ['127.0.0.1'], digest: { username: 'pbx', password: 'secret' } },
        gateway: { transport: 'tcp' },
        config: { sip: { ...TIMERS, digest: { algorithms: ['SHA-256', 'MD5'] } } },
        pbx: { outbound_auth: 'ours' },
        pbxSections: '[ours]\ntype=auth\nauth_type=userpass\nusername=pbx\npassword=secret\n',
        contact: ({ sip }) => `sip:127.0.0.1:${sip}\\;transport=tcp`,
      }),
    },
    {
      title: 'over TLS',
      order: (folder) => ({
        trunk: { sources: ['127.0.0.1'] },
        tls: certificate(folder),
        contact: ({ tls }) => `sip:127.0.0.1:${tls}\\;transport=tls`,
      }),
    },
    {
      title: 'with reliable ringing and session timers required on both sides',
      order: () => ({ pbx: reliable, box: reliable, gateway: { prack: 'supported' } }),
    },
    {
      title: 'with SRTP from end to end, where nothing is recorded',
      order: () => ({
        trunk: passed,
        gateway: passed,
        config: { recording: { enabled: false } },
        pbx: { media_encryption: 'sdes' },
        box: { media_encryption: 'sdes' },
      }),
    },
  ];
}

function certificate(folder: string): { cert: string; key: string; ca: string } {
  const authority = createAuthority();
  const { cert, key } = authority.issue('127.0.0.1');
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  writeFileSync(files.ca, authority.cert);
  return files;
}
