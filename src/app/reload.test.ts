// A config that is read again while calls go on: what changes for whom, and what does not.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { SimulatedGateway } from '../lab/gateway.js';
import { BASE_PLAN, iccidOf, simNumberOf } from '../lab/sip-tests/case-config.js';
import { Arena, TIMING, until } from './testing/arena.js';

const NUMBER = '01055550001';

type Value = Record<string, unknown>;

describe('a reload', function () {
  this.timeout(30_000);
  let arena: Arena;
  let app: RunningApp;
  let value: Value;

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 10 }));
    value = arena.configValue();
    write(value);
    app = await startApp(arena.config());
  });

  afterEach(async () => {
    await app.close();
    await arena.close();
  });

  function write(next: Value): void {
    writeFileSync(join(arena.folder, 'simtrunk.yaml'), JSON.stringify(next));
  }

  async function reload(over: Value, dryRun = false) {
    write({ ...value, ...over });
    const reloaded = await app.reload({ dryRun });
    assert.ok(reloaded.ok);
    return reloaded.report;
  }

  async function talking(number = NUMBER) {
    const call = await arena.phone.call({ number });
    if (!(await call.answered)) assert.fail(`not answered: ${JSON.stringify(await call.ended)}`);
    return call;
  }

  async function statusOfCall(number = NUMBER): Promise<number | null> {
    const call = await arena.phone.call({ number });
    if (await call.answered) call.hangUp();
    return (await call.ended).status;
  }

  const plan = (over: Value) => ({ ...BASE_PLAN, ...over });

  it('of a file that says the same changes nothing', async () => {
    assert.deepEqual(await reload({}), { outcome: 'unchanged', changes: [], certificateTrouble: null });
  });

  it('of a file that is not sound changes nothing, and says every problem', async () => {
    write({ ...value, gateways: [], trunks: [{ name: 'pbx' }] });
    const reloaded = await app.reload({ dryRun: false });
    assert.match(reloaded.ok ? '' : reloaded.message, /trunks\[0\]\.network[\s\S]*gateways: is empty/);
    assert.equal(await statusOfCall(), 200);
  });

  it('that would need a restart swaps nothing, not even what needs none', async () => {
    const { outcome, changes } = await reload({
      trunks: [{ name: 'other', network: 'lan', sources: ['192.0.2.9'] }],
      dataDir: 'x',
    });
    assert.equal(outcome, 'needs-restart');
    assert.deepEqual(
      changes.map(({ path, isReloadable }) => [path, isReloadable]),
      [
        ['dataDir', false],
        ['trunks.pbx', true],
        ['trunks.other', true],
      ],
    );
    assert.equal(await statusOfCall(), 200);
  });

  it('only looks with --dry-run', async () => {
    const trunks = [{ name: 'other', network: 'lan', sources: ['192.0.2.9'] }];
    assert.equal((await reload({ trunks }, true)).outcome, 'would-reload');
    assert.equal(await statusOfCall(), 200);
    assert.equal((await reload({ trunks })).outcome, 'reloaded');
  });

  it('takes a trunk away: its call goes on to its end, its next one is refused', async () => {
    const call = await talking();
    await reload({ trunks: [{ name: 'other', network: 'lan', sources: ['192.0.2.9'] }] });
    assert.equal(await statusOfCall(), 403);
    call.hangUp();
    const { status } = await call.ended;
    assert.equal(status, 200);
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.trunk, cdr.endReason, cdr.endedBy], ['pbx', 'normal', 'caller']);
    await until('the gateway has no call', () => arena.gateway.liveCalls === 0);
  });

  it('adds a gateway with its SIMs, and takes the old one away while it has a call', async () => {
    const second = await SimulatedGateway.open({ plan: () => answers({ afterMs: 10 }), simPorts: 2, timing: TIMING });
    try {
      const call = await talking();
      const { outcome } = await reload({
        gateways: [{ name: 'gw2', network: 'lan', address: `127.0.0.1:${second.port}`, gapMs: 0, probe: false }],
        sims: [9, 10].map((n) => ({ iccid: iccidOf(n), number: simNumberOf(n), plan: BASE_PLAN.name })),
        channels: [9, 10].map((n) => ({ gateway: 'gw2', port: n - 8, sim: iccidOf(n) })),
      });
      assert.equal(outcome, 'reloaded');
      const next = await talking();
      assert.deepEqual([arena.gateway.liveCalls, second.liveCalls], [1, 1]);
      for (const over of [call, next]) {
        over.hangUp();
        await over.ended;
      }
      const [before, after] = [await arena.cdrOf(call.sipCallId), await arena.cdrOf(next.sipCallId)];
      assert.deepEqual([before.attempts[0]?.channel, after.attempts[0]?.channel], ['gw1/1', 'gw2/1']);
      // As long as the reload and the other call took.
      assert.ok(before.endReason === 'normal' && before.billedSeconds >= 1);
      // The SIM has left the config: its usage is history's, and comes back with it.
      assert.equal(arena.usedSeconds(app, 1), undefined);
      await reload({});
      assert.equal(arena.usedSeconds(app, 1), before.billedSeconds);
    } finally {
      await second.close();
    }
  });

  it('counts a changed plan anew from history, refuses above a lowered limit and cuts nothing', async () => {
    const first = await Promise.all([1, 2, 3, 4].map((last) => talking(`0105555000${last}`)));
    for (const over of first) over.hangUp();
    // Their records may be there before their channels are free.
    await until('nothing is left of them', () => app.liveCalls === 0);
    const call = await talking();
    const allowance = { id: 'calls-day', counts: 'calls', window: { kind: 'day' }, limit: 1, classes: ['mobile'] };
    await reload({ plans: [plan({ allowances: [allowance] })] });
    assert.deepEqual(
      [1, 2].map((n) => app.usageOf(iccidOf(n))?.allowances.map(({ allowanceId, used }) => [allowanceId, used])),
      [[['calls-day', 1]], [['calls-day', 1]]],
    );
    assert.equal(await statusOfCall(), 503);
    call.hangUp();
    assert.equal((await call.ended).status, 200);
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.endedBy], ['normal', 'caller']);
    // It was charged by the plan that it began with, and counts in the one that holds.
    await until('it counts', () => app.usageOf(cdr.attempts[0]?.sim ?? '')?.allowances[0]?.used === 2);
  });

  it('reaches new calls with settings of calls and gateways, and leaves live ones theirs', async () => {
    const call = await talking();
    await reload({ call: { ...(value.call as Value), maxCallSeconds: 2 } });
    const short = await talking();
    const { endedBy } = await short.ended;
    assert.equal(endedBy, 'callee');
    assert.equal((await arena.cdrOf(short.sipCallId)).endReason, 'max-duration');
    assert.equal(arena.gateway.liveCalls, 1);
    call.hangUp();
    await call.ended;
    assert.equal((await arena.cdrOf(call.sipCallId)).endReason, 'normal');
  });
});
