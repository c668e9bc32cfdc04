// That calls of every kind leave nothing behind: no transaction, dialog or timer. T1 is short, so that their time passes.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from './testing/arena.js';
import { answer, contactOf, uriOf } from './testing/called-peer.js';
import { Call, calleeRequestText, responseText, SDP } from './testing/sip-script.js';
import type { AppDialog } from './testing/test-application.js';

describe('a server whose calls are over', function () {
  this.timeout(60_000);
  let server: ServerUnderTest;
  let arena: Arena;

  beforeEach(async () => {
    server = await startEmbedded({ t1Ms: 10 });
    arena = new Arena(server);
  });
  afterEach(async () => {
    arena.close();
    await server.close();
  });

  async function assertEmpty(): Promise<void> {
    const { control } = server;
    assert.ok(control);
    const left = await until(
      () => control.counters(),
      ({ transactions, dialogs, timers }) => transactions + dialogs + timers === 0,
    );
    assert.equal(left.dialogs, 0);
  }

  it('keeps nothing of calls that were taken, refused, cancelled, hung up early or never acknowledged', async () => {
    const srf = await arena.app({
      invite: (request, reply) => {
        if (request.uri.includes('busy')) reply.send(486);
        else if (request.uri.includes('rings')) reply.send(183, { headers: { Require: '100rel' }, body: SDP });
        else if (request.uri.includes('silent')) return;
        else srf.createUAS(request, reply, { localSdp: SDP }, () => undefined);
      },
    });
    const peer = await arena.udpPeer();
    const call = (user: string): Call => {
      const made = new Call(peer, server.udp, { user, headers: ['Supported: 100rel'] });
      made.invite();
      return made;
    };
    const busy = call('busy');
    busy.ackFailure(await peer.response(486, 'INVITE'));
    const early = call('rings');
    early.learn(await peer.response(183, 'INVITE'));
    early.inside('BYE');
    early.ackFailure(await peer.response(487, 'INVITE'));
    const cancelled = call('rings');
    await peer.inbox.take('183', (m) => m.status === 183 && m.header('Call-ID') === cancelled.callId);
    cancelled.cancel();
    cancelled.ackFailure(await peer.response(487, 'INVITE'));
    call('rings');
    call('silent');
    call('taken');
    const taken = call('taken');
    taken.learn(await peer.inbox.take('200', (m) => m.status === 200 && m.header('Call-ID') === taken.callId));
    taken.ack();
    taken.inside('BYE');
    await peer.response(200, 'BYE');
    await assertEmpty();
  });

  it('keeps nothing of calls that were placed, and of their reliable and forked answers', async () => {
    const srf = await arena.app();
    const peer = await arena.udpPeer();
    srf.createUAC(
      uriOf(peer),
      { localSdp: SDP },
      {},
      (_error, dialog) => void dialog?.destroy().catch(() => undefined),
    );
    const invite = await peer.request('INVITE');
    for (const toTag of ['one', 'two']) {
      const headers = [contactOf(peer), 'Require: 100rel', 'RSeq: 5'];
      peer.send(responseText(invite, 183, { toTag, headers }));
    }
    await peer.request('PRACK');
    await answer(peer, invite, 'one');
    await answer(peer, invite, 'two');
    // Nobody answers the BYEs.
    srf.createUAC(`${uriOf(peer)};second`, { localSdp: SDP }, {}, () => undefined);
    const second = await peer.inbox.take('INVITE', (m) => m.uri.endsWith(';second'));
    peer.send(responseText(second, 183, { toTag: 'x', headers: [contactOf(peer), 'Require: 100rel', 'RSeq: 5'] }));
    peer.send(responseText(second, 404, { toTag: 'x' }));
    await assertEmpty();
  });

  for (const [what, whoEnds, status] of [
    ['the peer’s, which refuses it then', 'peer', 487],
    ['the peer’s, which takes it all the same', 'peer', 200],
    ['ours, and the peer takes it before that', 'us', 200],
  ] as const) {
    it(`keeps nothing of a call whose BYE crosses a re-INVITE of ours: ${what}`, async () => {
      const srf = await arena.app();
      const peer = await arena.udpPeer();
      const placed = deferred<AppDialog>();
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, (_error, dialog) => dialog && placed.resolve(dialog));
      const invite = await peer.request('INVITE');
      await answer(peer, invite, 'c');
      const dialog = await placed.promise;
      dialog.request({ method: 'INVITE', body: SDP, headers: {} }).catch(() => undefined);
      const reinvite = await peer.inbox.take('re-INVITE', (m) => m.method === 'INVITE' && m.toTag === 'c');
      if (whoEnds === 'peer') {
        peer.send(calleeRequestText('BYE', invite, peer, { toTag: 'c' }));
        await peer.response(200, 'BYE');
      } else {
        dialog.destroy().catch(() => undefined);
        peer.send(responseText(await peer.request('BYE'), 200));
      }
      peer.send(responseText(reinvite, status, { headers: [contactOf(peer)], body: status === 200 ? SDP : '' }));
      const ack = await peer.inbox.take('ACK', (m) => m.method === 'ACK' && m.cseqNumber === reinvite.cseqNumber);
      assert.equal(ack.toTag, 'c');
      // Its sender has not heard it: the same again.
      if (status === 200) {
        peer.send(responseText(reinvite, status, { headers: [contactOf(peer)], body: SDP }));
        await peer.inbox.take('ACK', (m) => m.method === 'ACK' && m.cseqNumber === reinvite.cseqNumber);
      }
      await assertEmpty();
    });
  }

  it('keeps nothing of an answer without Contact that its application ends by a BYE outside of a dialog', async () => {
    const srf = await arena.app();
    const peer = await arena.udpPeer();
    for (const status of [200, 481, null]) {
      srf.createUAC(uriOf(peer), { localSdp: SDP }, {}, () => undefined);
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 200, { toTag: 'c', body: SDP }));
      await peer.request('ACK');
      const headers = {
        From: invite.header('From'),
        To: `${invite.header('To')};tag=c`,
        'Call-ID': invite.header('Call-ID'),
        CSeq: `${invite.cseqNumber + 100} BYE`,
      };
      srf.request(uriOf(peer), { method: 'BYE', headers }, () => undefined);
      const bye = await peer.request('BYE');
      if (status !== null) peer.send(responseText(bye, status));
    }
    await assertEmpty();
  });

  it('keeps nothing of a caller whose BYE crosses its own re-INVITE', async () => {
    const acked = deferred<void>();
    const srf = await arena.app({
      invite: (request, reply) => {
        srf.createUAS(request, reply, { localSdp: SDP }, (_error, dialog) => {
          dialog?.on('ack', () => acked.resolve());
          // Answered when it is too late.
          dialog?.on('modify', (_request, later) => dialog.on('destroy', () => later.send(200, { body: SDP })));
        });
      },
    });
    const peer = await arena.udpPeer();
    const call = new Call(peer, server.udp);
    call.invite();
    call.learn(await peer.response(200, 'INVITE'));
    call.ack();
    await acked.promise;
    call.inside('INVITE', { headers: [`Contact: <${call.peerUri}>`], body: SDP });
    await peer.response(100, 'INVITE');
    call.inside('BYE');
    await peer.response(200, 'BYE');
    await peer.response(487, 'INVITE');
    await assertEmpty();
  });

  it('keeps nothing of subscriptions that have ended, from whichever side', async () => {
    const srf = await arena.app({
      subscribe: (request, reply) =>
        srf.createUAS(request, reply, { headers: { Expires: '60' } }, (_error, dialog) => {
          if (request.uri.includes('gone')) {
            const headers = { Event: 'x', 'Subscription-State': 'active' };
            void dialog?.request({ method: 'NOTIFY', headers }).catch(() => undefined);
          } else void dialog?.destroy().catch(() => undefined);
        }),
    });
    const peer = await arena.udpPeer();
    for (const user of ['ended', 'gone']) {
      const call = new Call(peer, server.udp, { user });
      peer.send(call.text('SUBSCRIBE', { headers: [`Contact: <${call.peerUri}>`, 'Event: x', 'Expires: 60'] }));
      await peer.response(202, 'SUBSCRIBE');
      peer.send(responseText(await peer.request('NOTIFY'), user === 'gone' ? 481 : 200));
    }
    await assertEmpty();
  });

  it('keeps nothing of proxied calls', async () => {
    const [callee, silent, caller] = [await arena.udpPeer(), await arena.udpPeer(), await arena.udpPeer()];
    const srf = await arena.app({
      invite: (request) =>
        void srf
          .proxyRequest(request, [uriOf(silent), uriOf(callee)], { provisionalTimeout: '50ms' })
          .catch(() => undefined),
    });
    const call = new Call(caller, server.udp);
    call.invite();
    const invite = await callee.request('INVITE');
    callee.send(responseText(invite, 180, { toTag: 'r' }));
    callee.send(responseText(invite, 200, { toTag: 'r', headers: [contactOf(callee)], body: SDP }));
    await caller.response(200, 'INVITE');
    const refused = new Call(caller, server.udp);
    refused.invite();
    const second = await callee.inbox.take(
      'INVITE',
      (m) => m.method === 'INVITE' && m.header('Call-ID') === refused.callId,
    );
    callee.send(responseText(second, 486, { toTag: 'r' }));
    refused.ackFailure(await caller.response(486, 'INVITE'));
    await assertEmpty();
  });

  it('takes any frames that an application may send, and goes on', async () => {
    const peer = await arena.udpPeer();
    const word = fc.oneof(
      fc.constantFrom(
        'sip',
        'proxy',
        'route',
        'remove_route',
        'ping',
        'remainInDialog',
        'serial',
        '',
        uriOf(peer),
        '2s',
      ),
      fc.string({ maxLength: 8 }).map((text) => text.replace(/[\r\n]/g, '')),
    );
    const line = fc.constantFrom(
      `INVITE ${uriOf(peer)} SIP/2.0`,
      'ACK sip:placeholder SIP/2.0',
      'PRACK sip:placeholder SIP/2.0',
      'CANCEL sip:x SIP/2.0',
      'SIP/2.0 200 OK',
      'SIP/2.0 183 Progress',
      'Require: 100rel',
      'CSeq: 1 INVITE',
      'CSeq: 99999999999 INVITE',
      'Call-ID:',
      'From: <sip:a@localhost>',
      'Contact: "',
      ': x',
      '',
      'v=0',
    );
    const frame = fc.tuple(fc.array(word, { maxLength: 9 }), fc.array(line, { maxLength: 6 }));
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 10 }), async (frames) => {
        const client = await arena.wire();
        for (const [words, lines] of frames)
          client.send([...words, ...[]].join('|') + (lines.length > 0 ? `\r\n${lines.join('\r\n')}` : ''));
        client.close();
      }),
      { numRuns: 60 },
    );
    const client = await arena.wire();
    assert.deepEqual(await client.ask('ping'), ['OK', 'pong']);
  });
});
