// Usage by the plainest rules, to hold the usage book against: everything is counted anew from all that ever happened, second
// by second and length by length. Slow on purpose: nothing is kept, nothing is clever.
import { DateTime } from 'luxon';
import type { NumberClass } from '../../numbers/number-class.js';
import { parseMoney } from '../money.js';
import type { Allowance, Direction, MessageKind, Pacing, Plan, Rounding } from '../plan.js';
import { type WindowSpan, windowAt } from '../windows.js';

export interface ModelCall {
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly direction: Direction;
  readonly reservedWallMs: number;
  readonly answeredWallMs: number | null;
  /** Of a live call: what is held of its time; null: none. */
  readonly durationMs: number | null;
}

/** Something counted at an instant. */
interface Count {
  readonly wallMs: number;
  readonly units: number;
  readonly callee: string | null;
}

export interface ModelMessage {
  readonly kind: MessageKind;
  readonly numberClass: NumberClass;
  readonly wallMs: number;
  readonly count: number;
}

type Settled =
  | { readonly call: ModelCall; readonly cost: number }
  | { readonly message: ModelMessage; readonly cost: number }
  | { readonly adjusted: string; readonly amount: number; readonly wallMs: number };

export type ModelFit = number | 'class-not-covered' | `${'quota-exhausted' | 'too-few-seconds' | 'paced'} ${string}`;

export class UsageModel {
  readonly plan: Plan;
  readonly minCallSeconds: number;
  readonly settled: Settled[] = [];
  readonly live = new Set<{ call: ModelCall; cost: number }>();
  readonly #spans = new Map<string, WindowSpan[]>();

  constructor(plan: Plan, minCallSeconds: number) {
    this.plan = plan;
    this.minCallSeconds = minCallSeconds;
  }

  // ---- what is counted ---------------------------------------------------------------------------------------------

  used(allowance: Allowance, wallMs: number): number {
    if (allowance.counts === 'days-over')
      return this.#overDays(allowance, wallMs, false).length + this.#adjusted(allowance, wallMs);
    return this.#sum(allowance, this.#settledCounts(allowance), (at) => this.#isInWindow(allowance, at, wallMs));
  }

  held(allowance: Allowance, wallMs: number): number {
    const adjusted = this.#adjusted(allowance, wallMs);
    if (allowance.counts === 'days-over') {
      return this.#overDays(allowance, wallMs, true).length + adjusted - this.used(allowance, wallMs);
    }
    const all = [...this.#settledCounts(allowance), ...this.#liveCounts(allowance)];
    return this.#sum(allowance, all, (at) => this.#isInWindow(allowance, at, wallMs)) - this.used(allowance, wallMs);
  }

  #settledCounts(allowance: Allowance): Count[] {
    return this.settled.flatMap((entry): Count[] => {
      if ('call' in entry) return this.#countsOf(allowance, entry.call, entry.cost, true);
      if ('message' in entry) return this.#countsOfMessage(allowance, entry.message, entry.cost);
      return entry.adjusted === allowance.id && allowance.counts !== 'days-over'
        ? [{ wallMs: entry.wallMs, units: entry.amount, callee: null }]
        : [];
    });
  }

  #liveCounts(allowance: Allowance): Count[] {
    return [...this.live].flatMap(({ call, cost }) => this.#countsOf(allowance, call, cost, false));
  }

  #adjusted(allowance: Allowance, wallMs: number): number {
    if (allowance.counts !== 'days-over') return 0;
    return this.settled.reduce((sum, entry) => {
      const counts = 'adjusted' in entry && entry.adjusted === allowance.id;
      return counts && this.#isInWindow(allowance, entry.wallMs, wallMs) ? sum + entry.amount : sum;
    }, 0);
  }

  /** A live call counts as if it were answered when it was reserved. */
  #countsOf(
    allowance: Allowance,
    call: ModelCall,
    cost: number,
    isSettled: boolean,
    windowEdge = this.plan.windowEdge,
  ): Count[] {
    if (!draws(allowance, call)) return [];
    const { reservedWallMs, callee, durationMs } = call;
    const answeredWallMs = call.answeredWallMs ?? (isSettled ? null : reservedWallMs);
    const counted = allowance.daysOver?.counts ?? allowance.counts;
    if (counted === 'spend') return [{ wallMs: answeredWallMs ?? reservedWallMs, units: cost, callee: null }];
    if (counted === 'calls' || counted === 'callees') {
      const wallMs = allowance.countsOn === 'attempt' ? reservedWallMs : answeredWallMs;
      return wallMs === null ? [] : [{ wallMs, units: 1, callee: counted === 'callees' ? callee : null }];
    }
    if (counted !== 'seconds' && counted !== 'credits') return [];
    if (answeredWallMs === null || durationMs === null) return [];
    return this.#timeOf(allowance, call.numberClass, answeredWallMs, durationMs, windowEdge);
  }

  /** Each begun step at the second in which it begins; what rounding adds, at the end of the call. */
  #timeOf(
    allowance: Allowance,
    numberClass: NumberClass,
    answeredWallMs: number,
    durationMs: number,
    windowEdge = this.plan.windowEdge,
  ): Count[] {
    const stepSeconds = allowance.credits?.stepSeconds ?? 1;
    const units = allowance.credits === null ? 1 : (allowance.credits.perStep[numberClass] ?? 0);
    const steps = Math.ceil(charged(durationMs, allowance.rounding) / stepSeconds);
    const isWhole = windowEdge === 'start' || (allowance.window.kind === 'rolling' && allowance.daysOver === null);
    if (isWhole) return [{ wallMs: answeredWallMs, units: units * steps, callee: null }];
    const lastWallMs = Math.max(answeredWallMs, answeredWallMs + durationMs - 0.001);
    return Array.from({ length: steps }, (_, step) => ({
      wallMs: Math.min(lastWallMs, answeredWallMs + step * stepSeconds * 1000),
      units,
      callee: null,
    }));
  }

  #countsOfMessage(allowance: Allowance, { kind, numberClass, wallMs, count }: ModelMessage, cost: number): Count[] {
    if (!allowance.classes.includes(numberClass) || !allowance.directions.includes('out')) return [];
    const counted = allowance.daysOver?.counts ?? allowance.counts;
    if (counted === 'spend') return [{ wallMs, units: cost, callee: null }];
    return counted === kind ? [{ wallMs, units: count, callee: null }] : [];
  }

  #sum(_allowance: Allowance, counts: readonly Count[], isCounted: (wallMs: number) => boolean): number {
    const inside = counts.filter(({ wallMs }) => isCounted(wallMs));
    const callees = new Set(inside.flatMap(({ callee }) => callee ?? []));
    return inside.reduce((sum, { units, callee }) => (callee === null ? sum + units : sum), callees.size);
  }

  // ---- windows -----------------------------------------------------------------------------------------------------

  #span(window: Allowance['window'], wallMs: number): WindowSpan {
    const key = JSON.stringify(window);
    const known = this.#spans.get(key) ?? [];
    this.#spans.set(key, known);
    const found = known.find(({ startWallMs, endWallMs }) => wallMs >= startWallMs && wallMs < endWallMs);
    if (found !== undefined) return found;
    const span = windowAt(window, this.plan.timeZone, Math.floor(wallMs));
    known.push(span);
    return span;
  }

  #isInWindow({ window, daysOver }: Allowance, countedWallMs: number, wallMs: number): boolean {
    // A day is as old as its midnight.
    const at = daysOver === null ? countedWallMs : this.#day(countedWallMs);
    if (window.kind === 'rolling') return at > wallMs - window.seconds * 1000;
    return this.#span(window, at).startWallMs === this.#span(window, wallMs).startWallMs;
  }

  #day(wallMs: number): number {
    return this.#span({ kind: 'day' }, wallMs).startWallMs;
  }

  #onDay(allowance: Allowance, counts: readonly Count[], day: number): number {
    return this.#sum(allowance, counts, (at) => this.#day(at) === day);
  }

  /** Midnights of days over their threshold, of the window that holds an instant, in the order in which they became so. */
  #overDays(allowance: Allowance, wallMs: number, withHeld: boolean): number[] {
    const threshold = allowance.daysOver?.threshold ?? 0;
    const counts = [...this.#settledCounts(allowance), ...(withHeld ? this.#liveCounts(allowance) : [])];
    const over: number[] = [];
    counts.forEach(({ wallMs: at }, index) => {
      const day = this.#day(at);
      if (over.includes(day) || !this.#isInWindow(allowance, at, wallMs)) return;
      if (this.#onDay(allowance, counts.slice(0, index + 1), day) > threshold) over.push(day);
    });
    return over;
  }

  // ---- what fits ---------------------------------------------------------------------------------------------------

  /** The longest call less a second, or why none. */
  fit(call: Pick<ModelCall, 'callee' | 'numberClass' | 'direction'>, wallMs: number): ModelFit {
    const { plan, minCallSeconds } = this;
    if (call.numberClass === 'emergency') return plan.maxCallSeconds;
    if (call.direction === 'out' && !plan.classes.includes(call.numberClass)) return 'class-not-covered';
    let longest = plan.maxCallSeconds;
    for (const allowance of plan.allowances) {
      if (!draws(allowance, call)) continue;
      const fitting = this.#fitting(allowance, call, wallMs, longest);
      if (typeof fitting === 'string') return `${fitting} ${allowance.id}`;
      if (fitting < minCallSeconds) return `too-few-seconds ${allowance.id}`;
      longest = Math.min(longest, fitting);
    }
    return longest - 1;
  }

  #fitting(
    allowance: Allowance,
    call: Pick<ModelCall, 'callee' | 'numberClass' | 'direction'>,
    wallMs: number,
    most: number,
  ): number | 'quota-exhausted' | 'too-few-seconds' | 'paced' {
    const counted = allowance.daysOver?.counts ?? allowance.counts;
    const isForbidding = allowance.beyond.kind === 'forbid';
    const attempt = { ...call, reservedWallMs: wallMs, answeredWallMs: wallMs };
    if (counted === 'sms' || counted === 'lms' || counted === 'mms') return most;
    // All that end in the same second are charged the same, but for those that end before an edge in it.
    const untilMidnightMs = this.#span({ kind: 'day' }, wallMs).endWallMs - wallMs;
    const longestOf = (fits: (durationMs: number) => boolean): number => {
      for (let seconds = 1; seconds <= most; seconds += 1) {
        const hasEdge = untilMidnightMs > (seconds - 1) * 1000 && untilMidnightMs < seconds * 1000;
        if (!fits(seconds * 1000) || (hasEdge && !fits(untilMidnightMs))) return seconds - 1;
      }
      return most;
    };
    if (counted === 'spend') {
      if (call.direction === 'in') {
        const { maxCallSeconds } = this.plan;
        const costOf = (durationMs: number) => this.cost({ ...attempt, durationMs });
        const seconds = Array.from({ length: maxCallSeconds }, (_, index) => index + 1);
        const isFreeBeforeMidnight = untilMidnightMs >= maxCallSeconds * 1000 || costOf(untilMidnightMs) === 0;
        if (isFreeBeforeMidnight && seconds.every((second) => costOf(second * 1000) === 0)) return most;
      }
      const room = allowance.limit - this.used(allowance, wallMs) - this.held(allowance, wallMs);
      if (isForbidding && room <= 0) return 'quota-exhausted';
      // To begin, a shortest call must be paid for wherever it is charged.
      const shortest = { ...attempt, durationMs: this.minCallSeconds * 1000 };
      const least = Math.max(1, this.cost(shortest, 'start'));
      if (isForbidding && room < least) return 'too-few-seconds';
      if (this.#pacedRoom(allowance, wallMs) < least) return 'paced';
      if (!isForbidding) return most;
      return longestOf((durationMs) => this.cost({ ...attempt, durationMs }) <= room);
    }
    if (counted === 'calls' || counted === 'callees') {
      const adds = (counts: readonly Count[]) => {
        const isIn = (at: number) =>
          allowance.daysOver === null ? this.#isInWindow(allowance, at, wallMs) : this.#day(at) === this.#day(wallMs);
        const more = [...counts, ...this.#countsOf(allowance, { ...attempt, durationMs: 1 }, 0, true)];
        return this.#sum(allowance, more, isIn) - this.#sum(allowance, counts, isIn);
      };
      const all = [...this.#settledCounts(allowance), ...this.#liveCounts(allowance)];
      if (adds(all) === 0) return most;
      if (isForbidding && this.room(allowance, wallMs) < 1) return 'quota-exhausted';
      return this.#pacedRoom(allowance, wallMs) < 1 ? 'paced' : most;
    }
    const units = (seconds: number) =>
      this.#timeOf(
        { ...allowance, window: { kind: 'rolling', seconds: 1 }, daysOver: null },
        call.numberClass,
        0,
        seconds * 1000,
      ).reduce((sum, count) => sum + count.units, 0);
    if (units(this.minCallSeconds) === 0) return most;
    if (isForbidding) {
      // To begin, a shortest call must fit whole into what is left now.
      const room = this.room(allowance, wallMs);
      if (units(this.minCallSeconds) > room) return room <= 0 ? 'quota-exhausted' : 'too-few-seconds';
    }
    if (this.#pacedRoom(allowance, wallMs) < units(this.minCallSeconds)) return 'paced';
    if (!isForbidding) return most;
    return longestOf((durationMs) =>
      this.#timeFits(allowance, this.#timeOf(allowance, call.numberClass, wallMs, durationMs), wallMs),
    );
  }

  /** What may be counted now before the limit. */
  room(allowance: Allowance, wallMs: number): number {
    const left = allowance.limit - this.used(allowance, wallMs) - this.held(allowance, wallMs);
    if (allowance.daysOver === null) return left;
    const counts = [...this.#settledCounts(allowance), ...this.#liveCounts(allowance)];
    const today = this.#onDay(allowance, counts, this.#day(wallMs));
    return today > allowance.daysOver.threshold || left >= 1
      ? Number.POSITIVE_INFINITY
      : allowance.daysOver.threshold - today;
  }

  #timeFits(allowance: Allowance, counts: readonly Count[], wallMs: number): boolean {
    if (allowance.daysOver === null) {
      return counts.every(({ wallMs: at }) => {
        const same = (other: number) =>
          allowance.window.kind === 'rolling' ? true : this.#isInWindow(allowance, other, at);
        const more = counts.reduce((sum, count) => (same(count.wallMs) ? sum + count.units : sum), 0);
        const asked = allowance.window.kind === 'rolling' ? wallMs : at;
        return more === 0 || this.used(allowance, asked) + this.held(allowance, asked) + more <= allowance.limit;
      });
    }
    const { threshold } = allowance.daysOver;
    const before = [...this.#settledCounts(allowance), ...this.#liveCounts(allowance)];
    const days = [...new Set(counts.map(({ wallMs: at }) => this.#day(at)))].sort((a, b) => a - b);
    const turned: number[] = [];
    return days.every((day) => {
      const already = this.#onDay(allowance, before, day);
      if (already > threshold || already + this.#onDay(allowance, counts, day) <= threshold) return true;
      const asked = Math.max(day, wallMs);
      const over = this.used(allowance, asked) + this.held(allowance, asked);
      const earlier = turned.filter((other) => this.#isInWindow(allowance, other, day)).length;
      turned.push(day);
      return over + earlier < allowance.limit;
    });
  }

  // ---- pacing ------------------------------------------------------------------------------------------------------

  #pacedRoom(allowance: Allowance, wallMs: number): number {
    const { pacing, limit } = allowance;
    if (pacing === null) return Number.POSITIVE_INFINITY;
    const counted = this.used(allowance, wallMs) + this.held(allowance, wallMs);
    if (counted >= limit && allowance.beyond.kind === 'charge') return Number.POSITIVE_INFINITY;
    const span = this.#span(allowance.window, wallMs);
    const days = workingDays(pacing, this.plan.timeZone, span);
    if (days.length === 0) return limit - counted;
    const begun = days.filter((day) => day.midnight <= wallMs);
    const today = begun.at(-1);
    if (today === undefined) return -counted;
    const before = this.#sum(allowance, this.#settledCounts(allowance), (at) => {
      return this.#isInWindow(allowance, at, wallMs) && at < today.midnight;
    });
    const share = Math.ceil(Math.max(0, limit - before) / (days.length - begun.length + 1));
    const hoursOut = today.hours.filter((hour) => hour <= wallMs).length;
    return before + Math.ceil((share * hoursOut) / today.hours.length) - counted;
  }

  // ---- what it costs -----------------------------------------------------------------------------------------------

  /** Of a call as it would be settled: per window what goes beyond; the dearest of what counts the same. */
  cost(call: ModelCall, windowEdge: Plan['windowEdge'] = this.plan.windowEdge): number {
    const dearest = { time: 0, calls: 0, callees: 0 };
    let isTimeCounted = call.direction === 'in';
    for (const allowance of this.plan.allowances) {
      const counted = allowance.daysOver?.counts ?? allowance.counts;
      if (!draws(allowance, call) || counted === 'spend') continue;
      const isTime = counted === 'seconds' || counted === 'credits';
      if (isTime && allowance.daysOver === null) isTimeCounted = true;
      const counts = this.#countsOf(allowance, call, 0, true, windowEdge);
      const kind = isTime ? 'time' : counted === 'calls' ? 'calls' : 'callees';
      dearest[kind] = Math.max(dearest[kind], this.#costBeyond(allowance, counts));
    }
    const rate = this.plan.rates[call.numberClass];
    if (!isTimeCounted && rate !== undefined && call.answeredWallMs !== null) {
      const seconds = charged(call.durationMs ?? 0, this.plan.rounding);
      dearest.time = Math.max(dearest.time, parseMoney(rate.perStep) * Math.ceil(seconds / rate.stepSeconds));
    }
    return dearest.time + dearest.calls + dearest.callees;
  }

  /** What messages cost, or why they are not sent. */
  fitMessage(message: ModelMessage): ModelFit {
    if (message.numberClass === 'emergency') return this.costOfMessage(message) ?? 0;
    if (!this.plan.classes.includes(message.numberClass)) return 'class-not-covered';
    const cost = this.costOfMessage(message);
    if (cost === null) return 'class-not-covered';
    for (const allowance of this.plan.allowances) {
      const counts = this.#countsOfMessage(allowance, message, Math.max(1, cost));
      const needed = counts.reduce((sum, { units }) => sum + units, 0);
      if (counts.length === 0) continue;
      const isForbidding = allowance.beyond.kind === 'forbid';
      if (isForbidding && this.room(allowance, message.wallMs) < needed) return `quota-exhausted ${allowance.id}`;
      if (this.#pacedRoom(allowance, message.wallMs) < needed) return `paced ${allowance.id}`;
    }
    return cost;
  }

  costOfMessage(message: ModelMessage): number | null {
    const drawn = this.plan.allowances.filter(
      (allowance) =>
        (allowance.daysOver?.counts ?? allowance.counts) === message.kind &&
        allowance.classes.includes(message.numberClass) &&
        allowance.directions.includes('out'),
    );
    if (drawn.length === 0) {
      const price = this.plan.messageRates?.[message.kind];
      return price === undefined ? null : parseMoney(price) * message.count;
    }
    return Math.max(...drawn.map((each) => this.#costBeyond(each, this.#countsOfMessage(each, message, 0))));
  }

  #costBeyond(allowance: Allowance, counts: readonly Count[]): number {
    const { beyond, window, daysOver } = allowance;
    if (beyond.kind === 'forbid') return 0;
    const before = this.#settledCounts(allowance);
    const windows = new Map<number, Count[]>();
    for (const count of counts) {
      const key =
        daysOver !== null
          ? this.#day(count.wallMs)
          : window.kind === 'rolling'
            ? 0
            : this.#span(window, count.wallMs).startWallMs;
      windows.set(key, [...(windows.get(key) ?? []), count]);
    }
    const stepSeconds = (daysOver?.counts ?? allowance.counts) === 'seconds' ? beyond.stepSeconds : 1;
    let cost = 0;
    const turned: number[] = [];
    for (const [day, inside] of [...windows].sort(([a], [b]) => a - b)) {
      const at = inside[0]?.wallMs ?? 0;
      const isIn = (other: number) =>
        daysOver !== null ? this.#day(other) === day : this.#isInWindow(allowance, other, at);
      const limit = daysOver?.threshold ?? allowance.limit;
      const used = this.#sum(allowance, before, isIn);
      const after = this.#sum(allowance, [...before, ...inside], isIn);
      const units = Math.max(0, after - limit) - Math.max(0, used - limit);
      const earlier = turned.filter((other) => this.#isInWindow(allowance, other, day)).length;
      if (after > limit && used <= limit) turned.push(day);
      if (daysOver === null || this.#isDayCharged(allowance, day, earlier)) {
        cost += parseMoney(beyond.perStep) * Math.ceil(units / stepSeconds);
      }
    }
    return cost;
  }

  /** Whether the window had its days over the threshold when this day became one, or has them now. */
  #isDayCharged(allowance: Allowance, day: number, earlier: number): boolean {
    const over = this.#overDays(allowance, day, false);
    const place = over.indexOf(day);
    const adjusted = this.#adjusted(allowance, day);
    return (place === -1 ? over.length + earlier : place) + adjusted >= allowance.limit;
  }
}

function draws(
  { classes, directions }: Allowance,
  { numberClass, direction }: Pick<ModelCall, 'numberClass' | 'direction'>,
): boolean {
  return classes.includes(numberClass) && directions.includes(direction);
}

/** Second by second: the first step, then further ones, until the call is paid for. */
export function charged(durationMs: number, { firstSeconds, thenSeconds, minimumSeconds }: Rounding): number {
  let seconds = firstSeconds;
  while (seconds * 1000 < durationMs) seconds += thenSeconds;
  return Math.max(seconds, minimumSeconds);
}

function workingDays(pacing: Pacing, zone: string, { startWallMs, endWallMs }: WindowSpan) {
  const days: { midnight: number; hours: number[] }[] = [];
  for (
    let local = DateTime.fromMillis(startWallMs, { zone }).startOf('day');
    local.toMillis() < endWallMs;
    local = local.plus({ days: 1 }).startOf('day')
  ) {
    if (!pacing.weekdays.includes(local.weekday) || pacing.holidays.includes(local.toISODate() ?? '')) continue;
    const at = (minute: number) =>
      minute === 1_440
        ? local.plus({ days: 1 }).startOf('day').toMillis()
        : local.set({ hour: Math.floor(minute / 60), minute: minute % 60 }).toMillis();
    const hours: number[] = [];
    if (pacing.by === 'days') hours.push(local.toMillis());
    else for (let hour = at(pacing.fromMinute); hour < at(pacing.toMinute); hour += 3_600_000) hours.push(hour);
    days.push({ midnight: local.toMillis(), hours });
  }
  return days;
}
