import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import fc from 'fast-check';
import { SimtrunkError } from '../lib/errors.js';
import type { SipListenerSettings, SipServerSettings } from './control.js';
import { startSipServer } from './start-sip-server.js';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from './testing/arena.js';
import { branch, Call, responseText, SDP, sipText } from './testing/sip-script.js';

function settingsWith(listeners: readonly SipListenerSettings[], adminPort = 0): SipServerSettings {
  return {
    listeners,
    admin: { address: '127.0.0.1', port: adminPort, secret: 's' },
    timers: { t1Ms: 100, t2Ms: 800, t4Ms: 1000 },
    maxMessageBytes: 65_535,
  };
}

function listener(transport: 'udp' | 'tcp', port = 0, address = '127.0.0.1'): SipListenerSettings {
  return { transport, address, port, advertise: address };
}

describe('startSipServer', () => {
  it('refuses to start on a UDP port that is taken, names it, and leaves nothing bound', async () => {
    const holder = createSocket('udp4').bind(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address();
    const free = await startSipServer(settingsWith([listener('tcp')]));
    const tcpPort = free.listeners[0]?.port ?? 0;
    await free.close();
    await assert.rejects(startSipServer(settingsWith([listener('tcp', tcpPort), listener('udp', port)])), (error) => {
      assert.ok(error instanceof SimtrunkError);
      assert.equal(error.code, 'LISTENER_UNAVAILABLE');
      assert.match(error.message, new RegExp(`udp:127\\.0\\.0\\.1:${port}`));
      return true;
    });
    const again = createServer().listen(tcpPort, '127.0.0.1');
    await once(again, 'listening');
    again.close();
    holder.close();
  });

  it('refuses to start on a UDP port that another server of its kind has', async () => {
    const first = await startSipServer(settingsWith([listener('udp')]));
    const second = startSipServer(settingsWith([listener('udp', first.listeners[0]?.port)]));
    await assert.rejects(second, /Cannot listen on udp:127\.0\.0\.1:\d+/);
    await first.close();
  });

  it('refuses to start on a taken admin port, and on an address that is not ours', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    await assert.rejects(startSipServer(settingsWith([listener('udp')], port)), new RegExp(`127.0.0.1:${port}`));
    holder.close();
    await assert.rejects(startSipServer(settingsWith([listener('udp', 0, '192.0.2.1')])), /udp:192\.0\.2\.1:0/);
  });

  it('closes twice without harm, and refuses questions afterwards', async () => {
    const server = await startSipServer(settingsWith([listener('udp'), listener('tcp')]));
    let exits = 0;
    server.onExit(() => exits++);
    await Promise.all([server.close(), server.close()]);
    await server.close();
    await assert.rejects(server.counters());
    assert.equal(exits, 0);
  });

  it('listens on IPv6 and writes brackets', async function () {
    let server: Awaited<ReturnType<typeof startSipServer>>;
    try {
      server = await startSipServer(settingsWith([listener('udp', 0, '::1')]));
    } catch {
      console.log('      skipped: this machine has no IPv6 loopback');
      this.skip();
      return;
    }
    const socket = createSocket('udp6').bind(0, '::1');
    await once(socket, 'listening');
    const port = server.listeners[0]?.port ?? 0;
    const received = once(socket, 'message');
    socket.send(
      sipText(`OPTIONS sip:x@[::1]:${port} SIP/2.0`, [
        `Via: SIP/2.0/UDP [::1]:${socket.address().port};branch=${branch()}`,
        'From: <sip:a@b>;tag=1',
        'To: <sip:x@y>',
        'Call-ID: six',
        'CSeq: 1 OPTIONS',
      ]),
      port,
      '::1',
    );
    const [bytes] = (await received) as [Buffer];
    assert.match(bytes.toString(), /^SIP\/2\.0 503 /);
    assert.match(bytes.toString(), /Via: SIP\/2\.0\/UDP \[::1\]:\d+;branch=\S+;rport=\d+\r\n/);
    socket.close();
    await server.close();
  });

  it('leaves by the listener of the next hop’s network, with that listener’s advertised address', async () => {
    const server = await startSipServer(
      settingsWith([
        { transport: 'udp', address: '127.0.0.1', port: 0, advertise: '198.51.100.1' },
        { transport: 'udp', address: '127.0.1.1', port: 0, advertise: '198.51.100.2' },
      ]),
    );
    const under: ServerUnderTest = {
      name: '',
      admin: { host: '127.0.0.1', port: server.adminPort, secret: 's' },
      udp: listener('udp', server.listeners[1]?.port, '127.0.1.1'),
      tcp: listener('tcp'),
      t1Ms: 100,
      control: server,
      close: () => server.close(),
    };
    const arena = new Arena(under);
    const srf = await arena.app();
    const socket = createSocket('udp4').bind(0, '127.0.1.7');
    await once(socket, 'listening');
    const received = once(socket, 'message');
    srf.createUAC(
      `sip:x@127.0.1.7:${socket.address().port}`,
      { localSdp: SDP, callingNumber: '1' },
      {},
      () => undefined,
    );
    const [bytes, source] = (await received) as [Buffer, { address: string; port: number }];
    assert.equal(source.address, '127.0.1.1');
    const port = server.listeners[1]?.port;
    assert.match(bytes.toString(), new RegExp(`Via: SIP/2.0/UDP 198\\.51\\.100\\.2:${port};rport;branch=`));
    assert.match(bytes.toString(), new RegExp(`Contact: sip:1@198\\.51\\.100\\.2:${port}\\r\\n`));
    socket.close();
    arena.close();
    await server.close();
  });
});

describe('the control port', () => {
  let server: ServerUnderTest;
  let arena: Arena;
  before(async () => {
    server = await startEmbedded({ maxMessageBytes: 8_000 });
  });
  after(() => server.close());
  beforeEach(() => {
    arena = new Arena(server);
  });
  afterEach(async () => {
    arena.close();
    await server.control?.setSources({ allow: null });
  });

  async function counters(): ReturnType<NonNullable<ServerUnderTest['control']>['counters']> {
    if (server.control === null) throw new Error('no control port');
    return server.control.counters();
  }

  it('drops a source that is not allowed without a word, over UDP and TCP, and counts it', async () => {
    const peer = await arena.udpPeer();
    await server.control?.setSources({ allow: ['10.0.0.0/8', '127.0.0.2'] });
    const before = (await counters()).dropped['unknown-source'];
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    const socket = connect(server.tcp.port, server.tcp.address);
    socket.on('error', () => undefined);
    await once(socket, 'close');
    await until(counters, (now) => now.dropped['unknown-source'] === before + 2);
    await server.control?.setSources({ allow: ['127.0.0.0/24'] });
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    assert.equal(peer.inbox.untaken.length, 0);
  });

  it('refuses a list with an entry that is no address, and keeps the old one', async () => {
    await server.control?.setSources({ allow: ['127.0.0.1'] });
    await assert.rejects(async () => server.control?.setSources({ allow: ['nonsense'] }), /nonsense/);
    const peer = await arena.udpPeer();
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
  });

  it('tells of an INVITE whose first response was 100', async () => {
    const trying = deferred<string>();
    server.control?.onTrying(trying.resolve);
    const srf = await arena.app();
    const peer = await arena.udpPeer();
    const { address, port } = peer.local;
    srf.createUAC(`sip:x@${address}:${port}`, { localSdp: SDP }, {}, () => undefined);
    const invite = await peer.request('INVITE');
    peer.send(responseText(invite, 100));
    assert.equal(await trying.promise, invite.header('Call-ID'));
    peer.send(responseText(invite, 486, { toTag: 'x' }));
    await peer.request('ACK');
  });

  it('acknowledges and ends an answer to an INVITE of a process before it, once, and tells of it', async () => {
    const told: string[] = [];
    server.control?.on('answer:unclaimed', ({ callId }) => told.push(callId));
    await server.control?.setSources({ allow: null, known: ['127.0.0.1'] });
    const peer = await arena.udpPeer();
    const { address, port } = server.udp;
    const answer =
      `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ${address}:${port};branch=z9hG4bKbefore\r\nFrom: <sip:1@a>;tag=ours\r\n` +
      `To: <sip:2@b>;tag=theirs\r\nCall-ID: before\r\nCSeq: 7 INVITE\r\n` +
      `Contact: <sip:2@${peer.local.address}:${peer.local.port}>\r\nContent-Length: 0\r\n\r\n`;
    peer.send(answer);
    const ack = await peer.request('ACK');
    const bye = await peer.request('BYE');
    assert.deepEqual(
      [ack.toTag, ack.header('CSeq'), bye.toTag, bye.header('CSeq')],
      ['theirs', '7 ACK', 'theirs', '8 BYE'],
    );
    peer.send(responseText(bye, 200));
    // Repeated, because the ACK was lost: the same ACK again, and no other BYE.
    peer.send(answer);
    assert.equal((await peer.request('ACK')).header('Call-ID'), 'before');
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    assert.deepEqual([told, peer.inbox.untaken.length], [['before'], 0]);
  });

  it('answers 400 to a malformed request whose Via can be read, drops the rest, and counts both', async () => {
    const peer = await arena.udpPeer();
    const { address, port } = peer.local;
    const via = `Via: SIP/2.0/UDP ${address}:${port};branch=${branch()}`;
    const good = ['From: <sip:a@b>;tag=1', 'To: <sip:x@y>', 'Call-ID: c', 'CSeq: 1 OPTIONS'];
    const start = (await counters()).dropped.malformed;
    const refused: readonly (readonly [string, readonly string[]])[] = [
      ['no From', [via, ...good.slice(1)]],
      ['no To', [via, ...good.filter((line) => !line.startsWith('To'))]],
      ['no Call-ID', [via, ...good.filter((line) => !line.startsWith('Call-ID'))]],
      ['no CSeq', [via, ...good.slice(0, 3)]],
      ['negative CSeq', [via, ...good.slice(0, 3), 'CSeq: -1 OPTIONS']],
      ['huge CSeq', [via, ...good.slice(0, 3), 'CSeq: 4294967296 OPTIONS']],
      ['another method in CSeq', [via, ...good.slice(0, 3), 'CSeq: 1 INVITE']],
      ['two Call-IDs', [via, ...good, 'Call-ID: d']],
      ['two From', [via, ...good, 'f: <sip:c@d>;tag=2']],
      ['a line without a colon', [via, ...good, 'nonsense']],
      ['a Content-Length that is no number', [via, ...good, 'Content-Length: -5']],
      ['contradicting Content-Lengths', [via, ...good, 'Content-Length: 7']],
      ['a Max-Forwards that is no number', [via, ...good, 'Max-Forwards: lots']],
      ['300 headers', [via, ...good, ...Array<string>(300).fill('X-A: b')]],
    ];
    for (const [what, headers] of refused) {
      peer.send(sipText('OPTIONS sip:x@y SIP/2.0', headers));
      const answer = await peer.inbox.take(`400 for ${what}`, (message) => message.status > 0);
      assert.equal(answer.status, 400, what);
      assert.match(answer.header('Via'), /rport=/);
    }
    peer.send(sipText('OPTIONS sip:x@y SIP/3.0', [via, ...good]));
    await peer.response(505, 'OPTIONS');
    const dropped = [
      sipText('OPTIONS sip:x@y SIP/2.0', good),
      'OPTIONS sip:x@y SIP/2.0\r\n',
      'complete nonsense',
      sipText('SIP/2.0 200 OK', good),
      sipText('ACK sip:x@y SIP/2.0', [via, ...good]),
    ];
    for (const text of dropped) peer.send(text);
    await until(counters, (now) => now.dropped.malformed === start + refused.length + 1 + dropped.length);
    assert.equal(peer.inbox.untaken.length, 0);
  });

  it('drops messages that are too large, keepalives, and responses to nothing, and counts each', async () => {
    const peer = await arena.udpPeer();
    const start = (await counters()).dropped;
    peer.send(new Call(peer, server.udp, { body: 'x'.repeat(9_000) }).inviteText);
    peer.send('\r\n\r\n');
    peer.send(Buffer.alloc(4));
    const via = `Via: SIP/2.0/UDP 127.0.0.1;branch=${branch()}`;
    peer.send(
      sipText('SIP/2.0 200 OK', [via, 'From: <sip:a@b>;tag=1', 'To: <sip:c@d>;tag=2', 'Call-ID: e', 'CSeq: 1 BYE']),
    );
    const large = await arena.tcpPeer();
    large.send(new Call(large, server.tcp, { body: 'x'.repeat(9_000) }).inviteText);
    await large.closed();
    await until(
      counters,
      ({ dropped }) =>
        dropped['too-large'] === start['too-large'] + 2 &&
        dropped.keepalive === start.keepalive + 2 &&
        dropped['no-transaction'] === start['no-transaction'] + 1,
    );
  });

  it('answers a double CRLF over TCP with one, between messages', async () => {
    const peer = await arena.tcpPeer();
    const text = new Call(peer, server.tcp).text('OPTIONS');
    peer.send(`\r\n\r\n${text}\r\n\r\n`);
    await peer.response(503, 'OPTIONS');
    await until(
      async () => peer.keepaliveAnswers,
      (answers) => answers === '\r\n\r\n',
    );
  });

  it('answers 400 and closes when a TCP stream can no longer be cut', async () => {
    const peer = await arena.tcpPeer();
    const call = new Call(peer, server.tcp);
    peer.send(call.text('OPTIONS').replace('Content-Length: 0', 'Content-Length: many'));
    await peer.response(400, 'OPTIONS');
    await peer.closed();
  });

  it('answers over a new connection when the caller’s has closed', async () => {
    const answer = deferred<() => void>();
    await arena.app({ invite: (_request, reply) => answer.resolve(() => reply.send(486)) });
    const peer = await arena.tcpPeer();
    const call = new Call(peer, server.tcp);
    call.invite();
    const send = await answer.promise;
    peer.hangUp();
    // The server must have seen the end of the connection before it answers.
    await until(counters, () => true);
    send();
    await peer.response(486, 'INVITE');
    assert.equal(peer.accepted, 1);
  });

  it('survives anything on its ports', async function () {
    this.timeout(60_000);
    const peer = await arena.udpPeer();
    const stream = await arena.tcpPeer();
    const call = new Call(peer, server.udp);
    const seeds = [call.inviteText, call.text('CANCEL'), call.text('ACK'), responseText200(call)];
    let unread = 0;
    // The kernel drops what a socket has no room for: no more is sent than it holds, until the server has read it all.
    const sent = async () => {
      if (++unread < 50) return;
      unread = 0;
      await isAnswered();
    };
    const isAnswered = async () => {
      const options = new Call(peer, server.udp);
      peer.send(options.text('OPTIONS'));
      await peer.inbox.take(
        '503 to OPTIONS',
        (message) => message.status === 503 && message.header('Call-ID') === options.callId,
      );
    };
    await fc.assert(
      fc.asyncProperty(mutated(seeds), async (bytes) => {
        peer.send(bytes);
        stream.send(bytes);
        await sent();
      }),
      { numRuns: 2_000 },
    );
    for (let count = 0; count < 200; count++) {
      peer.send(randomBytes(1 + (count % 1400)));
      await sent();
    }
    await isAnswered();
    const fresh = await arena.tcpPeer();
    fresh.send(new Call(fresh, server.tcp).text('OPTIONS'));
    await fresh.response(503, 'OPTIONS');
    assert.ok((await counters()).dropped.malformed > 0);
  });
});

function responseText200(call: Call): string {
  return sipText('SIP/2.0 200 OK', call.text('INVITE').split('\r\n').slice(1, 7));
}

/** A seed with some bytes replaced, removed, repeated or inserted. */
function mutated(seeds: readonly string[]): fc.Arbitrary<Buffer> {
  const edit = fc.tuple(
    fc.constantFrom('replace', 'remove', 'repeat', 'insert'),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
  );
  return fc.tuple(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 6 })).map(([seed, edits]) => {
    let bytes = Buffer.from(seed);
    for (const [kind, where, value] of edits) {
      const at = Math.floor(where * bytes.length);
      const left = bytes.subarray(0, at);
      const right = bytes.subarray(kind === 'insert' ? at : at + value.length);
      const middle =
        kind === 'remove' ? [] : kind === 'repeat' ? [bytes.subarray(at, at + 64), bytes.subarray(at)] : [value];
      bytes = Buffer.concat([left, ...middle, ...(kind === 'repeat' ? [] : [right])]);
    }
    return bytes;
  });
}
