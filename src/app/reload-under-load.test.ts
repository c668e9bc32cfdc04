// Fifty calls a second while the config is read again and again: a gateway removed, added, its plan changed. No call fails.
// `npm run sip-tests -- load --reloads` does the same for longer, with SIPp, audio and a thousand channels.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startApp } from '../app.js';
import { loadConfig } from '../config/load-config.js';
import { answers } from '../lab/callee-behaviour.js';
import { SimulatedGateway } from '../lab/gateway.js';
import { BASE_PLAN, iccidOf, simNumberOf } from '../lab/sip-tests/case-config.js';
import { freePortRange } from '../lab/sip-tests/free-ports.js';
import { reloadTurns } from '../lab/sip-tests/load/load-reloads.js';
import type { SoftphoneCall } from '../lab/softphone.js';
import { Arena, TIMING, until } from './testing/arena.js';

const CALLS = 150;
const EVERY_MS = 20;
const TALK_MS = 200;
/** Whatever is removed, and however slow the machine is, the rest has a channel for each call. */
const SIM_PORTS = CALLS;
const MEDIA_PORTS = 600;

describe('a config that is read again while calls come', function () {
  this.timeout(60_000);

  it('lets none of fifty calls a second fail, whatever is removed, added and re-planned', async () => {
    const arena = await Arena.open(() => answers({ afterMs: 10 }));
    const open = () =>
      SimulatedGateway.open({ plan: () => answers({ afterMs: 10 }), simPorts: SIM_PORTS, timing: TIMING });
    const gateways = [await open(), await open()];
    try {
      const base = await configOver(arena, gateways);
      const file = join(arena.folder, 'simtrunk.yaml');
      writeFileSync(file, JSON.stringify(base));
      const app = await startApp(await loadConfig(file, { env: {} }));
      try {
        let isPlaced = false;
        const placing = placeCalls(arena).finally(() => {
          isPlaced = true;
        });
        const turns = reloadTurns(base);
        let reloads = 0;
        for (; !isPlaced || reloads < turns.length || reloads % turns.length !== 0; reloads++) {
          writeFileSync(file, JSON.stringify(turns[reloads % turns.length]?.config));
          const reloaded = await app.reload({ dryRun: false });
          assert.deepEqual(reloaded.ok && reloaded.report.outcome, 'reloaded');
        }
        const calls = await placing;
        const outcomes = await Promise.all(calls.map(({ ended }) => ended));
        const failed = outcomes.flatMap(({ status, endedBy, reason }) =>
          status === 200 && endedBy === 'caller' ? [] : [`${status} ${endedBy} ${reason}`],
        );
        assert.deepEqual(failed, [], `${failed.length} failed in ${reloads} reloads`);
        await until('every call has its record', () => arena.cdrLines().length === CALLS);
        const cdrs = arena.cdrLines();
        assert.ok(cdrs.every(({ endReason }) => endReason === 'normal'));
        assert.equal(new Set(cdrs.map(({ attempts }) => attempts.at(-1)?.gateway)).size, 2);
        assert.deepEqual(
          gateways.flatMap(({ violations }) => violations),
          [],
        );
        // What each SIM has used is what its calls were billed, however often it was counted anew.
        for (let sim = 1; sim <= 2 * SIM_PORTS; sim++) {
          const billed = cdrs
            .flatMap(({ attempts }) => attempts)
            .filter((attempt) => attempt.sim === iccidOf(sim))
            .reduce((sum, attempt) => sum + attempt.billedSeconds, 0);
          assert.equal(arena.usedSeconds(app, sim), billed);
        }
      } finally {
        await app.close();
      }
    } finally {
      for (const gateway of gateways) await gateway.close();
      await arena.close();
    }
  });
});

async function configOver(arena: Arena, gateways: readonly SimulatedGateway[]): Promise<Record<string, unknown>> {
  const ports = gateways.flatMap((_, at) =>
    Array.from({ length: SIM_PORTS }, (_, port) => ({ gateway: `gw${at + 1}`, port: port + 1 })),
  );
  const from = await freePortRange(MEDIA_PORTS);
  const value = arena.configValue();
  const [network] = value.networks as object[];
  return {
    ...value,
    networks: [{ ...network, mediaPorts: { from, to: from + MEDIA_PORTS - 1 } }],
    gateways: gateways.map(({ port }, at) => ({
      ...{ name: `gw${at + 1}`, network: 'lan', address: `127.0.0.1:${port}`, gapMs: 0, probe: false },
    })),
    plans: [{ ...BASE_PLAN, allowances: BASE_PLAN.allowances.map((allowance) => ({ ...allowance, limit: 100_000 })) }],
    sims: ports.map((_, at) => ({ iccid: iccidOf(at + 1), number: simNumberOf(at + 1), plan: BASE_PLAN.name })),
    channels: ports.map((port, at) => ({ ...port, sim: iccidOf(at + 1) })),
    call: { recoverHoldSeconds: 2, maxWaitMs: 10_000 },
    recording: { enabled: false },
    routing: { streaks: { shortAnswers: false } },
  };
}

async function placeCalls(arena: Arena): Promise<readonly SoftphoneCall[]> {
  const calls: SoftphoneCall[] = [];
  const startedMs = performance.now();
  for (let n = 0; n < CALLS; n++) {
    const call = await arena.phone.call({ number: `0105${String(5_550_000 + n)}` });
    calls.push(call);
    void call.answered.then(async (isAnswered) => {
      await delay(TALK_MS);
      if (isAnswered) call.hangUp();
    });
    await delay(Math.max(0, startedMs + (n + 1) * EVERY_MS - performance.now()));
  }
  return calls;
}
