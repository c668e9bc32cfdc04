// What the config says of policy: how a trunk dials, who its agents are, hours, do-not-call lists, attempts.
import { z } from 'zod';
import { AGENT_NAME } from '../policy/agent-name.js';
import { country, name, numberClass, path, secret, timeOfDay, timeZone, weekday } from './scalars.js';

const prefix = z.string().regex(/^\d{1,8}$/, 'must be 1 to 8 digits in quotes, such as "9"');

export const dialling = z.strictObject({
  outsidePrefixes: z.array(prefix).default([]),
  internationalPrefixes: z.array(prefix).default([]),
});

export const agentFrom = z
  .string()
  .regex(
    /^(?:none|from-user|header:[A-Za-z0-9!%*_+`'~.-]{1,64})$/,
    'must be none, from-user, or header: and the name of a header, such as header:X-Agent',
  );

const AGENT_RULE = 'must be the agent as the trunk names it, such as "201": letters, digits and . _ @ + ~ -';

/** An agent of a trunk. */
export const agentUser = z.string().normalize('NFC').regex(AGENT_NAME, AGENT_RULE);

/** An agent of any trunk. */
export const agentName = z
  .string()
  .normalize('NFC')
  .refine((text) => {
    const [trunk = '', ...user] = text.split('/');
    return name.safeParse(trunk).success && AGENT_NAME.test(user.join('/'));
  }, 'must be trunk/agent, such as pbx/201');

const callingHours = z.union([
  z.literal(false),
  z
    .array(
      z.strictObject({
        classes: z.array(numberClass).min(1).optional(),
        days: z.array(weekday).min(1).default(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']),
        from: timeOfDay,
        to: timeOfDay,
      }),
    )
    .min(1),
]);

const attemptsPerCalleePerDay = z.union([z.literal(false), z.int().min(1).max(1_000)]);

const doNotCallList = z.strictObject({
  name,
  file: path.optional(),
  url: z
    .string()
    .regex(/^https?:\/\/[^\s]+$/, 'must be an address that begins with https:// or http://')
    .refine((text) => URL.canParse(text), 'must be an address that begins with https:// or http://')
    .optional(),
  authorization: secret.optional(),
  country: country.default('KR'),
  maxAgeDays: z.union([z.literal(false), z.int().min(1).max(3_650)]).default(31),
  refreshMinutes: z.int().min(1).max(525_600).default(360),
  timeoutMs: z.int().min(1).max(3_600_000).default(60_000),
  maxBytes: z.int().min(1).max(1_073_741_824).default(67_108_864),
});

export const policy = z.strictObject({
  callingHours: callingHours.default(false),
  calleeZones: z
    .array(
      z.strictObject({
        prefix: z.string().regex(/^\+\d{1,15}$/, 'must be "+" and the first digits of E.164 numbers, such as "+1212"'),
        timeZone,
      }),
    )
    .default([]),
  attemptsPerCalleePerDay: attemptsPerCalleePerDay.default(false),
  doNotCall: z.array(doNotCallList).default([]),
});

/** What a trunk has of its own in place of the policy for all. */
export const trunkPolicy = z.strictObject({
  callingHours: callingHours.optional(),
  attemptsPerCalleePerDay: attemptsPerCalleePerDay.optional(),
  doNotCall: z.array(name).optional(),
});
