// What happens when nothing comes back: RFC 3261's timers at the server's own T1. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, deferred, type ServerUnderTest, until } from './testing/arena.js';
import { Call, responseText, SDP } from './testing/sip-script.js';
import type { AppRequest } from './testing/test-application.js';

export function describeTimersContract(server: () => ServerUnderTest): void {
  describe('timers', function () {
    this.timeout(120_000);
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    /** Tells whether `elapsedMs` is about 64·T1: never sooner, and not much later on a busy machine. */
    function assertSixtyFourT1(elapsedMs: number): void {
      const expected = 64 * server().t1Ms;
      assert.ok(elapsedMs >= expected * 0.98, `${elapsedMs} ms is sooner than ${expected} ms`);
      assert.ok(elapsedMs < expected + 5_000, `${elapsedMs} ms is much later than ${expected} ms`);
    }

    /** drachtio-server's timers are late by a little each, so that the last sending falls behind the end. */
    function assertSendings(count: number, expected: number): void {
      assert.equal(count, server().control === null && count === expected - 1 ? expected - 1 : expected);
    }

    it('reports 408 for an INVITE that nobody answers, after 64·T1', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const status = deferred<number | undefined>();
      const startMs = performance.now();
      srf.createUAC(`sip:x@${address}:${port}`, { localSdp: SDP }, {}, (error) => status.resolve(error?.status));
      assert.equal(await status.promise, 408);
      assertSixtyFourT1(performance.now() - startMs);
      // Timer A doubles without limit: sendings at 0, 1, 3, 7, 15, 31 and 63 times T1.
      assertSendings(peer.inbox.untaken.filter((message) => message.method === 'INVITE').length, 7);
    });

    it('reports 408 for an OPTIONS that nobody answers, repeated every T2 at last', async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const status = deferred<number>();
      srf.request(`sip:x@${address}:${port}`, { method: 'OPTIONS' }, (_error, request) =>
        request?.on('response', (response) => status.resolve(response.status)),
      );
      assert.equal(await status.promise, 408);
      // Timer E at 0, 1, 3, 7, 15 (T2 = 8·T1), 23, 31, 39, 47, 55 and 63 times T1.
      assertSendings(peer.inbox.untaken.length, 11);
    });

    it('ends the call when the 200 is never acknowledged, and tells the application', async () => {
      const ended = deferred<string>();
      const srf = await arena.app({
        invite: (request, answer) => {
          srf.createUAS(request, answer, { localSdp: SDP }, (_error, dialog) =>
            dialog?.on('destroy', (_bye, reason) => ended.resolve(reason)),
          );
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      const startMs = performance.now();
      call.invite();
      const bye = await peer.inbox.take('BYE', (message) => message.method === 'BYE', 70 * server().t1Ms + 5_000);
      assertSixtyFourT1(performance.now() - startMs);
      assert.match(bye.header('Reason'), /^SIP\s*;\s*cause=200\s*;\s*text="ACK timeout"$/);
      peer.send(responseText(bye, 200));
      assert.equal(await ended.promise, 'ACK timeout');
      // At 0, 1, 3, 7 and 15 times T1, then every T2 = 8·T1 up to 63.
      const answers = peer.inbox.untaken.filter((message) => message.status === 200);
      assert.equal(answers.length, 11);
    });

    it('ends a call without ACK whose caller gave no Contact', async function () {
      if (server().control === null) {
        console.log('      skipped: not known how drachtio-server finds such a caller');
        this.skip();
      }
      const client = await arena.wire();
      await client.ask('route|invite');
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      peer.send(call.inviteText.replace(/Contact: .*\r\n/, ''));
      const invite = await client.inbox.take('INVITE', (payload) => payload.includes('\r\nINVITE '));
      const txn = invite.split('|')[8];
      await client.ask(`sip|${txn}|\r\nSIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n`);
      const bye = await peer.request('BYE');
      peer.send(responseText(bye, 200));
      const told = await client.inbox.take('BYE', (payload) => payload.includes('\r\nBYE '));
      const leader = (told.split('\r\n')[0] ?? '').split('|');
      assert.equal(leader[2], 'application');
      assert.deepEqual(leader.slice(8), ['unsolicited', `${call.callId};from-tag=${call.fromTag}`, '']);
    });

    it('repeats a failure until its ACK, and no longer', async () => {
      await arena.app({ invite: (_request, answer) => answer.send(486) });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      await peer.response(486, 'INVITE');
      await peer.response(486, 'INVITE');
      call.ackFailure(await peer.response(486, 'INVITE'));
      // Another call's whole 15·T1 goes by without this one's failure being heard again.
      const other = new Call(peer, server().udp);
      other.invite();
      for (let count = 0; count < 4; count++) {
        await peer.inbox.take('486', (m) => m.status === 486 && m.header('Call-ID') === other.callId);
      }
      const again = peer.inbox.untaken.filter((m) => m.status === 486 && m.header('Call-ID') === call.callId);
      // One may have been on its way while the ACK was.
      assert.ok(again.length <= 1, `${again.length} more failures after the ACK`);
    });

    it('gives up a cancelled INVITE that gets no final response', async function () {
      if (server().control === null) {
        console.log('      skipped: drachtio-server drops the INVITE without telling the application');
        this.skip();
      }
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const status = deferred<number | undefined>();
      const requests = deferred<AppRequest>();
      const ringing = deferred<void>();
      srf.createUAC(
        `sip:x@${address}:${port}`,
        { localSdp: SDP },
        { cbRequest: (_error, request) => requests.resolve(request), cbProvisional: () => ringing.resolve() },
        (error) => status.resolve(error?.status),
      );
      peer.send(responseText(await peer.request('INVITE'), 180, { toTag: 'x' }));
      await ringing.promise;
      (await requests.promise).cancel({});
      peer.send(responseText(await peer.request('CANCEL'), 200));
      const startMs = performance.now();
      assert.equal(await status.promise, 408);
      assertSixtyFourT1(performance.now() - startMs);
    });

    it('gives up a caller who does not acknowledge reliable provisional responses', async function () {
      if (server().control === null) {
        console.log('      skipped: not known how drachtio-server tells of it');
        this.skip();
      }
      const cancelled = deferred<string>();
      await arena.app({
        invite: (request, reply) => {
          request.on('cancel', (cancel) => cancelled.resolve(cancel.get('reason') ?? ''));
          reply.send(183, { headers: { Require: '100rel' }, body: SDP });
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp, { headers: ['Supported: 100rel'] });
      const startMs = performance.now();
      call.invite();
      call.ackFailure(await peer.response(504, 'INVITE'));
      assertSixtyFourT1(performance.now() - startMs);
      assert.match(await cancelled.promise, /No PRACK/);
      // RFC 3262 §3: at 0, 1, 3, 7, 15, 31 and 63 times T1.
      assert.equal(peer.inbox.untaken.filter((message) => message.status === 183).length, 7);
    });

    it('answers 408 to an INVITE about which its application says nothing', async function () {
      if (server().control === null) {
        console.log('      skipped: drachtio-server leaves the INVITE without an answer');
        this.skip();
      }
      await arena.app({ invite: () => undefined });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      const startMs = performance.now();
      call.invite();
      call.ackFailure(await peer.response(408, 'INVITE'));
      assert.ok(performance.now() - startMs >= 128 * server().t1Ms * 0.98);
    });

    it('forgets every transaction in the end', async function () {
      const { control } = server();
      if (control === null) {
        console.log('      skipped: drachtio-server has no control port to count by');
        this.skip();
        return;
      }
      await arena.app({ options: (_request, answer) => answer.send(200) });
      const peer = await arena.udpPeer();
      peer.send(new Call(peer, server().udp).text('OPTIONS'));
      await peer.response(200, 'OPTIONS');
      assert.ok((await control.counters()).transactions > 0);
      const counters = await until(
        () => control.counters(),
        (now) => now.transactions === 0,
      );
      assert.equal(counters.dialogs, 0);
    });
  });
}
