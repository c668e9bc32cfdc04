// When a number class may be called, by the wall clock of wherever the callee may be.
import { DateTime } from 'luxon';
import type { NumberClass } from '../numbers/number-class.js';

/** Minutes of the local day; `toMinute` may be 1,440. Past midnight when `toMinute` is not after `fromMinute`. */
export interface CallingHours {
  readonly classes: readonly NumberClass[];
  /** ISO weekdays on which the hours begin, Monday is 1. */
  readonly weekdays: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
}

interface LocalMinute {
  readonly weekday: number;
  readonly minute: number;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
/** Offsets of the world's zones change at quarters of an hour. */
const OFFSET_KEPT_MS = 15 * MINUTE_MS;

/** Local times; remembers each zone's offset for the present quarter of an hour. */
export class ZoneClocks {
  readonly #offsets = new Map<string, { readonly quarter: number; readonly offsetMs: number }>();

  at(timeZone: string, wallMs: number): LocalMinute {
    const localMs = wallMs + this.#offsetMs(timeZone, wallMs);
    const days = Math.floor(localMs / (DAY_MINUTES * MINUTE_MS));
    // 1970-01-01 was a Thursday.
    return { weekday: ((((days + 3) % 7) + 7) % 7) + 1, minute: Math.floor(localMs / MINUTE_MS) - days * DAY_MINUTES };
  }

  #offsetMs(timeZone: string, wallMs: number): number {
    const quarter = Math.floor(wallMs / OFFSET_KEPT_MS);
    const known = this.#offsets.get(timeZone);
    if (known?.quarter === quarter) return known.offsetMs;
    const offsetMs = DateTime.fromMillis(wallMs, { zone: timeZone }).offset * MINUTE_MS;
    this.#offsets.set(timeZone, { quarter, offsetMs });
    return offsetMs;
  }
}

/** The first of the zones in which a class may not be called now; undefined when none. A class without hours always may. */
export function closedZone(
  hours: readonly CallingHours[],
  numberClass: NumberClass,
  zones: readonly string[],
  clocks: ZoneClocks,
  wallMs: number,
): string | undefined {
  const own = hours.filter(({ classes }) => classes.includes(numberClass));
  if (own.length === 0) return undefined;
  return zones.find((zone) => {
    const local = clocks.at(zone, wallMs);
    return !own.some((span) => holds(span, local));
  });
}

function holds({ weekdays, fromMinute, toMinute }: CallingHours, { weekday, minute }: LocalMinute): boolean {
  if (fromMinute < toMinute) return weekdays.includes(weekday) && minute >= fromMinute && minute < toMinute;
  const dayBefore = weekday === 1 ? 7 : weekday - 1;
  return (weekdays.includes(weekday) && minute >= fromMinute) || (weekdays.includes(dayBefore) && minute < toMinute);
}
