import assert from 'node:assert/strict';
import type { Renegotiation } from '../call/ports.js';
import { Call, SDP } from '../sip-server/testing/sip-script.js';
import { SignallingArena } from './testing/signalling-arena.js';

describe('the leg of a caller', () => {
  let arena: SignallingArena;

  beforeEach(async () => {
    arena = await SignallingArena.open();
  });

  afterEach(() => arena.close());

  async function offered(options: ConstructorParameters<typeof Call>[2] = {}) {
    const call = new Call(arena.caller, arena.server.udp, options);
    call.invite();
    return { call, ...(await arena.offered()) };
  }

  async function answered(options: ConstructorParameters<typeof Call>[2] = {}) {
    const offer = await offered(options);
    offer.leg.connect(SDP);
    const ok = await arena.caller.response(200, 'INVITE');
    offer.call.learn(ok);
    await offer.told.next('connected');
    return { ...offer, ok };
  }

  it('passes on only what the allow list names', async () => {
    const { request, leg, call } = await offered({
      user: '01012345678',
      headers: [
        'X-Campaign: spring',
        'X-Secret: s3cret',
        'Subject: hello',
        'User-Agent: pbx',
        'P-Asserted-Identity: <sip:+821099998888@pbx.example>',
      ],
    });
    assert.deepEqual(request.passedHeaders, { 'X-Campaign': 'spring' });
    assert.deepEqual(
      [request.dialled, request.calling, request.sipCallId, request.offerSdp, request.maxForwards, request.hasContact],
      ['01012345678', 'peer', call.callId, SDP, 70, true],
    );
    leg.refuse(403, 'Q.850;cause=21');
    const refusal = await arena.caller.response(403, 'INVITE');
    assert.equal(refusal.header('Reason'), 'Q.850;cause=21');
    call.ackFailure(refusal);
  });

  it('rings, sends early media, and answers', async () => {
    const { call, leg, told } = await offered();
    leg.ring(180);
    await arena.caller.response(180, 'INVITE');
    leg.progress(183, SDP);
    assert.equal((await arena.caller.response(183, 'INVITE')).body, SDP);
    leg.connect(SDP);
    const ok = await arena.caller.response(200, 'INVITE');
    await told.next('connected');
    call.learn(ok);
    call.ack();
    assert.equal(await told.next('acknowledged'), null);
    call.inside('BYE');
    assert.equal(await told.next('hung up'), 'bye');
  });

  it('tells of a CANCEL, and then sends neither ringing nor a refusal', async () => {
    const { call, leg, told } = await offered();
    call.cancel();
    await told.next('cancelled');
    leg.ring(180);
    leg.progress(183, SDP);
    leg.refuse(503, undefined);
    const terminated = await arena.caller.response(487, 'INVITE');
    call.ackFailure(terminated);
    assert.deepEqual(
      arena.caller.inbox.untaken.filter(({ status, cseqMethod }) => status > 100 && cseqMethod === 'INVITE'),
      [],
    );
  });

  it('holds its BYE until the 200 was acknowledged', async () => {
    const { call, leg, told } = await offered();
    leg.connect(SDP);
    call.learn(await arena.caller.response(200, 'INVITE'));
    leg.hangUp('Q.850;cause=16');
    // The 200 is repeated meanwhile; a BYE is not sent (RFC 3261 §15).
    for (let n = 0; n < 2; n++) await arena.caller.response(200, 'INVITE');
    assert.deepEqual(
      arena.caller.inbox.untaken.filter(({ method }) => method !== ''),
      [],
    );
    call.ack();
    await told.next('acknowledged');
    const bye = await arena.caller.request('BYE');
    assert.equal(bye.header('Reason'), 'Q.850;cause=16');
    assert.deepEqual([bye.header('Call-ID'), bye.toTag], [call.callId, call.fromTag]);
  });

  it('ends when no ACK ever comes, and says so', async () => {
    const { told } = await answered();
    assert.equal(await told.next('hung up'), 'no-ack');
    await arena.caller.request('BYE');
  });

  it('ends when the 200 to its re-INVITE is never acknowledged, and says so', async () => {
    const { call, told } = await answered();
    call.ack();
    await told.next('acknowledged');
    call.inside('INVITE', { headers: [`Contact: <${call.peerUri}>`], body: SDP });
    ((await told.next('renegotiated')) as Renegotiation).accept(SDP);
    assert.equal(await told.next('hung up'), 'no-ack');
    await arena.caller.request('BYE');
  });

  it('answers a re-INVITE for its own offer, and refuses one that cannot be used', async () => {
    const { call, leg, told } = await answered();
    call.ack();
    await told.next('acknowledged');
    const offer = SDP.replace('40000', '40002');
    const headers = [`Contact: <${call.peerUri}>`];
    for (const status of [200, 488]) {
      call.inside('INVITE', { headers, body: offer });
      const renegotiation = (await told.next('renegotiated')) as Renegotiation;
      assert.equal(renegotiation.offerSdp, offer);
      if (status === 200) renegotiation.accept(SDP);
      else renegotiation.refuse(488);
      await arena.caller.response(status, 'INVITE');
      call.ack();
    }
    leg.hangUp(undefined);
    await arena.caller.request('BYE');
  });

  it('goes on after a re-INVITE for a call in which the caller has never sent SDP', async () => {
    const { call, leg, told } = await answered({ body: '' });
    call.inside('INVITE', { headers: [`Contact: <${call.peerUri}>`] });
    const renegotiation = (await told.next('renegotiated')) as Renegotiation;
    assert.equal(renegotiation.offerSdp, null);
    renegotiation.refuse(488);
    await arena.caller.response(488, 'INVITE');
    call.cseq = 1;
    call.ack();
    await told.next('acknowledged');
    leg.hangUp(undefined);
    await arena.caller.request('BYE');
  });

  it('tells when its BYE was answered: until then the caller may be on the line', async () => {
    const { call, leg, told } = await answered();
    call.ack();
    await told.next('acknowledged');
    leg.hangUp(undefined);
    const bye = await arena.caller.request('BYE');
    assert.equal(
      told.untaken.some(({ event }) => event === 'cleared'),
      false,
    );
    arena.caller.send(
      `SIP/2.0 200 OK\r\nVia: ${bye.header('Via')}\r\nFrom: ${bye.header('From')}\r\nTo: ${bye.header('To')}\r\n` +
        `Call-ID: ${bye.header('Call-ID')}\r\nCSeq: ${bye.header('CSeq')}\r\nContent-Length: 0\r\n\r\n`,
    );
    await told.next('cleared');
  });

  it('knows its dialog well enough to end it without the dialog', async () => {
    const { call, leg, ok } = await answered();
    call.ack();
    const { identity } = leg;
    assert.ok(identity);
    assert.deepEqual(
      [identity.callId, identity.remoteTarget, identity.nextHop],
      [call.callId, call.peerUri, `sip:127.0.0.1:${arena.caller.local.port}`],
    );
    assert.ok(identity.local.endsWith(`;tag=${ok.toTag}`));
    assert.ok(identity.remote.endsWith(`;tag=${call.fromTag}`));
    const ended = arena.application.endOrphan(identity, 'restarted');
    const bye = await arena.caller.request('BYE');
    assert.deepEqual([bye.header('Call-ID'), bye.toTag], [call.callId, call.fromTag]);
    assert.ok(bye.header('From').endsWith(`;tag=${ok.toTag}`));
    arena.caller.send(
      `SIP/2.0 481 Gone\r\nVia: ${bye.header('Via')}\r\nFrom: ${bye.header('From')}\r\nTo: ${bye.header('To')}\r\n` +
        `Call-ID: ${bye.header('Call-ID')}\r\nCSeq: ${bye.header('CSeq')}\r\nContent-Length: 0\r\n\r\n`,
    );
    assert.equal(await ended, 481);
    // RFC 3261 §15: the dialog was over with that BYE.
    call.inside('BYE');
    await arena.caller.response(481, 'BYE');
  });
});
