// A routing index over a ledger that tests move by hand: real books, channel states by decree.
import assert from 'node:assert/strict';
import { TypedEmitter } from '../lib/typed-events.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { ChannelState, LedgerView, LedgerViewEvents } from '../quota/ledger-view.js';
import type { Allowance, MessageKind, Plan } from '../quota/plan.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import type { FitRequest, MessageRequest } from '../quota/usage.js';
import { UsageBook } from '../quota/usage-book.js';
import { UsageTerms } from '../quota/usage-terms.js';
import { decideRoute } from './decide-route.js';
import type { Decision } from './decision.js';
import { explainRoute } from './explain-route.js';
import type { RoutingChannel, RoutingGateway } from './indexed-channel.js';
import type { RankingSettings } from './ranking.js';
import { RouteIndex } from './route-index.js';
import type { RoutingRequest } from './rules.js';

export const DAY_MS = 86_400_000;
/** Noon in Seoul, a Monday. */
export const NOON = Date.UTC(2026, 0, 5, 3);

const CALLEES = allowanceOf({ id: 'callees-day', counts: 'callees', limit: 2, classes: ['mobile'] });
const SECONDS: Allowance = { ...CALLEES, id: 'seconds-day', counts: 'seconds', limit: 600 };
const LANDLINE: Allowance = {
  ...SECONDS,
  id: 'landline-month',
  window: { kind: 'month', resetDay: 6 },
  classes: ['landline'],
};

export const OFFICE = planOf({
  name: 'office',
  classes: ['mobile', 'landline'],
  maxCallSeconds: 3_600,
  allowances: [SECONDS, CALLEES, LANDLINE],
});
export const CONSUMER: Plan = { ...OFFICE, name: 'consumer', commercialUse: 'forbidden' };

export const CALLEE = '+821011112222';
export const REQUEST: RoutingRequest = {
  callee: { e164: CALLEE, national: '01011112222', numberClass: 'mobile' },
  trunk: 'pbx',
  traffic: 'commercial',
  agent: null,
  channelGroups: null,
  agentChannelGroups: null,
  codecs: ['PCMA', 'PCMU'],
  excludeChannels: [],
  excludeGateways: [],
};

export function calling(e164: string, numberClass: NumberClass = 'mobile'): RoutingRequest {
  return { ...REQUEST, callee: { e164, national: e164, numberClass } };
}

class HandLedger implements LedgerView {
  readonly events = new TypedEmitter<LedgerViewEvents>((error) => {
    throw error;
  });
  readonly books = new Map<string, UsageBook>();
  readonly states = new Map<string, ChannelState>();
  readonly sims = new Map<string, string[]>();

  channelState(channelId: string) {
    return this.states.get(channelId) ?? 'idle';
  }
  fit(simId: string, request: FitRequest) {
    return this.#book(simId).fit(request);
  }
  standing(simId: string, numberClass: NumberClass, wallMs: number) {
    return this.#book(simId).standing(numberClass, wallMs);
  }
  quote(simId: string, numberClass: NumberClass, wallMs: number, seconds: number) {
    return this.#book(simId).quote(numberClass, wallMs, seconds);
  }
  today(simId: string, wallMs: number) {
    return this.#book(simId).today(wallMs);
  }
  fitMessage(simId: string, request: MessageRequest) {
    return this.#book(simId).fitMessage(request);
  }
  messageChangesAt(simId: string, request: MessageRequest) {
    return this.#book(simId).messageChangesAt(request);
  }
  messagesToday(simId: string, wallMs: number) {
    return this.#book(simId).messagesToday(wallMs);
  }
  simsOf(callee: string) {
    return this.sims.get(callee) ?? [];
  }

  move(channelId: string, state: ChannelState): void {
    this.states.set(channelId, state);
    this.events.emit('channel:changed', channelId, state);
  }

  talk(
    simId: string,
    seconds: number,
    callee: string,
    answeredWallMs = NOON,
    numberClass: NumberClass = 'mobile',
  ): void {
    const record = { callee, numberClass, reservedWallMs: answeredWallMs, answeredWallMs };
    this.#book(simId).book({ ...record, durationMs: seconds * 1000 });
    this.sims.set(callee, [...this.simsOf(callee).filter((id) => id !== simId), simId]);
    this.events.emit('usage:changed', simId);
  }

  /** Counts messages that were sent. */
  write(simId: string, kind: MessageKind, count: number, wallMs = NOON): void {
    this.#book(simId).bookMessage({ kind, count, callee: CALLEE, numberClass: 'mobile', wallMs });
    this.events.emit('usage:changed', simId);
  }

  #book(simId: string): UsageBook {
    const book = this.books.get(simId);
    assert.ok(book !== undefined);
    return book;
  }
}

export interface SetUpOptions {
  readonly plans?: readonly Plan[];
  readonly gateways?: readonly Partial<RoutingGateway>[];
  readonly channelsEach?: number;
  /** What is special of a channel, by its id. */
  readonly channels?: Readonly<Record<string, Partial<RoutingChannel>>>;
  readonly ranking?: Partial<RankingSettings>;
}

/** Channels `gw1/1`… with SIMs `gw1/1 sim`…; a gateway's channels take the plans in turn. */
export function setUp(options: SetUpOptions = {}) {
  const { plans = [OFFICE], gateways = [{}], channelsEach = 3, ranking = {} } = options;
  const ledger = new HandLedger();
  const terms = plans.map((plan) => new UsageTerms(plan));
  const named = gateways.map((gateway, index) => ({ name: `gw${index + 1}`, codecs: ['PCMA'], ...gateway }));
  const sims: { simId: string; number: string; plan: string }[] = [];
  const channels = named.flatMap((gateway) =>
    Array.from({ length: channelsEach }, (_, index) => {
      const channelId = `${gateway.name}/${index + 1}`;
      const simId = `${channelId} sim`;
      const plan = terms[index % terms.length] as UsageTerms;
      ledger.books.set(simId, new UsageBook(plan));
      sims.push({ simId, number: '+821000000000', plan: plan.terms.name });
      const usual = { channelId, gateway: gateway.name, port: index + 1, simId, enabled: true };
      return { ...usual, ...options.channels?.[channelId] };
    }),
  );
  const index = new RouteIndex({ gateways: named, plans, sims, channels, ranking }, ledger, NOON);
  return { ledger, index };
}

export type SetUp = ReturnType<typeof setUp>;

export function decisionOf({ index }: SetUp, request = REQUEST, nowWallMs = NOON): Decision {
  index.turnTo(nowWallMs);
  return decideRoute(request, index);
}

export function winnerOf(set: SetUp, request = REQUEST, nowWallMs = NOON): string | undefined {
  return decisionOf(set, request, nowWallMs).candidates[0]?.channel.channelId;
}

/** Reasons by channel, from the scan; the decision must have counted the same. */
export function refusalsOf(set: SetUp, request = REQUEST, nowWallMs = NOON): Record<string, string> {
  const decision = decisionOf(set, request, nowWallMs);
  const explained = explainRoute(request, set.index);
  assert.deepEqual(decision.refused, explained.refused);
  return Object.fromEntries(
    explained.refusals.map(({ channel, refusal }) => [
      channel.channelId,
      refusal.allowanceId === undefined ? refusal.reason : `${refusal.reason} ${refusal.allowanceId}`,
    ]),
  );
}
