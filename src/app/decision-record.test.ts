// What a CDR says of routing is what the running service says when it is asked for the same call.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import { askService, thisCaller } from '../control/control-client.js';
import type { RouteReport } from '../control/route-report.js';
import { answers, refuses } from '../lab/callee-behaviour.js';
import { Arena } from './testing/arena.js';

const NUMBER = '01055550001';

describe('the decisions in a call’s record', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp;

  beforeEach(async () => {
    arena = await Arena.open(({ port }) => (port === 1 ? refuses(503, 5) : answers({ afterMs: 5 })));
    app = await startApp(arena.config());
  });

  afterEach(async () => {
    await app.close();
    await arena.close();
  });

  async function route(): Promise<RouteReport> {
    const given = { dialled: NUMBER, all: false };
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
});
