// The messages of RFC 4475, sent to a running server with an application behind it.
import { strict as assert } from 'node:assert';
import { deferred, until } from '../../testing/arena.js';
import { responseText, sipText } from '../../testing/sip-script.js';
import type { AppAnswer, AppRequest, AppResponse } from '../../testing/test-application.js';
import { RFC4475_INVALID } from './rfc4475-invalid.js';
import { RFC4475_SEMANTICS } from './rfc4475-semantics.js';
import { RFC4475_VALID } from './rfc4475-valid.js';
import { TortureArena, Tortured, withOwnBranch } from './torture-arena.js';

const ok = (_request: AppRequest, answer: AppAnswer): void => answer.send(200);
const busy = (_request: AppRequest, answer: AppAnswer): void => answer.send(486);

describe('RFC 4475 over the wire', function () {
  this.timeout(60_000);
  let tortured: Tortured;
  let arena: TortureArena;
  before(async () => {
    tortured = await Tortured.start();
  });
  after(() => tortured.close());
  beforeEach(() => {
    arena = new TortureArena(tortured);
  });
  afterEach(() => arena.close());

  /** A test that a real drachtio-server cannot pass, with what it does instead. */
  function ours(title: string, theirs: string, run: () => Promise<void>): void {
    it(process.env.DRACHTIO_HOST === undefined ? title : `${title} [drachtio-server: ${theirs}]`, async function () {
      if (tortured.server.control === null) this.skip();
      await run();
    });
  }

  describe('valid messages (§3.1.1)', () => {
    const { wsinv, intmeth, esc01, escnull, esc02, lwsdisp, longreq, dblreq, semiuri } = RFC4475_VALID;
    const { transports, mpart01, unreason, noreason } = RFC4475_VALID;

    it('wsinv (RFC 4475 §3.1.1.1): is well-formed, and gets 481 for the tag of a dialog that nobody has', async () => {
      const response = await arena.refused(wsinv, 481);
      assert.equal(response.header('Call-ID'), 'wsinv.ndaksdj@192.0.2.1');
      assert.match(response.header('From'), /^"J Rosenberg \\\\\\"" +<sip:jdrosen@example\.com> *; *tag *= *98asjd8$/);
      assert.equal(
        response
          .headers('Via')
          .join(',')
          .match(/SIP *\/ *2\.0/g)?.length,
        3,
      );
    });

    ours('intmeth (RFC 4475 §3.1.1.2): gets 501 with the methods that are understood', 'dropped', async () => {
      const response = await arena.refused(intmeth, 501, 'tcp');
      assert.match(response.header('Allow'), /\bINVITE\b.*\bBYE\b.*\bCANCEL\b/);
      assert.ok(response.header('To').startsWith('"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f" <'));
      assert.match(response.header('From'), /="работающий";/);
    });

    it('intmeth (RFC 4475 §3.1.1.2): reaches an application that understands it, octet for octet', async function () {
      if (tortured.server.control === null) this.skip();
      const wire = await arena.wire();
      await wire.ask("route|!interesting-method0123456789_*+`.%indeed'~");
      const peer = await arena.tcpPeer();
      await arena.untilForgotten(intmeth);
      peer.send(intmeth);
      const payload = await wire.inbox.take('the request', (text) => text.includes('|network|'));
      const sent = intmeth.toString();
      assert.equal(payload.slice(payload.indexOf('\r\nTo: ')), sent.slice(sent.indexOf('\r\nTo: ')));
    });

    it('esc01 (RFC 4475 §3.1.1.3): reaches the application with its escapes as they are', async () => {
      const { request } = await arena.offered(esc01, busy);
      assert.equal(request.uri, 'sip:sips%3Auser%40example.com@example.net');
      assert.equal(request.get('To'), 'sip:%75se%72@example.com');
      assert.equal(request.get('Contact'), '<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>');
    });

    it('escnull (RFC 4475 §3.1.1.4): reaches the registrar with both Contacts', async () => {
      const { request } = await arena.offered(escnull, ok);
      assert.match(request.get('Contact') ?? '', /^<sip:%00@host5\.example\.com>, *<sip:%00%00@host5\.example\.com>$/);
    });

    ours('esc02 (RFC 4475 §3.1.1.5): is no REGISTER, and gets 501', 'dropped', async () => {
      await arena.refused(esc02, 501);
    });

    it('lwsdisp (RFC 4475 §3.1.1.6): is answered like any OPTIONS', async () => {
      const { request } = await arena.offered(lwsdisp, ok);
      assert.equal(request.get('From'), 'caller<sip:caller@example.com>;tag=323');
    });

    it('longreq (RFC 4475 §3.1.1.7): reaches the application whole, and all its Vias come back', async () => {
      const { request, response } = await arena.offered(longreq, busy, 'tcp');
      assert.equal(request.get('Call-ID'), `longreq.one${'really'.repeat(20)}longcallid`);
      assert.equal(response.text.match(/^v(?:ia)? *:/gim)?.length, 34);
      assert.match(
        response.headers('Via').at(-1) ?? '',
        /^SIP\/2\.0\/TCP host\.example\.com;received=192\.0\.2\.5;branch=verylong/,
      );
    });

    it('dblreq (RFC 4475 §3.1.1.8): the REGISTER is answered, and nothing becomes of the octets after it', async () => {
      const { request, peer } = await arena.offered(dblreq, ok);
      assert.equal(request.method, 'REGISTER');
      await arena.alive(peer);
      assert.equal(tortured.seen.length, 2);
    });

    it('semiuri (RFC 4475 §3.1.1.9): reaches the application with its user as it is', async () => {
      const { request } = await arena.offered(semiuri, ok);
      assert.equal(request.uri, 'sip:user;par=u%40example.net@example.com');
      assert.match(request.get('Accept') ?? '', /pkcs7-mime,\s+multipart\/mixed, multipart\/signed,\s+message\/sip/);
    });

    it('transports (RFC 4475 §3.1.1.10): is answered with all its Vias', async () => {
      const { response } = await arena.offered(transports, ok);
      assert.deepEqual(
        response.headers('Via').map((via) => via.split(' ')[0]),
        ['SIP/2.0/UDP', 'SIP/2.0/SCTP', 'SIP/2.0/TLS', 'SIP/2.0/UNKNOWN', 'SIP/2.0/TCP'],
      );
    });

    ours('mpart01 (RFC 4475 §3.1.1.11): reaches the application with its binary body', '400', async () => {
      for (const protocol of ['udp', 'tcp'] as const) {
        const wire = await arena.wire();
        await wire.ask('route|message');
        const peer = protocol === 'udp' ? await arena.udpPeer() : await arena.tcpPeer();
        // A Call-ID for each: a copy by another way would be a merged request.
        const text = mpart01.toString('latin1').replace(/^(Call-ID: *)/im, `$1${protocol}`);
        peer.send(withOwnBranch(Buffer.from(text, 'latin1')));
        const payload = await wire.inbox.take('the request', (text) => text.includes('|network|'));
        // The client reads UTF-8: what is no character shows as U+FFFD on both sides.
        const body = mpart01.subarray(-553).toString('utf8');
        assert.ok(payload.endsWith(`\r\n\r\n${body}`));
        wire.close();
      }
    });

    for (const [tag, section, bytes] of [
      ['unreason', '§3.1.1.12', unreason],
      ['noreason', '§3.1.1.13', noreason],
    ] as const) {
      it(`${tag} (RFC 4475 ${section}): is dropped when nothing was asked`, () => arena.ignored(bytes));

      it(`${tag} (RFC 4475 ${section}): its reason phrase does an answer to our request no harm`, async () => {
        const peer = await arena.udpPeer();
        const answered = deferred<AppResponse>();
        const { address, port } = peer.local;
        tortured.srf.request(`sip:${address}:${port}`, { method: 'OPTIONS' }, (_error, sent) => {
          sent?.on('response', (response) => answered.resolve(response));
        });
        const asked = await peer.request('OPTIONS');
        const reason = /^SIP\/2\.0 \d+ (.*)\r\n/.exec(bytes.toString())?.[1] ?? 'none';
        peer.send(responseText(asked, 200, { toTag: 't' }).replace('Said by peer', reason));
        assert.equal((await answered.promise).status, 200);
      });
    }
  });

  describe('invalid messages (§3.1.2)', () => {
    const { badinv01, clerr, ncl, scalar02, scalarlg, quotbal, ltgtruri, lwsruri, lwsstart, trws } = RFC4475_INVALID;
    const { escruri, baddate, regbadct, badaspec, baddn, badvers, mismatch01, mismatch02, bigcode } = RFC4475_INVALID;

    ours('badinv01 (RFC 4475 §3.1.2.1): gets 400', 'dropped', async () => {
      const response = await arena.refused(badinv01, 400);
      assert.equal(response.header('Via'), 'SIP/2.0/UDP 192.0.2.15;;,;,,');
    });

    it('clerr (RFC 4475 §3.1.2.2): gets 400 as a datagram', async () => {
      await arena.refused(clerr, 400);
    });

    it('clerr (RFC 4475 §3.1.2.2): waits on a connection until the rest has come', async function () {
      if (tortured.server.control === null) this.skip();
      const offered = deferred<AppRequest>();
      tortured.handler = (request, answer) => {
        if (request.method === 'INVITE') offered.resolve(request);
        answer.send(request.method === 'INVITE' ? 486 : 200);
      };
      const peer = await arena.tcpPeer();
      peer.send(withOwnBranch(clerr));
      await arena.alive(await arena.tcpPeer());
      assert.deepEqual(peer.inbox.untaken, []);
      peer.send('x'.repeat(9_999 - 154));
      assert.equal((await offered.promise).body?.length, 9_999);
    });

    it('ncl (RFC 4475 §3.1.2.3): gets 400 as a datagram', async () => {
      await arena.refused(ncl, 400);
    });

    it('ncl (RFC 4475 §3.1.2.3): gets 400 on a connection, which is then closed', async () => {
      const peer = await arena.tcpPeer();
      peer.send(withOwnBranch(ncl));
      await peer.response(400, 'INVITE');
      await peer.closed();
    });

    it('ncl (RFC 4475 §3.1.2.3): a Content-Length in letters gets 400 too', async () => {
      await arena.refused(Buffer.from(ncl.toString().replace('-999', 'five')), 400);
    });

    it('scalar02 (RFC 4475 §3.1.2.4): gets 400', async () => {
      await arena.refused(scalar02, 400, 'tcp');
    });

    it('scalarlg (RFC 4475 §3.1.2.5): is dropped', () => arena.ignored(scalarlg));

    const refusals: readonly (readonly [string, Buffer, number, string])[] = [
      ['quotbal (RFC 4475 §3.1.2.6)', quotbal, 400, ''],
      ['ltgtruri (RFC 4475 §3.1.2.7)', ltgtruri, 400, ''],
      ['lwsruri (RFC 4475 §3.1.2.8)', lwsruri, 400, 'dropped'],
      ['lwsstart (RFC 4475 §3.1.2.9)', lwsstart, 400, 'to the application, which cannot read it'],
      ['trws (RFC 4475 §3.1.2.10)', trws, 400, 'to the application'],
      ['escruri (RFC 4475 §3.1.2.11)', escruri, 400, 'to the application'],
      ['regbadct (RFC 4475 §3.1.2.13)', regbadct, 400, ''],
      ['baddn (RFC 4475 §3.1.2.15)', baddn, 400, ''],
      ['badvers (RFC 4475 §3.1.2.16)', badvers, 505, 'dropped over UDP'],
      ['mismatch01 (RFC 4475 §3.1.2.17)', mismatch01, 400, ''],
      ['mismatch02 (RFC 4475 §3.1.2.18)', mismatch02, 501, '400'],
    ];
    for (const [name, bytes, status, theirs] of refusals) {
      const run = async (): Promise<void> => void (await arena.refused(bytes, status));
      if (theirs === '') it(`${name}: gets ${status}`, run);
      else ours(`${name}: gets ${status}`, theirs, run);
    }

    ours('baddate (RFC 4475 §3.1.2.12): reaches the application, with its Date', '400', async () => {
      const { request } = await arena.offered(baddate, busy);
      assert.equal(request.get('Date'), 'Fri, 01 Jan 2010 16:00:00 EST');
    });

    it('badaspec (RFC 4475 §3.1.2.14): reaches the application, its blanks ignored', async () => {
      const { request } = await arena.offered(badaspec, ok);
      assert.match(request.get('To') ?? '', /t\.watson@example\.org/);
    });

    it('bigcode (RFC 4475 §3.1.2.19): is dropped', () => arena.ignored(bigcode));
  });

  describe('transactions and meaning (§3.2, §3.3)', () => {
    const { badbranch, insuf, unkscm, novelsc, unksm2, bext01, invut, regaut01, multi01, mcl01 } = RFC4475_SEMANTICS;
    const { bcast, zeromf, cparam01, cparam02, regescrt, sdp01 } = RFC4475_SEMANTICS;

    it('badbranch (RFC 4475 §3.2.1): falls back to what RFC 2543 tells transactions apart by', async () => {
      const { peer, response } = await arena.offered(badbranch, ok);
      assert.equal(response.status, 200);
      peer.send(badbranch);
      await peer.response(200, 'OPTIONS');
      assert.equal(tortured.seen.length, 1);
      peer.send(Buffer.from(badbranch.toString().replace('badbranch.', 'another.')));
      await peer.response(200, 'OPTIONS');
      assert.equal(tortured.seen.length, 2);
    });

    it('insuf (RFC 4475 §3.3.1): gets 400', async () => {
      await arena.refused(insuf, 400);
    });

    ours('unkscm (RFC 4475 §3.3.2): gets 416', 'to the application', async () => {
      await arena.refused(unkscm, 416, 'tcp');
    });

    ours('novelsc (RFC 4475 §3.3.3): gets 416', 'to the application', async () => {
      await arena.refused(novelsc, 416, 'tcp');
    });

    it('unksm2 (RFC 4475 §3.3.4): reaches the registrar, which refuses the address with 400', async () => {
      const { request, response } = await arena.offered(unksm2, (register, answer) =>
        answer.send(/^<?sips?:/.test(register.get('To') ?? '') ? 200 : 400),
      );
      assert.equal(request.get('To'), 'isbn:2983792873');
      assert.equal(response.status, 400);
    });

    ours(
      'bext01 (RFC 4475 §3.3.5): the application names in a 420 what it does not support',
      'dropped over UDP',
      async () => {
        const { response } = await arena.offered(bext01, (request, answer) =>
          answer.send(420, { headers: { Unsupported: request.get('Require') ?? '' } }),
        );
        assert.equal(response.status, 420);
        assert.equal(response.header('Unsupported'), 'nothingSupportsThis, nothingSupportsThisEither');
      },
    );

    it('invut (RFC 4475 §3.3.6): the application refuses the body with 415', async () => {
      const { request, response } = await arena.offered(invut, (_request, answer) =>
        answer.send(415, { headers: { Accept: 'application/sdp' } }),
      );
      assert.equal(request.get('Content-Type'), 'application/unknownformat');
      assert.equal(response.status, 415);
      assert.equal(response.header('Accept'), 'application/sdp');
    });

    ours(
      'regaut01 (RFC 4475 §3.3.7): the registrar challenges with a scheme that it knows',
      'dropped over UDP',
      async () => {
        const { request, response } = await arena.offered(regaut01, (_request, answer) =>
          answer.send(401, { headers: { 'WWW-Authenticate': 'Digest realm="example.com", nonce="n"' } }),
        );
        assert.equal(request.get('Authorization'), 'NoOneKnowsThisScheme opaque-data=here');
        assert.equal(response.status, 401);
      },
    );

    it('multi01 (RFC 4475 §3.3.8): gets 400', async () => {
      await arena.refused(multi01, 400);
    });

    it('mcl01 (RFC 4475 §3.3.9): gets 400 as a datagram', async () => {
      await arena.refused(mcl01, 400);
    });

    ours('mcl01 (RFC 4475 §3.3.9): gets 400 on a connection, which is then closed', '400', async () => {
      const peer = await arena.tcpPeer();
      peer.send(withOwnBranch(mcl01));
      await peer.response(400, 'OPTIONS');
      await peer.closed();
    });

    it('bcast (RFC 4475 §3.3.10): is dropped', () => arena.ignored(bcast));

    ours('bcast (RFC 4475 §3.3.10): is dropped although it answers a request of ours', 'taken', async () => {
      const peer = await arena.udpPeer();
      const answered = deferred<AppResponse>();
      const { address, port } = peer.local;
      tortured.srf.request(`sip:${address}:${port}`, { method: 'OPTIONS' }, (_error, sent) => {
        sent?.on('response', (response) => answered.resolve(response));
      });
      const asked = await peer.request('OPTIONS');
      const foreign = 'SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23';
      const twoVias = [`Via: ${asked.header('Via')}`, `Via: ${foreign}`];
      const rest = ['From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${asked.header(name)}`);
      peer.send(sipText('SIP/2.0 200 OK', [...twoVias, ...rest, `To: ${asked.header('To')};tag=t`]));
      peer.send(responseText(asked, 404, { toTag: 't' }));
      assert.equal((await answered.promise).status, 404);
    });

    it('zeromf (RFC 4475 §3.3.11): is answered, for the application is where it was to go', async () => {
      const { response } = await arena.offered(zeromf, ok);
      assert.equal(response.status, 200);
    });

    it('cparam01 (RFC 4475 §3.3.12): reaches the registrar with the parameter outside the URI', async () => {
      const { request } = await arena.offered(cparam01, ok);
      assert.equal(request.get('Contact'), 'sip:+19725552222@gw1.example.net;unknownparam');
    });

    it('cparam02 (RFC 4475 §3.3.13): reaches the registrar with the parameter inside the URI', async () => {
      const { request } = await arena.offered(cparam02, ok);
      assert.equal(request.get('Contact'), '<sip:+19725552222@gw1.example.net;unknownparam>');
    });

    it('regescrt (RFC 4475 §3.3.14): reaches the registrar with the escaped header, which routes nothing', async () => {
      const { request } = await arena.offered(regescrt, ok);
      assert.equal(request.get('Contact'), '<sip:user@example.com?Route=%3Csip:sip.example.com%3E>');
      assert.equal(request.has('Route'), false);
    });

    it('sdp01 (RFC 4475 §3.3.15): the application refuses with 406 what it cannot answer', async () => {
      const { request, response } = await arena.offered(sdp01, (_request, answer) => answer.send(406));
      assert.equal(request.get('Accept'), 'text/nobodyKnowsThis');
      assert.equal(response.status, 406);
    });
  });

  describe('older syntax (§3.4)', () => {
    it('inv2543 (RFC 4475 §3.4.1): reaches the application, and its ACK finds the answer', async () => {
      const { inv2543 } = RFC4475_SEMANTICS;
      const { request, response, peer } = await arena.offered(inv2543, busy);
      assert.equal(request.get('From'), '<sip:+13035551111@ift.client.example.net;user=phone>');
      assert.equal(request.body?.length, 105);
      assert.equal(response.status, 486);
      const head = inv2543.toString().slice(0, inv2543.indexOf('Content-Type'));
      const ack = head.replaceAll('INVITE', 'ACK').replace(/To: .*/, `To: ${response.header('To')}`);
      peer.send(`${ack}Content-Length: 0\r\n\r\n`);
      const { control } = tortured.server;
      if (control === null) return;
      await until(
        () => control.counters(),
        ({ transactionsByState }) => (transactionsByState['invite-server']?.completed ?? 0) === 0,
      );
    });
  });
});
