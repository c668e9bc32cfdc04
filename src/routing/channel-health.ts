// How a channel did lately, from the outcomes of its attempts: terms of its score, and a cool-down after failures in a row,
// or as long as the gateway's settings say for a final response.
//
//    resting ◄────────────────┐ a response with a cool-down
//      │ over                 │
//      ▼                      │
//    sound ───────────────────┴─────────► cooling ◄─┐
//      ▲     failAfter × failed, in a row    │      │ failed: twice as long
//      │                    cool-down over   ▼      │
//      └──────── answered, callee ──────── retrying ┘
//
// A response's cool-down that comes to a channel on its cool-down can make it longer only. A retrying channel takes calls again, one at a time as every channel does. What it did fades by half in `halfLifeMs`, in
// steps of ten seconds; terms are whole points in steps of a thousand, so that most steps move no channel.
import { FULL_POINTS } from './weights.js';

export interface AttemptReport {
  /**
   * `answered`: the gateway's 200. `callee`: not answered, and not the channel's fault (busy, declined, rang out, given up
   * while it rang). `failed`: the channel or its gateway failed (no response, 5xx, ended before it rang).
   */
  readonly outcome: 'answered' | 'callee' | 'failed';
  /** From the INVITE to the first sign of ringing or to the answer; null when there was neither. */
  readonly postDialDelayMs: number | null;
  /** How long the channel, or its whole gateway, is to be left alone for the response that ended the attempt. */
  readonly coolDown?: { readonly of: 'channel' | 'gateway'; readonly ms: number } | undefined;
}

export interface ChannelHealthSettings {
  /** Failures in a row that send a channel into its cool-down. */
  readonly failAfter: number;
  readonly coolDownMs: number;
  /** Each failed retry doubles the cool-down, up to this. */
  readonly maxCoolDownMs: number;
  readonly halfLifeMs: number;
}

export const DEFAULT_CHANNEL_HEALTH: ChannelHealthSettings = {
  ...{ failAfter: 3, coolDownMs: 60_000, maxCoolDownMs: 900_000, halfLifeMs: 900_000 },
};

export type ChannelHealthState = 'sound' | 'resting' | 'cooling' | 'retrying';

type Input = 'failed' | 'reached' | 'cooled' | 'ordered';

/** What follows: null is not a change. `streak` is a failure before the last of a row. */
const TABLE: Readonly<Record<ChannelHealthState, Readonly<Record<Input | 'streak', ChannelHealthState | null>>>> = {
  sound: { streak: null, failed: 'cooling', reached: null, cooled: null, ordered: 'resting' },
  resting: { streak: null, failed: 'cooling', reached: null, cooled: 'sound', ordered: null },
  // An attempt that began before the cool-down may still be reported: it neither shortens nor lengthens it.
  cooling: { streak: null, failed: null, reached: null, cooled: 'retrying', ordered: null },
  retrying: { streak: 'cooling', failed: 'cooling', reached: 'sound', cooled: null, ordered: 'cooling' },
};

export const HEALTH_STEP_MS = 10_000;

/** Attempts that an unknown channel is taken to have had, so that the first few do not decide alone. */
const ASSUMED_ATTEMPTS = 10;
const ASSUMED_ANSWER_RATIO = 0.5;
const ASSUMED_DELAYS = 10;
const ASSUMED_DELAY_MS = 3_000;
/** Full points: a mean delay of ten seconds, ten failures. */
const WORST_DELAY_MS = 10_000;
const WORST_FAILURES = 10;
const POINT_STEP = 1_000;
/** A gateway that is rung by a mobile refuses calls before it sends its own INVITE: it waits for the caller's number. */
const EXCUSED_MS = 10_000;
/** Less than this of an attempt is nothing. */
const FADED = 0.05;

export interface HealthPoints {
  readonly answerRatio: number;
  readonly postDialDelay: number;
  readonly failures: number;
}

/** Of a channel that nothing is known of. */
export const UNKNOWN_HEALTH: HealthPoints = {
  answerRatio: FULL_POINTS * (1 - ASSUMED_ANSWER_RATIO),
  postDialDelay: (FULL_POINTS * ASSUMED_DELAY_MS) / WORST_DELAY_MS,
  failures: 0,
};

interface Standing {
  readonly atMs: number;
  readonly state: ChannelHealthState;
  readonly streak: number;
  readonly coolDownMs: number;
  readonly coolsUntilMs: number;
}

export class ChannelHealth {
  readonly #settings: ChannelHealthSettings;
  #state: ChannelHealthState = 'sound';
  #streak = 0;
  /** What one step leaves. */
  readonly #leftOfStep: number;
  #coolDownMs: number;
  #coolsUntilMs = 0;
  #attempts = 0;
  #answers = 0;
  #failures = 0;
  #delays = 0;
  #delaysMs = 0;
  #points: HealthPoints = UNKNOWN_HEALTH;
  /** As it was before its last attempt, when that has failed. */
  #beforeFailure: Standing | null = null;

  constructor(settings: ChannelHealthSettings) {
    this.#settings = settings;
    this.#leftOfStep = 0.5 ** (HEALTH_STEP_MS / settings.halfLifeMs);
    this.#coolDownMs = settings.coolDownMs;
  }

  get state(): ChannelHealthState {
    return this.#state;
  }

  /** True while it takes no calls. */
  get isAway(): boolean {
    return this.#state === 'cooling' || this.#state === 'resting';
  }

  /** End of the cool-down or rest, on the clock of `report`. */
  get coolsUntilMs(): number {
    return this.#coolsUntilMs;
  }

  get points(): HealthPoints {
    return this.#points;
  }

  /** True when it says no more than a channel that nothing is known of. */
  get isForgotten(): boolean {
    return this.#state === 'sound' && this.#attempts < FADED;
  }

  /** True when state or points have changed. */
  report({ outcome, postDialDelayMs, coolDown }: AttemptReport, nowMs: number): boolean {
    this.#beforeFailure = outcome === 'failed' ? this.#standing(nowMs) : null;
    this.#attempts += 1;
    if (outcome === 'answered') this.#answers += 1;
    if (outcome === 'failed') this.#failures += 1;
    if (postDialDelayMs !== null) {
      this.#delays += 1;
      this.#delaysMs += Math.max(0, postDialDelayMs);
    }
    this.#streak = outcome === 'failed' ? this.#streak + 1 : 0;
    const isRow = this.#streak >= this.#settings.failAfter;
    const moved = this.#move(outcome !== 'failed' ? 'reached' : isRow ? 'failed' : 'streak', nowMs);
    const ordered = coolDown?.of === 'channel' && coolDown.ms > 0 && this.#rest(nowMs + coolDown.ms);
    return this.#rate() || moved || ordered;
  }

  /** A mobile was ringing the channel's SIM: a failure of a moment ago was that, and is none. True when something has changed. */
  excuse(nowMs: number): boolean {
    const before = this.#beforeFailure;
    this.#beforeFailure = null;
    if (before === null || nowMs - before.atMs > EXCUSED_MS) return false;
    this.#state = before.state;
    this.#streak = before.streak;
    this.#coolDownMs = before.coolDownMs;
    this.#coolsUntilMs = before.coolsUntilMs;
    this.#attempts = Math.max(0, this.#attempts - 1);
    this.#failures = Math.max(0, this.#failures - 1);
    this.#rate();
    return true;
  }

  /** The cool-down is over: the next call tries the channel again. */
  cooled(): void {
    this.#move('cooled', 0);
  }

  /** Fades by steps of ten seconds; true when the points have changed. */
  fade(steps: number): boolean {
    const left = steps === 1 ? this.#leftOfStep : this.#leftOfStep ** steps;
    this.#attempts *= left;
    this.#answers *= left;
    this.#failures *= left;
    this.#delays *= left;
    this.#delaysMs *= left;
    return this.#rate();
  }

  #standing(atMs: number): Standing {
    const state = this.#state;
    return { atMs, state, streak: this.#streak, coolDownMs: this.#coolDownMs, coolsUntilMs: this.#coolsUntilMs };
  }

  /** As a response asks for; the longer of two ends holds. */
  #rest(untilMs: number): boolean {
    const isNew = !this.isAway;
    if (isNew) this.#state = TABLE[this.#state].ordered ?? this.#state;
    this.#coolsUntilMs = isNew ? untilMs : Math.max(this.#coolsUntilMs, untilMs);
    return isNew;
  }

  #move(input: Input | 'streak', nowMs: number): boolean {
    const next = TABLE[this.#state][input];
    if (next === null) return false;
    const { coolDownMs, maxCoolDownMs } = this.#settings;
    if (next === 'cooling') {
      this.#coolDownMs = this.#state === 'retrying' ? Math.min(maxCoolDownMs, this.#coolDownMs * 2) : coolDownMs;
      const untilMs = nowMs + this.#coolDownMs;
      this.#coolsUntilMs = this.#state === 'resting' ? Math.max(this.#coolsUntilMs, untilMs) : untilMs;
    }
    this.#state = next;
    return true;
  }

  #rate(): boolean {
    const answered = (this.#answers + ASSUMED_ATTEMPTS * ASSUMED_ANSWER_RATIO) / (this.#attempts + ASSUMED_ATTEMPTS);
    const delayMs = (this.#delaysMs + ASSUMED_DELAYS * ASSUMED_DELAY_MS) / (this.#delays + ASSUMED_DELAYS);
    const answerRatio = inSteps(1 - answered);
    const postDialDelay = inSteps(delayMs / WORST_DELAY_MS);
    const failures = inSteps(this.#failures / WORST_FAILURES);
    const before = this.#points;
    if (before.answerRatio === answerRatio && before.postDialDelay === postDialDelay && before.failures === failures) {
      return false;
    }
    this.#points = { answerRatio, postDialDelay, failures };
    return true;
  }
}

/** Points of a share, 0 to 1. */
function inSteps(share: number): number {
  return Math.min(FULL_POINTS, Math.round((share * FULL_POINTS) / POINT_STEP) * POINT_STEP);
}
