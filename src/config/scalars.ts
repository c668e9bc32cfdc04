// Single values of the config: what a name, an address, an amount or an hour of the day may look like.
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseHostPort } from '../lib/host-port.js';
import { parseIpRange } from '../lib/ip-range.js';
import { isNumberedCountry } from '../numbers/normalise-callee.js';
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import { CODEC_NAMES } from '../sdp/codecs.js';

const NAME_RULE = 'must be 1 to 63 letters, digits, ".", "_" or "-", and start with a letter or digit';

export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, NAME_RULE);
export const milliseconds = z.int().min(0).max(86_400_000);
export const port = z.int().min(1).max(65_535);
export const path = z.string().min(1);
export const ipAddress = z.string().refine((text) => isIP(text) !== 0, 'must be an IPv4 or IPv6 address');
export const ipRange = z
  .string()
  .refine((text) => parseIpRange(text) !== undefined, 'must be an address or a CIDR block, such as 10.0.0.0/24');
export const source = z
  .string()
  .refine(
    (text) => parseIpRange(text) !== undefined || isAddressWithPort(text),
    'must be an address, a CIDR block, or address:port, such as 10.0.0.5, 10.0.0.0/24, 10.0.0.5:5060, [fd00::5]:5060',
  );
export const timeZone = z.string().refine(isTimeZone, 'must be an IANA time zone, such as Asia/Seoul');
export const currency = z.string().regex(/^[A-Z]{3}$/, 'must be a currency code of three capitals, such as KRW');
export const amount = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,6})?$/, 'must be a decimal in quotes, such as "1.98" (at most six decimals)');
export const country = z
  .string()
  .refine(isNumberedCountry, 'must be an ISO 3166 code of two capitals, such as KR or US');
export const codec = z.enum(CODEC_NAMES);
/** What becomes of what is not plain audio. */
export const passage = z.enum(['refuse', 'pass']);
/** Of a packet, in ms. */
export const packetTime = z.int().min(5).max(200);
export const nat = z.enum(['auto', 'off']);
export const numberClass = z.enum(NUMBER_CLASSES);
export const secret = z.union([z.string().min(1), z.strictObject({ env: z.string().min(1) })]);

/** What a trunk may call unless it lists otherwise (semantics.md, "Emergency and defaults"). */
export const DEFAULT_CLASSES: z.infer<typeof numberClass>[] = [
  'mobile',
  'landline',
  'internet',
  'representative',
  'special',
  'emergency',
];

/** In the order of ISO 8601: Monday is 1. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export const weekday = z.enum(WEEKDAYS);

/** An hour of the day, to the minute. */
export const timeOfDay = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be an hour of the day in quotes, from "00:00" to "24:00"');

/** Minutes since midnight. */
export function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function isAddressWithPort(text: string): boolean {
  const parsed = parseHostPort(text);
  return parsed?.port !== undefined && isIP(parsed.host) !== 0;
}
