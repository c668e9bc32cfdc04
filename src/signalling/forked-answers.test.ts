import assert from 'node:assert/strict';
import type { Renegotiation } from '../call/ports.js';
import { calleeRequestText, responseText, SDP } from '../sip-server/testing/sip-script.js';
import { SignallingArena } from './testing/signalling-arena.js';

const OTHER_SDP = SDP.replace('40000', '40006');

describe('an INVITE that was forked on its way to a gateway', () => {
  let arena: SignallingArena;

  beforeEach(async () => {
    arena = await SignallingArena.open();
  });

  afterEach(() => arena.close());

  const contact = () => [`Contact: <sip:channel@127.0.0.1:${arena.gateway.local.port}>`];

  it('is answered by what the branch of its 200 has described, not by the branch that was heard last', async () => {
    const { told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    const say = (toTag: string, body: string) =>
      arena.gateway.send(responseText(invite, 183, { toTag, headers: contact(), body }));
    say('one', SDP);
    say('two', OTHER_SDP);
    assert.deepEqual(await told.next('progressed'), [183, SDP]);
    assert.deepEqual(await told.next('progressed'), [183, OTHER_SDP]);
    arena.gateway.send(responseText(invite, 200, { toTag: 'one', headers: contact() }));
    assert.equal(await told.next('answered'), SDP);
    assert.equal((await arena.gateway.request('ACK')).toTag, 'one');
    arena.gateway.send(calleeRequestText('BYE', invite, arena.gateway, { toTag: 'one', headers: contact() }));
    await arena.gateway.response(200, 'BYE');
  });

  it('keeps what the branch of its 200 has agreed on last', async () => {
    const { leg, told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    const headers = [...contact(), 'Require: 100rel', 'RSeq: 1'];
    arena.gateway.send(responseText(invite, 183, { toTag: 'one', headers, body: SDP }));
    arena.gateway.send(responseText(await arena.gateway.request('PRACK'), 200));
    const update = { toTag: 'one', cseq: 2, headers: contact(), body: OTHER_SDP };
    arena.gateway.send(calleeRequestText('UPDATE', invite, arena.gateway, update));
    const renegotiation = (await told.next('renegotiated')) as Renegotiation;
    assert.equal(renegotiation.offerSdp, OTHER_SDP);
    renegotiation.accept(SDP);
    const ok = await arena.gateway.response(200, 'UPDATE');
    assert.equal(ok.header('Contact'), invite.header('Contact'));
    arena.gateway.send(responseText(invite, 200, { toTag: 'one', headers: contact() }));
    assert.equal(await told.next('answered'), null);
    await arena.gateway.request('ACK');
    leg.hangUp(undefined);
    arena.gateway.send(responseText(await arena.gateway.request('BYE'), 200));
    await told.next('cleared');
  });

  it('takes no description of another branch for its own', async () => {
    const { leg, told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    arena.gateway.send(responseText(invite, 183, { toTag: 'one', headers: contact(), body: SDP }));
    await told.next('progressed');
    arena.gateway.send(responseText(invite, 200, { toTag: 'two', headers: contact() }));
    assert.equal(await told.next('answered'), '');
    await arena.gateway.request('ACK');
    leg.hangUp(undefined);
    arena.gateway.send(responseText(await arena.gateway.request('BYE'), 200));
    await told.next('cleared');
  });

  it('has its further answers acknowledged and ended, and each told once', async () => {
    const { leg, told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    const answer = (toTag: string) =>
      arena.gateway.send(responseText(invite, 200, { toTag, headers: contact(), body: SDP }));
    answer('one');
    await told.next('answered');
    await arena.gateway.request('ACK');
    for (const toTag of ['two', 'three']) {
      answer(toTag);
      assert.equal((await arena.gateway.request('ACK')).toTag, toTag);
      const bye = await arena.gateway.request('BYE');
      assert.equal(bye.toTag, toTag);
      arena.gateway.send(responseText(bye, 200));
      await told.next('answered again');
    }
    // Said again: its ACK was lost.
    answer('two');
    assert.equal((await arena.gateway.request('ACK')).toTag, 'two');
    leg.hangUp(undefined);
    const bye = await arena.gateway.request('BYE');
    assert.equal(bye.toTag, 'one');
    arena.gateway.send(responseText(bye, 200));
    await told.next('cleared');
    assert.deepEqual(
      told.untaken.filter(({ event }) => event === 'answered again'),
      [],
    );
  });

  it('says 100 and 199 for signs of life, and no more', async () => {
    const { leg, told } = arena.dial();
    const invite = await arena.gateway.request('INVITE');
    for (const status of [101, 199]) {
      arena.gateway.send(responseText(invite, status, { toTag: 'one', headers: contact() }));
      await told.next('trying');
    }
    leg.cancel(undefined);
    arena.gateway.send(responseText(await arena.gateway.request('CANCEL'), 200));
    arena.gateway.send(responseText(invite, 487, { toTag: 'one' }));
    await told.next('failed');
    assert.ok(told.untaken.every(({ event }) => event !== 'progressed'));
  });

  it('offers reliable provisional responses as the gateway is set, and acknowledges them', async () => {
    for (const [prack, supported, required] of [
      ['off', '', ''],
      ['supported', '100rel', ''],
      ['required', '100rel', '100rel'],
    ] as const) {
      const { told } = arena.dial({ prack });
      const invite = await arena.gateway.request('INVITE');
      assert.deepEqual([invite.header('Supported'), invite.header('Require')], [supported, required]);
      assert.match(invite.header('Allow'), /PRACK, UPDATE/);
      if (prack !== 'off') {
        const headers = [...contact(), 'Require: 100rel', 'RSeq: 7'];
        arena.gateway.send(responseText(invite, 183, { toTag: 'rel', headers, body: SDP }));
        assert.deepEqual(await told.next('progressed'), [183, SDP]);
        const request = await arena.gateway.request('PRACK');
        assert.equal(request.header('RAck'), `7 ${invite.header('CSeq')}`);
        arena.gateway.send(responseText(request, 200));
      }
      arena.gateway.send(responseText(invite, 486, { toTag: 'rel' }));
      await told.next('failed');
      await arena.gateway.request('ACK');
    }
  });
});
