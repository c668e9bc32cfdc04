// What any drachtio server does on its admin port: connections, verbs, several applications, errors. Run by contract.test.ts.
import { strict as assert } from 'node:assert';
import { Arena, deferred, needsEmbedded, type ServerUnderTest } from './testing/arena.js';
import { Call, calleeRequestText, responseText, SDP } from './testing/sip-script.js';
import { type AppDialog, connectApplication } from './testing/test-application.js';
import { WireClient } from './testing/wire-client.js';

export function describeWireContract(server: () => ServerUnderTest): void {
  describe('the admin port', () => {
    let arena: Arena;
    beforeEach(() => {
      arena = new Arena(server());
    });
    afterEach(() => arena.close());

    it('tells its listeners and a version that knows ping', async () => {
      const client = await WireClient.open(server().admin);
      const [verdict, hostport, version, local] = await client.ask(`authenticate|${server().admin.secret}|a,b`);
      assert.equal(verdict, 'OK');
      assert.match(hostport ?? '', new RegExp(`udp/127\\.0\\.0\\.1:${server().udp.port}`));
      assert.match(version ?? '', /^v\d+\.\d+\.\d+/);
      assert.match(local ?? '', /tcp\//);
      client.close();
    });

    it('refuses a wrong secret and closes', async () => {
      const { admin } = server();
      const failing = connectApplication({ ...admin, secret: 'wrong' });
      await assert.rejects(failing, /failed to authenticate/);
      const client = await WireClient.open(admin);
      assert.deepEqual(await client.ask('authenticate|wrong|'), ['NO', 'incorrect secret']);
      await client.closed();
    });

    it('does nothing for a connection that has not authenticated', async function () {
      needsEmbedded(server(), this, 'drachtio-server does not enforce authentication');
      const client = await WireClient.open(server().admin);
      client.send('route|invite');
      await client.closed();
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.ackFailure(await peer.response(503, 'INVITE'));
    });

    it('answers ping, route and remove_route, and takes any verb', async () => {
      const client = await arena.wire();
      assert.deepEqual(await client.ask('ping'), ['OK', 'pong']);
      assert.deepEqual(await client.ask('route|options'), ['OK']);
      assert.deepEqual(await client.ask('route|frobnicate'), ['OK']);
      assert.deepEqual(await client.ask('remove_route|frobnicate'), ['OK']);
    });

    it('removes only the verb that is named', async function () {
      needsEmbedded(server(), this, 'drachtio-server removes every verb of the connection');
      const client = await arena.wire();
      await client.ask('route|options');
      await client.ask('route|info');
      await client.ask('remove_route|info');
      const peer = await arena.udpPeer();
      peer.send(new Call(peer, server().udp).text('INFO'));
      await peer.response(503, 'INFO');
      peer.send(new Call(peer, server().udp).text('OPTIONS'));
      await client.inbox.take('OPTIONS', (payload) => payload.includes('\r\nOPTIONS '));
    });

    const closing: readonly [string, string, RegExp][] = [
      ['an unknown type', 'frobnicate|x', /Unknown message type/],
      [
        'a response without a transaction',
        'sip||\r\nSIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n',
        /transaction id missing/,
      ],
      ['too short a proxy request', 'proxy', /Invalid proxy request: not enough information provided/],
    ];
    for (const [what, message, reason] of closing) {
      it(`refuses ${what} and closes`, async () => {
        const client = await arena.wire();
        const [verdict, text] = await client.ask(message);
        assert.equal(verdict, 'NO');
        assert.match(text ?? '', reason);
        await client.closed();
      });
    }

    it('refuses a message of one token and closes', async () => {
      const client = await arena.wire();
      client.raw('5#alone');
      const payload = await client.inbox.take('response', (text) => text.includes('|response|alone|'));
      assert.match(payload, /NO\|Invalid message format/);
      await client.closed();
    });

    for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '123456#too many digits', '#', '-5#hello', 'ÿ¿\u0000']) {
      it(`closes on ${JSON.stringify(garbage)} in place of a frame`, async function () {
        if (garbage === '#') needsEmbedded(server(), this, 'drachtio-server waits for more');
        const client = await arena.wire();
        client.raw(garbage);
        await client.closed();
      });
    }

    it('reads frames that come byte by byte, and several in one segment', async () => {
      const client = await arena.wire();
      const frame = (id: string, message: string): string => {
        const payload = `${id}|${message}`;
        return `${Buffer.byteLength(payload)}#${payload}`;
      };
      for (const byte of Buffer.from(frame('one', 'ping'))) client.raw(Buffer.from([byte]));
      await client.inbox.take('pong', (payload) => payload.includes('|response|one|OK|pong'));
      client.raw(frame('two', 'ping') + frame('three', 'route|x') + frame('four', 'ping'));
      await client.inbox.take('pong', (payload) => payload.includes('|response|two|OK|pong'));
      await client.inbox.take('pong', (payload) => payload.includes('|response|four|OK|pong'));
    });

    it('gives new requests to the applications in turn', async () => {
      const first = await arena.wire();
      const second = await arena.wire();
      await first.ask('route|message');
      await second.ask('route|message');
      const peer = await arena.udpPeer();
      for (let count = 0; count < 4; count++) peer.send(new Call(peer, server().udp).text('MESSAGE'));
      for (const client of [first, second, first, second]) {
        await client.inbox.take('MESSAGE', (payload) => payload.includes('\r\nMESSAGE '));
      }
    });

    it('gives new requests to another application while one does not read', async function () {
      needsEmbedded(server(), this, 'drachtio-server goes on giving them');
      const slow = await arena.wire();
      const quick = await arena.wire();
      await slow.ask('route|message');
      await quick.ask('route|message');
      slow.pause();
      const peer = await arena.tcpPeer();
      const total = 900;
      const body = 'x'.repeat(60_000);
      // 54 MB in all: more than the kernel keeps for one that does not read, and much more than the server does.
      for (let count = 0; count < total; count++) {
        peer.send(new Call(peer, server().tcp).text('MESSAGE', { body }));
        if (count % 2 === 1) await quick.inbox.take('MESSAGE', (payload) => payload.includes('\r\nMESSAGE '));
      }
      let others = total / 2;
      while (others < total * 0.52) {
        await quick.inbox.take('MESSAGE', (payload) => payload.includes('\r\nMESSAGE '));
        others++;
      }
    });

    it('gives what belongs to a dialog to the application that owns it', async () => {
      const ended = deferred<string>();
      const answering = async (name: string): Promise<void> => {
        const srf = await arena.app({
          invite: (request, answer) => {
            srf.createUAS(request, answer, { localSdp: SDP, headers: { 'X-App': name } }, (_error, dialog) =>
              dialog?.on('destroy', () => ended.resolve(name)),
            );
          },
        });
      };
      await answering('one');
      await answering('two');
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const ok = await peer.response(200, 'INVITE');
      call.learn(ok);
      call.ack();
      call.inside('BYE');
      await peer.response(200, 'BYE');
      assert.equal(await ended.promise, ok.header('X-App'));
    });

    it('says that it knows no such dialog or transaction', async () => {
      const client = await arena.wire();
      const bye = 'BYE sip:placeholder SIP/2.0\r\n\r\n';
      assert.deepEqual(await client.ask(`sip||no-such-dialog\r\n${bye}`), [
        'NOK',
        'Server error: unable to find dialog for dialog id provided',
      ]);
      assert.deepEqual(await client.ask('sip|no-such-txn|\r\nSIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n'), [
        'NOK',
        'Response not sent due to unknown transaction',
      ]);
      assert.deepEqual(await client.ask('sip|no-such-txn|\r\nCANCEL sip:a@b SIP/2.0\r\n\r\n'), [
        'NOK',
        'unable to cancel unknown transaction id: no-such-txn',
      ]);
    });

    it('echoes what it sends in the form that drachtio-srf reads', async () => {
      const client = await arena.wire();
      await client.ask('route|invite');
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      const invite = await client.inbox.take('INVITE', (payload) => payload.includes('\r\nINVITE '));
      const leader = (invite.split('\r\n')[0] ?? '').split('|');
      assert.equal(leader[1], 'sip');
      assert.equal(leader[2], 'network');
      assert.equal(Number(leader[3]), Buffer.byteLength(call.inviteText));
      assert.deepEqual(leader.slice(4, 7), ['udp', '127.0.0.1', String(peer.local.port)]);
      assert.match(leader[7] ?? '', /^\d\d:\d\d:\d\d\.\d{6}$/);
      const txn = leader[8] ?? '';
      assert.equal(leader[9], '');
      assert.deepEqual(leader.slice(10), ['127.0.0.1', String(server().udp.port), '']);
      const echo = await client.ask(`sip|${txn}|\r\nSIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n`);
      assert.deepEqual(echo.slice(0, 2), ['OK', 'application']);
      assert.equal(echo[7], txn);
      assert.equal(echo[8], `${call.callId};from-tag=${call.fromTag}`);
      assert.deepEqual(echo.slice(9), ['', 'Msg sent:', '']);
      call.ackFailure(await peer.response(486, 'INVITE'));

      const { address, port } = peer.local;
      const sent = await client.ask(`sip||\r\nOPTIONS sip:x@${address}:${port} SIP/2.0\r\n\r\n`);
      assert.deepEqual(sent.slice(0, 2), ['OK', 'application']);
      assert.deepEqual(sent.slice(8), ['Msg sent:', '']);
      const options = await peer.request('OPTIONS');
      peer.send(responseText(options, 200, { toTag: 'e' }));
      const response = await client.inbox.take('200', (payload) => payload.includes('\r\nSIP/2.0 200 '));
      const tokens = (response.split('\r\n')[0] ?? '').split('|');
      assert.equal(tokens[8], sent[7]);
      assert.deepEqual(tokens.slice(9), ['', '']);
    });

    it('does not deliver 100 Trying', async () => {
      const client = await arena.wire();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      client.send(`sip||\r\nINVITE sip:x@${address}:${port} SIP/2.0\r\n\r\n${SDP}`);
      const invite = await peer.request('INVITE');
      peer.send(responseText(invite, 100));
      peer.send(responseText(invite, 183, { toTag: 'h' }));
      peer.send(responseText(invite, 486, { toTag: 'h' }));
      await client.inbox.take('486', (payload) => payload.includes('\r\nSIP/2.0 486 '));
      const delivered = client.inbox.untaken.filter((payload) => payload.includes('\r\nSIP/2.0 '));
      assert.equal(delivered.length, 1);
      assert.match(delivered[0] ?? '', /SIP\/2\.0 183 /);
    });

    it('takes a body of an application to the end of its frame, whatever Content-Length says', async () => {
      const client = await arena.wire();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      const body = 'přesně 🎧\r\n\r\nand more';
      await client.ask(
        `sip||\r\nMESSAGE sip:x@${address}:${port} SIP/2.0\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n${body}`,
      );
      const message = await peer.request('MESSAGE');
      assert.equal(message.body, body);
      assert.equal(message.header('Content-Length'), String(Buffer.byteLength(body)));
      peer.send(responseText(message, 200, { toTag: 'm' }));
    });

    it('carries frames of nearly 100,000 bytes', async function () {
      needsEmbedded(server(), this, 'drachtio-server does not send it');
      const client = await arena.wire();
      const peer = await arena.tcpPeer();
      const { address, port } = peer.local;
      const body = 'x'.repeat(99_000);
      client.send(
        `sip||\r\nMESSAGE sip:x@${address}:${port};transport=tcp SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${body}`,
      );
      assert.equal((await peer.request('MESSAGE')).body, body);
    });

    it('answers 503 to a pending INVITE when its application goes away', async function () {
      needsEmbedded(server(), this, 'drachtio-server leaves the INVITE without an answer');
      const client = await arena.wire();
      await client.ask('route|invite');
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      await client.inbox.take('INVITE', (payload) => payload.includes('\r\nINVITE '));
      client.close();
      call.ackFailure(await peer.response(503, 'INVITE'));
    });

    it('cancels the ringing calls of an application that goes away, and ends one answered too late', async function () {
      needsEmbedded(server(), this, 'drachtio-server lets them ring');
      const client = await arena.wire();
      const peer = await arena.udpPeer();
      const { address, port } = peer.local;
      for (const user of ['rings', 'answers']) {
        await client.ask(`sip||\r\nINVITE sip:${user}@${address}:${port} SIP/2.0\r\n\r\n${SDP}`);
      }
      const ringing = await peer.inbox.take('INVITE', (message) => message.uri.startsWith('sip:rings'));
      const answering = await peer.inbox.take('INVITE', (message) => message.uri.startsWith('sip:answers'));
      peer.send(responseText(ringing, 180, { toTag: 'r' }));
      await client.inbox.take('180', (payload) => payload.includes('\r\nSIP/2.0 180 '));
      client.close();
      const cancel = await peer.request('CANCEL');
      assert.equal(cancel.header('Call-ID'), ringing.header('Call-ID'));
      peer.send(responseText(cancel, 200));
      peer.send(responseText(ringing, 487, { toTag: 'r' }));
      const contact = `Contact: <sip:answers@${address}:${port}>`;
      peer.send(responseText(answering, 200, { toTag: 'a', headers: [contact], body: SDP }));
      await peer.inbox.take('ACK', (m) => m.method === 'ACK' && m.header('Call-ID') === answering.header('Call-ID'));
      const bye = await peer.request('BYE');
      peer.send(responseText(bye, 200));
    });

    it('answers 481 in the dialogs of an application that has gone, which a new connection can still end', async () => {
      const dialogs = deferred<AppDialog>();
      const srf = await arena.app({
        invite: (request, answer) => {
          srf.createUAS(request, answer, { localSdp: SDP }, (_error, made) => made && dialogs.resolve(made));
        },
      });
      const peer = await arena.udpPeer();
      const call = new Call(peer, server().udp);
      call.invite();
      call.learn(await peer.response(200, 'INVITE'));
      call.ack();
      const dialog = await dialogs.promise;
      srf.disconnect();
      const client = await arena.wire();
      call.inside('INFO');
      await peer.response(481, 'INFO');
      const echo = await client.ask(`sip||${dialog.id}\r\nBYE sip:placeholder SIP/2.0\r\n\r\n`);
      assert.equal(echo[0], 'OK');
      peer.send(responseText(await peer.request('BYE'), 200));
      await client.inbox.take('200 to BYE', (payload) => payload.includes('\r\nSIP/2.0 200 '));
    });

    it('keeps the order of a BYE right behind the 200 for a connection that reads slowly', async () => {
      const client = await arena.wire();
      const peer = await arena.tcpPeer();
      const { address, port } = peer.local;
      client.send(`sip||\r\nINVITE sip:x@${address}:${port};transport=tcp SIP/2.0\r\n\r\n${SDP}`);
      const invite = await peer.request('INVITE');
      const contact = `Contact: <sip:x@${address}:${port};transport=tcp>`;
      const ok = responseText(invite, 200, { toTag: 's', headers: [contact], body: SDP });
      peer.reply(ok + calleeRequestText('BYE', invite, peer, { toTag: 's' }));
      await client.inbox.take('BYE', (payload) => payload.includes('\r\nBYE '));
      assert.equal(client.inbox.untaken.filter((payload) => payload.includes('\r\nSIP/2.0 200 ')).length, 1);
    });
  });
}
