import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Renegotiation, ReofferAnswer } from '../call/ports.js';
import { createLogger } from '../lib/logger.js';
import { calleeRequestText, responseText, SDP } from '../sip-server/testing/sip-script.js';
import type { LegHost } from './leg-host.js';
import { OutboundLeg } from './outbound-leg.js';
import type { SipRequest, SrfApplication } from './srf.js';
import { calleeListener, DIAL, SignallingArena, ToldInbox } from './testing/signalling-arena.js';

const CONTACT = ['Contact: <sip:channel@127.0.0.1:5099>'];

describe('the leg towards a gateway', () => {
  let arena: SignallingArena;

  beforeEach(async () => {
    arena = await SignallingArena.open();
  });

  afterEach(() => arena.close());

  /** A gateway of this socket: its Contact is where it is. */
  const contact = () => [`Contact: <sip:channel@127.0.0.1:${arena.gateway.local.port}>`];

  async function answered() {
    const dialled = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    arena.gateway.send(responseText(invite, 200, { toTag: 'g1', headers: contact(), body: SDP }));
    await dialled.told.next('answered');
    const ack = await arena.gateway.request('ACK');
    return { ...dialled, invite, ack };
  }

  it('sends nothing but its own headers and those that were passed on', async () => {
    arena.dial({ passedHeaders: { 'X-Campaign': 'spring' }, maxForwards: 12 });
    const invite = await arena.gateway.request('INVITE');
    const names = invite.text
      .slice(0, invite.text.indexOf('\r\n\r\n'))
      .split('\r\n')
      .slice(1)
      .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
    assert.deepEqual(
      new Set(names),
      new Set([
        ...['via', 'from', 'to', 'call-id', 'cseq', 'contact', 'max-forwards', 'content-type', 'content-length'],
        ...['allow', 'supported', 'x-campaign', 'x-simtrunk-loop'],
      ]),
    );
    assert.equal(new Set(names).size, names.length);
    assert.match(invite.header('From'), /sip:\+821012340001@127\.0\.0\.1/);
    assert.equal(invite.header('Max-Forwards'), '12');
    assert.equal(invite.header('X-Campaign'), 'spring');
    arena.gateway.send(responseText(invite, 486, { toTag: 'g1' }));
  });

  it('says the line’s account in From and the gateway’s own headers, whatever was passed on', async () => {
    const headers = { 'X-Line': 'sim07', 'P-Asserted-Identity': '<sip:+821012340001@127.0.0.1>' };
    arena.dial({ address: { requestUri: arena.gatewayUri, fromUser: 'sim07', headers } });
    const invite = await arena.gateway.request('INVITE');
    assert.match(invite.header('From'), /sip:sim07@127\.0\.0\.1/);
    assert.equal(invite.header('X-Line'), 'sim07');
    assert.equal(invite.header('P-Asserted-Identity'), '<sip:+821012340001@127.0.0.1>');
    arena.gateway.send(responseText(invite, 486, { toTag: 'g1' }));
  });

  it('tells of 100, 18x with and without SDP, and a refusal with its reasons', async () => {
    const { told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    assert.equal(await told.next('sent'), invite.header('Call-ID'));
    arena.gateway.send(responseText(invite, 100));
    await told.next('trying');
    arena.gateway.send(responseText(invite, 180, { toTag: 'g1', headers: CONTACT }));
    assert.deepEqual(await told.next('progressed'), [180, null]);
    arena.gateway.send(responseText(invite, 183, { toTag: 'g1', headers: CONTACT, body: SDP }));
    assert.deepEqual(await told.next('progressed'), [183, SDP]);
    const reason = 'Reason: Q.850;cause=17;text="busy, really", SIP;cause=486';
    arena.gateway.send(responseText(invite, 486, { toTag: 'g1', headers: [reason] }));
    assert.deepEqual(await told.next('failed'), {
      status: 486,
      reasons: ['Q.850;cause=17;text="busy, really"', 'SIP;cause=486'],
      local: false,
    });
    await arena.gateway.request('ACK');
  });

  it('asks again for as long a session as the gateway wants, and not for ever', async () => {
    const sessionTimer = { mode: 'request', intervalSeconds: 600, minSeconds: 90 } as const;
    const { told } = arena.dial({ sessionTimer });
    const asked: string[] = [];
    let [callId, cseq] = ['', 0];
    for (let minSeconds = 1_000; minSeconds < 5_000; minSeconds += 1_000) {
      // The same again is one that was repeated.
      const invite = await arena.gateway.inbox.take('INVITE', (m) => m.method === 'INVITE' && m.cseqNumber > cseq);
      cseq = invite.cseqNumber;
      asked.push(`${invite.header('Session-Expires')} ${invite.headers('Min-SE').join()}`);
      callId ||= invite.header('Call-ID');
      assert.equal(invite.header('Call-ID'), callId);
      arena.gateway.send(responseText(invite, 422, { toTag: 'g1', headers: [`Min-SE: ${minSeconds}`] }));
      await arena.gateway.request('ACK');
    }
    assert.deepEqual(asked, ['600 ', '1000 1000', '2000 2000', '3000 3000']);
    assert.equal(((await told.next('failed')) as { status: number }).status, 422);
  });

  it('tells a gateway that never responds from one that refuses', async () => {
    const { told } = arena.dial();
    const { local, status } = (await told.next('failed')) as { local: boolean; status: number };
    assert.deepEqual([local, status], [true, 408]);
  });

  it('holds a CANCEL that was wanted before the INVITE had left until the gateway has responded', async () => {
    const { leg, told } = arena.dial();
    leg.cancel('Q.850;cause=16');
    const invite = await arena.gateway.request('INVITE');
    await told.next('sent');
    // Repeated three times: nothing else came meanwhile (RFC 3261 §9.1).
    for (let n = 0; n < 3; n++) await arena.gateway.repeated('INVITE');
    assert.deepEqual(
      arena.gateway.inbox.untaken.filter(({ method }) => method !== 'INVITE'),
      [],
    );
    arena.gateway.send(responseText(invite, 180, { toTag: 'g1', headers: CONTACT }));
    const cancel = await arena.gateway.request('CANCEL');
    assert.deepEqual([cancel.branch, cancel.header('Reason')], [invite.branch, 'Q.850;cause=16']);
    arena.gateway.send(responseText(cancel, 200));
    arena.gateway.send(responseText(invite, 487, { toTag: 'g1' }));
    assert.equal(((await told.next('failed')) as { status: number }).status, 487);
  });

  it('hands over the answer that crossed a CANCEL, and ends it', async () => {
    const { leg, told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    arena.gateway.send(responseText(invite, 180, { toTag: 'g1', headers: contact() }));
    await told.next('progressed');
    leg.cancel(undefined);
    await arena.gateway.request('CANCEL');
    arena.gateway.send(responseText(invite, 200, { toTag: 'g1', headers: contact(), body: SDP }));
    assert.equal(await told.next('answered'), SDP);
    leg.hangUp('Q.850;cause=16');
    await arena.gateway.request('ACK');
    const bye = await arena.gateway.request('BYE');
    arena.gateway.send(responseText(bye, 200));
    await told.next('cleared');
  });

  it('tells of an answer and of the BYE right behind it, and acknowledges both', async () => {
    const { told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    arena.gateway.send(responseText(invite, 200, { toTag: 'g1', headers: contact(), body: SDP }));
    arena.gateway.send(calleeRequestText('BYE', invite, arena.gateway, { toTag: 'g1' }));
    await told.next('answered');
    await told.next('hung up');
    await arena.gateway.request('ACK');
    await arena.gateway.response(200, 'BYE');
  });

  it('ends an answer without Contact by a BYE of its own, for the carrier bills it', async () => {
    const { leg, told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    arena.gateway.send(responseText(invite, 200, { toTag: 'g1', body: SDP }));
    assert.equal(await told.next('answered'), null);
    leg.hangUp('Q.850;cause=88');
    const bye = await arena.gateway.request('BYE');
    assert.deepEqual(
      [bye.uri, bye.header('Call-ID'), bye.header('To'), bye.header('From')],
      [invite.uri, invite.header('Call-ID'), `${invite.header('To')};tag=g1`, invite.header('From')],
    );
    assert.ok(bye.cseqNumber > invite.cseqNumber);
    arena.gateway.send(responseText(bye, 200));
    await told.next('cleared');
  });

  it('is cleared by any answer to its BYE, and by none', async () => {
    for (const status of [481, null]) {
      const { leg, told } = await answered();
      leg.hangUp(undefined);
      const bye = await arena.gateway.request('BYE');
      if (status !== null) arena.gateway.send(responseText(bye, status));
      await told.next('cleared');
    }
  });

  it('answers an early UPDATE in place of drachtio-srf, which would repeat its first offer', async () => {
    // The embedded server makes a dialog with the 200, so the UPDATE is handed over as drachtio-srf does.
    const invite = Object.assign(new EventEmitter(), { get: () => 'call-1' }) as unknown as SipRequest & EventEmitter;
    let byDrachtio = 0;
    const srf = {
      createUAC: (...[, , progress]: Parameters<SrfApplication['createUAC']>) => {
        progress.cbRequest(null, invite);
        invite.addListener('update', () => byDrachtio++);
      },
    } as unknown as SrfApplication;
    const told = new ToldInbox();
    const host = { calleeSent: () => undefined } as unknown as LegHost;
    const leg = new OutboundLeg(
      srf,
      host,
      calleeListener(told),
      undefined,
      createLogger({ level: 'silent', redactNumbers: false }),
    );
    leg.start({ ...DIAL, address: arena.address }, {});
    await told.next('sent');
    const sent: unknown[] = [];
    const update = { body: SDP, get: (name: string) => (name === 'Content-Type' ? 'application/sdp' : undefined) };
    invite.emit('update', update, { send: (...said: unknown[]) => sent.push(said) });
    const renegotiation = (await told.next('renegotiated')) as Renegotiation;
    assert.equal(renegotiation.offerSdp, SDP);
    renegotiation.accept('v=0');
    assert.deepEqual(sent, [[200, { headers: { Contact: 'call-1', 'Content-Type': 'application/sdp' }, body: 'v=0' }]]);
    assert.equal(byDrachtio, 0);
  });

  it('answers a re-INVITE for its own offer, and one without an offer by what the ACK says', async () => {
    const { leg, invite, told } = await answered();
    const offer = SDP.replace('40000', '40002');
    const inside = { toTag: 'g1', headers: contact() };
    arena.gateway.send(calleeRequestText('INVITE', invite, arena.gateway, { ...inside, cseq: 1, body: offer }));
    const first = (await told.next('renegotiated')) as Renegotiation;
    assert.equal(first.offerSdp, offer);
    first.accept(SDP);
    assert.equal((await arena.gateway.response(200, 'INVITE')).body, SDP);
    arena.gateway.send(calleeRequestText('ACK', invite, arena.gateway, { toTag: 'g1', cseq: 1 }));

    arena.gateway.send(calleeRequestText('INVITE', invite, arena.gateway, { ...inside, cseq: 2 }));
    const second = (await told.next('renegotiated')) as Renegotiation;
    assert.equal(second.offerSdp, null);
    const said = new Promise<string | null>((resolve) => second.onAnswer(resolve));
    second.accept(SDP);
    await arena.gateway.response(200, 'INVITE');
    arena.gateway.send(calleeRequestText('ACK', invite, arena.gateway, { toTag: 'g1', cseq: 2, body: offer }));
    assert.equal(await said, offer);
    leg.hangUp(undefined);
    arena.gateway.send(responseText(await arena.gateway.request('BYE'), 200));
    await told.next('cleared');
  });

  it('sends a re-INVITE of ours in the dialog, acknowledges what comes and tells it', async () => {
    const { leg, invite, told } = await answered();
    for (const [status, body] of [
      [200, SDP],
      [488, undefined],
    ] as const) {
      const answer = new Promise<ReofferAnswer>((resolve) => leg.reoffer('v=0\r\n', resolve));
      const reinvite = await arena.gateway.request('INVITE');
      assert.deepEqual([reinvite.header('Call-ID'), reinvite.body], [invite.header('Call-ID'), 'v=0\r\n']);
      assert.ok(reinvite.cseqNumber > invite.cseqNumber && reinvite.header('Contact') !== '');
      arena.gateway.send(responseText(reinvite, 100));
      arena.gateway.send(responseText(reinvite, status, { headers: contact(), ...(body !== undefined && { body }) }));
      assert.deepEqual(await answer, { status, sdp: body ?? null });
      assert.equal((await arena.gateway.request('ACK')).cseqNumber, reinvite.cseqNumber);
    }
    leg.hangUp(undefined);
    arena.gateway.send(responseText(await arena.gateway.request('BYE'), 200));
    await told.next('cleared');
    assert.equal(await new Promise((resolve) => leg.reoffer('v=0\r\n', ({ status }) => resolve(status))), 481);
  });
});
