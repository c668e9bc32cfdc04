// What happens in a call before its 200: reliable provisional responses (RFC 3262), UPDATE (RFC 3311), BYE, forks, glare.
// Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, deferred, needsEmbedded, type ServerUnderTest } from './testing/arena.js';
import { answer, contactOf, uriOf } from './testing/called-peer.js';
import { Call, calleeRequestText, responseText, SDP } from './testing/sip-script.js';
import type { AppAnswer, AppDialog, AppMessage, AppRequest } from './testing/test-application.js';

export function describeEarlyContract(server: () => ServerUnderTest): void {
  describe('calls before their answer', () => {
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    /** An application that leaves each INVITE to the test. */
    async function askedFor(): Promise<{ request: Promise<AppRequest>; reply: Promise<AppAnswer> }> {
      const request = deferred<AppRequest>();
      const reply = deferred<AppAnswer>();
      await arena.app({
        invite: (invite, answering) => {
          request.resolve(invite);
          reply.resolve(answering);
        },
      });
      return { request: request.promise, reply: reply.promise };
    }

    it('ends the call when the caller says BYE while it rings, and tells the application', async function () {
      needsEmbedded(server(), this, 'drachtio-server answers 481 to the BYE and 500 to the INVITE');
      const asked = await askedFor();
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const cancelled = deferred<AppMessage>();
      (await asked.request).on('cancel', cancelled.resolve);
      const reply = await asked.reply;
      reply.send(180);
      const ringing = await peer.response(180, 'INVITE');
      call.learn(ringing);
      call.inside('BYE');
      await peer.response(200, 'BYE');
      const terminated = await peer.response(487, 'INVITE');
      assert.equal(terminated.toTag, ringing.toTag);
      call.ackFailure(terminated);
      assert.match((await cancelled.promise).get('reason') ?? '', /hung up/);
      const late = deferred<unknown>();
      reply.send(200, { body: SDP }, late.resolve);
      assert.equal(await late.promise, 'Response not sent due to unknown transaction');
    });

    it('passes UPDATE while the call rings, one at a time', async () => {
      const asked = await askedFor();
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const updates = deferred<AppAnswer>();
      (await asked.request).on('update', (_update, reply) => updates.resolve(reply));
      const reply = await asked.reply;
      reply.send(183, { body: SDP });
      call.learn(await peer.response(183, 'INVITE'));
      call.inside('UPDATE', { body: SDP });
      const updating = await updates.promise;
      call.inside('UPDATE', { body: SDP });
      const refused = await peer.response(500, 'UPDATE');
      assert.equal(refused.cseqNumber, 3);
      updating.send(200, { body: `${SDP}a=updated\r\n` });
      const updated = await peer.response(200, 'UPDATE');
      assert.equal(updated.cseqNumber, 2);
      assert.equal(updated.body, `${SDP}a=updated\r\n`);
      reply.send(486);
      call.ackFailure(await peer.response(486, 'INVITE'));
    });

    it('repeats a reliable provisional response until its PRACK, which the application is told of', async () => {
      const asked = await askedFor();
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, { headers: ['Supported: timer, 100rel'] });
      call.invite();
      const reply = await asked.reply;
      const sent = deferred<AppMessage | undefined>();
      const pracked = deferred<AppMessage>();
      reply.send(
        183,
        { headers: { Require: '100rel' }, body: SDP },
        (_error, echo) => sent.resolve(echo),
        pracked.resolve,
      );
      const first = await peer.response(183, 'INVITE');
      assert.equal((await sent.promise)?.get('rseq'), first.header('RSeq'));
      assert.equal(first.header('Require'), '100rel');
      assert.match(first.header('Contact'), /^<sip:/);
      assert.equal(first.body, SDP);
      const again = await peer.response(183, 'INVITE');
      assert.equal(again.text, first.text);
      call.learn(first);
      call.inside('PRACK', { headers: [`RAck: ${first.header('RSeq')} 1 INVITE`] });
      await peer.response(200, 'PRACK');
      assert.equal((await pracked.promise).get('rack'), `${first.header('RSeq')} 1 INVITE`);
      reply.send(486);
      call.ackFailure(await peer.response(486, 'INVITE'));
    });

    it('refuses a PRACK that names no response of ours', async function () {
      needsEmbedded(server(), this, 'drachtio-server passes it to the application');
      const asked = await askedFor();
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, { headers: ['Supported: 100rel'] });
      call.invite();
      (await asked.reply).send(183, { headers: { Require: '100rel' } });
      const first = await peer.response(183, 'INVITE');
      call.learn(first);
      const rseq = Number(first.header('RSeq'));
      call.inside('PRACK', { headers: [`RAck: ${rseq + 1} 1 INVITE`] });
      await peer.response(481, 'PRACK');
      call.inside('PRACK', { headers: [`RAck: ${rseq} 7 INVITE`] });
      await peer.response(481, 'PRACK');
      call.cancel();
      call.ackFailure(await peer.response(487, 'INVITE'));
    });

    it('lets neither the next reliable response nor the 200 overtake one without PRACK', async function () {
      needsEmbedded(server(), this, 'drachtio-server writes garbage into the reason phrases of those that waited');
      const dialogs = deferred<AppDialog>();
      const srf = await arena.app({
        invite: (request, reply) => {
          reply.send(183, { headers: { Require: '100rel' }, body: SDP });
          reply.send(180, { headers: { Require: '100rel' } });
          srf.createUAS(request, reply, { localSdp: SDP }, (_error, made) => made && dialogs.resolve(made));
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, { headers: ['Supported: 100rel'] });
      call.invite();
      const first = await peer.response(183, 'INVITE');
      call.learn(first);
      const rseq = Number(first.header('RSeq'));
      await peer.response(183, 'INVITE');
      assert.deepEqual(
        peer.inbox.untaken.filter((message) => message.status >= 180),
        [],
      );
      call.inside('PRACK', { headers: [`RAck: ${rseq} 1 INVITE`] });
      await peer.response(200, 'PRACK');
      const second = await peer.response(180, 'INVITE');
      assert.equal(Number(second.header('RSeq')), rseq + 1);
      assert.equal(peer.inbox.untaken.filter((message) => message.status === 200).length, 0);
      call.inside('PRACK', { headers: [`RAck: ${rseq + 1} 1 INVITE`] });
      const ok = await peer.response(200, 'INVITE');
      await peer.response(200, 'PRACK');
      assert.equal(ok.toTag, first.toTag);
      call.cseq = 1;
      call.ack();
      const dialog = await dialogs.promise;
      const ending = dialog.destroy();
      peer.send(responseText(await peer.request('BYE'), 200));
      await ending;
    });

    it('will not promise reliability to a caller who does not know it', async () => {
      const asked = await askedFor();
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const reply = await asked.reply;
      const refused = deferred<unknown>();
      reply.send(183, { headers: { Require: '100rel' } }, refused.resolve);
      assert.equal(await refused.promise, 'Remote endpoint does not support 100rel');
      reply.send(486);
      call.ackFailure(await peer.response(486, 'INVITE'));
    });

    it('has createUAC acknowledge reliable provisional responses, and goes on with the CSeq', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const dialogs = deferred<AppDialog | undefined>();
      const provisional: number[] = [];
      srf.createUAC(
        uriOf(peer),
        { localSdp: SDP, headers: { Supported: '100rel' } },
        { cbProvisional: (response) => provisional.push(response.status) },
        (_error, dialog) => dialogs.resolve(dialog),
      );
      const invite = await peer.request('INVITE');
      const reliable = (status: number, rseq: number): string =>
        responseText(invite, status, {
          toTag: 'rel',
          headers: [contactOf(peer), 'Require: 100rel', `RSeq: ${rseq}`],
          body: SDP,
        });
      peer.send(reliable(183, 41));
      const first = await peer.request('PRACK');
      assert.equal(first.uri, uriOf(peer));
      assert.equal(first.header('RAck'), `41 ${invite.cseqNumber} INVITE`);
      assert.equal(first.cseqNumber, invite.cseqNumber + 1);
      assert.equal(first.toTag, 'rel');
      peer.send(responseText(first, 200));
      peer.send(reliable(180, 42));
      const second = await peer.request('PRACK');
      assert.equal(second.header('RAck'), `42 ${invite.cseqNumber} INVITE`);
      peer.send(responseText(second, 200));
      const ack = await answer(peer, invite, 'rel');
      assert.equal(ack.cseqNumber, invite.cseqNumber);
      const dialog = await dialogs.promise;
      assert.ok(dialog);
      assert.deepEqual(provisional, [183, 180]);
      const ending = dialog.destroy();
      const bye = await peer.request('BYE');
      assert.equal(bye.cseqNumber, invite.cseqNumber + 3);
      peer.send(responseText(bye, 200));
      await ending;
    });

    it('passes each reliable provisional response once, and none before its turn', async function () {
      needsEmbedded(server(), this, 'drachtio-server passes repetitions on');
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const provisional: number[] = [];
      const over = deferred<number | undefined>();
      srf.createUAC(
        uriOf(peer),
        { localSdp: SDP, headers: { Supported: '100rel' } },
        { cbProvisional: (response) => provisional.push(response.status) },
        (error) => over.resolve(error?.status),
      );
      const invite = await peer.request('INVITE');
      const reliable = (status: number, rseq: number): void => {
        const headers = [contactOf(peer), 'Require: 100rel', `RSeq: ${rseq}`];
        peer.send(responseText(invite, status, { toTag: 'rel', headers }));
      };
      reliable(183, 1);
      reliable(183, 1);
      reliable(182, 3);
      peer.send(responseText(await peer.request('PRACK'), 200));
      reliable(180, 2);
      peer.send(responseText(await peer.request('PRACK'), 200));
      peer.send(responseText(invite, 480, { toTag: 'rel' }));
      assert.equal(await over.promise, 480);
      assert.deepEqual(provisional, [183, 180]);
      assert.equal(peer.inbox.untaken.filter((message) => message.method === 'PRACK').length, 0);
    });

    it('acknowledges the reliable responses of each branch of a forked call in its own dialog', async function () {
      needsEmbedded(server(), this, 'drachtio-server knows the first branch alone');
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const dialogs = deferred<AppDialog | undefined>();
      srf.createUAC(uriOf(peer), { localSdp: SDP, headers: { Supported: '100rel' } }, {}, (_error, dialog) =>
        dialogs.resolve(dialog),
      );
      const invite = await peer.request('INVITE');
      for (const [toTag, rseq] of [
        ['one', 11],
        // Each branch counts by itself, and may count the same.
        ['two', 11],
      ] as const) {
        const headers = [contactOf(peer), 'Require: 100rel', `RSeq: ${rseq}`];
        peer.send(responseText(invite, 183, { toTag, headers, body: SDP }));
      }
      const pracks = [await peer.request('PRACK'), await peer.request('PRACK')];
      assert.deepEqual(
        pracks.map((prack) => [prack.toTag, Number(prack.header('RAck').split(' ')[0])]),
        [
          ['one', 11],
          ['two', 11],
        ],
      );
      for (const prack of pracks) peer.send(responseText(prack, 200));
      const ack = await answer(peer, invite, 'one');
      assert.equal(ack.toTag, 'one');
      const dialog = await dialogs.promise;
      assert.equal(dialog?.sip.remoteTag, 'one');
      assert.equal((await answer(peer, invite, 'two')).toTag, 'two');
      const bye = await peer.request('BYE');
      assert.equal(bye.toTag, 'two');
      peer.send(responseText(bye, 200));
    });

    it('has an UPDATE of the callee answered before the call is', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const over = deferred<number | undefined>();
      srf.createUAC(uriOf(peer), { localSdp: SDP, headers: { Supported: '100rel' } }, {}, (error) =>
        over.resolve(error?.status),
      );
      const invite = await peer.request('INVITE');
      const headers = [contactOf(peer), 'Require: 100rel', 'RSeq: 5'];
      peer.send(responseText(invite, 183, { toTag: 'upd', headers, body: SDP }));
      peer.send(responseText(await peer.request('PRACK'), 200));
      peer.send(calleeRequestText('UPDATE', invite, peer, { toTag: 'upd', headers: [contactOf(peer)], body: SDP }));
      assert.equal((await peer.response(200, 'UPDATE')).body, SDP);
      peer.send(responseText(invite, 603, { toTag: 'upd' }));
      assert.equal(await over.promise, 603);
    });

    it('passes an UPDATE of a callee who rings, though nothing was reliable', async function () {
      needsEmbedded(server(), this, 'drachtio-server has no dialog before a reliable response');
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const over = deferred<number | undefined>();
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, (error) => over.resolve(error?.status));
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 180, { toTag: 'upd', headers: [contactOf(peer)] }));
      peer.send(calleeRequestText('UPDATE', invite, peer, { toTag: 'upd', headers: [contactOf(peer)] }));
      await peer.response(200, 'UPDATE');
      peer.send(responseText(invite, 486, { toTag: 'upd' }));
      assert.equal(await over.promise, 486);
      peer.send(calleeRequestText('UPDATE', invite, peer, { toTag: 'upd', cseq: 2 }));
      await peer.response(481, 'UPDATE');
    });

    it('takes an answer in ACK to an offer in 200', async () => {
      const acked = deferred<AppDialog>();
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: `${SDP}a=offer\r\n` }, (_error, dialog) =>
            dialog?.on('ack', () => acked.resolve(dialog)),
          );
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, { body: '' });
      call.invite();
      const ok = await peer.response(200, 'INVITE');
      assert.equal(ok.body, `${SDP}a=offer\r\n`);
      call.learn(ok);
      peer.send(call.text('ACK', { body: `${SDP}a=answer\r\n` }));
      assert.equal((await acked.promise).remote.sdp, `${SDP}a=answer\r\n`);
    });

    it('sends an INVITE without an offer, and the answer to the callee’s offer in ACK', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = deferred<{ sdp: string; ack: (sdp: string) => Promise<AppDialog> }>();
      const creating = srf.createUAC as unknown as (uri: string, options: object) => Promise<never>;
      void creating.call(srf, uriOf(peer), { noAck: true }).then(outcome.resolve, outcome.reject);
      const invite = await peer.request('INVITE');
      assert.equal(invite.body, '');
      peer.send(responseText(invite, 200, { toTag: 'late', headers: [contactOf(peer)], body: `${SDP}a=offer\r\n` }));
      const { sdp, ack } = await outcome.promise;
      assert.equal(sdp, `${SDP}a=offer\r\n`);
      void ack(`${SDP}a=answer\r\n`);
      assert.equal((await peer.request('ACK')).body, `${SDP}a=answer\r\n`);
    });

    it('answers 491 to a re-INVITE that crosses one of ours', async function () {
      needsEmbedded(server(), this, 'drachtio-server leaves it to the application');
      const dialogs = deferred<AppDialog>();
      let modified = 0;
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: SDP }, (_error, made) => {
            made?.on('modify', (_reinvite, again) => {
              modified++;
              again.send(200, { body: SDP });
            });
            made?.on('ack', () => dialogs.resolve(made));
          });
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      const modifying = (await dialogs.promise).modify(`${SDP}a=sendonly\r\n`);
      const ours = await peer.request('INVITE');
      call.inside('INVITE', { headers: [`Contact: <${call.peerUri}>`], body: SDP });
      const theirs = await peer.response(491, 'INVITE');
      call.ackFailure(theirs);
      peer.send(responseText(ours, 200, { headers: [`Contact: <${call.peerUri}>`], body: SDP }));
      await peer.request('ACK');
      assert.equal(await modifying, SDP);
      assert.equal(modified, 0);
      call.inside('INVITE', { headers: [`Contact: <${call.peerUri}>`], body: `${SDP}a=inactive\r\n` });
      await peer.inbox.take('200', (message) => message.status === 200 && message.cseqNumber === call.cseq);
      call.ack();
      assert.equal(modified, 1);
    });

    it('answers 500 with Retry-After to a re-INVITE while another waits for its answer', async function () {
      needsEmbedded(server(), this, 'drachtio-server passes both on');
      const asked = deferred<AppAnswer>();
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: SDP }, (_error, made) =>
            made?.on('modify', (_reinvite, again) => asked.resolve(again)),
          );
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      const headers = [`Contact: <${call.peerUri}>`];
      call.inside('INVITE', { headers, body: `${SDP}a=1\r\n` });
      const first = await asked.promise;
      call.inside('INVITE', { headers, body: `${SDP}a=2\r\n` });
      const refused = await peer.response(500, 'INVITE');
      assert.equal(refused.cseqNumber, 3);
      assert.match(refused.header('Retry-After'), /^\d+$/);
      first.send(488);
      const final = await peer.response(488, 'INVITE');
      assert.equal(final.cseqNumber, 2);
    });

    it('takes a challenged request again, although its client has not counted CSeq on', async () => {
      await arena.app({
        register: (request, reply) => {
          if (request.has('authorization')) reply.send(200);
          else reply.send(401, { headers: { 'WWW-Authenticate': 'Digest realm="r", nonce="n"' } });
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      peer.send(call.text('REGISTER'));
      await peer.response(401, 'REGISTER');
      peer.send(call.text('REGISTER', { headers: ['Authorization: Digest username="u"'] }));
      await peer.response(200, 'REGISTER');
    });

    it('answers 482 to the copy of a request that came another way', async function () {
      needsEmbedded(server(), this, 'drachtio-server passes both on');
      let asked = 0;
      const replies = deferred<AppAnswer>();
      await arena.app({
        invite: (_request, reply) => {
          asked++;
          replies.resolve(reply);
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const reply = await replies.promise;
      peer.send(call.inviteText.replace(call.inviteBranch, 'z9hG4bKanotherway'));
      const merged = await peer.response(482, 'INVITE');
      assert.equal(merged.branch, 'z9hG4bKanotherway');
      reply.send(486);
      call.ackFailure(await peer.response(486, 'INVITE'));
      assert.equal(asked, 1);
    });
  });
}
