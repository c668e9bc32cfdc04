import assert from 'node:assert/strict';
import type { Reliability } from '../call/call-request.js';
import type { Renegotiation } from '../call/ports.js';
import type { RawMessage } from '../sip-server/testing/raw-message.js';
import { Call, SDP } from '../sip-server/testing/sip-script.js';
import { SignallingArena } from './testing/signalling-arena.js';

describe('what a caller is told before the answer', () => {
  let arena: SignallingArena;

  afterEach(() => arena.close());

  async function offered(prack: Reliability, options: ConstructorParameters<typeof Call>[2] = {}, isServerOurs = true) {
    arena = await SignallingArena.open({ prack, isServerOurs });
    const call = new Call(arena.caller, arena.server.udp, options);
    call.invite();
    return { call, ...(await arena.offered()) };
  }

  const REQUIRES = { headers: ['Require: 100rel'] };

  function prack(call: Call, provisional: RawMessage, body = ''): void {
    call.learn(provisional);
    call.inside('PRACK', { headers: [`RAck: ${provisional.header('RSeq')} 1 INVITE`], body });
  }

  async function refuse(call: Call, leg: { refuse(status: number, reason: undefined): void }) {
    leg.refuse(486, undefined);
    call.ackFailure(await arena.caller.response(486, 'INVITE'));
  }

  it('says what we can do, so that an UPDATE may come before the answer', async () => {
    const { call, leg } = await offered('required');
    leg.ring(180);
    const ringing = await arena.caller.response(180, 'INVITE');
    assert.match(ringing.header('Allow'), /PRACK, UPDATE/);
    assert.match(ringing.header('Supported'), /^100rel/);
    assert.deepEqual([ringing.header('Require'), ringing.header('RSeq')], ['', '']);
    await refuse(call, leg);
  });

  it('passes 180 to 183 as they are, and anything else as 183', async () => {
    const { call, leg } = await offered('required');
    for (const status of [183, 181, 182, 180]) {
      leg.ring(status);
      await arena.caller.response(status, 'INVITE');
    }
    leg.ring(188);
    await arena.caller.response(183, 'INVITE');
    await refuse(call, leg);
  });

  for (const isServerOurs of [true, false]) {
    it(`is reliable for a caller that requires it: one at a time, and the 200 behind the last PRACK, by ${isServerOurs ? 'our' : 'a foreign'} server`, async () => {
      const { call, leg, told } = await offered('required', REQUIRES, isServerOurs);
      leg.ring(180);
      leg.progress(183, SDP);
      const ringing = await arena.caller.response(180, 'INVITE');
      assert.deepEqual([ringing.header('Require'), ringing.body], ['100rel', '']);
      assert.ok(!leg.isDescribed);
      prack(call, ringing);
      await arena.caller.response(200, 'PRACK');
      const progress = await arena.caller.response(183, 'INVITE');
      assert.equal(Number(progress.header('RSeq')), Number(ringing.header('RSeq')) + 1);
      assert.equal(progress.body, SDP);
      leg.connect(SDP);
      prack(call, progress);
      await arena.caller.response(200, 'PRACK');
      const ok = await arena.caller.response(200, 'INVITE');
      assert.match(ok.header('Allow'), /UPDATE/);
      await told.next('connected');
      call.cseq = 1;
      call.ack();
      await told.next('acknowledged');
      assert.ok(leg.isDescribed);
      call.cseq = 3;
      call.inside('BYE');
      await arena.caller.response(200, 'BYE');
    });
  }

  it('is not told any more what waited for a PRACK when the call is refused', async () => {
    const { call, leg } = await offered('required', REQUIRES, true);
    leg.ring(180);
    leg.progress(183, SDP);
    const ringing = await arena.caller.response(180, 'INVITE');
    await refuse(call, leg);
    prack(call, ringing);
    await arena.caller.response(481, 'PRACK');
    assert.deepEqual(
      arena.caller.inbox.untaken.filter(({ status }) => status === 183),
      [],
    );
  });

  it('is refused behind its PRACK by a foreign server, which would end with the refusal else', async () => {
    const { call, leg } = await offered('required', REQUIRES, false);
    leg.ring(180);
    const ringing = await arena.caller.response(180, 'INVITE');
    leg.refuse(486, undefined);
    // Nothing but the ringing, which is repeated.
    await arena.caller.response(180, 'INVITE');
    assert.ok(arena.caller.inbox.untaken.every(({ status }) => status < 200));
    prack(call, ringing);
    await arena.caller.response(200, 'PRACK');
    call.ackFailure(await arena.caller.response(486, 'INVITE'));
  });

  it('is not answered any more by a foreign server when the caller cancels before its PRACK', async () => {
    const { call, leg, told } = await offered('required', REQUIRES, false);
    leg.ring(180);
    const ringing = await arena.caller.response(180, 'INVITE');
    leg.connect(SDP);
    call.cancel();
    await told.next('cancelled');
    await told.next('connect failed');
    call.ackFailure(await arena.caller.response(487, 'INVITE'));
    prack(call, ringing);
    await arena.caller.response(481, 'PRACK');
    assert.ok(arena.caller.inbox.untaken.every(({ status, cseqMethod }) => status !== 200 || cseqMethod !== 'INVITE'));
  });

  it('is given up with 504 by a caller that requires PRACK and sends none', async () => {
    const { call, leg, told } = await offered('required', REQUIRES);
    leg.ring(180);
    const timeout = await arena.caller.response(504, 'INVITE');
    call.ackFailure(timeout);
    assert.equal(await told.next('cancelled'), 'no-prack');
    leg.refuse(503, undefined);
  });

  it('is reliable for who can do it, where the trunk is set so, and for nobody else', async () => {
    const supports = { headers: ['Supported: replaces, 100rel'] };
    for (const [setting, options, expected] of [
      ['required', supports, ''],
      ['supported', supports, '100rel'],
      ['supported', {}, ''],
    ] as const) {
      const { call, leg } = await offered(setting, options);
      leg.ring(180);
      assert.equal((await arena.caller.response(180, 'INVITE')).header('Require'), expected, setting);
      await refuse(call, leg);
      if (setting === 'required' || expected !== '') await arena.close();
    }
  });

  it('refuses what a caller requires and we have not, and names only that', async () => {
    for (const [setting, required, unsupported] of [
      ['required', '100rel, precondition', 'precondition'],
      ['off', '100rel', '100rel'],
    ] as const) {
      arena = await SignallingArena.open({ prack: setting });
      const call = new Call(arena.caller, arena.server.udp, { headers: [`Require: ${required}`] });
      call.invite();
      const refusal = await arena.caller.response(420, 'INVITE');
      assert.equal(refusal.header('Unsupported'), unsupported);
      call.ackFailure(refusal);
      if (setting === 'required') await arena.close();
    }
  });

  it('refuses a body that it does not understand, and finds the offer among several', async () => {
    arena = await SignallingArena.open();
    const isup = 'Content-Type: application/isup\r\n\r\n\u0001\r\n';
    const sent = (type: string, body: string) => {
      const call = new Call(arena.caller, arena.server.udp, { body });
      arena.caller.send(call.inviteText.replace('Content-Type: application/sdp', `Content-Type: ${type}`));
      return call;
    };
    const refused = sent('application/isup', 'x');
    const refusal = await arena.caller.response(415, 'INVITE');
    assert.equal(refusal.header('Accept'), 'application/sdp');
    refused.ackFailure(refusal);
    const parts = `--b\r\n${isup}--b\r\nContent-Type: application/sdp\r\n\r\n${SDP}--b--\r\n`;
    const call = sent('multipart/mixed;boundary=b', parts);
    const { request, leg } = await arena.offered();
    assert.equal(request.offerSdp, SDP);
    await refuse(call, leg);
  });

  it('takes an offer in a PRACK for an offer', async () => {
    const { call, leg, told } = await offered('required', REQUIRES);
    leg.progress(183, SDP);
    const offer = SDP.replace('40000', '40002');
    prack(call, await arena.caller.response(183, 'INVITE'), offer);
    const renegotiation = (await told.next('renegotiated')) as Renegotiation;
    assert.equal(renegotiation.offerSdp, offer);
    // A listener that answers in its turn is too late for drachtio-srf: call control answers at once.
    await arena.caller.response(200, 'PRACK');
    await refuse(call, leg);
  });

  it('carries our offer to a caller that made none, and is answered by its PRACK', async () => {
    const { call, leg, told } = await offered('required', { ...REQUIRES, body: '' });
    assert.ok(leg.mayOfferEarly);
    // RFC 3261 §13.2.1: the first reliable response has to carry it.
    leg.ring(180);
    leg.progress(183, SDP);
    const progress = await arena.caller.response(183, 'INVITE');
    assert.equal(progress.body, SDP);
    const answer = SDP.replace('40000', '40004');
    prack(call, progress, answer);
    assert.equal(await told.next('answered early'), answer);
    leg.ring(180);
    prack(call, await arena.caller.response(180, 'INVITE'));
    leg.connect(null);
    const ok = await arena.caller.response(200, 'INVITE');
    assert.equal(ok.body, '');
    call.cseq = 1;
    call.ack();
    assert.equal(await told.next('acknowledged'), null);
    leg.hangUp(undefined);
    await arena.caller.request('BYE');
  });

  it('offers nothing before the answer to a caller that cannot acknowledge it', async () => {
    const { call, leg } = await offered('required', { body: '' });
    assert.ok(!leg.mayOfferEarly);
    await refuse(call, leg);
  });

  it('answers an UPDATE without an offer by itself', async () => {
    const { call, leg } = await offered('required');
    leg.progress(183, SDP);
    call.learn(await arena.caller.response(183, 'INVITE'));
    call.inside('UPDATE', { headers: [`Contact: <${call.peerUri}>`] });
    assert.equal((await arena.caller.response(200, 'UPDATE')).body, '');
    await refuse(call, leg);
  });

  it('tells when an UPDATE may come again that came before our answer', async () => {
    const { call, leg, told } = await offered('required');
    leg.ring(180);
    call.learn(await arena.caller.response(180, 'INVITE'));
    call.inside('UPDATE', { body: SDP });
    ((await told.next('renegotiated')) as Renegotiation).refuse(500);
    assert.match((await arena.caller.response(500, 'UPDATE')).header('Retry-After'), /^\d+$/);
    await refuse(call, leg);
  });
});
