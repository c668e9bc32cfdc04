// What a PBX dialled, as a canonical callee with its number class. Over libphonenumber-js, which stays in this folder.
// Input comes from a SIP user part (RFC 3261 §25.1, RFC 3966 §5.1.1) and may be anything.
import {
  type CountryCode,
  isSupportedCountry,
  type NumberType,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { type DiallingRules, withoutInternationalPrefix, withoutOutsidePrefix } from './dialling-rules.js';
import { isEmergencyCode } from './emergency-codes.js';
import { KOREAN_CARRIER_PREFIX, KOREAN_INTERNATIONAL_PREFIX, KOREAN_MOBILE, KOREAN_NUMBERS } from './korean-numbers.js';
import type { NumberClass } from './number-class.js';

export interface Callee {
  readonly ok: true;
  /** Canonical E.164 number, or the code itself for short codes: what usage and affinity count by. */
  readonly e164: string;
  /** As dialled inside `country`; for a number of another country, the E.164 number. */
  readonly national: string;
  readonly numberClass: NumberClass;
}

export type CalleeRefusal =
  /** Not a telephone number at all. */
  | 'callee-malformed'
  /** Reads like a number, but no such number exists in the numbering plan. */
  | 'callee-unassigned';

export type NormaliseResult = Callee | { readonly ok: false; readonly reason: CalleeRefusal };

const MAX_DIALLED_LENGTH = 64;

/** True for a country code (two capitals) whose numbering plan is known. */
export function isNumberedCountry(code: string): boolean {
  return isSupportedCountry(code);
}

/** Reads what was dialled as a number of the rules' country, or of any country when it is international. */
export function normaliseCallee(dialled: string, rules: DiallingRules): NormaliseResult {
  const digits = dialledDigits(dialled);
  if (digits === undefined) return { ok: false, reason: 'callee-malformed' };
  // An emergency number is one before anything is taken off: 911 behind a PBX whose users dial 9 first, and who did not.
  if (shortCodeOf(digits, rules.country) === 'emergency') return shortCode(digits, 'emergency');
  const inside = withoutInternationalPrefix(withoutOutsidePrefix(digits, rules), rules);
  const short = shortCodeOf(inside, rules.country);
  if (short !== undefined) return shortCode(inside, short);
  const home = isSupportedCountry(rules.country) ? rules.country : undefined;
  return home === 'KR' ? numberInKorea(inside) : parsedNumber(inside, home);
}

/** What to dial from a SIM of the given number: the national form at home, the E.164 number elsewhere. */
export function dialForm(callee: { readonly e164: string }, simNumber: string): string {
  const sim = parsePhoneNumberFromString(simNumber);
  if (sim?.country === undefined || !callee.e164.startsWith('+')) return callee.e164;
  const result = normaliseCallee(callee.e164, { country: sim.country });
  return result.ok ? result.national : callee.e164;
}

/** A number as a network tells it to a SIM of the given number. */
export function readAtHome(number: string, simNumber: string): NormaliseResult {
  return normaliseCallee(number, { country: parsePhoneNumberFromString(simNumber)?.country ?? '' });
}

/** Digits with an optional leading "+", visual separators and tel parameters taken off; undefined for anything else. */
function dialledDigits(dialled: string): string | undefined {
  if (dialled.length > MAX_DIALLED_LENGTH) return undefined;
  const user = (dialled.split(';')[0] ?? '').replace(/^%2B/i, '+');
  // RFC 3966 §5.1.1: visual separators. Nothing else is dropped, so that junk is never mistaken for a number.
  const digits = user.replaceAll(/[-.() ]/g, '');
  return /^\+?[0-9]{2,20}$/.test(digits) ? digits : undefined;
}

function shortCodeOf(digits: string, country: string): NumberClass | undefined {
  if (country !== 'KR') return isEmergencyCode(digits, country) ? 'emergency' : undefined;
  return KOREAN_NUMBERS.find((rule) => rule.shortCode && rule.pattern.test(digits))?.numberClass;
}

function shortCode(digits: string, numberClass: NumberClass): Callee {
  return { ok: true, e164: digits, national: digits, numberClass };
}

function numberInKorea(dialled: string): NormaliseResult {
  const mobile = KOREAN_MOBILE.exec(dialled)?.[1];
  if (mobile !== undefined) return { ok: true, e164: `+82${mobile}`, national: `0${mobile}`, numberClass: 'mobile' };
  const digits = dialled.replace(KOREAN_INTERNATIONAL_PREFIX, '+').replace(KOREAN_CARRIER_PREFIX, '0');
  const listed = koreanNumber(digits);
  if (listed !== undefined) return listed;
  // Fewer digits are no number without an area code: an extension, or a subscriber's number alone.
  if (/^[1-9]\d{0,6}$/.test(digits)) return { ok: false, reason: 'callee-unassigned' };
  const parsed = parsedNumber(digits, 'KR');
  // What the metadata has made canonical may be a number of the table in a form that only the metadata reads.
  return parsed.ok ? (koreanNumber(parsed.e164) ?? parsed) : parsed;
}

/** Numbers of the Korean table, dialled nationally or with +82, with or without the trunk 0 after it. */
function koreanNumber(digits: string): NormaliseResult | undefined {
  const [, country, zero, significant = ''] = /^(\+82)?(0)?([1-9]\d*)$/.exec(digits) ?? [];
  for (const national of formsOf(significant, country !== undefined, zero !== undefined)) {
    const rule = KOREAN_NUMBERS.find((candidate) => candidate.pattern.test(national));
    if (rule === undefined) continue;
    const { numberClass } = rule;
    return rule.shortCode
      ? shortCode(national, numberClass)
      : { ok: true, e164: `+82${significant}`, national, numberClass };
  }
  return undefined;
}

/** Representative numbers are dialled without the trunk 0, all others with it; after +82 both are found without. */
function formsOf(significant: string, isInternational: boolean, hasZero: boolean): readonly string[] {
  if (!isInternational && hasZero) return [`0${significant}`];
  // What is as short as an extension is not guessed to lack its 0.
  return !isInternational && significant.length < 8 ? [significant] : [significant, `0${significant}`];
}

function parsedNumber(digits: string, home: CountryCode | undefined): NormaliseResult {
  const number = parsePhoneNumberFromString(digits, home === undefined ? {} : { defaultCountry: home });
  if (number === undefined) return { ok: false, reason: 'callee-unassigned' };
  if (home === undefined || number.country !== home) {
    // Foreign metadata ages: a possible length is enough, the far network knows better.
    const exists = number.isPossible() && !sharesCallingCode(number, home) && isStable(number);
    if (!exists) return { ok: false, reason: 'callee-unassigned' };
    return { ok: true, e164: number.number, national: number.number, numberClass: 'international' };
  }
  const type = number.isValid() ? number.getType() : undefined;
  const numberClass = type === undefined ? undefined : CLASS_BY_TYPE[type];
  if (numberClass === undefined) return { ok: false, reason: 'callee-unassigned' };
  return { ok: true, e164: number.number, national: nationalDigits(number), numberClass };
}

/** False for a number that begins with several trunk zeros: each reading would take off one more. */
function isStable({ number }: PhoneNumber): boolean {
  return parsePhoneNumberFromString(number)?.number === number;
}

/** True for an invalid number at home, whose country libphonenumber leaves open. */
function sharesCallingCode(number: PhoneNumber, home: CountryCode | undefined): boolean {
  return home !== undefined && number.country === undefined && number.getPossibleCountries().includes(home);
}

function nationalDigits(number: PhoneNumber): string {
  return number.formatNational().replaceAll(/\D/g, '');
}

const CLASS_BY_TYPE: Readonly<Record<Exclude<NumberType, undefined>, NumberClass>> = {
  MOBILE: 'mobile',
  FIXED_LINE_OR_MOBILE: 'mobile',
  FIXED_LINE: 'landline',
  VOIP: 'internet',
  UAN: 'representative',
  SHARED_COST: 'representative',
  TOLL_FREE: 'representative',
  PERSONAL_NUMBER: 'representative',
  PAGER: 'representative',
  VOICEMAIL: 'special',
  PREMIUM_RATE: 'premium',
};
