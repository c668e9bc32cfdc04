// A gateway's own count of its calls against the ledger's, over the whole application.
import { strict as assert } from 'node:assert';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import type { ComparisonReport } from '../control/channel-report.js';
import { askService, thisCaller } from '../control/control-client.js';
import { CONTROL_SOCKET_NAME } from '../control/control-protocol.js';
import { answers } from '../lab/callee-behaviour.js';
import { Arena, until } from './testing/arena.js';

describe('the calls that a gateway has counted', () => {
  let arena: Arena;
  let app: RunningApp;
  let web: Server;
  let calls: number[];

  beforeEach(async () => {
    calls = [40, 0, 0, 0];
    web = createServer((_request, response) => {
      response.end(JSON.stringify({ stats: calls.map((connected, i) => ({ port: i + 1, connected })) }));
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    arena = await Arena.open(() => answers({ afterMs: 20 }));
    const { port } = web.address() as AddressInfo;
    const ask = { path: '/stats', list: 'stats', port: 'port' };
    const simStatus = {
      ...{ kind: 'http', url: `http://127.0.0.1:${port}`, template: { ...ask, signal: 'rssi' } },
      counter: { template: { ...ask, counts: 'totals', calls: 'connected' } },
    };
    app = await startApp(arena.config({ gateways: [{ simStatus }], routing: { preset: 'fill-first' } }));
  });

  afterEach(async () => {
    await app.close();
    await arena.close();
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
  });

  async function compare(): Promise<string[]> {
    const request = { id: 1, command: 'channels compare', arguments: { gateway: 'gw1' }, by: thisCaller() };
    const answer = await askService(join(arena.folder, 'var', CONTROL_SOCKET_NAME), request, 5_000);
    assert.ok(answer.ok, JSON.stringify(answer));
    return (answer.result as ComparisonReport[]).map((one) => {
      return `${one.channelId} ${one.gatewayCalls} ${one.ledgerCalls} ${one.outcome}`;
    });
  }

  it('are compared with what the ledger has settled on each channel', async () => {
    assert.deepEqual(await compare(), []);
    const call = await arena.phone.call({ number: '01055550001' });
    assert.equal(await call.answered, true);
    call.hangUp();
    const channel = (await arena.cdrOf(call.sipCallId)).attempts[0]?.channel;
    assert.equal(channel, 'gw1/1');
    calls = [41, 0, 0, 2];
    let found: string[] = [];
    await until('the channel is quiet', async () => {
      found = await compare();
      return found.length === 4;
    });
    assert.deepEqual(found, ['gw1/1 1 1 same', 'gw1/2 0 0 same', 'gw1/3 0 0 same', 'gw1/4 2 0 differs']);
  }).timeout(20_000);
});
