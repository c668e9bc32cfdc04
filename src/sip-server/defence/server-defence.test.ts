// The defence on the running server, by peers of several loopback addresses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { RunningSipServer, SipServerCounters } from '../control.js';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from '../testing/arena.js';
import type { RawPeer } from '../testing/raw-peer.js';
import { Call, responseText, SDP } from '../testing/sip-script.js';

describe('the defence of a running server', () => {
  let server: ServerUnderTest;
  let control: RunningSipServer;
  let arena: Arena;

  async function start(defence: Parameters<typeof startEmbedded>[0] = {}): Promise<void> {
    server = await startEmbedded(defence);
    if (server.control === null) throw new Error('no control port');
    control = server.control;
    arena = new Arena(server);
  }

  afterEach(async () => {
    arena.close();
    await server.close();
  });

  function options(peer: RawPeer, headers: readonly string[] = []): string {
    return new Call(peer, peer.protocol === 'udp' ? server.udp : server.tcp).text('OPTIONS', { headers });
  }

  async function droppedBy(cause: keyof SipServerCounters['dropped'], count: number): Promise<void> {
    await until(
      () => control.counters(),
      ({ dropped }) => dropped[cause] === count,
    );
  }

  /** An answer to a later request shows that no answer to an earlier one is to come. */
  async function assertOnlyAnswer(peer: RawPeer): Promise<void> {
    peer.send(options(peer));
    await peer.response(503, 'OPTIONS');
    assert.equal(peer.inbox.untaken.length, 0);
  }

  it('slows a source down to its rate, while others are answered', async () => {
    await start({ defence: { rate: { messagesPerSecond: 0.001, burst: 3 } } });
    const [fast, slow] = [await arena.udpPeer('127.0.0.2'), await arena.udpPeer('127.0.0.3')];
    for (let time = 0; time < 10; time++) fast.send(options(fast));
    for (let time = 0; time < 3; time++) await fast.response(503, 'OPTIONS');
    await droppedBy('rate-limited', 7);
    await assertOnlyAnswer(slow);
    assert.equal(fast.inbox.untaken.length, 0);
    assert.deepEqual(await control.sources(1), [{ source: '127.0.0.2', malformed: 0, scans: 0, overRate: 7 }]);
  });

  it('lets a known peer send as much as it likes', async () => {
    await start({ defence: { rate: { messagesPerSecond: 0.001, burst: 3 } } });
    await control.setSources({ allow: null, known: ['127.0.0.2'] });
    const peer = await arena.udpPeer('127.0.0.2');
    for (let time = 0; time < 20; time++) peer.send(options(peer));
    for (let time = 0; time < 20; time++) await peer.response(503, 'OPTIONS');
  });

  it('hears a peer whom an application calls, as if it were known', async () => {
    await start({ defence: { rate: { messagesPerSecond: 0.001, burst: 3 } } });
    const srf = await arena.app();
    const peer = await arena.udpPeer('127.0.0.2');
    for (let time = 0; time < 10; time++) {
      const refused = deferred<number | undefined>();
      const uri = `sip:x@127.0.0.2:${peer.local.port}`;
      srf.createUAC(uri, { localSdp: SDP }, {}, (error) => refused.resolve(error?.status));
      peer.send(responseText(await peer.request('INVITE'), 486, { toTag: 'x' }));
      assert.equal(await refused.promise, 486);
    }
  });

  it('drops a denied source, and closes a connection whose source is denied meanwhile', async () => {
    await start();
    const denied = await arena.udpPeer('127.0.0.2');
    const stream = await arena.tcpPeer('127.0.0.3');
    stream.send(options(stream));
    await stream.response(503, 'OPTIONS');
    await control.setSources({ allow: ['127.0.0.0/8'], deny: ['127.0.0.2', '127.0.0.3'] });
    denied.send(options(denied));
    stream.send(options(stream));
    await stream.closed();
    await droppedBy('denied-source', 2);
    await assertOnlyAnswer(await arena.udpPeer('127.0.0.4'));
    assert.equal(denied.inbox.untaken.length, 0);
  });

  it('drops scanners over UDP and TCP, and bans them after so many', async () => {
    await start({ defence: { ban: { offences: 3, windowSeconds: 60, banSeconds: 600 } } });
    const banned = deferred<unknown>();
    control.on('source:banned', banned.resolve);
    const peer = await arena.udpPeer('127.0.0.2');
    const stream = await arena.tcpPeer('127.0.0.2');
    peer.send(options(peer, ['User-Agent: Friendly-Scanner']));
    stream.send(options(stream, ['user-agent: sipcli/v1.8']));
    await droppedBy('scanner', 2);
    await assertOnlyAnswer(peer);
    peer.send(options(peer, ['USER-AGENT: pplsip']));
    assert.deepEqual(await banned.promise, { source: '127.0.0.2', offence: 'scanner', banSeconds: 600 });
    peer.send(options(peer));
    stream.send(options(stream));
    await stream.closed();
    await droppedBy('banned', 2);
    assert.equal(peer.inbox.untaken.length, 0);
    const socket = connect({ ...hostPort(server.tcp), localAddress: '127.0.0.2' });
    socket.on('error', () => undefined);
    await once(socket, 'close');
    assert.equal(await control.unban('127.0.0.2'), true);
    await assertOnlyAnswer(peer);
  });

  it('counts what it cannot read by source, and bans for it', async () => {
    await start({ defence: { ban: { offences: 4, windowSeconds: 60, banSeconds: 600 } } });
    const peer = await arena.udpPeer('127.0.0.2');
    peer.send('complete nonsense');
    peer.send(options(peer).replace('Call-ID', 'X-Call-ID'));
    await peer.response(400, 'OPTIONS');
    peer.send('SIP/2.0 200 OK\r\nTo: <sip:x@y>\r\n\r\n');
    await droppedBy('malformed', 3);
    assert.deepEqual(await control.bans(), []);
    assert.deepEqual(await control.sources(5), [{ source: '127.0.0.2', malformed: 3, scans: 0, overRate: 0 }]);
    peer.send('OPTIONS sip:x@y SIP/2.0\r\n');
    const bans = await until(
      () => control.bans(),
      ({ length }) => length > 0,
    );
    assert.deepEqual(
      bans.map(({ source, by }) => [source, by]),
      [['127.0.0.2', 'offences']],
    );
  });

  it('bans and lifts by the control port, and refuses a name', async () => {
    await start();
    const peer = await arena.udpPeer('127.0.0.2');
    assert.deepEqual(await control.ban('127.0.0.2', null), { ok: true });
    assert.deepEqual(await control.ban('peer.example', 5), { ok: false, reason: 'not-an-address' });
    assert.deepEqual(await control.bans(), [{ source: '127.0.0.2', by: 'operator', remainingSeconds: null }]);
    peer.send(options(peer));
    await droppedBy('banned', 1);
    assert.deepEqual([await control.unban('127.0.0.2'), await control.unban('127.0.0.2')], [true, false]);
    await assertOnlyAnswer(peer);
  });

  it('refuses one connection too many of a source', async () => {
    await start({ defence: { maxConnectionsPerSource: 2 } });
    const first = await arena.tcpPeer('127.0.0.2');
    const second = await arena.tcpPeer('127.0.0.2');
    const third = await arena.tcpPeer('127.0.0.2');
    await third.closed();
    const other = await arena.tcpPeer('127.0.0.3');
    for (const peer of [first, second, other]) await assertOnlyAnswer(peer);
    await droppedBy('too-many-connections', 1);
    first.hangUp();
    const answered = await until(
      async () => {
        const again = await arena.tcpPeer('127.0.0.2');
        again.send(options(again));
        return Promise.race([again.response(503, 'OPTIONS').then(() => true), again.closed().then(() => false)]);
      },
      (isAnswered) => isAnswered,
    );
    assert.equal(answered, true);
  });

  describe('with as many transactions as it may have', () => {
    const MOST = 6;

    it('answers new requests 503 with Retry-After and makes no transaction for them, but serves the dialogs there are', async () => {
      await start({ defence: { maxTransactions: MOST, retryAfterSeconds: 7 }, t1Ms: 20 });
      const started = deferred<{ transactions: number }>();
      const ended = deferred<{ transactions: number; refused: number; seconds: number }>();
      control.on('overload:started', started.resolve);
      control.on('overload:ended', ended.resolve);
      const destroyed = deferred<void>();
      const srf = await arena.app({
        invite: (request, answer) => {
          if (request.uri.includes('waiting')) return;
          srf.createUAS(request, answer, { localSdp: SDP }, (_error, dialog) => {
            dialog?.on('destroy', () => destroyed.resolve());
          });
        },
      });
      const peer = await arena.udpPeer('127.0.0.2');
      const call = new Call(peer, server.udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      // INVITEs that nobody answers fill the table up.
      const waiting: Call[] = [];
      for (let count = 0; count < MOST; count++) {
        const next = new Call(peer, server.udp, { user: 'waiting' });
        waiting.push(next);
        next.invite();
      }
      assert.equal((await started.promise).transactions, MOST);
      const refused = await peer.response(503, 'INVITE');
      assert.equal(refused.header('Retry-After'), '7');
      const stranger = await arena.udpPeer('127.0.0.3');
      stranger.send(options(stranger));
      assert.equal((await stranger.response(503, 'OPTIONS')).header('Retry-After'), '7');
      // A tag that belongs to no dialog, and a CANCEL of nothing, are no way in.
      stranger.send(new Call(stranger, server.udp).text('BYE', { toTag: 'made-up' }));
      await stranger.response(503, 'BYE');
      stranger.send(new Call(stranger, server.udp).text('CANCEL'));
      await stranger.response(503, 'CANCEL');
      const { transactions, isOverloaded, dropped, sentResponses } = await control.counters();
      assert.ok(transactions <= MOST, `${transactions} transactions`);
      assert.equal(isOverloaded, true);
      assert.equal(dropped.overload, 4);
      assert.deepEqual([sentResponses.INVITE?.['503'], sentResponses.OPTIONS?.['503']], [1, 1]);
      waiting[0]?.cancel();
      await peer.response(200, 'CANCEL');
      await peer.response(487, 'INVITE');
      call.inside('BYE');
      await peer.response(200, 'BYE');
      await destroyed.promise;
      for (const one of waiting.slice(1, -1)) one.cancel();
      const { refused: count, seconds } = await ended.promise;
      assert.equal(count, 4);
      assert.ok(seconds > 0);
      assert.equal((await control.counters()).isOverloaded, false);
      await assertOnlyAnswer(stranger);
    });
  });
});

function hostPort({ address, port }: { address: string; port: number }): { host: string; port: number } {
  return { host: address, port };
}
