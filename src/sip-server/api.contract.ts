// What else drachtio-srf's public API asks of a server: hold, offers in 200, redirections, B2BUA with failures, routes taken
// back, requests by a proxy. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Arena, deferred, type ServerUnderTest } from './testing/arena.js';
import { answer, contactOf, uriOf } from './testing/called-peer.js';
import { Call, calleeRequestText, responseText, SDP } from './testing/sip-script.js';
import type { AppDialog, AppMessage, AppRequest, TestApplication } from './testing/test-application.js';

export function describeApiContract(server: () => ServerUnderTest): void {
  describe('the API of drachtio-srf', () => {
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    const ACTIVE = `${SDP}a=sendrecv\r\n`;

    /** A call that the application has placed, and the INVITE that its callee got. */
    async function placed(options: object = {}): Promise<{
      srf: TestApplication;
      peer: Awaited<ReturnType<Arena['udpPeer']>>;
      dialog: AppDialog;
      invite: Awaited<ReturnType<Awaited<ReturnType<Arena['udpPeer']>>['request']>>;
    }> {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const dialogs = deferred<AppDialog>();
      srf.createUAC(uriOf(peer), { localSdp: ACTIVE, ...options }, {}, (_error, made) => made && dialogs.resolve(made));
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'api');
      return { srf, peer, dialog: await dialogs.promise, invite };
    }

    it('puts the callee on hold and takes it back', async () => {
      const { peer, dialog } = await placed();
      for (const [word, expected] of [
        ['hold', 'a=inactive'],
        ['unhold', 'a=sendrecv'],
      ] as const) {
        const modifying = dialog.modify(word);
        const reinvite = await peer.request('INVITE');
        assert.ok(reinvite.body.includes(expected), reinvite.body);
        peer.send(responseText(reinvite, 200, { headers: [contactOf(peer)], body: SDP }));
        await peer.request('ACK');
        await modifying;
      }
    });

    it('asks the callee for an offer, and answers it in ACK', async () => {
      const { peer, dialog } = await placed();
      const modifying = dialog.modify({ noAck: true });
      const reinvite = await peer.request('INVITE');
      assert.equal(reinvite.body, '');
      peer.send(responseText(reinvite, 200, { headers: [contactOf(peer)], body: `${SDP}a=offer\r\n` }));
      const { sdp, ack } = await modifying;
      assert.equal(sdp, `${SDP}a=offer\r\n`);
      ack(`${SDP}a=answer\r\n`);
      assert.equal((await peer.request('ACK')).body, `${SDP}a=answer\r\n`);
    });

    it('goes on with the call when the callee refuses to modify it', async () => {
      const { peer, dialog } = await placed();
      const modifying = dialog.modify(`${SDP}a=x\r\n`);
      const reinvite = await peer.request('INVITE');
      peer.send(responseText(reinvite, 488));
      await assert.rejects(modifying, { status: 488 });
      assert.equal((await peer.request('ACK')).branch, reinvite.branch);
      const ending = dialog.destroy();
      peer.send(responseText(await peer.request('BYE'), 200));
      await ending;
    });

    it('answers the peer’s hold and unhold, and tells of them', async () => {
      const { peer, dialog, invite } = await placed();
      const told: string[] = [];
      const emitter = dialog as unknown as NodeJS.EventEmitter;
      for (const event of ['hold', 'unhold']) emitter.on(event, () => told.push(event));
      // The callee's own description, as its 200 had it, is what drachtio-srf compares with.
      const offers = [`${SDP}a=sendrecv\r\n`, `${SDP}a=sendonly\r\n`, `${SDP}a=sendrecv\r\n`];
      for (const [index, body] of offers.entries()) {
        const cseq = index + 1;
        peer.send(calleeRequestText('INVITE', invite, peer, { toTag: 'api', cseq, headers: [contactOf(peer)], body }));
        await peer.inbox.take('200', (m) => m.status === 200 && m.cseqNumber === cseq && m.cseqMethod === 'INVITE');
        peer.send(calleeRequestText('ACK', invite, peer, { toTag: 'api', cseq }));
      }
      assert.deepEqual(told, ['hold', 'unhold']);
    });

    it('follows a redirection of a call that it places', async () => {
      const srf = await arena.app();
      const [first, second] = [await arena.udpPeer(), await arena.udpPeer()];
      const dialogs = deferred<AppDialog | undefined>();
      srf.createUAC(uriOf(first), { localSdp: SDP, followRedirects: true }, {}, (_error, made) =>
        dialogs.resolve(made),
      );
      const invite = await first.request('INVITE');
      first.send(responseText(invite, 302, { toTag: 'm', headers: [`Contact: <${uriOf(second)}>`] }));
      const again = await second.request('INVITE');
      assert.equal(again.uri, uriOf(second));
      await answer(second, again, 'n');
      assert.ok(await dialogs.promise);
    });

    it('passes a failure of the callee back, and a CANCEL of the caller on', async () => {
      const callee = await arena.udpPeer();
      const srf = await arena.app({
        invite: (request, reply) => {
          srf
            .createB2BUA(request, reply, uriOf(callee), { localSdpB: request.body, proxyRequestHeaders: ['X-Pass'] })
            .catch(() => undefined);
        },
      });
      const caller = await arena.udpPeer();
      const busy = new Call(caller, server().udp, { headers: ['X-Pass: through'] });
      busy.invite();
      const invite = await callee.request('INVITE');
      assert.equal(invite.header('X-Pass'), 'through');
      callee.send(responseText(invite, 486, { toTag: 'b' }));
      busy.ackFailure(await caller.response(486, 'INVITE'));
      const ringing = new Call(caller, server().udp);
      ringing.invite();
      const second = await callee.inbox.take(
        'INVITE',
        ({ method, text }) => method === 'INVITE' && text !== invite.text,
      );
      callee.send(responseText(second, 180, { toTag: 'c' }));
      await caller.response(180, 'INVITE');
      ringing.cancel();
      await caller.response(200, 'CANCEL');
      ringing.ackFailure(await caller.response(487, 'INVITE'));
      callee.send(responseText(await callee.request('CANCEL'), 200));
      callee.send(responseText(second, 487, { toTag: 'c' }));
    });

    it('sends requests by a proxy, whatever domain they name', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      for (const uri of ['sip:example.com', 'sip:bob@example.com;user=phone']) {
        const responses = deferred<number>();
        srf.request(uri, { method: 'OPTIONS', proxy: `sip:${address}:${port}` }, (_error, sent) =>
          sent?.on('response', (response) => responses.resolve(response.status)),
        );
        const options = await peer.request('OPTIONS');
        assert.equal(options.uri, uri);
        peer.send(responseText(options, 200, { toTag: 'o' }));
        assert.equal(await responses.promise, 200);
      }
    });

    it('sends requests by a proxy over the transport that it names, in brackets or without', async () => {
      const srf = await arena.app();
      const peer = await arena.tcpPeer();
      const { address, port } = peer.local;
      const uri = `sip:${address}:${port};transport=tcp`;
      for (const proxy of [uri, `<${uri};lr>`]) {
        const responses = deferred<number>();
        srf.request('sip:bob@example.com', { method: 'OPTIONS', proxy }, (_error, sent) =>
          sent?.on('response', (response) => responses.resolve(response.status)),
        );
        const options = await peer.request('OPTIONS');
        assert.match(options.header('Via'), /^SIP\/2\.0\/TCP /);
        peer.send(responseText(options, 200, { toTag: 'o' }));
        assert.equal(await responses.promise, 200);
      }
    });

    it('takes a route back', async function () {
      if (server().control === null) {
        console.log('      skipped: drachtio-server removes every verb of the connection');
        this.skip();
      }
      const srf = await arena.app({ message: (_request, reply) => reply.send(200) });
      // What `unregisterForMessages` calls.
      const agent = (srf as unknown as { app: { client: { removeRoute(verb: string): void } } }).app.client;
      const peer = await arena.udpPeer();
      peer.send(new Call(peer, server().udp).text('MESSAGE'));
      await peer.response(200, 'MESSAGE');
      agent.removeRoute('message');
      const other = await arena.wire();
      await other.ask('ping');
      for (;;) {
        peer.send(new Call(peer, server().udp).text('MESSAGE'));
        const response = await peer.inbox.take('answer', ({ cseqMethod }) => cseqMethod === 'MESSAGE');
        if (response.status === 503) break;
      }
    });

    it('connects again after the connection is lost, routes and all', async () => {
      const srf = await arena.app({ options: (_request, reply) => reply.send(200) });
      const agent = (srf as unknown as { app: { client: { mapServer: Map<Socket, object> } } }).app.client;
      const connected = once(srf as unknown as NodeJS.EventEmitter, 'connect');
      for (const socket of agent.mapServer.keys()) socket.destroy();
      await connected;
      const peer = await arena.udpPeer();
      for (;;) {
        peer.send(new Call(peer, server().udp).text('OPTIONS'));
        const response = await peer.inbox.take('answer', ({ cseqMethod }) => cseqMethod === 'OPTIONS');
        if (response.status === 200) break;
      }
    });

    it('ends a call whose answer crosses its CANCEL', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const requests = deferred<AppRequest>();
      const ended = deferred<AppMessage>();
      srf.createUAC(
        uriOf(peer),
        { localSdp: SDP },
        { cbRequest: (_error, sent) => requests.resolve(sent) },
        (_error, dialog) => dialog?.on('destroy', ended.resolve),
      );
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 180, { toTag: 'x' }));
      const request = await requests.promise;
      const cancelled = deferred<void>();
      request.cancel({}, () => cancelled.resolve());
      await cancelled.promise;
      const cancel = await peer.request('CANCEL');
      peer.send(responseText(cancel, 481));
      peer.send(responseText(invite, 200, { toTag: 'x', headers: [contactOf(peer)], body: SDP }));
      await peer.request('ACK');
      peer.send(responseText(await peer.request('BYE'), 200));
      await ended.promise;
    });
  });
}
