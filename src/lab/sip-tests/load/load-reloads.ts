// A config that is read again and again while calls are placed: a gateway removed, added, all SIMs re-planned, and all at once.
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { ReloadAnswer, SimtrunkProcess } from '../simtrunk-process.js';

/** Between two reloads, while calls are placed. */
const PAUSE_MS = 500;

type Value = Readonly<Record<string, unknown>>;

export interface ReloadTally {
  readonly reloads: number;
  readonly gatewaysRemoved: number;
  readonly gatewaysAdded: number;
  readonly plansChanged: number;
  /** The longest reload, from the question to its answer. */
  readonly longestMs: number;
}

interface Turn {
  readonly config: Value;
  readonly tells: Partial<Record<'gatewaysRemoved' | 'gatewaysAdded' | 'plansChanged', true>>;
}

/** What the config says by turns; after each round it says again what it said first. */
export function reloadTurns(base: Value): readonly Turn[] {
  const gateways = base.gateways as readonly { readonly name: string }[];
  // The first of them has most of the calls.
  const first = gateways[0]?.name;
  const channels = base.channels as readonly { readonly gateway: string; readonly sim: string }[];
  const gone = new Set(channels.filter(({ gateway }) => gateway === first).map(({ sim }) => sim));
  const withoutFirst = {
    gateways: gateways.filter(({ name }) => name !== first),
    channels: channels.filter(({ gateway }) => gateway !== first),
    sims: (base.sims as readonly { readonly iccid: string }[]).filter(({ iccid }) => !gone.has(iccid)),
  };
  const plans = (base.plans as readonly (Value & { readonly allowances: readonly Value[] })[]).map((plan) => ({
    ...plan,
    allowances: [...plan.allowances, CALLS_OF_A_DAY],
  }));
  return [
    { config: { ...base, ...withoutFirst }, tells: { gatewaysRemoved: true } },
    { config: base, tells: { gatewaysAdded: true } },
    { config: { ...base, plans }, tells: { plansChanged: true } },
    { config: { ...base, ...withoutFirst, plans }, tells: { gatewaysRemoved: true } },
    { config: base, tells: { gatewaysAdded: true, plansChanged: true } },
  ];
}

/** So many that it refuses nobody, but every SIM is counted anew. */
const CALLS_OF_A_DAY = {
  ...{ id: 'calls-day', counts: 'calls', window: { kind: 'day' }, limit: 1_000_000 },
  ...{ classes: ['mobile', 'landline', 'internet', 'representative'], beyond: { kind: 'forbid' } },
};

/** Reloads one after the other until the calls are placed, and ends with what the config said first. */
export async function reloadWhile(
  placed: Promise<unknown>,
  configFile: string,
  base: Value,
  simtrunk: Pick<SimtrunkProcess, 'reload'>,
): Promise<ReloadTally> {
  let isPlaced = false;
  void placed.then(
    () => {
      isPlaced = true;
    },
    () => {
      isPlaced = true;
    },
  );
  const tally = { reloads: 0, gatewaysRemoved: 0, gatewaysAdded: 0, plansChanged: 0, longestMs: 0 };
  const turns = reloadTurns(base);
  for (let at = 0; !isPlaced || at % turns.length !== 0; at++) {
    if (!isPlaced) await delay(PAUSE_MS);
    const { config, tells } = turns[at % turns.length] as Turn;
    writeFileSync(configFile, stringify(config));
    const startedMs = performance.now();
    const answer: ReloadAnswer = await simtrunk.reload();
    tally.longestMs = Math.max(tally.longestMs, performance.now() - startedMs);
    if (answer.outcome !== 'reloaded') throw new Error(`reload: ${answer.outcome}: ${answer.message}`);
    tally.reloads += 1;
    for (const key of Object.keys(tells) as (keyof Turn['tells'])[]) tally[key] += 1;
  }
  return tally;
}
