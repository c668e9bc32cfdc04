// Session timers (RFC 4028) in the server's own time: minutes that a test does not wait for.
import { strict as assert } from 'node:assert';
import { ManualClock } from '../lib/clock.js';
import { SILENT_LOG } from './server-log.js';
import { SipServer } from './sip-server.js';
import { deferred } from './testing/arena.js';
import { answer, contactOf, uriOf } from './testing/called-peer.js';
import { UdpPeer } from './testing/raw-peer.js';
import { Call, responseText, SDP } from './testing/sip-script.js';
import { type AppDialog, connectApplication, type TestApplication } from './testing/test-application.js';

describe('session timers', () => {
  const clock = new ManualClock();
  let server: SipServer;
  let peer: UdpPeer;
  let udp: { address: string; port: number };
  const apps: TestApplication[] = [];

  before(async () => {
    server = new SipServer(
      {
        listeners: [{ transport: 'udp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' }],
        admin: { address: '127.0.0.1', port: 0, secret: 's' },
        timers: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 },
        maxMessageBytes: 65_535,
      },
      clock,
      SILENT_LOG,
    );
    await server.open();
    const [listener] = server.listeners;
    assert.ok(listener);
    udp = { address: '127.0.0.1', port: listener.port };
  });
  beforeEach(async () => {
    peer = await UdpPeer.open(udp);
  });
  afterEach(() => {
    peer.close();
    for (const srf of apps.splice(0)) srf.disconnect();
  });
  after(async () => {
    await server.close();
  });

  async function app(handlers: Parameters<typeof connectApplication>[1] = {}): Promise<TestApplication> {
    const { srf } = await connectApplication({ host: '127.0.0.1', port: server.adminPort, secret: 's' }, handlers);
    apps.push(srf);
    return srf;
  }

  /** A call that the application took with this Session-Expires. */
  async function taken(
    sessionExpires: string,
    headers: string[] = [],
  ): Promise<{ call: Call; ended: Promise<string> }> {
    const ended = deferred<string>();
    const acked = deferred<void>();
    const srf = await app({
      invite: (request, reply) => {
        const options = { localSdp: SDP, headers: { 'Session-Expires': sessionExpires, Require: 'timer' } };
        srf.createUAS(request, reply, options, (_error, dialog) => {
          dialog?.on('destroy', (_bye, reason) => ended.resolve(reason));
          dialog?.on('ack', () => acked.resolve());
        });
      },
    });
    const call = new Call(peer, udp, { headers: ['Supported: timer', 'Session-Expires: 1800', ...headers] });
    call.invite();
    const ok = await peer.response(200, 'INVITE');
    assert.equal(ok.header('Session-Expires'), sessionExpires);
    call.learn(ok);
    call.ack();
    await acked.promise;
    return { call, ended: ended.promise };
  }

  it('refresh the session by UPDATE at half its interval where the caller knows UPDATE', async () => {
    const { call, ended } = await taken('600;refresher=uas', ['Allow: INVITE, ACK, UPDATE, BYE']);
    for (let round = 0; round < 2; round++) {
      clock.advance(299_000);
      assert.equal(peer.inbox.untaken.filter(({ method }) => method === 'UPDATE').length, 0);
      // Not so far that an unanswered UPDATE would be repeated.
      clock.advance(1_200);
      const update = await peer.request('UPDATE');
      assert.equal(update.header('Session-Expires'), '600;refresher=uac');
      assert.equal(update.body, '');
      peer.send(responseText(update, 200, { headers: ['Session-Expires: 600;refresher=uac', 'Require: timer'] }));
      // Passed on by the server when the next request has come back.
      call.inside('INFO');
      await peer.response(200, 'INFO');
    }
    call.inside('BYE');
    assert.equal(await ended, 'normal release');
    clock.advance(700_000);
    assert.equal(peer.inbox.untaken.filter(({ method }) => method === 'UPDATE').length, 0);
  });

  it('refresh it by an INVITE with the same description otherwise, and acknowledge the answer', async () => {
    const { call, ended } = await taken('600;refresher=uas');
    clock.advance(300_500);
    const invite = await peer.request('INVITE');
    assert.equal(invite.body, SDP);
    const headers = [`Contact: <${call.peerUri}>`, 'Session-Expires: 600;refresher=uac'];
    peer.send(responseText(invite, 200, { headers, body: SDP }));
    const ack = await peer.request('ACK');
    assert.equal(ack.cseqNumber, invite.cseqNumber);
    call.inside('BYE');
    assert.equal(await ended, 'normal release');
  });

  it('end a session that its caller does not refresh, a little before it is over', async () => {
    const { ended } = await taken('600;refresher=uac');
    // RFC 4028 §10: min(32 s, a third of it) before.
    clock.advance(567_500);
    assert.equal(peer.inbox.untaken.filter(({ method }) => method === 'BYE').length, 0);
    clock.advance(1_000);
    const bye = await peer.request('BYE');
    assert.match(bye.header('Reason'), /Session timer expired/);
    peer.send(responseText(bye, 200));
    assert.equal(await ended, 'Session timer expired');
  });

  it('begin anew with each refresh of the peer', async () => {
    const { call, ended } = await taken('600;refresher=uac');
    clock.advance(400_000);
    const headers = [`Contact: <${call.peerUri}>`, 'Supported: timer', 'Session-Expires: 600;refresher=uac'];
    call.inside('UPDATE', { headers });
    await peer.response(200, 'UPDATE');
    clock.advance(400_000);
    call.inside('INFO');
    await peer.response(200, 'INFO');
    call.inside('BYE');
    assert.equal(await ended, 'normal release');
  });

  it('serve a call that an application placed, and end it when the peer is gone', async () => {
    const srf = await app();
    const dialogs = deferred<AppDialog | undefined>();
    const options = { localSdp: SDP, headers: { Supported: 'timer', 'Session-Expires': '90' } };
    srf.createUAC(uriOf(peer), options, {}, (_error, dialog) => dialogs.resolve(dialog));
    const invite = await peer.request('INVITE');
    const headers = [contactOf(peer), 'Session-Expires: 90;refresher=uac', 'Allow: UPDATE'];
    peer.send(responseText(invite, 200, { toTag: 's', headers, body: SDP }));
    await peer.request('ACK');
    const ended = deferred<string>();
    (await dialogs.promise)?.on('destroy', (_bye, reason) => ended.resolve(reason));
    clock.advance(45_500);
    const update = await peer.request('UPDATE');
    assert.equal(update.header('Session-Expires'), '90;refresher=uac');
    peer.send(responseText(update, 481));
    const bye = await peer.request('BYE');
    peer.send(responseText(bye, 200));
    assert.equal(await ended.promise, 'Session timer expired');
  });

  it('are the application’s own affair where the server is told so', async () => {
    const quiet = new ManualClock();
    const own = new SipServer(
      {
        listeners: [{ transport: 'udp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' }],
        admin: { address: '127.0.0.1', port: 0, secret: 's' },
        timers: { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 },
        maxMessageBytes: 65_535,
        keepsSessions: false,
      },
      quiet,
      SILENT_LOG,
    );
    await own.open();
    const at = { address: '127.0.0.1', port: own.listeners[0]?.port ?? 0 };
    const caller = await UdpPeer.open(at);
    const acked = deferred<void>();
    const updated = deferred<string>();
    const { srf } = await connectApplication(
      { host: '127.0.0.1', port: own.adminPort, secret: 's' },
      {
        invite: (request, reply) => {
          const options = { localSdp: SDP, headers: { 'Session-Expires': '600;refresher=uas' } };
          srf.createUAS(request, reply, options, (_error, dialog) => {
            dialog?.on('ack', () => acked.resolve());
            dialog?.on('update', (update, answered) => {
              updated.resolve(update.get('Session-Expires') ?? '');
              answered.send(200);
            });
          });
        },
      },
    );
    const call = new Call(caller, at, { headers: ['Supported: timer', 'Session-Expires: 1800'] });
    call.invite();
    call.learn(await caller.response(200, 'INVITE'));
    call.ack();
    await acked.promise;
    quiet.advance(10_000_000);
    // An interval that would get 422 reaches the application.
    call.inside('UPDATE', { headers: [`Contact: <${call.peerUri}>`, 'Session-Expires: 4;refresher=uac'] });
    await caller.response(200, 'UPDATE');
    assert.equal(await updated.promise, '4;refresher=uac');
    assert.deepEqual(
      caller.inbox.untaken.filter(({ method }) => method !== ''),
      [],
    );
    srf.disconnect();
    caller.close();
    await own.close();
  });

  it('leave a call alone whose answer names no interval', async () => {
    const srf = await app();
    srf.createUAC(uriOf(peer), { localSdp: SDP, headers: { 'Session-Expires': '90' } }, {}, () => undefined);
    const invite = await peer.request('INVITE');
    await answer(peer, invite, 'n');
    const pending = peer.inbox.untaken.length;
    clock.advance(10_000_000);
    assert.equal(peer.inbox.untaken.length, pending);
  });
});
