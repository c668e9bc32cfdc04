import assert from 'node:assert/strict';
import { branch, Call, sipText, token } from '../sip-server/testing/sip-script.js';
import { userOf } from './message-parts.js';
import { SignallingArena } from './testing/signalling-arena.js';

describe('the SIP application', () => {
  let arena: SignallingArena;

  beforeEach(async () => {
    arena = await SignallingArena.open();
  });

  afterEach(() => arena.close());

  function ask(method: string): void {
    const { address, port } = arena.caller.local;
    arena.caller.send(
      sipText(`${method} sip:${arena.server.udp.address} SIP/2.0`, [
        `Via: SIP/2.0/UDP ${address}:${port};branch=${branch()}`,
        `From: <sip:pbx@pbx.example>;tag=${token()}`,
        'To: <sip:simtrunk@127.0.0.1>',
        `Call-ID: ${token()}`,
        `CSeq: 1 ${method}`,
        'Max-Forwards: 70',
        'Contact: <sip:pbx@127.0.0.1>',
      ]),
    );
  }

  it('answers OPTIONS with what it takes, and with 503 while it takes no calls', async () => {
    ask('OPTIONS');
    const ok = await arena.caller.response(200, 'OPTIONS');
    assert.match(ok.header('Allow'), /INVITE/);
    arena.isAccepting = false;
    ask('OPTIONS');
    await arena.caller.response(503, 'OPTIONS');
  });

  it('refuses every other method with 405 rather than leave it to the server', async () => {
    for (const method of ['REGISTER', 'SUBSCRIBE', 'PUBLISH', 'MESSAGE', 'NOTIFY', 'REFER']) {
      ask(method);
      await arena.caller.response(405, method);
    }
    assert.equal(arena.application.counters.refusedMethods, 6);
  });

  it('knows its own calls when they come back', async () => {
    arena.dial();
    const marker = (await arena.gateway.request('INVITE')).header('X-Simtrunk-Loop');
    for (const [value, looped] of [
      [marker, true],
      ['of another simtrunk', false],
    ] as const) {
      new Call(arena.caller, arena.server.udp, { headers: [`X-Simtrunk-Loop: ${value}`] }).invite();
      const { request, leg } = await arena.offered();
      assert.equal(request.looped, looped);
      leg.refuse(482, undefined);
      await arena.caller.response(482, 'INVITE');
    }
  });

  it('has its last word heard although the server is closed right after', async () => {
    new Call(arena.caller, arena.server.udp).invite();
    const { leg } = await arena.offered();
    leg.refuse(503, 'Q.850;cause=41;text="shutdown"');
    await arena.application.close();
    await arena.server.close();
    assert.match((await arena.caller.response(503, 'INVITE')).header('Reason'), /shutdown/);
  });

  it('reads users from URIs and name-addrs, and nothing where there is none', () => {
    for (const [text, user] of [
      ['sip:01012345678@pbx', '01012345678'],
      ['"A, B" <sip:%2b8210@pbx;user=phone>;tag=1', '+8210'],
      ['sips:a:secret@pbx', 'a'],
      ['<tel:+82101234;phone-context=x>', '+82101234'],
      ['sip:pbx.example', ''],
      ['sip:%zz@pbx', '%zz'],
      ['anonymous', ''],
      ['"sip:999@evil" <sip:1000@pbx>;tag=1', '1000'],
      ['sip:01055550001;npdi;rn=1@pbx', '01055550001'],
      ['sip:1000@pbx;tag=1', '1000'],
    ] as const) {
      assert.equal(userOf(text), user);
    }
  });
});
