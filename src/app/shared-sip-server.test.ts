// Two nodes behind one SIP server: each has a share of the calls, and a node that drains leaves its share to the other.
// The embedded server stands in for drachtio-server, which it speaks like; `DRACHTIO_ADMIN=HOST:PORT:SECRET:SIPPORT` names a real one.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pino } from 'pino';
import { type RunningApp, startApp } from '../app.js';
import { parseConfig } from '../config/load-config.js';
import { answers } from '../lab/callee-behaviour.js';
import { freePort, freePortRange } from '../lab/sip-tests/free-ports.js';
import { Softphone, type SoftphoneCall } from '../lab/softphone.js';
import type { RunningSipServer } from '../sip-server/control.js';
import { startSipServer } from '../sip-server/start-sip-server.js';
import { Arena, TIMING, until } from './testing/arena.js';

const SECRET = 'cymru';
const MEDIA_PORTS = 40;

interface Place {
  readonly admin: { readonly host: string; readonly port: number; readonly secret: string };
  readonly sipPort: number;
}

describe('two nodes behind one SIP server', function () {
  this.timeout(30_000);
  let server: RunningSipServer | undefined;
  let place: Place;
  let arenas: Arena[];
  let nodes: RunningApp[];
  let phone: Softphone;

  beforeEach(async () => {
    arenas = [];
    nodes = [];
    place = await openServer();
    for (let at = 0; at < 2; at++) {
      const arena = await Arena.open(() => answers({ afterMs: 10 }));
      arenas.push(arena);
      nodes.push(await startNode(arena));
    }
    phone = await Softphone.open({ trunk: { address: '127.0.0.1', port: place.sipPort }, timing: TIMING });
  });

  afterEach(async () => {
    await phone.close(0);
    for (const node of nodes) await node.close();
    for (const arena of arenas) await arena.close();
    await server?.close();
  });

  async function openServer(): Promise<Place> {
    const [host, port, secret, sipPort] = process.env.DRACHTIO_ADMIN?.split(':') ?? [];
    if (host !== undefined && secret !== undefined) {
      return { admin: { host, port: Number(port), secret }, sipPort: Number(sipPort) };
    }
    const listener = { address: '127.0.0.1', port: await freePort(), advertise: '127.0.0.1' };
    server = await startSipServer(
      {
        listeners: [{ transport: 'udp', ...listener }],
        admin: { address: '127.0.0.1', port: 0, secret: SECRET },
        timers: { t1Ms: TIMING.t1Ms, t2Ms: TIMING.t2Ms, t4Ms: 250 },
        maxMessageBytes: 65_535,
      },
      pino({ level: 'silent' }),
    );
    return { admin: { host: '127.0.0.1', port: server.adminPort, secret: SECRET }, sipPort: listener.port };
  }

  async function startNode(arena: Arena): Promise<RunningApp> {
    const from = await freePortRange(MEDIA_PORTS);
    const value = arena.configValue({ sip: { drachtio: { ...place.admin, shared: true } } });
    const [network] = value.networks as object[];
    value.networks = [{ ...network, mediaPorts: { from, to: from + MEDIA_PORTS - 1 } }];
    return startApp(parseConfig(JSON.stringify(value), join(arena.folder, 'simtrunk.yaml'), { env: {} }));
  }

  async function place1(number: string): Promise<number | null> {
    const call = await phone.call({ number });
    if (await call.answered) call.hangUp();
    return (await call.ended).status;
  }

  async function offeredBy(calls: number, number = '01055550001'): Promise<number[]> {
    const before = await Promise.all(nodes.map(async (node) => (await node.counters()).calls.offered));
    for (let n = 0; n < calls; n++) assert.equal(await place1(number), 200);
    const after = await Promise.all(nodes.map(async (node) => (await node.counters()).calls.offered));
    return after.map((offered, at) => offered - (before[at] ?? 0));
  }

  /** Answered calls, one at each node. */
  async function livePair(): Promise<readonly SoftphoneCall[]> {
    const calls = [await phone.call({ number: '01055550001' }), await phone.call({ number: '01055550002' })];
    for (const call of calls) assert.equal(await call.answered, true);
    return calls;
  }

  /** Once a node's BYE has come to its gateway, where `left` calls are live then, the server has heard all that the node said before. */
  async function end(calls: readonly SoftphoneCall[], left: number): Promise<void> {
    for (const call of calls) call.hangUp();
    for (const call of calls) assert.equal((await call.ended).status, 200);
    await until('the gateways have the BYEs', () => arenas.every(({ gateway }) => gateway.liveCalls === left));
  }

  it('each carries its share; a node that drains gets no call of either kind, and its share again after', async () => {
    assert.deepEqual(await offeredBy(6), [3, 3]);
    const [first] = nodes;
    const [early, late] = [await livePair(), await livePair()];
    first?.drain.begin({ deadlineSeconds: null, stops: false });
    await end(early, 1);
    assert.deepEqual(await offeredBy(4), [0, 4]);
    assert.deepEqual(await offeredBy(1, '112'), [0, 1]);
    first?.drain.resume();
    await end(late, 0);
    assert.deepEqual(await offeredBy(6), [3, 3]);
  });

  it('a live call of a node that drains lasts; when a node ends, the other has all calls', async () => {
    const calls = await livePair();
    assert.deepEqual(
      nodes.map(({ liveCalls }) => liveCalls),
      [1, 1],
    );
    nodes[0]?.drain.begin({ deadlineSeconds: null, stops: true });
    await end(calls, 0);
    await nodes[0]?.drain.stopWanted;
    await nodes[0]?.close();
    await until('its record is written', () => arenas[0]?.cdrLines().length === 1);
    assert.equal(arenas[0]?.cdrLines()[0]?.endReason, 'normal');
    assert.deepEqual((await offeredBy(3))[1], 3);
  });
});
