// The router's index, moved by the real ledger's events: it must be what one built anew from the ledger would be.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../lib/clock.js';
import type { NumberClass } from '../numbers/number-class.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { decideRoute } from '../routing/decide-route.js';
import { RouteIndex } from '../routing/route-index.js';
import { LedgerMemory } from './ledger-memory.js';

const CALLEES = allowanceOf({ id: 'callees-day', counts: 'callees', limit: 2, classes: ['mobile'] });
const PLAN = planOf({
  name: 'office',
  classes: ['mobile', 'special'],
  maxCallSeconds: 3_600,
  allowances: [
    CALLEES,
    { ...CALLEES, id: 'seconds-month', counts: 'seconds', window: { kind: 'month', resetDay: 6 }, limit: 300 },
  ],
});
const PORTS = [0, 1, 2, 3, 4];
const SIMS = PORTS.map((port) => ({ simId: `sim${port}`, number: '+821012340001', plan: 'office' }));
const CHANNELS = PORTS.map((port) => ({
  channelId: `gw1/${port}`,
  gateway: 'gw1',
  port,
  simId: `sim${port}`,
  enabled: port !== 3,
  gapMs: 2_000,
}));
const SETTINGS = { plans: [PLAN], sims: SIMS, channels: CHANNELS };

const STEPS = fc.array(
  fc.record({
    what: fc.constantFrom('reserve', 'reserve', 'settle', 'settle', 'undo', 'finish', 'wait', 'turn'),
    pick: fc.nat(),
    callee: fc.constantFrom('a', 'b', 'c'),
    seconds: fc.constantFrom(1, 60, 299, 300),
  }),
  { maxLength: 60 },
);

describe('the router’s index over the ledger', () => {
  it('decides after any history as an index built anew would', () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const clock = new ManualClock();
        const memory = new LedgerMemory({ ...SETTINGS, sliceSeconds: 30 }, clock, (error) => {
          throw error;
        });
        const gateways = [{ name: 'gw1', codecs: ['PCMA'] }];
        const live = new RouteIndex({ ...SETTINGS, gateways }, memory, clock.wallMs());
        let count = 0;
        for (const { what, pick, callee, seconds } of steps) {
          const held = [...memory.live.values()];
          const chosen = held[pick % Math.max(1, held.length)];
          if (what === 'reserve') {
            const id = `r${++count}`;
            const port = pick % PORTS.length;
            const request = {
              reservationId: id,
              callId: id,
              trunk: 'pbx',
              direction: 'out' as const,
              payers: [],
              channelId: `gw1/${port}`,
              simId: `sim${port}`,
            };
            memory.reserve({ ...request, callee, numberClass: 'mobile', wallMs: clock.wallMs() });
          } else if (what === 'wait') clock.advance(2_000);
          else if (what === 'turn') clock.advance(40_000_000);
          else if (chosen !== undefined) {
            if (what === 'undo' && !chosen.settled) memory.undo(chosen);
            if (what === 'settle' && !chosen.settled) {
              memory.charge(chosen, clock.wallMs(), seconds * 1000, false);
              chosen.settled = true;
            }
            if (what === 'finish') memory.finish(chosen);
          }
          const nowWallMs = clock.wallMs();
          live.turnTo(nowWallMs);
          const anew = new RouteIndex({ ...SETTINGS, gateways }, memory, nowWallMs);
          for (const [e164, numberClass] of [
            ['a', 'mobile'],
            ['d', 'mobile'],
            ['120', 'special'],
            ['119', 'emergency'],
          ] as const) {
            assert.deepEqual(decisionOf(live, e164, numberClass), decisionOf(anew, e164, numberClass));
          }
          anew.close();
        }
        memory.close();
      }),
      { numRuns: 300 },
    );
  });
});

function decisionOf(index: RouteIndex, e164: string, numberClass: NumberClass) {
  const request = {
    callee: { e164, national: e164, numberClass },
    trunk: 'pbx',
    traffic: 'commercial',
    agent: null,
    channelGroups: null,
    agentChannelGroups: null,
    codecs: ['PCMA'],
    excludeChannels: [],
    excludeGateways: [],
  } as const;
  const { candidates, refused, refusal } = decideRoute(request, index);
  return [candidates.map(({ channel, terms }) => [channel.channelId, terms]), refused, refusal];
}
