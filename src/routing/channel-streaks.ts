// What a channel's attempts came to, one after the other: streaks by which a SIM shows that something is wrong with it although
// its gateway says that it is sound. Which attempt lengthens a streak, which one ends it, and which says nothing of it:
//
//                        lengthens                           ends                          by default, in a row
//  fast-failures         refused for the channel, soon       18x, answer, callee's word    10, within 1 s
//  no-alerting           refused, or given up late, no 18x   18x, answer, callee's word    15, after 10 s
//  short-answers         answered, and over at once          a longer talk                 20, under 3 s
//  answers-without-18x   answered without any 18x            an answer after 18x           20
//
// An answer without 18x counts only where the gateway has ever sent one: some never do.

export const STREAKS = ['fast-failures', 'no-alerting', 'short-answers', 'answers-without-18x'] as const;
export type Streak = (typeof STREAKS)[number];

/** An attempt on a channel that is over; `call/attempt-ends.ts` says what each outcome is. */
export interface EndedAttempt {
  readonly channelId: string;
  readonly gateway: string;
  readonly outcome: 'answered' | 'refused' | 'callee' | 'given-up' | 'other';
  readonly alerted: boolean;
  readonly setupMs: number;
  readonly talkedMs: number | null;
}

/** Null: that streak is not looked for. */
export interface StreakSettings {
  readonly fastFailures: { readonly count: number; readonly withinMs: number } | null;
  readonly noAlerting: { readonly count: number; readonly afterMs: number } | null;
  readonly shortAnswers: { readonly count: number; readonly underMs: number } | null;
  readonly answersWithout18x: { readonly count: number } | null;
}

/** A streak that has reached its count. */
export interface StreakFound {
  readonly streak: Streak;
  readonly count: number;
}

type Word = 'lengthens' | 'ends' | null;

export class ChannelStreaks {
  #settings: StreakSettings;
  readonly #counts = new Map<string, Record<Streak, number>>();
  /** Gateways that send 18x. */
  readonly #alerting = new Set<string>();

  constructor(settings: StreakSettings) {
    this.#settings = settings;
  }

  /** What was counted goes on to count. */
  reconfigure(settings: StreakSettings): void {
    this.#settings = settings;
  }

  /** A channel begins anew. */
  forget(channelId: string): void {
    this.#counts.delete(channelId);
  }

  /** The first streak that has reached its count with this attempt, or had before; null for none. */
  take(attempt: EndedAttempt): StreakFound | null {
    if (attempt.alerted) this.#alerting.add(attempt.gateway);
    const counts = this.#counts.get(attempt.channelId) ?? {
      ...{ 'fast-failures': 0, 'no-alerting': 0, 'short-answers': 0, 'answers-without-18x': 0 },
    };
    this.#counts.set(attempt.channelId, counts);
    let found: StreakFound | null = null;
    for (const streak of STREAKS) {
      const word = this.#wordOf(attempt, streak);
      if (word === 'ends') counts[streak] = 0;
      if (word !== 'lengthens') continue;
      counts[streak] += 1;
      if (found === null && counts[streak] >= this.#countOf(streak)) found = { streak, count: counts[streak] };
    }
    return found;
  }

  #countOf(streak: Streak): number {
    const { fastFailures, noAlerting, shortAnswers, answersWithout18x } = this.#settings;
    const settings = {
      ...{ 'fast-failures': fastFailures, 'no-alerting': noAlerting },
      ...{ 'short-answers': shortAnswers, 'answers-without-18x': answersWithout18x },
    };
    return settings[streak]?.count ?? Number.POSITIVE_INFINITY;
  }

  #wordOf({ outcome, alerted, setupMs, talkedMs, gateway }: EndedAttempt, streak: Streak): Word {
    const { fastFailures, noAlerting, shortAnswers } = this.#settings;
    switch (streak) {
      case 'fast-failures':
        if (alerted || outcome === 'answered' || outcome === 'callee') return 'ends';
        return outcome === 'refused' && setupMs < (fastFailures?.withinMs ?? 0) ? 'lengthens' : null;
      case 'no-alerting':
        if (alerted || outcome === 'answered' || outcome === 'callee') return 'ends';
        if (outcome === 'refused') return 'lengthens';
        return outcome === 'given-up' && setupMs >= (noAlerting?.afterMs ?? 0) ? 'lengthens' : null;
      case 'short-answers':
        if (talkedMs === null) return null;
        return talkedMs < (shortAnswers?.underMs ?? 0) ? 'lengthens' : 'ends';
      case 'answers-without-18x':
        if (outcome !== 'answered') return null;
        if (alerted) return 'ends';
        return this.#alerting.has(gateway) ? 'lengthens' : null;
    }
  }
}
