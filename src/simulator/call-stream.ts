// Calls to be placed, in the order of their instants: made up for an agent by the scenario, or taken from records.
// What is dialled depends on the seed alone, never on what became of earlier calls: runs with more SIMs have the same calls.
import type { NumberClass } from '../numbers/number-class.js';
import { type CalendarDay, instantAfterOpen, openMs } from './calendar.js';
import { calleeNumber } from './callee-numbers.js';
import { drawMs } from './distribution.js';
import { Random } from './random.js';
import type { AgentDemand } from './scenario.js';

export interface PlannedCall {
  readonly plannedWallMs: number;
  /** The PBX user; null when not known. */
  readonly agent: string | null;
  readonly dialled: string;
  readonly ringMs: number;
  /** Null: nobody answers. */
  readonly talkMs: number | null;
}

export interface CallStream {
  /** From the end of one call to the next one at least; null: calls overlap as they did when they were recorded. */
  readonly pauseMs: number | null;
  /** Undefined when there is none left. */
  next(): PlannedCall | undefined;
}

/** An agent's calls, day by day, spread over the open hours with some chance. */
export class AgentStream implements CallStream {
  readonly pauseMs: number;
  readonly #demand: AgentDemand;
  readonly #days: readonly CalendarDay[];
  readonly #seed: number;
  readonly #agentIndex: number;
  readonly #agent: string;
  readonly #pickClass: (random: Random) => NumberClass;
  /** Numbers that were called this month, and the month. */
  #called: string[] = [];
  #month = '';
  #serial = 0;
  #dayIndex = 0;
  /** The day that is being planned: its calls, the next one's place among them, and what is drawn for them. */
  #today: {
    readonly day: CalendarDay;
    readonly count: number;
    readonly shareMs: number;
    readonly random: Random;
  } | null = null;
  #callIndex = 0;

  constructor(demand: AgentDemand, days: readonly CalendarDay[], seed: number, agentIndex: number) {
    this.pauseMs = demand.pauseSeconds * 1000;
    this.#demand = demand;
    this.#days = days;
    this.#seed = seed;
    this.#agentIndex = agentIndex;
    this.#agent = String(101 + agentIndex);
    this.#pickClass = classPicker(demand.numberClasses);
  }

  next(): PlannedCall | undefined {
    while (this.#today === null || this.#callIndex === this.#today.count) {
      const day = this.#days[this.#dayIndex++];
      if (day === undefined) return undefined;
      this.#beginDay(day);
    }
    const { day, shareMs, random } = this.#today;
    const { answerRate, talk, ring } = this.#demand;
    // Each call has a share of the day's open time, and begins somewhere in it.
    const plannedWallMs = instantAfterOpen(day, Math.floor((this.#callIndex++ + random.next()) * shareMs));
    const dialled = this.#pickCallee(random);
    const isAnswered = random.next() < answerRate;
    const ringMs = drawMs(ring, random);
    const talkMs = drawMs(talk, random);
    return { plannedWallMs, agent: this.#agent, dialled, ringMs, talkMs: isAnswered ? talkMs : null };
  }

  #beginDay(day: CalendarDay): void {
    const month = day.date.slice(0, 7);
    if (month !== this.#month) {
      this.#month = month;
      this.#called = [];
    }
    const count = callsOn(day, this.#demand.callsPerDay);
    const random = new Random(this.#seed, this.#agentIndex, day.startWallMs / 60_000);
    this.#today = { day, count, shareMs: openMs(day) / count, random };
    this.#callIndex = 0;
  }

  #pickCallee(random: Random): string {
    const isRepeated = random.next() < this.#demand.repeatedCallees;
    if (isRepeated && this.#called.length > 0) return this.#called[random.below(this.#called.length)] ?? '';
    const serial = this.#serial++ * this.#demand.count + this.#agentIndex;
    const dialled = calleeNumber(this.#pickClass(random), serial);
    this.#called.push(dialled);
    return dialled;
  }
}

/** Calls of a working day, so that a fraction is spread over the days: 45.5 a day are 45 and 46 in turn. */
function callsOn({ workingDay }: CalendarDay, callsPerDay: number): number {
  if (workingDay === null) return 0;
  // What 0.1 + 0.2 lacks must not cost the last call.
  const until = (days: number) => Math.floor(days * callsPerDay + 1e-6);
  return until(workingDay) - until(workingDay - 1);
}

function classPicker(shares: AgentDemand['numberClasses']): (random: Random) => NumberClass {
  const entries = Object.entries(shares) as [NumberClass, number][];
  const total = entries.reduce((sum, [, share]) => sum + share, 0);
  const [first] = entries;
  return (random) => {
    if (entries.length === 1 && first !== undefined) return first[0];
    let left = random.next() * total;
    for (const [numberClass, share] of entries) {
      left -= share;
      if (left < 0) return numberClass;
    }
    return first?.[0] ?? 'mobile';
  };
}
