// What a drachtio server does when an application has it proxy a request. RFC 3261 §16. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, deferred, needsEmbedded, type ServerUnderTest } from './testing/arena.js';
import { contactOf, uriOf } from './testing/called-peer.js';
import type { RawMessage } from './testing/raw-message.js';
import type { RawPeer, UdpPeer } from './testing/raw-peer.js';
import { branch, Call, responseText, SDP, sipText, token } from './testing/sip-script.js';
import type { AppRequest, ProxyResults } from './testing/test-application.js';

export function describeProxyContract(server: () => ServerUnderTest): void {
  describe('proxied requests', () => {
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    /** An application that has every request of this method proxied to these targets. */
    async function proxying(
      targets: readonly (RawPeer | string)[],
      options: object = {},
      method = 'invite',
    ): Promise<void> {
      const srf = await arena.app({
        [method]: (request: AppRequest) => {
          const uris = targets.map((target) => (typeof target === 'string' ? target : uriOf(target)));
          void srf.proxyRequest(request, uris, { ...options }).catch(() => undefined);
        },
      });
    }

    function respond(peer: RawPeer, request: RawMessage, status: number, headers: string[] = []): void {
      const body = status > 180 && status < 300 ? SDP : '';
      peer.send(responseText(request, status, { toTag: `t${peer.local.port}`, headers, body }));
    }

    async function udpPeers(count: number): Promise<UdpPeer[]> {
      return Promise.all(Array.from({ length: count }, () => arena.udpPeer()));
    }

    /** A request of the caller along the route that the answer recorded. */
    function alongRoute(call: Call, method: string, ok: RawMessage): string {
      const target = /<([^>]+)>/.exec(ok.header('Contact'))?.[1] ?? '';
      const route = `Route: ${ok.headers('Record-Route').join(', ')}`;
      return call.text(method, { headers: [route] }).replace(/^(\S+) \S+/, `$1 ${target}`);
    }

    it('sends an INVITE on as it came, and its answers back', async () => {
      const callee = await arena.udpPeer();
      await proxying([callee], { headers: { 'X-Extra': 'yes' } });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp, { headers: ['X-Odd: a,b', 'Subject: čeština'] });
      call.invite();
      await caller.response(100, 'INVITE');
      const invite = await callee.request('INVITE');
      // Its own name in the request-URI gives way to the target.
      assert.equal(invite.uri, uriOf(callee));
      assert.equal(invite.headers('Via').length, 2);
      assert.match(
        invite.headers('Via')[1] ?? '',
        new RegExp(`branch=${call.inviteBranch}.*rport=${caller.local.port}`),
      );
      assert.equal(invite.header('Max-Forwards'), '69');
      assert.equal(invite.headers('Record-Route').length, 0);
      assert.equal(invite.header('X-Odd'), 'a,b');
      assert.equal(invite.header('Subject'), 'čeština');
      assert.equal(invite.header('X-Extra'), 'yes');
      assert.equal(invite.body, SDP);
      assert.equal(invite.header('Contact'), `<${call.peerUri}>`);
      respond(callee, invite, 180);
      const ringing = await caller.response(180, 'INVITE');
      assert.equal(ringing.headers('Via').length, 1);
      assert.equal(ringing.branch, call.inviteBranch);
      respond(callee, invite, 200, [contactOf(callee)]);
      const ok = await caller.response(200, 'INVITE');
      assert.equal(ok.headers('Via').length, 1);
      assert.equal(ok.toTag, `t${callee.local.port}`);
      assert.equal(ok.body, SDP);
    });

    it('tells the application of the final responses', async () => {
      const [first, second] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      const proxied = deferred<ProxyResults>();
      const srf = await arena.app({
        invite: (request) =>
          void srf.proxyRequest(request, [uriOf(first), uriOf(second)]).then(proxied.resolve, proxied.reject),
      });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      respond(first, await first.request('INVITE'), 404);
      respond(second, await second.request('INVITE'), 200, [contactOf(second)]);
      await caller.response(200, 'INVITE');
      const results = await proxied.promise;
      assert.equal(results.connected, true);
      assert.equal(results.finalStatus, 200);
      // drachtio-srf tells targets apart by address alone.
      assert.deepEqual(
        results.responses.flatMap(({ msgs }) => msgs.map(({ status }) => status)),
        [404, 200],
      );
      // The failure of the first was acknowledged here, not by the caller.
      assert.equal((await first.request('ACK')).headers('Via').length, 1);
    });

    it('stays in the route of a call when asked to, and sends on ACK, re-INVITE and BYE', async () => {
      const callee = await arena.udpPeer();
      await proxying([callee], { remainInDialog: true });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const invite = await callee.request('INVITE');
      assert.match(invite.header('Record-Route'), new RegExp(`^<sip:127\\.0\\.0\\.1:${server().udp.port};lr`));
      respond(callee, invite, 200, [contactOf(callee)]);
      const ok = await caller.response(200, 'INVITE');
      call.learn(ok);
      caller.send(alongRoute(call, 'ACK', ok));
      const ack = await callee.request('ACK');
      assert.equal(ack.uri, uriOf(callee));
      assert.equal(ack.headers('Route').length, 0);
      call.cseq++;
      caller.send(alongRoute(call, 'BYE', ok));
      const bye = await callee.request('BYE');
      assert.equal(bye.headers('Via').length, 2);
      assert.equal(bye.headers('Route').length, 0);
      callee.send(responseText(bye, 200));
      const ended = await caller.response(200, 'BYE');
      assert.equal(ended.headers('Via').length, 1);
    });

    it('sends on what the callee says along the route', async () => {
      const callee = await arena.udpPeer();
      await proxying([callee], { recordRoute: true });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const invite = await callee.request('INVITE');
      respond(callee, invite, 200, [contactOf(callee)]);
      const ok = await caller.response(200, 'INVITE');
      call.learn(ok);
      caller.send(alongRoute(call, 'ACK', ok));
      await callee.request('ACK');
      const { address, port } = callee.local;
      callee.send(
        sipText(`BYE ${call.peerUri} SIP/2.0`, [
          `Via: SIP/2.0/UDP ${address}:${port};branch=${branch()}`,
          `Route: ${invite.header('Record-Route')}`,
          'Max-Forwards: 70',
          `From: ${ok.header('To')}`,
          `To: ${ok.header('From')}`,
          `Call-ID: ${call.callId}`,
          'CSeq: 1 BYE',
        ]),
      );
      const bye = await caller.request('BYE');
      assert.equal(bye.uri, call.peerUri);
      caller.send(responseText(bye, 200));
      await callee.response(200, 'BYE');
    });

    it('sends on nothing inside a dialog along a route that it did not write', async function () {
      needsEmbedded(server(), this, 'not known how drachtio-server knows its own dialogs');
      const [caller, victim] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      const call = new Call(caller, server().udp);
      const { address, port } = server().udp;
      for (const route of [`<sip:${address}:${port};lr>`, `<sip:${address}:${port};lr;rr=0123456789abcdef>`]) {
        const text = call.text('BYE', { toTag: 'x', headers: [`Route: ${route}`] });
        caller.send(text.replace(/^BYE \S+/, `BYE ${uriOf(victim)}`));
        await caller.response(481, 'BYE');
      }
      assert.equal(victim.inbox.untaken.length, 0);
    });

    it('crosses from UDP to TCP and back, with a route for each side', async function () {
      needsEmbedded(server(), this, 'drachtio-server records one route');
      const callee = await arena.tcpPeer();
      await proxying([callee], { remainInDialog: true });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const invite = await callee.request('INVITE');
      const routes = invite.headers('Record-Route');
      assert.match(routes[0] ?? '', /;transport=tcp;lr/);
      assert.doesNotMatch(routes[1] ?? '', /transport/);
      callee.reply(responseText(invite, 200, { toTag: 'x', headers: [contactOf(callee)], body: SDP }));
      const ok = await caller.response(200, 'INVITE');
      call.learn(ok);
      // The caller's route set is the other way round, and both are ours.
      const route = `Route: ${[...ok.headers('Record-Route')].reverse().join(', ')}`;
      const text = call.text('ACK', { headers: [route] }).replace(/^ACK \S+/, `ACK ${uriOf(callee)}`);
      caller.send(text);
      const ack = await callee.request('ACK');
      assert.equal(ack.headers('Route').length, 0);
      assert.match(ack.header('Via'), /^SIP\/2\.0\/TCP/);
    });

    it('tries one target after the other, and sends back the best failure', async () => {
      const [first, second, third] = (await udpPeers(3)) as [UdpPeer, UdpPeer, UdpPeer];
      await proxying([first, second, third]);
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      respond(first, await first.request('INVITE'), 500);
      respond(second, await second.request('INVITE'), 486);
      assert.equal(caller.inbox.untaken.filter(({ status }) => status > 100).length, 0);
      respond(third, await third.request('INVITE'), 503);
      const failure = await caller.inbox.take('a failure', ({ status }) => status >= 300);
      assert.equal(failure.status, 486);
      call.ackFailure(failure);
    });

    it('does not send a 503 back, for it is not its own', async function () {
      needsEmbedded(server(), this, 'drachtio-server sends it back');
      const callee = await arena.udpPeer();
      await proxying([callee]);
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      respond(callee, await callee.request('INVITE'), 503, ['Retry-After: 60']);
      call.ackFailure(await caller.response(500, 'INVITE'));
    });

    it('rings all targets at once, and cancels the others when one answers', async () => {
      const [first, second] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      await proxying([first, second], { forking: 'simultaneous' });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const [ringing, answering] = [await first.request('INVITE'), await second.request('INVITE')];
      respond(first, ringing, 180);
      await caller.response(180, 'INVITE');
      respond(second, answering, 200, [contactOf(second)]);
      const ok = await caller.response(200, 'INVITE');
      assert.equal(ok.toTag, `t${second.local.port}`);
      const cancel = await first.request('CANCEL');
      assert.equal(cancel.branch, ringing.branch);
      first.send(responseText(cancel, 200));
      respond(first, ringing, 487);
      await first.request('ACK');
      assert.equal(caller.inbox.untaken.filter(({ status }) => status >= 300).length, 0);
    });

    it('sends back the 2xx of every branch', async function () {
      needsEmbedded(server(), this, 'not known of drachtio-server');
      const [first, second] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      await proxying([first, second], { forking: 'simultaneous' });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const [one, two] = [await first.request('INVITE'), await second.request('INVITE')];
      respond(first, one, 200, [contactOf(first)]);
      respond(second, two, 200, [contactOf(second)]);
      const tags = [(await caller.response(200, 'INVITE')).toTag, (await caller.response(200, 'INVITE')).toTag];
      assert.deepEqual(tags, [`t${first.local.port}`, `t${second.local.port}`]);
    });

    it('asks nobody else after a 6xx', async function () {
      const [first, second, third] = (await udpPeers(3)) as [UdpPeer, UdpPeer, UdpPeer];
      needsEmbedded(server(), this, 'not known of drachtio-server');
      await proxying([first, second, third], { forking: 'simultaneous' });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const [one, two, three] = [
        await first.request('INVITE'),
        await second.request('INVITE'),
        await third.request('INVITE'),
      ];
      respond(first, one, 180);
      respond(third, three, 404);
      await caller.response(180, 'INVITE');
      respond(second, two, 603);
      first.send(responseText(await first.request('CANCEL'), 200));
      respond(first, one, 487);
      const final = await caller.inbox.take('final', ({ status }) => status >= 300);
      assert.equal(final.status, 603);
      call.ackFailure(final);
    });

    it('follows a redirection when asked to, and passes it back otherwise', async () => {
      const [moved, found] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      const contact = `Contact: <${uriOf(found)}>`;
      await proxying([moved], { followRedirects: true });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      respond(moved, await moved.request('INVITE'), 302, [contact]);
      const invite = await found.request('INVITE');
      assert.equal(invite.uri, uriOf(found));
      respond(found, invite, 486);
      call.ackFailure(await caller.response(486, 'INVITE'));
      arena.close();
      arena = new Arena(server());
      const [again, other] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      await proxying([again]);
      const second = new Call(other, server().udp);
      second.invite();
      respond(again, await again.request('INVITE'), 302, [contact]);
      const redirected = await other.response(302, 'INVITE');
      assert.equal(`Contact: ${redirected.header('Contact')}`, contact);
      second.ackFailure(redirected);
    });

    it('goes to the next target when one says nothing at all', async () => {
      const [silent, awake] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      await proxying([silent, awake], { provisionalTimeout: '300ms' });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      const startMs = performance.now();
      call.invite();
      const late = await silent.request('INVITE');
      const invite = await awake.request('INVITE');
      assert.ok(performance.now() - startMs >= 295);
      respond(awake, invite, 180);
      await caller.response(180, 'INVITE');
      if (server().control !== null) {
        // It rings after all: too late.
        respond(silent, late, 180);
        silent.send(responseText(await silent.request('CANCEL'), 200));
        respond(silent, late, 487);
        assert.equal(caller.inbox.untaken.filter(({ status }) => status === 180).length, 0);
      }
      respond(awake, invite, 480);
      call.ackFailure(await caller.response(480, 'INVITE'));
    });

    it('gives up a target that rings too long', async function () {
      needsEmbedded(server(), this, 'drachtio-server reads the final timeout and does not use it');
      const [ringing, next] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      await proxying([ringing, next], { finalTimeout: '300ms' });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const first = await ringing.request('INVITE');
      respond(ringing, first, 180);
      ringing.send(responseText(await ringing.request('CANCEL'), 200));
      respond(ringing, first, 487);
      respond(next, await next.request('INVITE'), 200, [contactOf(next)]);
      assert.equal((await caller.response(200, 'INVITE')).toTag, `t${next.local.port}`);
    });

    it('passes a CANCEL of the caller on to every target', async () => {
      const [first, second] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      await proxying([first, second], { forking: 'simultaneous' });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const invites = [await first.request('INVITE'), await second.request('INVITE')] as const;
      respond(first, invites[0], 180);
      respond(second, invites[1], 180);
      await caller.response(180, 'INVITE');
      await caller.response(180, 'INVITE');
      call.cancel();
      await caller.response(200, 'CANCEL');
      for (const [index, peer] of [first, second].entries()) {
        peer.send(responseText(await peer.request('CANCEL'), 200));
        respond(peer, invites[index] as RawMessage, 487);
        await peer.request('ACK');
      }
      call.ackFailure(await caller.response(487, 'INVITE'));
    });

    it('passes on the answer that crosses a CANCEL', async function () {
      needsEmbedded(server(), this, 'drachtio-server has answered 487 already');
      const callee = await arena.udpPeer();
      await proxying([callee]);
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const invite = await callee.request('INVITE');
      respond(callee, invite, 180);
      await caller.response(180, 'INVITE');
      call.cancel();
      callee.send(responseText(await callee.request('CANCEL'), 200));
      respond(callee, invite, 200, [contactOf(callee)]);
      await caller.response(200, 'INVITE');
    });

    it('sends back a challenge with those of the other branches, and goes to the challenger first with the credentials', async function () {
      needsEmbedded(server(), this, 'drachtio-server sends back one challenge');
      const [first, second] = (await udpPeers(2)) as [UdpPeer, UdpPeer];
      await proxying([first, second], { forking: 'simultaneous' });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      respond(first, await first.request('INVITE'), 407, ['Proxy-Authenticate: Digest realm="a", nonce="na"']);
      respond(second, await second.request('INVITE'), 407, ['Proxy-Authenticate: Digest realm="b", nonce="nb"']);
      const challenge = await caller.response(407, 'INVITE');
      assert.deepEqual(challenge.headers('Proxy-Authenticate'), [
        'Digest realm="a", nonce="na"',
        'Digest realm="b", nonce="nb"',
      ]);
      call.ackFailure(challenge);
      arena.close();
      arena = new Arena(server());
      const [one, two, other] = (await udpPeers(3)) as [UdpPeer, UdpPeer, UdpPeer];
      await proxying([one, two]);
      const asked = new Call(other, server().udp);
      asked.invite();
      respond(one, await one.request('INVITE'), 404);
      respond(two, await two.request('INVITE'), 401, ['WWW-Authenticate: Digest realm="x", nonce="nx"']);
      asked.ackFailure(await other.response(401, 'INVITE'));
      const again = new Call(other, server().udp, {
        headers: ['Authorization: Digest username="u", realm="x", nonce="nx", uri="sip:x", response="0"'],
      });
      again.invite();
      respond(two, await two.request('INVITE'), 486);
      respond(one, await one.request('INVITE'), 486);
      again.ackFailure(await other.response(486, 'INVITE'));
    });

    it('proxies requests of other methods, and never answers them 408', async () => {
      const callee = await arena.udpPeer();
      await proxying([callee], {}, 'message');
      const caller = await arena.udpPeer();
      caller.send(new Call(caller, server().udp).text('MESSAGE', { headers: ['X-Ask: 1'] }));
      const message = await callee.request('MESSAGE');
      assert.equal(message.header('X-Ask'), '1');
      callee.send(responseText(message, 202, { toTag: 'm', headers: ['X-Answer: 2'] }));
      assert.equal((await caller.response(202, 'MESSAGE')).header('X-Answer'), '2');
    });

    it('records a Path for a registration that it stays in the way of', async function () {
      needsEmbedded(server(), this, 'not tried on drachtio-server');
      const registrar = await arena.udpPeer();
      await proxying([registrar], { path: true }, 'register');
      const phone = await arena.udpPeer();
      phone.send(new Call(phone, server().udp).text('REGISTER', { headers: ['Contact: <sip:a@192.0.2.1>'] }));
      const register = await registrar.request('REGISTER');
      assert.match(register.header('Path'), new RegExp(`^<sip:127\\.0\\.0\\.1:${server().udp.port};lr>$`));
      assert.equal(register.header('Require'), 'path');
      registrar.send(responseText(register, 200, { toTag: 'r' }));
      await phone.response(200, 'REGISTER');
    });

    it('leaves the domain that the caller named in the request-URI, and takes its own preloaded route away', async () => {
      const callee = await arena.udpPeer();
      await proxying([callee]);
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      const { address, port } = server().udp;
      caller.send(
        call.inviteText
          .replace(/^INVITE \S+/, 'INVITE sip:bob@biloxi.example.com')
          .replace('\r\nMax-Forwards', `\r\nRoute: <sip:${address}:${port};lr>\r\nMax-Forwards`),
      );
      const invite = await callee.request('INVITE');
      assert.equal(invite.uri, 'sip:bob@biloxi.example.com');
      assert.equal(invite.headers('Route').length, 0);
      respond(callee, invite, 404);
      call.ackFailure(await caller.response(404, 'INVITE'));
    });

    it('refuses what may hop no further', async () => {
      const callee = await arena.udpPeer();
      const outcome = deferred<unknown>();
      const srf = await arena.app({
        invite: (request) => void srf.proxyRequest(request, uriOf(callee)).catch(outcome.resolve),
      });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      caller.send(call.inviteText.replace('Max-Forwards: 70', 'Max-Forwards: 0'));
      call.ackFailure(await caller.response(483, 'INVITE'));
      assert.match(String(await outcome.promise), /Rejected with 483 Too Many Hops/);
    });

    it('finds a loop, and lets a spiral pass', async function () {
      needsEmbedded(server(), this, 'not tried on drachtio-server');
      const callee = await arena.udpPeer();
      let asked = 0;
      const srf = await arena.app({
        invite: (request) => {
          asked++;
          void srf.proxyRequest(request, uriOf(callee)).catch(() => undefined);
        },
      });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      caller.send(call.inviteText.replace(/^INVITE \S+/, 'INVITE sip:bob@example.com'));
      const invite = await callee.request('INVITE');
      // A proxy behind it sends the same request back, its own Via on top.
      const { address, port } = callee.local;
      const back = (uri: string): string =>
        invite.text
          .replace(/^INVITE \S+/, `INVITE ${uri}`)
          .replace('\r\nVia:', `\r\nVia: SIP/2.0/UDP ${address}:${port};branch=${branch()}\r\nVia:`);
      callee.send(back('sip:bob@example.com'));
      await callee.response(482, 'INVITE');
      assert.equal(asked, 2);
      callee.send(back('sip:carol@example.com'));
      const spiral = await callee.inbox.take('spiral', ({ method, uri }) => method === 'INVITE' && /carol/.test(uri));
      assert.equal(spiral.headers('Via').length, 4);
    });

    it('says that no target can be reached', async () => {
      const outcome = deferred<unknown>();
      const srf = await arena.app({
        invite: (request) => void srf.proxyRequest(request, 'sip:x@[2001:db8::1]').catch(outcome.resolve),
      });
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      call.ackFailure(await caller.response(500, 'INVITE'));
      assert.match(String(await outcome.promise), /error proxying request to/);
    });

    it('does not proxy what it does not know', async () => {
      const client = await arena.wire();
      const answer = await client.ask(
        `proxy|${token()}|remainInDialog|fullResponse||serial|||sip:10.0.0.7\r\nINVITE sip:10.0.0.7 SIP/2.0\r\n\r\n`,
      );
      assert.equal(answer[0], 'NOK');
      assert.match(answer[1] ?? '', /^Unknown transaction id/);
    });

    it('goes on without the application that asked for it', async () => {
      const client = await arena.wire();
      await client.ask('route|invite');
      const callee = await arena.udpPeer();
      const caller = await arena.udpPeer();
      const call = new Call(caller, server().udp);
      call.invite();
      const offered = await client.inbox.take('INVITE', (payload) => payload.includes('\r\nINVITE '));
      client.send(
        `proxy|${offered.split('|')[8]}||fullResponse||serial|||${uriOf(callee)}\r\nINVITE ${uriOf(callee)} SIP/2.0\r\n\r\n`,
      );
      const invite = await callee.request('INVITE');
      client.close();
      respond(callee, invite, 200, [contactOf(callee)]);
      await caller.response(200, 'INVITE');
    });
  });
}
