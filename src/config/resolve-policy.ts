// What each trunk may do: the policy for all, with what the trunk has in its place.
import { resolve } from 'node:path';
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import type { CallingHours } from '../policy/calling-hours.js';
import type { TrunkPolicy } from '../policy/trunk-policy.js';
import { type Environment, readSecret } from './read-secret.js';
import { minuteOf, WEEKDAYS } from './scalars.js';
import type { ConfigFile } from './schema.js';

export interface DoNotCallListConfig {
  readonly name: string;
  readonly source:
    | { readonly kind: 'file'; readonly file: string }
    | {
        readonly kind: 'url';
        readonly url: string;
        readonly authorization: string | undefined;
        readonly refreshMs: number;
        readonly timeoutMs: number;
        /** File that keeps what was fetched. */
        readonly copy: string;
      };
  /** ISO 3166: how its national numbers are read. */
  readonly country: string;
  readonly maxAgeMs: number | null;
  readonly maxBytes: number;
}

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
      callingHours: resolveHours(trunk.policy?.callingHours ?? policy.callingHours),
      calleeZones: policy.calleeZones,
      doNotCall: trunk.policy?.doNotCall ?? policy.doNotCall.map(({ name }) => name),
      attemptsPerCalleePerDay: attempts === false ? null : attempts,
      maxCalls: trunk.maxCalls ?? null,
      maxCallsPerSecond: trunk.maxCallsPerSecond ?? null,
      maxMessagesPerSecond: trunk.messages?.maxPerSecond ?? null,
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

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Files are below `folder`, copies of URLs below `dataDir`. */
export function doNotCallLists(
  { policy }: Pick<ConfigFile, 'policy'>,
  { folder, dataDir, env }: { readonly folder: string; readonly dataDir: string; readonly env: Environment },
): readonly DoNotCallListConfig[] {
  return policy.doNotCall.map(({ name, file, url, authorization, country, maxAgeDays, maxBytes, ...list }) => ({
    name,
    source:
      url === undefined
        ? { kind: 'file', file: resolve(folder, file ?? '') }
        : {
            kind: 'url',
            url,
            authorization: authorization === undefined ? undefined : readSecret(authorization, env),
            refreshMs: list.refreshMinutes * MINUTE_MS,
            timeoutMs: list.timeoutMs,
            copy: resolve(dataDir, 'do-not-call', `${name}.list`),
          },
    country,
    maxAgeMs: maxAgeDays === false ? null : maxAgeDays * DAY_MS,
    maxBytes,
  }));
}
