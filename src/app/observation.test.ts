// What an operator sees and stops while the whole application runs: traces of both legs, a Homer collector, bans.
import assert from 'node:assert/strict';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { type ReadHep, readHep } from '../sip-server/testing/read-hep.js';
import { Arena, ThreadWatch, until } from './testing/arena.js';

const NUMBER = '01055550001';

describe('an operator of the application', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp | undefined;
  let collector: UdpSocket;
  let packets: ReadHep[];

  beforeEach(async () => {
    packets = [];
    collector = createSocket('udp4');
    collector.on('message', (bytes) => packets.push(readHep(bytes)));
    collector.bind(0, '127.0.0.1');
    await once(collector, 'listening');
    arena = await Arena.open(() => answers());
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await arena.close();
    await new Promise<void>((resolve) => collector.close(() => resolve()));
  });

  async function placeCall(): Promise<void> {
    const call = await arena.phone.call({ number: NUMBER });
    assert.equal(await call.answered, true);
    call.hangUp();
    await call.ended;
    await arena.cdrOf(call.sipCallId);
  }

  it('traces a call by its number, both legs in one ladder', async () => {
    app = await startApp(arena.config());
    assert.ok(app.sip !== null);
    const started = await app.sip.startTrace({ match: { kind: 'number', number: NUMBER } });
    assert.ok(started.ok);
    await placeCall();
    const ladder = (await app.sip.traceLadder(started.id, { withMessages: false })) ?? '';
    const invites = [...ladder.matchAll(/ INVITE SDP /g)];
    assert.equal(invites.length, 2, ladder);
    assert.match(
      ladder,
      new RegExp(`127\\.0\\.0\\.1:${arena.phone.port} +this server +127\\.0\\.0\\.1:${arena.gateway.port}`),
    );
    assert.equal([...ladder.matchAll(/200 OK \(BYE\)/g)].length, 2, ladder);
    assert.ok(((await app.sip.tracePcap(started.id))?.length ?? 0) > 1_000);
  });

  it('has every message in a Homer collector that the config names, also after the SIP server was started again', async () => {
    const threads = new ThreadWatch();
    try {
      const homer = { address: `127.0.0.1:${collector.address().port}`, captureId: 42, password: 'geheim' };
      app = await startApp(arena.config({ sip: { homer } }));
      await placeCall();
      const has = (start: string): boolean => packets.some(({ payload }) => payload.startsWith(start));
      await until('both legs are mirrored', () => has(`INVITE sip:${NUMBER}@`) && has('BYE ') && has('SIP/2.0 200'));
      assert.deepEqual(
        new Set(packets.map(({ captureId, password }) => `${captureId} ${password}`)),
        new Set(['42 geheim']),
      );
      await threads.kill('SIP server');
      packets.length = 0;
      await until('calls are taken and mirrored again', async () => {
        const call = await arena.phone.call({ number: NUMBER });
        if (await call.answered) call.hangUp();
        await call.ended;
        return has('SIP/2.0 200');
      });
    } finally {
      threads.close();
    }
  });

  it('bans the PBX itself, sees it among the bans, and lets it in again', async () => {
    app = await startApp(arena.config());
    const { sip } = app;
    assert.ok(sip !== null);
    assert.deepEqual(await sip.ban('127.0.0.1', 600), { ok: true });
    assert.deepEqual(
      (await sip.bans()).map(({ source, by }) => [source, by]),
      [['127.0.0.1', 'operator']],
    );
    const call = await arena.phone.call({ number: NUMBER });
    await until('its INVITE is dropped', async () => ((await app?.counters())?.sip?.dropped.banned ?? 0) > 0);
    assert.equal(await sip.unban('127.0.0.1'), true);
    // The PBX repeats its INVITE meanwhile.
    assert.equal(await call.answered, true);
    call.hangUp();
    await call.ended;
  });
});
