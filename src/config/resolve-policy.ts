// What each trunk may do: the policy for all, with what the trunk has in its place.
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import type { CallingHours } from '../policy/calling-hours.js';
import type { TrunkPolicy } from '../policy/trunk-policy.js';
import { minuteOf, WEEKDAYS } from './scalars.js';
import type { ConfigFile } from './schema.js';

type Hours = ConfigFile['policy']['callingHours'];

/** Calls that hours apply to unless they say which: emergency calls pass everything anyway. */
const DEFAULT_HOURS_CLASSES = NUMBER_CLASSES.filter((numberClass) => numberClass !== 'emergency');

export function trunkPolicies({ trunks, policy }: Pick<ConfigFile, 'trunks' | 'policy'>): readonly TrunkPolicy[] {
  return trunks.map((trunk) => {
    const attempts = trunk.policy?.attemptsPerCalleePerDay ?? policy.attemptsPerCalleePerDay;
    return {
      name: trunk.name,
      dialling: { country: trunk.country, ...trunk.dialling },
      classes: trunk.classes,
      timeZone: trunk.timeZone,
      spendCap: trunk.spendCap,
      callingHours: resolveHours(trunk.policy?.callingHours ?? policy.callingHours),
      calleeZones: policy.calleeZones,
      doNotCall: [],
      attemptsPerCalleePerDay: attempts === false ? null : attempts,
      maxCalls: trunk.maxCalls ?? null,
      maxCallsPerSecond: trunk.maxCallsPerSecond ?? null,
    };
  });
}

function resolveHours(hours: Hours): readonly CallingHours[] {
  if (hours === false) return [];
  return hours.map(({ classes = DEFAULT_HOURS_CLASSES, days, from, to }) => ({
    classes,
    weekdays: days.map((day) => WEEKDAYS.indexOf(day) + 1),
    fromMinute: minuteOf(from),
    toMinute: minuteOf(to),
  }));
}
