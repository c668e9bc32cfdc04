// FreeSWITCH as the PBX of calls that go on with somebody else: what its REFERs and Replaces ask of simtrunk, what its phones ask of
// it, and media that it lets go.
import assert from 'node:assert/strict';
import { needPrograms } from '../lab/user-agents/program.js';
import { until } from './testing/arena.js';
import {
  AGENT,
  CALLEE,
  FreeswitchLab,
  type FreeswitchLabOrder,
  NUMBER,
  OTHER,
  OTHER_NUMBER,
} from './testing/freeswitch-lab.js';

describe('transfers by FreeSWITCH', function () {
  this.timeout(60_000);
  let lab: FreeswitchLab | undefined;

  before(function () {
    needPrograms(this, ['freeswitch', 'baresip'], 'FreeSWITCH is not in Debian 12');
  });

  afterEach(async function () {
    if (this.currentTest?.isFailed()) console.log(lab?.log());
    await lab?.close();
    lab = undefined;
  });

  async function open(order: FreeswitchLabOrder = {}): Promise<FreeswitchLab> {
    lab = await FreeswitchLab.open(order);
    return lab;
  }

  const kinds = async (the: FreeswitchLab, count: number) =>
    (await the.cdrs(count)).map(({ dialled, transfers }) => [dialled, transfers.map(({ kind, by }) => [kind, by])]);

  it('deflect gives the callee to another number: both hear each other, and it is told how that went', async () => {
    const the = await open();
    const leg = await the.talk(NUMBER);
    await the.hears(leg);
    const told = await the.freeswitch.api(`uuid_deflect ${leg} sip:${OTHER_NUMBER}@127.0.0.1:${the.arena.sipPort}`);
    assert.match(told, /200 OK/);
    await the.calleeHears(CALLEE);
    await the.calleeHears(OTHER, 1);
    assert.equal(await the.cause(leg), 'BLIND_TRANSFER');
    await the.arena.gateway.hangUpAll();
    assert.deepEqual(new Map((await kinds(the, 2)) as [string, unknown][]).get(NUMBER), [['blind', 'simtrunk']]);
  });

  it('deflect to an extension of its own brings the callee there', async () => {
    const the = await open();
    const extension = await the.extension('702', OTHER);
    const leg = await the.talk(NUMBER);
    await the.hears(leg);
    assert.match(await the.freeswitch.api(`uuid_deflect ${leg} sip:702@127.0.0.1:${the.sipPort}`), /200 OK/);
    await until('the extension talks', () => extension.isTalking());
    await the.phoneHears(extension, CALLEE);
    await the.calleeHears(OTHER);
    extension.hangUp();
    assert.deepEqual(await kinds(the, 1), [[NUMBER, [['blind', 'simtrunk']]]]);
  });

  it('a REFER with Replaces joins two of its calls', async () => {
    const the = await open();
    const [first, second] = [await the.talk(NUMBER), await the.talk(OTHER_NUMBER)];
    await Promise.all([the.hears(first), the.hears(second, OTHER)]);
    const replaces = encodeURIComponent(await the.freeswitch.replacesOf(second));
    const target = `sip:${OTHER_NUMBER}@127.0.0.1:${the.arena.sipPort}?Replaces=${replaces}`;
    assert.match(await the.freeswitch.api(`uuid_deflect ${first} ${target}`), /200 OK/);
    await the.calleeHears(CALLEE);
    await the.calleeHears(OTHER, 1);
    assert.deepEqual([await the.cause(first), await the.cause(second)], ['BLIND_TRANSFER', 'NORMAL_CLEARING']);
    await the.arena.gateway.hangUpAll();
    assert.ok((await kinds(the, 2)).every(([, transfers]) => String(transfers) === 'attended,simtrunk'));
  });

  it('an INVITE with Replaces takes the place of its call', async () => {
    const the = await open();
    const old = await the.talk(NUMBER);
    await the.hears(old);
    const leg = await the.talk(NUMBER, { _sofia_replaces_: await the.freeswitch.replacesOf(old) });
    assert.equal(await the.cause(old), 'NORMAL_CLEARING');
    await the.hears(leg);
    await the.calleeHears(AGENT);
    await the.freeswitch.api(`uuid_kill ${leg}`);
    assert.deepEqual(await kinds(the, 1), [[NUMBER, [['attended', 'simtrunk']]]]);
  });

  it('the REFER of a phone stays with it, or is passed on: the callee talks with the other number either way', async () => {
    for (const passed of [false, true]) {
      const the = await open({ profile: { 'proxy-refer': String(passed) } });
      const phone = await the.extension('701');
      await the.dial(phone, NUMBER);
      await the.phoneHears(phone, CALLEE);
      phone.transfer(`sip:${OTHER_NUMBER}@127.0.0.1:${the.sipPort}`);
      await until('the phone is out of it', () => !phone.isTalking());
      await until('the other was called', () => the.arena.gateway.liveCalls === 2);
      await the.calleeHears(CALLEE);
      await the.calleeHears(OTHER, 1);
      await the.arena.gateway.hangUpAll();
      const transfers = (await the.cdrs(2)).flatMap((cdr) => cdr.transfers);
      assert.equal(transfers.length, passed ? 1 : 0);
      await the.close();
    }
    lab = undefined;
  });

  it('media that it lets go comes from the phone, on hold and after a transfer by a re-INVITE without an offer, too', async () => {
    const the = await open({ variables: ['bypass_media=true'] });
    const [phone, other] = [await the.extension('701'), await the.extension('702', OTHER)];
    await the.dial(phone, NUMBER);
    await the.phoneHears(phone, CALLEE);
    await the.calleeHears(AGENT);
    await the.hold(phone);
    await the.calleeHears(AGENT);
    phone.transfer(`sip:702@127.0.0.1:${the.sipPort}`);
    await until('the other extension talks', () => other.isTalking() && !phone.isTalking());
    await the.phoneHears(other, CALLEE);
    await the.calleeHears(OTHER);
    other.hangUp();
    assert.deepEqual(await kinds(the, 1), [[NUMBER, []]]);
  });
});
