// One run: calls go through the real policy, router and ledger memory in virtual time. Plain books without a journal:
// nothing here can be lost. Each call has one attempt, since no simulated gateway fails; and so no attempt is reported to
// routing, for which all channels are equally sound then.
import { LedgerMemory } from '../ledgers/ledger-memory.js';
import type { Live } from '../ledgers/live-reservation.js';
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import { createPolicy } from '../policy/admit-call.js';
import { OPEN_POLICY } from '../policy/trunk-policy.js';
import type { ReserveRequest } from '../quota/ledger.js';
import type { Plan } from '../quota/plan.js';
import { UsageBook } from '../quota/usage-book.js';
import { UsageTerms } from '../quota/usage-terms.js';
import { createRouting, type RouteQuestion } from '../routing/routing.js';
import { type CalendarDay, dayIndexAt, nextOpen } from './calendar.js';
import type { CallStream, PlannedCall } from './call-stream.js';
import type { Fleet } from './fleet.js';
import { Tally } from './tally.js';
import { VirtualClock } from './virtual-clock.js';

export interface RunOptions {
  readonly fleet: Fleet;
  readonly streams: readonly CallStream[];
  readonly days: readonly CalendarDay[];
  readonly traffic: 'commercial' | 'personal';
  readonly timeZone: string;
  /** By whose rates each carried call is reckoned a second time; null: none. */
  readonly meteredPlan: Plan | null;
}

const TRUNK = 'pbx';
const PAYERS: readonly string[] = [`trunk:${TRUNK}`];
const CODECS: readonly string[] = ['PCMA'];
const NOTHING: readonly string[] = [];
const SLICE_SECONDS = 30;
/** What every grant leaves for the BYE: a call that lacks no more has said what it had to. */
const BYE_MS = 1_000;
/** SIMs that are asked which allowance refuses them, spread over the fleet. */
const ASKED_SIMS = 32;

/** Runs until the last call is over. */
export function simulateCalls(options: RunOptions): Tally {
  return new SimulatedCalls(options).run();
}

class SimulatedCalls {
  readonly #options: RunOptions;
  readonly #clock: VirtualClock;
  readonly #memory: LedgerMemory;
  readonly #routing: ReturnType<typeof createRouting<string>>;
  readonly #policy: ReturnType<typeof createPolicy>;
  readonly #tally: Tally;
  readonly #trunk: RouteQuestion['trunk'];
  readonly #simIndex: ReadonlyMap<string, number>;
  readonly #longest: ReadonlyMap<string, number>;
  readonly #metered: readonly UsageBook[];
  #count = 0;

  constructor(options: RunOptions) {
    const { fleet, days, timeZone, meteredPlan } = options;
    const { sims, channels, plans } = fleet;
    const clock = new VirtualClock(days[0]?.startWallMs ?? 0);
    const memory = new LedgerMemory({ plans, sims, channels, sliceSeconds: SLICE_SECONDS }, clock, rethrow);
    this.#options = options;
    this.#clock = clock;
    this.#memory = memory;
    this.#routing = createRouting({
      ...{ plans, sims, channels, view: memory, clock },
      gateways: fleet.gateways.map((gateway) => ({
        ...gateway,
        ...{ codecs: CODECS, probe: false as const, terms: gateway.name, dial: '{port}#{number}' },
        ...{ host: '127.0.0.1', port: 5060, transport: 'udp' as const },
      })),
    });
    this.#policy = createPolicy({
      trunks: [{ ...OPEN_POLICY, name: TRUNK, dialling: { country: 'KR' }, classes: NUMBER_CLASSES, timeZone }],
      ledger: memory,
      clock,
    });
    this.#tally = new Tally(days, sims);
    this.#trunk = { name: TRUNK, traffic: options.traffic };
    this.#simIndex = new Map(sims.map(({ simId }, index) => [simId, index]));
    const longest = new Map(plans.map(({ name, maxCallSeconds }) => [name, maxCallSeconds - 1]));
    this.#longest = new Map(sims.map(({ simId, plan }) => [simId, longest.get(plan) ?? 0]));
    const terms = meteredPlan && new UsageTerms(meteredPlan);
    this.#metered = terms === null ? [] : sims.map(() => new UsageBook(terms));
  }

  run(): Tally {
    for (const [dayIndex, day] of this.#options.days.entries()) {
      this.#clock.at(day.startWallMs, () => this.#tally.turnDay(dayIndex));
      this.#clock.at(day.endWallMs - 1, () => this.#keepUsage());
    }
    for (const stream of this.#options.streams) this.#await(stream, 0);
    this.#clock.run();
    this.#routing.close();
    this.#memory.close();
    return this.#tally;
  }

  /** Sets the timer of a stream's next call, at `earliestWallMs` or later. */
  #await(stream: CallStream, earliestWallMs: number): void {
    for (let call = stream.next(); call !== undefined; call = stream.next()) {
      const next = call;
      const beginWallMs = this.#beginOf(next, stream, earliestWallMs);
      if (beginWallMs !== undefined) {
        this.#clock.at(beginWallMs, () => this.#begin(next, stream));
        return;
      }
      this.#tally.skip(dayIndexAt(this.#options.days, next.plannedWallMs));
    }
  }

  /** Undefined when the agent's day is over before. */
  #beginOf({ plannedWallMs }: PlannedCall, { pauseMs }: CallStream, earliestWallMs: number): number | undefined {
    if (pauseMs === null || plannedWallMs >= earliestWallMs) return plannedWallMs;
    const { days } = this.#options;
    const day = days[dayIndexAt(days, plannedWallMs)];
    return day && nextOpen(day, earliestWallMs);
  }

  #begin(call: PlannedCall, stream: CallStream): void {
    if (stream.pauseMs === null) this.#await(stream, 0);
    const live = this.#place(call);
    if (live === undefined) {
      this.#over(stream);
      return;
    }
    this.#clock.after(call.ringMs, () => {
      if (call.talkMs === null) this.#endUnanswered(live, stream);
      else this.#answer(live, call.talkMs, stream);
    });
  }

  #over(stream: CallStream): void {
    if (stream.pauseMs !== null) this.#await(stream, this.#clock.wallMs() + stream.pauseMs);
  }

  /** Policy, decision and reservation; undefined when the call is refused, which has been counted then. */
  #place({ dialled, agent }: PlannedCall): Live | undefined {
    const tally = this.#tally;
    tally.today.planned += 1;
    const admission = this.#policy.admit({ trunk: { name: TRUNK }, dialled });
    if (!admission.ok) {
      tally.refuse(admission.reason, undefined);
      return undefined;
    }
    const { callee } = admission;
    const wallMs = this.#clock.wallMs();
    const question: RouteQuestion = {
      trunk: this.#trunk,
      agent,
      callee,
      wallMs,
      codecs: CODECS,
      excludeChannels: NOTHING,
      excludeGateways: NOTHING,
    };
    const answer = this.#routing.decide(question);
    const reservationId = `c${++this.#count}`;
    let refusal: string | undefined;
    for (const { channelId, simId } of answer.candidates) {
      const reserved = this.#memory.reserve({
        reservationId,
        callId: reservationId,
        trunk: TRUNK,
        direction: 'out',
        payers: PAYERS,
        channelId,
        simId,
        callee: callee.e164,
        numberClass: callee.numberClass,
        wallMs,
      });
      if (reserved.ok) return reserved.live;
      refusal ??= reserved.reason;
    }
    const reason = refusal ?? mostFrequent(answer.summary.refused) ?? 'no-channel';
    const isQuota = reason === 'quota-exhausted' || reason === 'too-few-seconds';
    tally.refuse(reason, isQuota ? this.#refusingAllowance(question) : undefined);
    return undefined;
  }

  #answer(live: Live, talkMs: number, stream: CallStream): void {
    const { simId } = live.request;
    const answeredWallMs = this.#clock.wallMs();
    // No payer has a cap here: what the SIM's plan grants is final.
    const grantedSeconds = this.#memory.confirm(live, answeredWallMs).maxCallSeconds;
    const durationMs = Math.min(talkMs, grantedSeconds * 1000);
    const isCut = talkMs - durationMs > BYE_MS && grantedSeconds < (this.#longest.get(simId) ?? 0);
    this.#clock.after(durationMs, () => {
      this.#settle(live, answeredWallMs, durationMs);
      if (isCut) this.#tally.today.cutShort += 1;
      this.#over(stream);
    });
  }

  #settle(live: Live, answeredWallMs: number, durationMs: number): void {
    const { request } = live;
    const tally = this.#tally;
    const charge = this.#memory.charge(live, answeredWallMs, durationMs, false);
    this.#memory.finish(live);
    const simIndex = this.#simIndex.get(request.simId) ?? 0;
    tally.today.answered += 1;
    tally.today.talkMs += durationMs;
    tally.settle(simIndex, request.callee, charge.billedSeconds, charge.cost);
    this.#noteUsage(simIndex, request, durationMs, answeredWallMs);
    const sim = tally.sims[simIndex];
    const metered = this.#metered[simIndex];
    if (metered === undefined || sim === undefined) return;
    const { callee, numberClass, wallMs: reservedWallMs } = request;
    sim.meteredMicros += metered.book({ callee, numberClass, reservedWallMs, answeredWallMs, durationMs }).costMicros;
  }

  #endUnanswered(live: Live, stream: CallStream): void {
    const { request } = live;
    this.#memory.charge(live, null, 0, false);
    this.#memory.finish(live);
    this.#tally.today.unanswered += 1;
    this.#noteUsage(this.#simIndex.get(request.simId) ?? 0, request, 0, request.wallMs);
    this.#over(stream);
  }

  #noteUsage(
    simIndex: number,
    { simId, callee, numberClass }: ReserveRequest,
    durationMs: number,
    wallMs: number,
  ): void {
    if (!this.#tally.mayHaveRunOut(simIndex, durationMs)) return;
    // The same callee again: of whom it wants seconds, credits or money, not one more distinct callee.
    const fit = this.#memory.fit(simId, { callee, numberClass, wallMs });
    const refusing =
      fit.ok || fit.reason === 'class-not-covered' || fit.reason === 'paced' ? undefined : fit.allowanceId;
    this.#tally.noteUsage(simIndex, this.#memory.bookOf(simId)?.usage(wallMs) ?? [], wallMs, refusing);
  }

  #keepUsage(): void {
    const wallMs = this.#clock.wallMs();
    for (const tally of this.#tally.sims) {
      tally.allowances = this.#memory.bookOf(tally.sim.simId)?.usage(wallMs) ?? [];
      tally.usedByDay.push(tally.allowances.map(({ used }) => used));
    }
  }

  /** The allowance that most of the fleet refuses the call for; of a large fleet some SIMs are asked. */
  #refusingAllowance({ callee, wallMs }: RouteQuestion): string | undefined {
    const { sims } = this.#options.fleet;
    const step = Math.max(1, Math.floor(sims.length / ASKED_SIMS));
    const counts: Record<string, number> = {};
    for (let index = 0; index < sims.length; index += step) {
      const simId = sims[index]?.simId ?? '';
      const fit = this.#memory.fit(simId, { callee: callee.e164, numberClass: callee.numberClass, wallMs });
      if (fit.ok || fit.reason === 'class-not-covered') continue;
      counts[fit.allowanceId] = (counts[fit.allowanceId] ?? 0) + 1;
    }
    return mostFrequent(counts);
  }
}

function mostFrequent(counts: Readonly<Record<string, number>>): string | undefined {
  let best: string | undefined;
  for (const [key, count] of Object.entries(counts)) {
    if (count > 0 && (best === undefined || count > (counts[best] ?? 0))) best = key;
  }
  return best;
}

function rethrow(error: unknown): never {
  throw error;
}
