// The time of the shared ledger: that of Redis, told by the monotonic clock of this node. Each answer of Redis that has its
// time in it was given between question and answer, which bounds the difference of the two clocks; bounds age as clocks drift.
// Until Redis has told its time, it is that of this machine, as far apart from it as it was in an earlier process.
import type { Clock, ClockTimer } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';

/** Two clocks may part by so much of the time that passes: more than any oscillator that is not broken. */
const DRIFT = 0.0005;
/** More than this between the clock of this machine and that of Redis is an alarm, and so is a Redis whose clock was set. */
const MOST_SKEW_MS = 2_000;
/** Whoever keeps instants of this machine's clock is told when they mean others than they did. */
const MOVED_MS = 1_000;

export class RedisClock implements Clock {
  readonly #own: Clock;
  readonly #log: Logger;
  /** The time of Redis less the monotonic time of this node; undefined until Redis has told it. */
  #offsetMs: number | undefined;
  #atLeastMs = Number.NEGATIVE_INFINITY;
  #atMostMs = Number.POSITIVE_INFINITY;
  #observedMs = 0;
  #onMoved: () => void = () => {};
  readonly #knownAheadMs: number;
  #lastAheadMs: number;
  #alarmedAheadMs = 0;

  /** `knownAheadMs`: what `aheadMs` was in an earlier process. */
  constructor(own: Clock, log: Logger, knownAheadMs = 0) {
    this.#own = own;
    this.#log = log;
    this.#knownAheadMs = knownAheadMs;
    this.#lastAheadMs = knownAheadMs;
  }

  /** The time of Redis, whole milliseconds. */
  wallMs(): number {
    if (this.#offsetMs === undefined) return this.#own.wallMs() + this.#knownAheadMs;
    return Math.floor(this.#own.monotonicMs() + this.#offsetMs);
  }

  monotonicMs(): number {
    return this.#own.monotonicMs();
  }

  after(delayMs: number, action: () => void): ClockTimer {
    return this.#own.after(delayMs, action);
  }

  /** How far the clock of Redis is ahead of this machine's wall clock, whole milliseconds. */
  get aheadMs(): number {
    if (this.#offsetMs === undefined) return this.#knownAheadMs;
    const ownOffsetMs = this.#own.wallMs() - this.#own.monotonicMs();
    return Math.floor(this.#offsetMs - ownOffsetMs);
  }

  /** The time of Redis at an instant of this machine's wall clock. */
  fromNode(wallMs: number): number {
    return wallMs + this.aheadMs;
  }

  /** What this machine's wall clock shows at an instant of Redis. */
  toNode(wallMs: number): number {
    return wallMs - this.aheadMs;
  }

  /** Called when the time of Redis has moved against this machine's wall clock, because one of them was set. */
  onMoved(listener: () => void): void {
    this.#onMoved = listener;
  }

  /** Redis told its time, in whole milliseconds, in an answer to what was sent at `sentMs` of the monotonic clock. */
  observe(sentMs: number, redisMs: number): void {
    if (!Number.isFinite(redisMs)) return;
    const nowMs = this.#own.monotonicMs();
    const lowMs = redisMs - nowMs;
    const highMs = redisMs + 1 - sentMs;
    const agedMs = (nowMs - this.#observedMs) * DRIFT;
    this.#atLeastMs = Math.max(this.#atLeastMs - agedMs, lowMs);
    this.#atMostMs = Math.min(this.#atMostMs + agedMs, highMs);
    this.#observedMs = nowMs;
    if (this.#atLeastMs > this.#atMostMs) {
      this.#atLeastMs = lowMs;
      this.#atMostMs = highMs;
    }
    // Moved only when it is proven wrong: an instant that was translated a moment ago stays the same one.
    const before = this.#offsetMs ?? this.#own.wallMs() + this.#knownAheadMs - this.#own.monotonicMs();
    const isWithin = before >= this.#atLeastMs && before <= this.#atMostMs;
    const offsetMs = isWithin ? before : (this.#atLeastMs + this.#atMostMs) / 2;
    const setMs = Math.round(offsetMs - before);
    if (this.#offsetMs !== undefined && Math.abs(setMs) > MOST_SKEW_MS) {
      this.#log.error(
        { alarm: 'clock', setMs },
        'the time of Redis has moved against that of this machine: allowances turn by it',
      );
    }
    this.#offsetMs = offsetMs;
    this.#compare();
  }

  #compare(): void {
    const { aheadMs } = this;
    const isAlarm = Math.abs(aheadMs) > MOST_SKEW_MS;
    if (isAlarm && Math.abs(aheadMs - this.#alarmedAheadMs) > MOST_SKEW_MS) {
      this.#alarmedAheadMs = aheadMs;
      this.#log.error({ alarm: 'clock', skewMs: -aheadMs }, 'the clock of this machine differs from that of Redis');
    } else if (!isAlarm && this.#alarmedAheadMs !== 0) {
      this.#alarmedAheadMs = 0;
      this.#log.info({ skewMs: -aheadMs }, 'the clock of this machine agrees with that of Redis again');
    }
    if (Math.abs(aheadMs - this.#lastAheadMs) <= MOVED_MS) return;
    this.#lastAheadMs = aheadMs;
    this.#onMoved();
  }
}
