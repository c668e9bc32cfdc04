// What any drachtio server does for an application that calls. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, deferred, needsEmbedded, type ServerUnderTest } from './testing/arena.js';
import { answer, contactOf, uriOf } from './testing/called-peer.js';
import { Call, calleeRequestText, responseText, SDP, token } from './testing/sip-script.js';
import type { AppDialog, AppMessage, AppRequest, TestApplication } from './testing/test-application.js';

interface Outcome {
  readonly request: Promise<AppRequest>;
  readonly result: Promise<{ status?: number | undefined; dialog?: AppDialog; message?: string | undefined }>;
  readonly provisional: number[];
}

export function describeUacContract(server: () => ServerUnderTest): void {
  describe('calls of applications', () => {
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    function dial(srf: TestApplication, uri: string, options: object = {}): Outcome {
      const request = deferred<AppRequest>();
      const result = deferred<{ status?: number | undefined; dialog?: AppDialog; message?: string | undefined }>();
      const provisional: number[] = [];
      srf.createUAC(
        uri,
        { localSdp: SDP, callingNumber: '100', ...options },
        {
          cbRequest: (_error, sent) => request.resolve(sent),
          cbProvisional: (response) => provisional.push(response.status),
        },
        (error, dialog) => {
          if (dialog === undefined) result.resolve({ status: error?.status, message: error?.message });
          else result.resolve({ dialog });
        },
      );
      return { request: request.promise, result: result.promise, provisional };
    }

    for (const protocol of ['udp', 'tcp'] as const) {
      it(`connects a call over ${protocol} and ends it when the application hangs up`, async () => {
        const srf = await arena.app();
        const peer = protocol === 'udp' ? await arena.udpPeer() : await arena.tcpPeer();
        const listener = server()[protocol];
        const outcome = dial(srf, uriOf(peer), { headers: { 'X-Custom': 'yes' } });
        const invite = await peer.request('INVITE');
        assert.equal(invite.uri, uriOf(peer));
        assert.match(
          invite.header('Via'),
          new RegExp(`^SIP/2.0/${protocol.toUpperCase()} 127.0.0.1:${listener.port};`),
        );
        assert.match(invite.header('From'), new RegExp(`sip:100@127.0.0.1:${listener.port}.*;tag=`));
        assert.match(invite.header('Contact'), new RegExp(`sip:100@127.0.0.1:${listener.port}`));
        assert.equal(invite.header('Max-Forwards'), '70');
        assert.equal(invite.header('Content-Type'), 'application/sdp');
        assert.equal(invite.header('X-Custom'), 'yes');
        assert.equal(invite.body, SDP);
        const toTag = token();
        peer.send(responseText(invite, 100));
        peer.send(responseText(invite, 180, { toTag }));
        const ack = await answer(peer, invite, toTag);
        assert.equal(ack.uri, uriOf(peer));
        assert.equal(ack.cseqNumber, invite.cseqNumber);
        assert.equal(ack.toTag, toTag);
        assert.notEqual(ack.branch, invite.branch);
        const { dialog } = await outcome.result;
        assert.ok(dialog);
        assert.deepEqual(outcome.provisional, [180]);
        assert.equal(dialog.sip.remoteTag, toTag);
        assert.equal(dialog.remote.sdp, SDP);
        const ending = dialog.destroy({ headers: { Reason: 'Q.850;cause=16' } });
        const bye = await peer.request('BYE');
        assert.equal(bye.cseqNumber, invite.cseqNumber + 1);
        assert.equal(bye.header('Reason'), 'Q.850;cause=16');
        peer.send(responseText(bye, 200));
        await ending;
      });
    }

    it('tells the application of a callee who hangs up', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      const toTag = token();
      await answer(peer, invite, toTag);
      const { dialog } = await outcome.result;
      const ended = deferred<AppMessage>();
      dialog?.on('destroy', ended.resolve);
      peer.send(calleeRequestText('BYE', invite, peer, { toTag }));
      await peer.response(200, 'BYE');
      assert.equal((await ended.promise).method, 'BYE');
    });

    it('delivers a BYE that comes in the same segment as the 200', async function () {
      needsEmbedded(server(), this, 'drachtio-server leaves the 200 without an ACK');
      const srf = await arena.app();
      const peer = await arena.tcpPeer();
      const ended = deferred<AppMessage>();
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, (_error, dialog) => dialog?.on('destroy', ended.resolve));
      const invite = await peer.request('INVITE');
      const toTag = token();
      const ok = responseText(invite, 200, { toTag, headers: [contactOf(peer)], body: SDP });
      peer.send(ok + calleeRequestText('BYE', invite, peer, { toTag }));
      await peer.response(200, 'BYE');
      assert.equal((await ended.promise).method, 'BYE');
      // RFC 3261 §13.2.2.4: without its ACK the 200 would be repeated for 64·T1, dialog or not.
      await peer.request('ACK');
    });

    it('rejects with the status of the callee, and acknowledges it by itself', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 486, { toTag: 'busy' }));
      const ack = await peer.request('ACK');
      assert.equal(ack.branch, invite.branch);
      assert.equal(ack.toTag, 'busy');
      assert.equal((await outcome.result).status, 486);
      // The failure again: the ACK again, and nothing to the application.
      peer.send(responseText(invite, 486, { toTag: 'busy' }));
      await peer.request('ACK');
    });

    it('repeats a lost INVITE', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      peer.loseNext(2);
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      assert.equal(peer.lost, 2);
      peer.send(responseText(invite, 603, { toTag: 'no' }));
      assert.equal((await outcome.result).status, 603);
    });

    it('repeats the ACK for a repeated 200, which the application sees once', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      let answers = 0;
      const first = deferred<void>();
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, () => {
        answers++;
        first.resolve();
      });
      const invite = await peer.request('INVITE');
      const ok = responseText(invite, 200, { toTag: 'x', headers: [contactOf(peer)], body: SDP });
      peer.send(ok);
      const ack = await peer.request('ACK');
      peer.send(ok);
      assert.equal((await peer.request('ACK')).text, ack.text);
      await first.promise;
      assert.equal(answers, 1);
    });

    it('holds a CANCEL until a provisional response comes', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const request = await outcome.request;
      const invite = await peer.request('INVITE');
      const held = deferred<unknown>();
      request.cancel({ headers: { Reason: 'SIP;cause=408' } }, (error) => held.resolve(error));
      assert.equal(await held.promise, null);
      assert.equal(peer.inbox.untaken.filter((message) => message.method === 'CANCEL').length, 0);
      peer.send(responseText(invite, 100));
      const cancel = await peer.request('CANCEL');
      assert.equal(cancel.branch, invite.branch);
      assert.equal(cancel.uri, invite.uri);
      assert.equal(cancel.header('Reason'), 'SIP;cause=408');
      assert.equal(cancel.cseqNumber, invite.cseqNumber);
      assert.equal(cancel.toTag, undefined);
      peer.send(responseText(cancel, 200, { toTag: 'y' }));
      peer.send(responseText(invite, 487, { toTag: 'y' }));
      assert.equal((await outcome.result).status, 487);
      await peer.request('ACK');
    });

    it('sends a CANCEL at once while the callee rings', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const ringing = deferred<void>();
      const requests = deferred<AppRequest>();
      const result = deferred<number | undefined>();
      srf.createUAC(
        uriOf(peer),
        { localSdp: SDP },
        { cbRequest: (_error, sent) => requests.resolve(sent), cbProvisional: () => ringing.resolve() },
        (error) => result.resolve(error?.status),
      );
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 180, { toTag: 'y' }));
      await ringing.promise;
      (await requests.promise).cancel({});
      const cancel = await peer.request('CANCEL');
      peer.send(responseText(cancel, 200, { toTag: 'y' }));
      peer.send(responseText(invite, 487, { toTag: 'y' }));
      assert.equal(await result.promise, 487);
    });

    it('ends a call that was answered although it was cancelled', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const ended = deferred<string>();
      const requests = deferred<AppRequest>();
      srf.createUAC(
        uriOf(peer),
        { localSdp: SDP },
        { cbRequest: (_error, sent) => requests.resolve(sent) },
        (_error, dialog) => dialog?.on('destroy', (_request, reason) => ended.resolve(reason)),
      );
      const invite = await peer.request('INVITE');
      const cancelled = deferred<void>();
      (await requests.promise).cancel({}, () => cancelled.resolve());
      await cancelled.promise;
      peer.send(responseText(invite, 200, { toTag: 'z', headers: [contactOf(peer)], body: SDP }));
      await peer.request('ACK');
      const bye = await peer.request('BYE');
      assert.match(bye.header('Reason'), /cancel race condition/);
      peer.send(responseText(bye, 200));
      assert.equal(await ended.promise, 'ACK-BYE due to cancel race condition');
      assert.equal(peer.inbox.untaken.filter((message) => message.method === 'CANCEL').length, 0);
    });

    it('refuses to cancel what is over', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const request = await outcome.request;
      peer.send(responseText(await peer.request('INVITE'), 404, { toTag: 'z' }));
      await outcome.result;
      const refused = deferred<unknown>();
      request.cancel({}, (error) => refused.resolve(error));
      assert.match(String(await refused.promise), /unable to cancel unknown transaction id/);
    });

    it('passes a re-INVITE of the application, and the callee’s ringing does not lose its answer', async function () {
      if (server().control === null) {
        console.log('      skipped: drachtio-server loses the final response after a provisional one');
        this.skip();
      }
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'w');
      const { dialog } = await outcome.result;
      assert.ok(dialog);
      const modifying = dialog.modify(`${SDP}a=sendonly\r\n`);
      const reinvite = await peer.request('INVITE');
      assert.equal(reinvite.cseqNumber, invite.cseqNumber + 1);
      assert.equal(reinvite.toTag, 'w');
      assert.equal(reinvite.header('Contact'), invite.header('Contact'));
      peer.send(responseText(reinvite, 100));
      peer.send(responseText(reinvite, 180));
      peer.send(responseText(reinvite, 200, { headers: [contactOf(peer)], body: `${SDP}a=recvonly\r\n` }));
      const ack = await peer.request('ACK');
      assert.equal(ack.cseqNumber, reinvite.cseqNumber);
      assert.equal(await modifying, `${SDP}a=recvonly\r\n`);
    });

    it('passes a re-INVITE of the callee', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const acked = deferred<AppMessage>();
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, (_error, dialog) => {
        dialog?.on('modify', (_request, reply) => reply.send(200, { body: SDP }));
        dialog?.on('ack', acked.resolve);
      });
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'v');
      const headers = [contactOf(peer)];
      peer.send(calleeRequestText('INVITE', invite, peer, { toTag: 'v', headers, body: SDP }));
      await peer.response(100, 'INVITE');
      await peer.response(200, 'INVITE');
      peer.send(calleeRequestText('ACK', invite, peer, { toTag: 'v' }));
      assert.equal((await acked.promise).method, 'ACK');
    });

    it('answers both sides of a back-to-back call', async () => {
      const callee = await arena.udpPeer();
      const connected = deferred<void>();
      const srf = await arena.app({
        invite: (request, reply) => {
          srf
            .createB2BUA(request, reply, uriOf(callee), { localSdpB: request.body })
            .then(({ uas, uac }) => {
              uas.on('destroy', () => void uac.destroy());
              uac.on('destroy', () => void uas.destroy());
              connected.resolve();
            })
            .catch(() => undefined);
        },
      });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const invite = await callee.request('INVITE');
      callee.send(responseText(invite, 180, { toTag: 'b' }));
      await caller.response(180, 'INVITE');
      await answer(callee, invite, 'b');
      call.learn(await caller.response(200, 'INVITE'));
      call.ack();
      // A promise resolves late: a BYE that were faster would find drachtio-srf's dialogs without listeners.
      await connected.promise;
      call.inside('BYE');
      await caller.response(200, 'BYE');
      const bye = await callee.request('BYE');
      callee.send(responseText(bye, 200));
    });

    it('follows the route set of the callee, a strict router first', async function () {
      needsEmbedded(server(), this, 'drachtio-server sends nothing to a strict router');
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      // The far end lists its routes in the order of the request; ours is the reverse.
      const headers = [
        'Contact: <sip:4711@10.1.1.1:5070>',
        `Record-Route: <sip:10.1.1.2;lr>, <sip:${address}:${port};strict=yes>`,
      ];
      peer.send(responseText(invite, 200, { toTag: 'r', headers, body: SDP }));
      const ack = await peer.request('ACK');
      assert.equal(ack.uri, `sip:${address}:${port};strict=yes`);
      assert.deepEqual(ack.headers('Route').join(', '), '<sip:10.1.1.2;lr>, <sip:4711@10.1.1.1:5070>');
      await outcome.result;
    });

    it('sends ACK and BYE to the source of a callee whose Contact lies', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      const headers = ['Contact: <sip:4711@10.99.99.99:5999>'];
      peer.send(responseText(invite, 200, { toTag: 'n', headers, body: SDP }));
      assert.equal((await peer.request('ACK')).uri, 'sip:4711@10.99.99.99:5999');
      const { dialog } = await outcome.result;
      const ending = dialog?.destroy();
      peer.send(responseText(await peer.request('BYE'), 200));
      await ending;
    });

    it('sends OPTIONS by a next hop, and the answer is delivered', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const status = deferred<number>();
      srf.request('sip:somewhere.invalid', { method: 'OPTIONS', proxy: `sip:${address}:${port}` }, (_error, request) =>
        request?.on('response', (response) => status.resolve(response.status)),
      );
      const options = await peer.request('OPTIONS');
      assert.equal(options.uri, 'sip:somewhere.invalid');
      assert.equal(options.headers('Route').length, 0);
      assert.equal(options.headers('Contact').length, 0);
      peer.send(responseText(options, 200, { toTag: 'o' }));
      assert.equal(await status.promise, 200);
    });

    it('acknowledges and ends a call whose Contact leads nowhere, where it was answered from', async function () {
      needsEmbedded(server(), this, 'drachtio-server finds no route then');
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      const headers = [`Contact: <sip:4711@127.0.0.1:${peer.local.port};transport=sctp>`];
      peer.send(responseText(invite, 200, { toTag: 'c', headers, body: SDP }));
      await peer.request('ACK');
      const { dialog } = await outcome.result;
      assert.ok(dialog);
      const ending = dialog.destroy();
      peer.send(responseText(await peer.request('BYE'), 200));
      await ending;
    });

    it('sends by a connection that is open, and opens none where it may not', async function () {
      needsEmbedded(server(), this, 'drachtio-server opens one');
      const srf = await arena.app();
      const peer = await arena.tcpPeer();
      const ask = ({ address, port }: { address: string; port: number }, uri = 'sip:somewhere.invalid') => {
        const sent = deferred<unknown>();
        const proxy = `sip:${address}:${port};transport=tcp;open-connection`;
        srf.request(uri, { method: 'OPTIONS', proxy }, (error) => sent.resolve(error));
        return sent.promise;
      };
      peer.send(new Call(peer, server().tcp).text('OPTIONS'));
      await peer.response(503, 'OPTIONS');
      // The second says that it is at an address of ours, as one behind a NAT may.
      const { tcp } = server();
      for (const uri of ['sip:somewhere.invalid', `sip:pbx@${tcp.address}:${tcp.port};transport=tcp`]) {
        assert.equal(await ask(peer.connectedFrom, uri), null);
        const options = await peer.request('OPTIONS');
        assert.equal(options.uri, uri);
        peer.send(responseText(options, 200, { toTag: 'o' }));
      }
      assert.match(String(await ask(peer.local)), /no connection is open/);
      assert.equal(peer.accepted, 0);
    });

    it('ends the dialog of a former process by a BYE of its own making', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const status = deferred<number>();
      srf.request(
        'sip:4711@10.1.2.3:5060',
        {
          method: 'BYE',
          proxy: `sip:${address}:${port}`,
          headers: {
            'Call-ID': 'an-old-call',
            From: '<sip:100@127.0.0.1>;tag=ours',
            To: '<sip:4711@10.1.2.3>;tag=theirs',
            CSeq: '4242 BYE',
            'Max-Forwards': '9',
          },
        },
        (_error, request) => request?.on('response', (response) => status.resolve(response.status)),
      );
      const bye = await peer.request('BYE');
      assert.equal(bye.uri, 'sip:4711@10.1.2.3:5060');
      assert.equal(bye.header('Call-ID'), 'an-old-call');
      assert.equal(bye.header('From'), '<sip:100@127.0.0.1>;tag=ours');
      assert.equal(bye.header('To'), '<sip:4711@10.1.2.3>;tag=theirs');
      assert.equal(bye.header('CSeq'), '4242 BYE');
      assert.equal(bye.header('Max-Forwards'), '9');
      peer.send(responseText(bye, 481));
      assert.equal(await status.promise, 481);
    });

    it('sends a challenged INVITE again with credentials, in the same call', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer), { auth: { username: 'u', password: 'p' } });
      const first = await peer.request('INVITE');
      const challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5';
      peer.send(responseText(first, 401, { toTag: 'challenge', headers: [challenge] }));
      await peer.request('ACK');
      const second = await peer.request('INVITE');
      assert.equal(second.header('Call-ID'), first.header('Call-ID'));
      assert.equal(second.header('From'), first.header('From'));
      assert.equal(second.toTag, undefined);
      assert.equal(second.cseqNumber, first.cseqNumber + 1);
      assert.match(second.header('Authorization'), /^Digest .*username="u"/);
      const ack = await answer(peer, second, 'granted');
      assert.equal(ack.cseqNumber, second.cseqNumber);
      assert.ok((await outcome.result).dialog);
    });

    it('subscribes, and takes notifications until the subscription is terminated', async function () {
      needsEmbedded(server(), this, 'drachtio-server answers 500 to the last one');
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const notified = deferred<AppMessage>();
      srf.createUAC(
        uriOf(peer),
        { method: 'SUBSCRIBE', headers: { Event: 'dialog', From: '<sip:4711@localhost>' } },
        {},
        (_error, dialog) => {
          dialog?.on('notify', (request, reply) => {
            reply.send(200);
            notified.resolve(request);
          });
        },
      );
      const subscribe = await peer.request('SUBSCRIBE');
      const headers = [contactOf(peer)];
      peer.send(responseText(subscribe, 202, { toTag: 's', headers: [...headers, 'Expires: 60'] }));
      const notify = (cseq: number, state: string): string =>
        calleeRequestText('NOTIFY', subscribe, peer, {
          toTag: 's',
          cseq,
          headers: [...headers, 'Event: dialog', `Subscription-State: ${state}`],
        });
      peer.send(notify(1, 'active'));
      await peer.response(200, 'NOTIFY');
      assert.equal((await notified.promise).get('subscription-state'), 'active');
      peer.send(notify(2, 'terminated;reason=timeout'));
      await peer.response(200, 'NOTIFY');
      peer.send(notify(3, 'active'));
      const stray = await peer.inbox.take('answer', (message) => message.status > 200);
      assert.equal(stray.cseqNumber, 3);
    });

    it('passes REFER and the NOTIFY that follows it inside a call', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'q');
      const { dialog } = await outcome.result;
      assert.ok(dialog);
      const notified = deferred<AppMessage>();
      dialog.on('notify', (request, reply) => {
        reply.send(200);
        notified.resolve(request);
      });
      const referring = dialog.request({ method: 'REFER', headers: { 'Refer-To': '<sip:c@d>' } });
      const refer = await peer.request('REFER');
      assert.equal(refer.header('Contact'), invite.header('Contact'));
      assert.equal(refer.header('Refer-To'), '<sip:c@d>');
      peer.send(responseText(refer, 202));
      assert.equal((await referring).status, 202);
      const headers = ['Event: refer', 'Subscription-State: terminated;reason=noresource'];
      peer.send(calleeRequestText('NOTIFY', invite, peer, { toTag: 'q', headers }));
      await peer.response(200, 'NOTIFY');
      assert.equal((await notified.promise).get('event'), 'refer');
      // The call goes on: a terminated subscription is not a terminated call.
      const ending = dialog.destroy();
      peer.send(responseText(await peer.request('BYE'), 200));
      await ending;
    });

    it('refuses what cannot be sent, with a reason', async () => {
      const srf = await arena.app();
      const { address, port } = server().udp;
      const reasonFor = async (uri: string, options: object): Promise<string> => {
        const reason = deferred<string>();
        srf.request(uri, { method: 'MESSAGE', ...options }, (error) => reason.resolve(String(error)));
        return reason.promise;
      };
      assert.match(await reasonFor('nonsense', {}), /invalid request-uri: MESSAGE nonsense SIP\/2.0/);
      assert.match(await reasonFor(`sip:${address}:${port}`, {}), /can not send request to myself/);
      assert.match(await reasonFor('sip:a@10.0.0.1', { body: 'hello' }), /missing content-type/);
      assert.match(await reasonFor('sip:a@10.0.0.1;transport=tls', {}), /requested protocol\/transport not available/);
      assert.match(await reasonFor('sip:a@[2001:db8::1]', {}), /requested protocol\/transport not available/);
    });

    it('reports a refused TCP connection as 503', async () => {
      const srf = await arena.app();
      const peer = await arena.tcpPeer();
      peer.close();
      assert.equal((await dial(srf, uriOf(peer)).result).status, 503);
    });

    it('reports a refused UDP port as 503', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      peer.close();
      assert.equal((await dial(srf, uriOf(peer)).result).status, 503);
      // The second attempt does not wait for anything.
      assert.equal((await dial(srf, uriOf(peer)).result).status, 503);
    });

    it('keeps talking to a UDP peer that was once refused', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      peer.loseNext(2);
      const first = dial(srf, uriOf(peer));
      peer.send(responseText(await peer.request('INVITE'), 486, { toTag: '1' }));
      assert.equal((await first.result).status, 486);
      const second = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      await answer(peer, invite, '2');
      const { dialog } = await second.result;
      const ended = deferred<AppMessage>();
      dialog?.on('destroy', ended.resolve);
      peer.send(calleeRequestText('BYE', invite, peer, { toTag: '2' }));
      await ended.promise;
    });

    it('calls over TCP again on the connection that is open', async () => {
      const srf = await arena.app();
      const peer = await arena.tcpPeer();
      for (const toTag of ['1', '2']) {
        const outcome = dial(srf, uriOf(peer));
        // Responses go back on the connection that the server opened.
        const invite = await peer.request('INVITE');
        peer.reply(responseText(invite, 486, { toTag }));
        assert.equal((await outcome.result).status, 486);
      }
      assert.equal(peer.accepted, 1);
    });

    it('acknowledges and ends the second answer of a forked call', async function () {
      if (server().control === null) {
        console.log('      skipped: not known how drachtio-server treats the second answer');
        this.skip();
      }
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const told: string[] = [];
      server().control?.on('answer:forked', ({ callId }) => told.push(callId));
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'first');
      const { dialog } = await outcome.result;
      assert.ok(dialog);
      let hasEnded = false;
      dialog.on('destroy', () => {
        hasEnded = true;
      });
      const ack = await answer(peer, invite, 'second');
      assert.equal(ack.toTag, 'second');
      const bye = await peer.request('BYE');
      assert.equal(bye.toTag, 'second');
      peer.send(responseText(bye, 200));
      // Said again, because the ACK was lost: the same ACK, and no other BYE.
      assert.equal((await answer(peer, invite, 'second')).toTag, 'second');
      // The branch that is talking goes on, and only its own end is told.
      dialog.destroy();
      const last = await peer.request('BYE');
      assert.deepEqual([last.toTag, hasEnded, told], ['first', false, [invite.header('Call-ID')]]);
      peer.send(responseText(last, 200));
    });

    it('rejects a call that is answered without a Contact', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const outcome = dial(srf, uriOf(peer));
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 200, { toTag: 'c', body: SDP }));
      assert.equal((await outcome.result).status, 500);
      // drachtio-srf acknowledges it before it looks; without an ACK the peer would repeat it for 64·T1.
      if (server().control !== null) assert.equal((await peer.request('ACK')).uri, invite.uri);
    });
  });
}
