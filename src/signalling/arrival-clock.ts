// How long a message waited before its listener was called: when the process is busy, a 200 or a BYE may stand in a queue, and the
// carrier's clock runs meanwhile. The SIP server says when it read each message (wire protocol: TIME, `HH:MM:SS.uuuuuu`).

const DAY_MS = 86_400_000;
/** The two clocks are compared anew in each: they drift apart by microseconds in it. */
const SPAN_MS = 60_000;
/** Longer is no queue any more: a clock was set. */
const MOST_MS = 30_000;

/**
 * Only differences count: the message that waited least of the last one or two minutes waited for nothing. So the two clocks need
 * not agree, but they must run evenly: that of a server in another process may be set, and would make calls longer.
 */
export class ArrivalClock {
  readonly #monotonicMs: () => number;
  #spanBeganMs = Number.NEGATIVE_INFINITY;
  /** Least difference of this span and of the one before. */
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Milliseconds that a message has waited, by the text of its TIME; 0 when that says nothing. */
  latenessMs(time: string | undefined): number {
    const readMs = timeOfDayMs(time);
    if (readMs === null) return 0;
    const nowMs = this.#monotonicMs();
    if (nowMs - this.#spanBeganMs >= SPAN_MS) {
      this.#leastBefore = nowMs - this.#spanBeganMs < 2 * SPAN_MS ? this.#least : Number.POSITIVE_INFINITY;
      this.#least = Number.POSITIVE_INFINITY;
      this.#spanBeganMs = nowMs;
    }
    const before = Math.min(this.#least, this.#leastBefore);
    // Of a monotonic clock and a time of day: only its place in the day means anything.
    const difference = (((nowMs - readMs) % DAY_MS) + DAY_MS) % DAY_MS;
    const since = before === Number.POSITIVE_INFINITY ? 0 : fromMidnight(difference - before);
    if (since < 0 || before === Number.POSITIVE_INFINITY) {
      this.#least = difference;
      this.#leastBefore = Number.POSITIVE_INFINITY;
      return 0;
    }
    this.#least = Math.min(this.#least, before + since);
    return since > MOST_MS ? 0 : since;
  }

  /** Another server: its clock began at another time. */
  reset(): void {
    this.#spanBeganMs = Number.NEGATIVE_INFINITY;
    this.#least = Number.POSITIVE_INFINITY;
    this.#leastBefore = Number.POSITIVE_INFINITY;
  }
}

/** A difference of two times of day, from half a day before to half a day after. */
function fromMidnight(ms: number): number {
  const inDay = ((ms % DAY_MS) + DAY_MS) % DAY_MS;
  return inDay >= DAY_MS / 2 ? inDay - DAY_MS : inDay;
}

function timeOfDayMs(time: string | undefined): number | null {
  const found = /^(\d\d):(\d\d):(\d\d)\.(\d{6})$/.exec(time ?? '');
  if (found === null) return null;
  const [, hours, minutes, seconds, micros] = found.map(Number) as [number, number, number, number, number];
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + micros / 1000;
}
