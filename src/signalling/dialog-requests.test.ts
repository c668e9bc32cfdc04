import assert from 'node:assert/strict';
import type { CallerLeg } from '../call/ports.js';
import type { PeerMessage, Referral } from '../call/ports-dialog.js';
import { Call, calleeRequestText, responseText, SDP } from '../sip-server/testing/sip-script.js';
import { SignallingArena } from './testing/signalling-arena.js';

const CONTACT = 'Contact: <sip:channel@127.0.0.1:5099>';

describe('requests in a dialog', () => {
  let arena: SignallingArena;

  beforeEach(async () => {
    arena = await SignallingArena.open();
  });

  afterEach(() => arena.close());

  async function answered() {
    const call = new Call(arena.caller, arena.server.udp);
    call.invite();
    const offer = await arena.offered();
    offer.leg.connect(SDP);
    const ok = await arena.caller.response(200, 'INVITE');
    call.learn(ok);
    call.ack();
    await offer.told.next('acknowledged');
    return { call, ok, ...offer };
  }

  async function ended(leg: CallerLeg) {
    leg.hangUp(undefined);
    arena.caller.send(responseText(await arena.caller.request('BYE'), 200));
  }

  /** Answers the next NOTIFY; what it said. */
  async function notified(status = 200) {
    const notify = await arena.caller.request('NOTIFY');
    arena.caller.send(responseText(notify, status));
    return [notify.header('Event'), notify.header('Subscription-State').split(';')[0], notify.body];
  }

  describe('REFER', () => {
    async function referred(headers: readonly string[] = []) {
      const answer = await answered();
      answer.call.inside('REFER', { headers: [`Contact: <${answer.call.peerUri}>`, ...headers] });
      return { ...answer, referral: (await answer.told.next('referred')) as Referral };
    }
    const toUs = () => `Refer-To: <sip:01055550103@127.0.0.1:${arena.server.udp.port}>`;

    it('is accepted, and every step of the call that it asks for is told, one at a time', async () => {
      const { leg, referral } = await referred([toUs(), 'Referred-By: <sip:201@pbx.example>']);
      assert.deepEqual([referral.target.user, referral.target.place], ['01055550103', 'here']);
      assert.equal(referral.referredBy, '<sip:201@pbx.example>');
      referral.accept();
      await arena.caller.response(202, 'REFER');
      for (const status of [100, 180, 200]) referral.progress(status);
      assert.deepEqual(await notified(), ['refer', 'active', 'SIP/2.0 100 Trying\r\n']);
      // 180 was overtaken while the first was on its way.
      assert.deepEqual(await notified(), ['refer', 'terminated', 'SIP/2.0 200 OK\r\n']);
      // After the last word nothing is told.
      referral.progress(486);
      await ended(leg);
    });

    it('has an id in the NOTIFYs of a second one in the same dialog', async () => {
      const { call, leg, told, referral } = await referred([toUs()]);
      referral.refuse(486);
      await arena.caller.response(486, 'REFER');
      call.inside('REFER', { headers: [`Contact: <${call.peerUri}>`, toUs()] });
      const second = (await told.next('referred')) as Referral;
      second.accept();
      await arena.caller.response(202, 'REFER');
      second.progress(404);
      assert.deepEqual(await notified(), ['refer;id=3', 'terminated', 'SIP/2.0 404 Not Found\r\n']);
      await ended(leg);
    });

    it('with Refer-Sub: false is followed by no NOTIFY', async () => {
      const { leg, referral } = await referred([toUs(), 'Refer-Sub: false']);
      referral.accept();
      const accepted = await arena.caller.response(202, 'REFER');
      assert.equal(accepted.header('Refer-Sub'), 'false');
      referral.progress(200);
      await ended(leg);
      assert.ok(!arena.caller.inbox.untaken.some(({ method }) => method === 'NOTIFY'));
    });

    it('tells nothing more to whoever does not know of it, nor after the BYE', async () => {
      const { leg, referral } = await referred([toUs()]);
      referral.accept();
      await arena.caller.response(202, 'REFER');
      referral.progress(100);
      referral.progress(200);
      await notified(481);
      await ended(leg);
      assert.ok(!arena.caller.inbox.untaken.some(({ method }) => method === 'NOTIFY'));
    });

    it('takes a target at the peer’s own address for the peer’s', async () => {
      const { leg, referral } = await referred([`Refer-To: <sip:702@127.0.0.1:${arena.caller.local.port}>`]);
      assert.equal(referral.target.place, 'peer');
      referral.refuse(405);
      await arena.caller.response(405, 'REFER');
      await ended(leg);
    });

    it('takes a target at a host that is none of ours for the peer’s', async () => {
      const answer = await answered();
      const headers = [`Contact: <${answer.call.peerUri}>`, 'Refer-To: <sip:702@pbx.example>'];
      answer.call.inside('REFER', { headers });
      const referral = (await answer.told.next('referred')) as Referral;
      assert.equal(referral.target.place, 'peer');
      referral.refuse(405);
      await arena.caller.response(405, 'REFER');
      await ended(answer.leg);
    });

    it('of a PBX that we have called is for it, or for a number here, by the same rule', async () => {
      const { leg, told } = arena.dial();
      const invite = await arena.gateway.request('INVITE');
      const port = arena.gateway.local.port;
      const contact = `Contact: <sip:channel@127.0.0.1:${port}>`;
      arena.gateway.send(responseText(invite, 200, { toTag: 'g1', headers: [contact], body: SDP }));
      await told.next('answered');
      await arena.gateway.request('ACK');
      const places: string[] = [];
      for (const [at, uri] of [`sip:702@127.0.0.1:${port}`, `sip:010@127.0.0.1:${arena.server.udp.port}`].entries()) {
        const options = { toTag: 'g1', cseq: at + 1, headers: [contact, `Refer-To: <${uri}>`] };
        arena.gateway.send(calleeRequestText('REFER', invite, arena.gateway, options));
        const referral = (await told.next('referred')) as Referral;
        places.push(referral.target.place);
        referral.refuse(405);
        await arena.gateway.response(405, 'REFER');
      }
      assert.deepEqual(places, ['peer', 'here']);
      leg.hangUp(undefined);
      arena.gateway.send(responseText(await arena.gateway.request('BYE'), 200));
      await told.next('cleared');
    });

    it('without a Refer-To that can be read is answered 400', async () => {
      const { call, leg } = await answered();
      call.inside('REFER', { headers: [`Contact: <${call.peerUri}>`, 'Refer-To: <sip:x@y;method=BYE>'] });
      await arena.caller.response(400, 'REFER');
      await ended(leg);
    });

    it('of a gateway, and its messages, are told as well', async () => {
      const { leg, told } = arena.dial();
      const invite = await arena.gateway.request('INVITE');
      const contact = `Contact: <sip:channel@127.0.0.1:${arena.gateway.local.port}>`;
      arena.gateway.send(responseText(invite, 200, { toTag: 'g1', headers: [contact], body: SDP }));
      await told.next('answered');
      await arena.gateway.request('ACK');
      const headers = ['Refer-To: <sip:x@127.0.0.1>', CONTACT];
      arena.gateway.send(calleeRequestText('REFER', invite, arena.gateway, { toTag: 'g1', headers }));
      ((await told.next('referred')) as Referral).refuse(405);
      await arena.gateway.response(405, 'REFER');
      leg.hangUp(undefined);
      arena.gateway.send(responseText(await arena.gateway.request('BYE'), 200));
      await told.next('cleared');
    });
  });

  it('INFO and MESSAGE are told with their content, and answered as the call says', async () => {
    const { call, leg, told } = await answered();
    for (const method of ['INFO', 'MESSAGE'] as const) {
      call.inside(method, { headers: ['X-Secret: 1', 'Content-Disposition: render'], body: 'v=0\r\n' });
      const message = (await told.next('messaged')) as PeerMessage;
      assert.deepEqual(
        [message.method, message.contentType, message.headers, message.body],
        [method, 'application/sdp', { 'Content-Type': 'application/sdp', 'Content-Disposition': 'render' }, 'v=0\r\n'],
      );
      message.answer(415, { Accept: 'text/plain' });
      assert.equal((await arena.caller.response(415, method)).header('Accept'), 'text/plain');
    }
    await ended(leg);
  });

  it('our own tell the final status, and 481 without a dialog', async () => {
    const { leg } = await answered();
    const message = {
      method: 'INFO',
      headers: { 'Content-Type': 'application/dtmf-relay' },
      body: 'Signal=5\r\n',
    } as const;
    const sent = new Promise((resolve) => leg.send(message, resolve));
    const info = await arena.caller.request('INFO');
    assert.deepEqual([info.header('Content-Type'), info.body], ['application/dtmf-relay', 'Signal=5\r\n']);
    arena.caller.send(responseText(info, 405));
    assert.equal(await sent, 405);
    arena.application.detachLegs();
    assert.equal(await new Promise((resolve) => leg.send(message, resolve)), 481);
    await ended(leg);
  });

  it('an INVITE with Replaces names the dialog that it is to replace', async () => {
    const seen: unknown[] = [];
    arena.application.serve(
      (_request, leg, replaces) => {
        seen.push(replaces);
        leg.refuse(481, undefined);
      },
      () => true,
    );
    for (const [header, status] of [
      ['Replaces: a@pbx;to-tag=1;from-tag=2', 481],
      ['Replaces: nonsense', 400],
    ] as const) {
      const call = new Call(arena.caller, arena.server.udp, { headers: [header, 'Require: replaces'] });
      call.invite();
      call.ackFailure(await arena.caller.response(status, 'INVITE'));
    }
    assert.deepEqual(seen, [{ callId: 'a@pbx', localTag: '1', remoteTag: '2' }]);
  });
});
