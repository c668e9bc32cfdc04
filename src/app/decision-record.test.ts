// What a CDR says of routing is what the running service says when it is asked for the same call, by its socket or over HTTP.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import { askService, thisCaller } from '../control/control-client.js';
import type { RouteReport } from '../control/route-report.js';
import { answers, refuses } from '../lab/callee-behaviour.js';
import { Arena } from './testing/arena.js';

const NUMBER = '01055550001';
const TOKENS = [
  { name: 'desk', operator: true, secret: 'for-the-operator' },
  { name: 'crm', trunk: 'pbx', secret: 'for-the-trunk' },
];

describe('the decisions in a call’s record', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp;

  beforeEach(async () => {
    arena = await Arena.open(({ port }) => (port === 1 ? refuses(503, 5) : answers({ afterMs: 5 })));
    app = await startApp(arena.config({ api: { port: 0, tokens: TOKENS } }));
  });

  afterEach(async () => {
    await app.close();
    await arena.close();
  });

  async function route(all = false): Promise<RouteReport> {
    const given = { dialled: NUMBER, all };
    const request = { command: 'route', arguments: given, by: thisCaller() };
    const answer = await askService(join(arena.folder, 'var', 'control.sock'), { id: 1, ...request }, 10_000);
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer.result as RouteReport;
  }

  it('are those of the same index: winner, terms, runners-up, refusals, version and seed; each attempt has one', async () => {
    const asked = await route();
    const call = await arena.phone.call({ number: NUMBER });
    assert.equal(await call.answered, true);
    call.hangUp();
    await call.ended;
    const { decision, laterDecisions, attempts, offeredAt } = await arena.cdrOf(call.sipCallId);
    const [best, ...next] = asked.ranked;
    assert.ok(decision !== null && best !== undefined);
    const { codecs, decidedAt, considered, ...said } = decision;
    assert.deepEqual(said, {
      refused: asked.refused,
      winner: { channel: best.channelId, score: best.score, terms: best.terms },
      runnersUp: next.map(({ channelId, score }) => ({ channel: channelId, score })),
      ...{ version: asked.version, seed: asked.seed },
    });
    assert.equal(considered, 4);
    assert.ok(codecs?.includes('PCMA'), String(codecs));
    assert.ok(decidedAt !== null && decidedAt >= offeredAt && decidedAt <= (attempts[0]?.startedAt ?? ''));

    assert.deepEqual(
      attempts.map(({ channel, outcome }) => [channel, outcome]),
      [
        ['gw1/1', 'refused'],
        ['gw1/2', 'answered'],
      ],
    );
    assert.deepEqual(
      [decision, ...laterDecisions].map(({ winner }) => winner?.channel),
      ['gw1/1', 'gw1/2'],
    );
    // The first channel is busy until its release is in the journal; the next attempt does not wait for that.
    const [reason] = Object.keys(laterDecisions[0]?.refused ?? {});
    assert.ok(reason === 'already-tried' || reason === 'channel-busy', reason);
    assert.deepEqual([decision.refused, laterDecisions[0]?.refused], [{}, { [reason]: 1 }]);
    assert.ok((laterDecisions[0]?.version ?? 0) > decision.version);
    assert.ok(((await route()).version ?? 0) > (laterDecisions[0]?.version ?? 0));
  });

  it('are explained over the HTTP API as at the control socket, every channel by itself where that is asked for', async () => {
    const overHttp = async (query: string, secret = 'for-the-operator') => {
      const headers = { authorization: `Bearer ${secret}` };
      const response = await fetch(`http://127.0.0.1:${app.apiPort}/api/v1/route/${NUMBER}?${query}`, { headers });
      return { status: response.status, body: (await response.json()) as RouteReport };
    };
    const busy = await arena.phone.call({ number: NUMBER });
    assert.equal(await busy.answered, true);
    const { status, body } = await overHttp('trunk=pbx&all=true');
    assert.equal(status, 200);
    const asked = await route(true);
    assert.deepEqual({ ...body, wallMs: 0 }, { ...asked, wallMs: 0 });
    assert.deepEqual(
      body.refusals.map(({ channelId, reason }) => [channelId, reason]),
      [['gw1/2', 'channel-busy']],
    );
    assert.equal(body.ranked.length, 3);
    assert.equal((await overHttp('all=true', 'for-the-trunk')).status, 403);
    assert.equal((await overHttp('trunk=nope')).status, 400);
    busy.hangUp();
    await busy.ended;
  });
});
