// Requests other than the plain call: their rules (RFC 4320), what passes untouched (RFC 3323, 3325), registrations, digest
// challenges, subscriptions, strict routes, session intervals. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, deferred, needsEmbedded, type ServerUnderTest } from './testing/arena.js';
import { answer, contactOf, uriOf } from './testing/called-peer.js';
import { Call, calleeRequestText, responseText, SDP } from './testing/sip-script.js';
import type { AppAnswer, AppDialog, AppMessage, AppRequest } from './testing/test-application.js';

export function describeMethodsContract(server: () => ServerUnderTest): void {
  describe('requests of every kind', () => {
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    it('says 100 about a request that its application is slow to answer, and nothing sooner', async function () {
      needsEmbedded(server(), this, 'drachtio-server stays silent');
      const replies = deferred<AppAnswer>();
      await arena.app({ options: (_request, reply) => replies.resolve(reply) });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      const startMs = performance.now();
      peer.send(call.text('OPTIONS'));
      await peer.response(100, 'OPTIONS');
      assert.ok(performance.now() - startMs >= 7 * server().t1Ms);
      (await replies.promise).send(200);
      await peer.response(200, 'OPTIONS');
    });

    it('sends no other provisional response and no 408 to a request that is no INVITE', async function () {
      needsEmbedded(server(), this, 'drachtio-server sends both');
      const replies = deferred<AppAnswer>();
      await arena.app({ message: (_request, reply) => replies.resolve(reply) });
      const peer = await arena.udpPeer();
      peer.send(new Call(peer, server().udp).text('MESSAGE'));
      const reply = await replies.promise;
      const refused = deferred<unknown>();
      reply.send(182, {}, refused.resolve);
      assert.match(String(await refused.promise), /no provisional response but 100/);
      reply.send(200);
      await peer.response(200, 'MESSAGE');
      assert.equal(peer.inbox.untaken.length, 0);
    });

    it('passes privacy and asserted identities untouched, both ways', async () => {
      const identity = {
        Privacy: 'id;critical',
        'P-Asserted-Identity': '"Čapek" <sip:alice@example.com>, <tel:+14085264000>',
        'P-Preferred-Identity': '<sip:+821012345678@example.com>',
      };
      const got = deferred<AppRequest>();
      const srf = await arena.app({
        invite: (request, reply) => {
          got.resolve(request);
          reply.send(486, { headers: identity });
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, {
        headers: Object.entries(identity).map(([name, value]) => `${name}: ${value}`),
      });
      call.invite();
      const request = await got.promise;
      const busy = await peer.response(486, 'INVITE');
      call.ackFailure(busy);
      srf.createUAC(uriOf(peer), { localSdp: SDP, headers: { ...identity } }, {}, () => undefined);
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 486, { toTag: 'p' }));
      for (const [name, value] of Object.entries(identity)) {
        assert.equal(request.get(name), value);
        if (server().control !== null) {
          assert.equal(busy.header(name), value);
          assert.equal(invite.header(name), value);
        }
      }
    });

    it('sends to a registered contact over the connection that it registered by', async () => {
      const srf = await arena.app({ register: (_request, reply) => reply.send(200, { headers: { Expires: '60' } }) });
      const peer = await arena.tcpPeer();
      const call = new Call(peer, server().tcp);
      // A contact behind a NAT: nobody can connect to it.
      const contact = 'sip:phone@192.0.2.77:5062;transport=tcp';
      peer.send(call.text('REGISTER', { headers: [`Contact: <${contact}>`, 'Expires: 60'] }));
      await peer.response(200, 'REGISTER');
      const answered = deferred<number>();
      srf.request(contact, { method: 'OPTIONS' }, (_error, request) =>
        request?.on('response', (response) => answered.resolve(response.status)),
      );
      const options = await peer.request('OPTIONS');
      assert.equal(options.uri, contact);
      peer.send(responseText(options, 200, { toTag: 'o' }));
      assert.equal(await answered.promise, 200);
      assert.equal(peer.accepted, 0);
    });

    it('cancels the INVITE with credentials when the application cancels the one just challenged', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const requests = deferred<AppRequest>();
      const over = deferred<number | undefined>();
      const authenticated = deferred<void>();
      srf.createUAC(
        uriOf(peer),
        { localSdp: SDP, auth: { username: 'u', password: 'p' } },
        {
          cbRequest: (_error, request) => {
            request.on('authenticate', () => authenticated.resolve());
            requests.resolve(request);
          },
        },
        (error) => over.resolve(error?.status),
      );
      const challenged = await peer.request('INVITE');
      const request = await requests.promise;
      const headers = ['WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5'];
      peer.send(responseText(challenged, 401, { toTag: 'c', headers }));
      await peer.request('ACK');
      const invite = await peer.request('INVITE');
      assert.equal(invite.header('Call-ID'), challenged.header('Call-ID'));
      assert.equal(invite.cseqNumber, challenged.cseqNumber + 1);
      assert.match(invite.header('Authorization'), /^Digest username="u"/);
      await authenticated.promise;
      request.cancel({});
      peer.send(responseText(invite, 180, { toTag: 'd' }));
      const cancel = await peer.request('CANCEL');
      assert.equal(cancel.branch, invite.branch);
      peer.send(responseText(cancel, 200, { toTag: 'd' }));
      peer.send(responseText(invite, 487, { toTag: 'd' }));
      assert.equal(await over.promise, 487);
    });

    it('sends a CANCEL that raced the challenge after the INVITE with credentials', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const over = deferred<number | undefined>();
      srf.createUAC(
        uriOf(peer),
        {
          localSdp: SDP,
          // Asked for credentials, the application has just been told to give up.
          auth: (request: AppRequest, _response: unknown, give: (e: null, user: string, password: string) => void) => {
            request.cancel({});
            give(null, 'u', 'p');
          },
        },
        {},
        (error) => over.resolve(error?.status),
      );
      const challenged = await peer.request('INVITE');
      const headers = ['Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"'];
      peer.send(responseText(challenged, 407, { toTag: 'c', headers }));
      const invite = await peer.request('INVITE');
      assert.match(invite.header('Proxy-Authorization'), /qop=auth/);
      peer.send(responseText(invite, 100));
      const cancel = await peer.request('CANCEL');
      assert.equal(cancel.branch, invite.branch);
      peer.send(responseText(cancel, 200, { toTag: 'd' }));
      peer.send(responseText(invite, 487, { toTag: 'd' }));
      assert.equal(await over.promise, 487);
    });

    it('has a challenged request inside a call sent again', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const dialogs = deferred<AppDialog | undefined>();
      const options = { localSdp: SDP, auth: { username: 'u', password: 'p' } };
      srf.createUAC(uriOf(peer), options, {}, (_error, dialog) => dialogs.resolve(dialog));
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'a');
      const dialog = await dialogs.promise;
      const ending = dialog?.destroy({ auth: { username: 'u', password: 'p' } });
      const first = await peer.request('BYE');
      const headers = ['Proxy-Authenticate: Digest realm="r", nonce="n"'];
      peer.send(responseText(first, 407, { headers }));
      const second = await peer.request('BYE');
      assert.equal(second.cseqNumber, first.cseqNumber + 1);
      assert.equal(second.toTag, 'a');
      assert.ok(second.header('Proxy-Authorization'));
      peer.send(responseText(second, 200));
      await ending;
    });

    it('keeps a subscription of a peer alive and ends it when asked to', async () => {
      const dialogs = deferred<AppDialog>();
      const ended = deferred<AppMessage>();
      const srf = await arena.app({
        subscribe: (request, reply) => {
          srf.createUAS(request, reply, { headers: { Expires: '60' } }, (_error, made) => {
            made?.on('subscribe', (_again, replying) => replying.send(202, { headers: { Expires: '60' } }));
            made?.on('unsubscribe', ended.resolve);
            if (made !== undefined) dialogs.resolve(made);
          });
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      const headers = [`Contact: <${call.peerUri}>`, 'Event: presence', 'Expires: 60'];
      peer.send(call.text('SUBSCRIBE', { headers }));
      call.learn(await peer.response(202, 'SUBSCRIBE'));
      const dialog = await dialogs.promise;
      call.inside('SUBSCRIBE', { headers });
      const again = await peer.response(202, 'SUBSCRIBE');
      assert.equal(again.cseqNumber, 2);
      call.inside('SUBSCRIBE', { headers: [...headers.slice(0, 2), 'Expires: 0'] });
      await peer.response(202, 'SUBSCRIBE');
      assert.equal((await ended.promise).get('expires'), '0');
      void dialog.destroy();
      const notify = await peer.request('NOTIFY');
      assert.match(notify.header('Subscription-State'), /^terminated/);
      peer.send(responseText(notify, 200));
    });

    it('passes REFER of the caller inside a call, and the NOTIFY of the application', async () => {
      const referred = deferred<AppMessage>();
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: SDP }, (_error, dialog) =>
            dialog?.on('refer', (refer, replying) => {
              replying.send(202);
              void dialog.request({
                method: 'NOTIFY',
                headers: {
                  Event: 'refer',
                  'Subscription-State': 'terminated;reason=noresource',
                  'Content-Type': 'message/sipfrag;version=2.0',
                },
                body: 'SIP/2.0 200 OK\r\n',
              });
              referred.resolve(refer);
            }),
          );
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      call.inside('REFER', { headers: [`Contact: <${call.peerUri}>`, 'Refer-To: <sip:c@example.com>'] });
      await peer.response(202, 'REFER');
      assert.equal((await referred.promise).get('refer-to'), '<sip:c@example.com>');
      const notify = await peer.request('NOTIFY');
      assert.equal(notify.body, 'SIP/2.0 200 OK\r\n');
      peer.send(responseText(notify, 200));
      call.inside('BYE');
      await peer.response(200, 'BYE');
    });

    it('passes UPDATE inside a call, both ways', async () => {
      const dialogs = deferred<AppDialog>();
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: SDP }, (_error, made) => {
            made?.on('update', (update, replying) => replying.send(200, { body: `${update.body}a=ok\r\n` }));
            made?.on('ack', () => dialogs.resolve(made));
          });
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      const dialog = await dialogs.promise;
      call.inside('UPDATE', { headers: [`Contact: <${call.peerUri}>`], body: SDP });
      assert.equal((await peer.response(200, 'UPDATE')).body, `${SDP}a=ok\r\n`);
      const updating = dialog.request({ method: 'UPDATE', body: SDP });
      const update = await peer.request('UPDATE');
      assert.equal(update.body, SDP);
      peer.send(responseText(update, 200, { body: SDP }));
      assert.equal((await updating).status, 200);
    });

    it('sends requests in the dialog along the route set, to a strict router', async function () {
      needsEmbedded(server(), this, 'drachtio-server sends them to a strict router of a caller not at all');
      const dialogs = deferred<AppDialog>();
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: SDP }, (_error, made) => made && dialogs.resolve(made));
        },
      });
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const call = new Call(peer, server().udp, {
        headers: [`Record-Route: <sip:${address}:${port}>, <sip:10.9.9.9;lr>`],
      });
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      const ending = (await dialogs.promise).destroy();
      const bye = await peer.request('BYE');
      assert.equal(bye.uri, `sip:${address}:${port}`);
      assert.equal(bye.headers('Route').join(', '), `<sip:10.9.9.9;lr>, <${call.peerUri}>`);
      peer.send(responseText(bye, 200));
      await ending;
    });

    it('refuses a session interval below 90 s by itself', async () => {
      let modified = 0;
      const srf = await arena.app({
        invite: (request, reply) => {
          srf.createUAS(request, reply, { localSdp: SDP }, (_error, made) => made?.on('modify', () => modified++));
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      const headers = [`Contact: <${call.peerUri}>`, 'Supported: timer', 'Session-Expires: 60'];
      call.inside('INVITE', { headers, body: SDP });
      const refused = await peer.response(422, 'INVITE');
      assert.equal(refused.header('Min-SE'), '90');
      assert.equal(modified, 0);
    });

    it('lets the callee send INFO, MESSAGE and OPTIONS inside a call', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const got: string[] = [];
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, (_error, dialog) => {
        for (const method of ['info', 'message', 'options'] as const) {
          dialog?.on(method, (request: AppRequest, reply: AppAnswer) => {
            got.push(request.method);
            reply.send(200);
          });
        }
      });
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'm');
      let cseq = 0;
      for (const method of ['INFO', 'MESSAGE', 'OPTIONS']) {
        cseq++;
        peer.send(calleeRequestText(method, invite, peer, { toTag: 'm', cseq, headers: [contactOf(peer)] }));
        await peer.response(200, method);
      }
      assert.deepEqual(got, ['INFO', 'MESSAGE', 'OPTIONS']);
    });
  });
}
