// What any drachtio server does for an application that is called. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, deferred, needsEmbedded, type ServerUnderTest } from './testing/arena.js';
import { branch, Call, responseText, SDP, sipText, token } from './testing/sip-script.js';
import type { AppAnswer, AppDialog, AppMessage, AppRequest } from './testing/test-application.js';

export function describeUasContract(server: () => ServerUnderTest): void {
  describe('calls from peers', () => {
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    /** An application that takes every call and hands each dialog over in the tick that makes it. */
    async function takingCalls(onDialog: (dialog: AppDialog) => void): Promise<void> {
      const srf = await arena.app({
        invite: (request, answer) => {
          srf.createUAS(request, answer, { localSdp: SDP }, (_error, made) => {
            if (made !== undefined) onDialog(made);
          });
        },
      });
    }

    it('connects a call over UDP and ends it when the caller hangs up', async () => {
      const dialogs = deferred<AppDialog>();
      await takingCalls(dialogs.resolve);
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const trying = await peer.response(100, 'INVITE');
      assert.equal(trying.toTag, undefined);
      const ok = await peer.response(200, 'INVITE');
      assert.equal(ok.body, SDP);
      assert.equal(ok.header('Content-Type'), 'application/sdp');
      assert.match(ok.header('Contact'), new RegExp(`^<sip:127\\.0\\.0\\.1:${server().udp.port}>$`));
      assert.match(ok.header('Via'), new RegExp(`;rport=${peer.local.port}`));
      const dialog = await dialogs.promise;
      assert.equal(dialog.id, `${call.callId};from-tag=${call.fromTag}`);
      assert.equal(dialog.sip.localTag, ok.toTag);
      call.learn(ok);
      const acked = deferred<AppMessage>();
      const ended = deferred<AppMessage>();
      dialog.on('ack', acked.resolve);
      dialog.on('destroy', ended.resolve);
      call.ack();
      assert.equal((await acked.promise).method, 'ACK');
      call.inside('BYE');
      assert.equal((await ended.promise).method, 'BYE');
      await peer.response(200, 'BYE');
    });

    it('connects a call over TCP and ends it when the application hangs up', async () => {
      const dialogs = deferred<AppDialog>();
      await takingCalls(dialogs.resolve);
      const peer = await arena.tcpPeer();
      const call = new Call(peer, server().tcp);
      call.invite();
      const ok = await peer.response(200, 'INVITE');
      assert.match(ok.header('Contact'), /;transport=tcp>$/);
      call.learn(ok);
      call.ack();
      const dialog = await dialogs.promise;
      const ending = dialog.destroy();
      const bye = await peer.request('BYE');
      assert.equal(bye.header('From'), ok.header('To'));
      assert.equal(bye.header('To'), ok.header('From'));
      assert.equal(bye.uri, call.peerUri);
      assert.equal(bye.cseqNumber, call.cseq + 1);
      peer.send(responseText(bye, 200));
      await ending;
    });

    it('gives the application the request as received, with the source in its Via', async () => {
      const requests = deferred<AppRequest>();
      await arena.app({
        invite: (request, answer) => {
          requests.resolve(request);
          answer.send(486);
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, { headers: ['x-Odd-CASE: a, "b;c"', 'Subject: čeština 🎧'] });
      call.invite();
      const request = await requests.promise;
      assert.equal(request.get('x-odd-case'), 'a, "b;c"');
      assert.equal(request.get('Subject'), 'čeština 🎧');
      assert.equal(request.source_address, '127.0.0.1');
      assert.equal(request.source_port, peer.local.port);
      assert.equal(request.protocol, 'udp');
      assert.equal(request.receivedOn, `127.0.0.1:${server().udp.port}`);
      assert.match(request.get('via') ?? '', new RegExp(`;rport=${peer.local.port}`));
      call.ackFailure(await peer.response(486, 'INVITE'));
    });

    it('passes provisional responses with one tag and the same body to the final one', async () => {
      await arena.app({
        invite: (_request, answer) => {
          answer.send(180);
          answer.send(183, { body: SDP });
          answer.send(480, { headers: { Reason: 'Q.850;cause=34', 'X-mixedCase': '1', 'foo-bar': '2' } });
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const ringing = await peer.response(180, 'INVITE');
      const progress = await peer.response(183, 'INVITE');
      const final = await peer.response(480, 'INVITE');
      assert.ok(ringing.toTag);
      assert.equal(progress.toTag, ringing.toTag);
      assert.equal(progress.body, SDP);
      assert.equal(final.toTag, ringing.toTag);
      assert.equal(final.header('Reason'), 'Q.850;cause=34');
      assert.ok(final.text.includes('\r\nX-mixedCase: 1\r\n'));
      assert.ok(final.text.includes('\r\nFoo-Bar: 2\r\n'));
      call.ackFailure(final);
    });

    it('takes the tag that the application chooses in its first answer', async () => {
      await arena.app({
        invite: (request, answer) => answer.send(404, { headers: { To: `${request.get('to')};tag=chosen` } }),
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const final = await peer.response(404, 'INVITE');
      assert.equal(final.toTag, 'chosen');
      call.ackFailure(final);
    });

    it('puts its own address where the application writes localhost', async () => {
      await arena.app({
        invite: (_request, answer) => answer.send(302, { headers: { Contact: '<sip:other@localhost>' } }),
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const final = await peer.response(302, 'INVITE');
      assert.equal(final.header('Contact'), `<sip:other@127.0.0.1:${server().udp.port}>`);
      call.ackFailure(final);
    });

    it('passes a caller who hangs up in the same segment as its ACK', async () => {
      const ended = deferred<AppMessage>();
      await takingCalls((dialog) => dialog.on('destroy', ended.resolve));
      const peer = await arena.tcpPeer();
      const call = new Call(peer, server().tcp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      const ack = call.text('ACK');
      call.cseq++;
      peer.send(ack + call.text('BYE'));
      assert.equal((await ended.promise).method, 'BYE');
      await peer.response(200, 'BYE');
    });

    it('absorbs a repeated INVITE and repeats its last response', async () => {
      let calls = 0;
      const answers = deferred<AppAnswer>();
      await arena.app({
        invite: (_request, answer) => {
          calls++;
          answer.send(180);
          answers.resolve(answer);
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const first = await peer.response(180, 'INVITE');
      call.invite();
      const again = await peer.response(180, 'INVITE');
      assert.equal(again.text, first.text);
      (await answers.promise).send(486);
      call.ackFailure(await peer.response(486, 'INVITE'));
      assert.equal(calls, 1);
    });

    it('repeats a lost 200 until the ACK comes', async () => {
      const acked = deferred<AppMessage>();
      await takingCalls((dialog) => dialog.on('ack', acked.resolve));
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      await peer.response(100, 'INVITE');
      peer.loseNext(2);
      const ok = await peer.response(200, 'INVITE');
      assert.equal(peer.lost, 2);
      call.learn(ok);
      call.ack();
      assert.equal((await acked.promise).method, 'ACK');
    });

    it('tells the application once when an ACK comes twice', async function () {
      if (server().control === null) {
        console.log('      skipped: drachtio-server tells it twice now and then');
        this.skip();
      }
      let acks = 0;
      const first = deferred<void>();
      const ended = deferred<AppMessage>();
      await takingCalls((dialog) => {
        dialog.on('ack', () => {
          acks++;
          first.resolve();
        });
        dialog.on('destroy', ended.resolve);
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      await first.promise;
      call.ack();
      call.inside('BYE');
      await ended.promise;
      assert.equal(acks, 1);
    });

    it('tells the application of a CANCEL before any answer, and answers it and the INVITE', async () => {
      const cancelled = deferred<void>();
      const arrived = deferred<AppAnswer>();
      await arena.app({
        invite: (request, answer) => {
          request.on('cancel', () => cancelled.resolve());
          arrived.resolve(answer);
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const answer = await arrived.promise;
      call.cancel();
      await peer.response(200, 'CANCEL');
      call.ackFailure(await peer.response(487, 'INVITE'));
      await cancelled.promise;
      const late = deferred<unknown>();
      answer.send(200, { body: SDP }, (error) => late.resolve(error));
      assert.equal(await late.promise, 'Response not sent due to unknown transaction');
    });

    it('tells the application of a CANCEL while ringing', async () => {
      const cancelled = deferred<AppMessage>();
      await arena.app({
        invite: (request, answer) => {
          request.on('cancel', cancelled.resolve);
          answer.send(180);
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const ringing = await peer.response(180, 'INVITE');
      call.cancel();
      const ok = await peer.response(200, 'CANCEL');
      assert.equal(ok.toTag, ringing.toTag);
      const terminated = await peer.response(487, 'INVITE');
      assert.equal(terminated.toTag, ringing.toTag);
      call.ackFailure(terminated);
      assert.equal((await cancelled.promise).method, 'CANCEL');
    });

    it('answers 481 to a CANCEL that crosses the 200, and ends the call', async function () {
      needsEmbedded(server(), this, 'drachtio-server 0.9.10 lets the call be');
      const ended = deferred<string>();
      await takingCalls((dialog) => dialog.on('destroy', (_request, reason) => ended.resolve(reason)));
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.cancel();
      await peer.response(481, 'CANCEL');
      const bye = await peer.request('BYE');
      assert.match(bye.header('Reason'), /CANCEL after 200 OK/);
      peer.send(responseText(bye, 200));
      call.ack();
      assert.equal(await ended.promise, 'CANCEL after 200 OK');
    });

    it('answers 481 to a CANCEL for nothing', async () => {
      const peer = await arena.udpPeer();
      new Call(peer, server().udp).cancel();
      await peer.response(481, 'CANCEL');
    });

    it('answers 481 to BYE and UPDATE outside a dialog, and to an INVITE with an unknown tag', async () => {
      await arena.app({ invite: (_request, answer) => answer.send(200) });
      const peer = await arena.udpPeer();
      peer.send(new Call(peer, server().udp).text('BYE', { toTag: 'nobody' }));
      await peer.response(481, 'BYE');
      peer.send(new Call(peer, server().udp).text('UPDATE', { toTag: 'nobody' }));
      await peer.response(481, 'UPDATE');
      const call = new Call(peer, server().udp);
      peer.send(call.text('INVITE', { branch: call.inviteBranch, toTag: 'nobody', body: SDP }));
      call.ackFailure(await peer.response(481, 'INVITE'));
    });

    it('answers 481 to another request with an unknown tag that no application wants', async function () {
      if (server().control === null) {
        console.log('      skipped: drachtio-server treats it as a new request');
        this.skip();
      }
      const peer = await arena.udpPeer();
      peer.send(new Call(peer, server().udp).text('INFO', { toTag: 'nobody' }));
      await peer.response(481, 'INFO');
    });

    it('answers 503 when no application wants the method', async () => {
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      await peer.response(100, 'INVITE');
      call.ackFailure(await peer.response(503, 'INVITE'));
      peer.send(new Call(peer, server().udp).text('OPTIONS'));
      await peer.response(503, 'OPTIONS');
    });

    for (const method of ['OPTIONS', 'REGISTER', 'MESSAGE', 'INFO', 'NOTIFY', 'PUBLISH']) {
      it(`passes ${method} and its answer`, async () => {
        await arena.app({
          [method.toLowerCase()]: (request: AppRequest, answer: AppAnswer) =>
            answer.send(200, { headers: { 'X-Echo': request.get('X-Ask') ?? '' } }),
        });
        const peer = await arena.udpPeer();
        peer.send(new Call(peer, server().udp).text(method, { headers: ['X-Ask: 42'] }));
        const ok = await peer.response(200, method);
        assert.equal(ok.header('X-Echo'), '42');
        assert.ok(ok.toTag);
      });
    }

    it('repeats the answer to a repeated OPTIONS without asking again', async () => {
      let asked = 0;
      await arena.app({
        options: (_request, answer) => {
          asked++;
          answer.send(200);
        },
      });
      const peer = await arena.udpPeer();
      const text = new Call(peer, server().udp).text('OPTIONS');
      peer.send(text);
      const first = await peer.response(200, 'OPTIONS');
      peer.send(text);
      assert.equal((await peer.response(200, 'OPTIONS')).text, first.text);
      assert.equal(asked, 1);
    });

    it('answers SUBSCRIBE with a dialog that carries NOTIFY', async () => {
      const dialogs = deferred<AppDialog>();
      const srf = await arena.app({
        subscribe: (request, answer) => {
          srf.createUAS(
            request,
            answer,
            { headers: { Expires: '60' } },
            (_error, made) => made && dialogs.resolve(made),
          );
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      const contact = `Contact: <${call.peerUri}>`;
      peer.send(call.text('SUBSCRIBE', { headers: [contact, 'Event: dialog', 'Expires: 60'] }));
      await peer.response(202, 'SUBSCRIBE');
      const dialog = await dialogs.promise;
      const sending = dialog.request({
        method: 'NOTIFY',
        headers: { Event: 'dialog', 'Subscription-State': 'active', 'Content-Type': 'text/plain' },
        body: 'state',
      });
      const notify = await peer.request('NOTIFY');
      assert.equal(notify.body, 'state');
      assert.equal(notify.header('Content-Type'), 'text/plain');
      peer.send(responseText(notify, 200));
      assert.equal((await sending).status, 200);
    });

    it('passes a re-INVITE of the caller and the ACK to its answer', async () => {
      const acks: AppMessage[] = [];
      const secondAck = deferred<void>();
      await takingCalls((dialog) => {
        dialog.on('modify', (_reinvite, reanswer) => reanswer.send(200, { body: `${SDP}a=again\r\n` }));
        dialog.on('ack', (ack) => {
          acks.push(ack);
          if (acks.length === 2) secondAck.resolve();
        });
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      call.inside('INVITE', { headers: [`Contact: <${call.peerUri}>`], body: `${SDP}a=sendonly\r\n` });
      const ok = await peer.inbox.take('200 to re-INVITE', (m) => m.status === 200 && m.cseqNumber === 2);
      assert.equal(ok.body, `${SDP}a=again\r\n`);
      call.ack();
      await secondAck.promise;
      assert.equal(acks[1]?.get('cseq'), '2 ACK');
    });

    it('passes INFO inside a dialog and refuses one that is out of order', async function () {
      needsEmbedded(server(), this, 'drachtio-server passes both on');
      await takingCalls((dialog) =>
        dialog.on('info', (info, reply) => reply.send(200, { headers: { 'X-Got': info.body ?? '' } })),
      );
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.cseq = 10;
      peer.send(call.text('INVITE', { branch: call.inviteBranch, headers: [`Contact: <${call.peerUri}>`], body: SDP }));
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      call.inside('INFO', { body: 'Signal=1' });
      assert.equal((await peer.response(200, 'INFO')).header('X-Got'), 'Signal=1');
      call.cseq = 3;
      call.inside('INFO');
      await peer.response(500, 'INFO');
    });

    it('sends requests in the dialog along the route set, to a loose router', async () => {
      const dialogs = deferred<AppDialog>();
      await takingCalls(dialogs.resolve);
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const routes = [`<sip:${address}:${port};lr;hop=1>`, '<sip:10.9.9.9;lr;hop=2>'];
      const call = new Call(peer, server().udp, { headers: [`Record-Route: ${routes.join(', ')}`] });
      call.invite();
      const ok = await peer.response(200, 'INVITE');
      assert.deepEqual(ok.headers('Record-Route').join(', '), routes.join(', '));
      call.learn(ok);
      call.ack();
      const ending = (await dialogs.promise).destroy();
      const bye = await peer.request('BYE');
      assert.equal(bye.uri, call.peerUri);
      assert.equal(bye.headers('Route').join(', '), routes.join(', '));
      peer.send(responseText(bye, 200));
      await ending;
    });

    it('sends requests in the dialog to the source of a caller whose Contact lies', async () => {
      const dialogs = deferred<AppDialog>();
      await takingCalls(dialogs.resolve);
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, { contact: '<sip:peer@10.99.99.99:5999>' });
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      const ending = (await dialogs.promise).destroy();
      const bye = await peer.request('BYE');
      assert.equal(bye.uri, 'sip:peer@10.99.99.99:5999');
      peer.send(responseText(bye, 200));
      await ending;
    });

    it('carries a message of 60,000 bytes byte for byte', async function () {
      needsEmbedded(server(), this, 'drachtio-server does not take it');
      const body = `v=0\r\n${'č🎧x'.repeat(8500)}`;
      const got = deferred<AppRequest>();
      const srf = await arena.app({
        invite: (request, answer) => {
          got.resolve(request);
          srf.createUAS(request, answer, { localSdp: body }, () => undefined);
        },
      });
      const peer = await arena.tcpPeer();
      const call = new Call(peer, server().tcp, { body });
      call.invite();
      const request = await got.promise;
      assert.equal(request.body, body);
      const ok = await peer.response(200, 'INVITE');
      assert.equal(ok.body, body);
      call.learn(ok);
      call.ack();
    });

    it('reads a message that comes byte by byte, and three in one segment', async function () {
      needsEmbedded(server(), this, 'drachtio-server loses the one that comes byte by byte');
      await arena.app({ options: (_request, answer) => answer.send(200) });
      const peer = await arena.tcpPeer();
      const text = new Call(peer, server().tcp).text('OPTIONS', { body: SDP });
      for (const byte of Buffer.from(text)) peer.send(Buffer.from([byte]));
      await peer.response(200, 'OPTIONS');
      peer.send([1, 2, 3].map(() => new Call(peer, server().tcp).text('OPTIONS')).join('\r\n'));
      for (let count = 0; count < 3; count++) await peer.response(200, 'OPTIONS');
    });

    it('understands compact headers, folded lines and any case', async function () {
      needsEmbedded(server(), this, 'drachtio-server answers 500');
      const requests = deferred<AppRequest>();
      await arena.app({
        options: (request, answer) => {
          requests.resolve(request);
          answer.send(200);
        },
      });
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      peer.send(
        sipText(`OPTIONS sip:x@${server().udp.address} SIP/2.0`, [
          `v:SIP / 2.0 / UDP ${address}:${port} ;branch=${branch()}`,
          `f: "Folded\r\n  name" <sip:a@b>;tag=${token()}`,
          't  :  sip:x@y',
          `i: ${token()}`,
          'cSEQ: 7\r\n\tOPTIONS',
        ]),
      );
      const request = await requests.promise;
      assert.match(request.get('from') ?? '', /^"Folded\s+name" <sip:a@b>/);
      const ok = await peer.response(200, 'OPTIONS');
      assert.equal(ok.header('CSeq'), '7 OPTIONS');
    });
  });
}
