// The SIMs, channels and gateways of a run, as routing and ledger take them.
import type { Plan } from '../quota/plan.js';
import { planNamed, type Scenario, type ScenarioGateway } from './scenario.js';

export interface FleetSim {
  readonly simId: string;
  readonly number: string;
  readonly plan: string;
}

export interface FleetChannel {
  readonly channelId: string;
  readonly gateway: string;
  readonly port: number;
  readonly simId: string;
  readonly enabled: true;
  readonly gapMs: number;
}

export interface Fleet {
  readonly plans: readonly Plan[];
  readonly sims: readonly FleetSim[];
  readonly channels: readonly FleetChannel[];
  readonly gateways: readonly { readonly name: string; readonly maxCalls?: number | undefined }[];
}

export interface SimGroup {
  readonly plan: string;
  readonly count: number;
}

const DEFAULT_GAP_MS = 2_000;

/** `groups` instead of the scenario's SIMs have one gateway for all. */
export function buildFleet(scenario: Scenario, groups?: readonly SimGroup[]): Fleet {
  const counts = groups ?? scenario.sims;
  const names = new Set(counts.map(({ plan }) => plan));
  const plans = [...names].map((name) => termsOf(planNamed(scenario, name), scenario));
  const sims = counts.flatMap(({ plan, count }, group) =>
    Array.from({ length: count }, (_, index) => ({ plan, name: simName(plan, counts, group, index) })),
  );
  const gateways: readonly ScenarioGateway[] =
    (groups === undefined ? scenario.gateways : null) ?? onlyGateway(scenario, sims.length);
  const ports = gateways.flatMap((gateway) =>
    Array.from({ length: gateway.channels }, (_, index) => ({ gateway, port: index + 1 })),
  );
  const gaps = new Map(plans.map((plan) => [plan.name, plan.gapMs]));
  return {
    plans,
    gateways,
    sims: sims.map(({ plan, name }, index) => ({ simId: name, number: `+8210${10_000_000 + index}`, plan })),
    channels: sims.flatMap(({ plan, name }, index) => {
      const place = ports[index];
      if (place === undefined) return [];
      const { gateway, port } = place;
      const gapMs = gaps.get(plan) ?? gateway.gapMs;
      const channelId = `${gateway.name}/${port}`;
      return [{ channelId, gateway: gateway.name, port, simId: name, enabled: true as const, gapMs }];
    }),
  };
}

/** A scenario that ignores the terms uses each plan as if commercial calls were allowed, and says so in its output. */
function termsOf(plan: Plan, { ignoreTerms }: Scenario): Plan {
  return ignoreTerms ? { ...plan, commercialUse: 'allowed' } : plan;
}

function onlyGateway({ gateways }: Scenario, channels: number): readonly ScenarioGateway[] {
  return [{ name: 'gw1', channels, gapMs: gateways?.[0]?.gapMs ?? DEFAULT_GAP_MS }];
}

/** Of a plan that several groups name, the SIMs are numbered on. */
function simName(plan: string, groups: readonly SimGroup[], group: number, index: number): string {
  const before = groups.slice(0, group).reduce((sum, other) => sum + (other.plan === plan ? other.count : 0), 0);
  return `${plan}/${before + index + 1}`;
}
