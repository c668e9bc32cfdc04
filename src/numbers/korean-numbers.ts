// The Korean numbers that libphonenumber's metadata does not know, or classes otherwise than a carrier's bill does.
// Patterns are matched against the number as dialled in Korea, trunk 0 included.
import type { NumberClass } from './number-class.js';

export interface NumberRule {
  readonly pattern: RegExp;
  readonly numberClass: NumberClass;
  /** True for short codes, which have no E.164 form and are their own canonical form. */
  readonly shortCode: boolean;
  readonly note: string;
}

/** Area codes with the trunk 0. */
const AREA = '0(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4])';

const EMERGENCY = '(?:11[29]|109|11[137]|182|1366|1388)';

/** Order matters: the first match wins. */
export const KOREAN_NUMBERS: readonly NumberRule[] = [
  { pattern: /^11[29]$/, numberClass: 'emergency', shortCode: true, note: 'police; fire and ambulance' },
  {
    pattern: /^(109|11[137]|182|1366|1388)$/,
    numberClass: 'emergency',
    shortCode: true,
    note: 'crisis lines, which metadata lists as expanded emergency numbers: never blocked by a quota',
  },
  {
    pattern: new RegExp(`^${AREA}${EMERGENCY}$`),
    numberClass: 'emergency',
    shortCode: false,
    note: 'the same behind an area code: the station of that area',
  },
  { pattern: /^1\d{2,3}$/, numberClass: 'special', shortCode: true, note: 'public services: 120, 122, 1335, …' },
  {
    pattern: new RegExp(`^${AREA}1\\d{2,3}$`),
    numberClass: 'special',
    shortCode: false,
    note: 'the same behind an area code: 02-120, 051-114',
  },
  {
    pattern: /^1[568]\d{6}$/,
    numberClass: 'representative',
    shortCode: false,
    note: '15xx, 16xx, 18xx with eight digits in all; the length tells them from legacy mobiles (016, 018)',
  },
  {
    pattern: /^14\d{4}$/,
    numberClass: 'representative',
    shortCode: false,
    note: 'representative numbers of six digits, which the called party pays',
  },
  { pattern: /^060\d{6,8}$/, numberClass: 'premium', shortCode: false, note: 'paid information' },
  {
    pattern: /^050\d{7,9}$/,
    numberClass: 'representative',
    shortCode: false,
    note: 'personal and masked numbers: outside of "unlimited" plans, like representative numbers',
  },
  { pattern: /^(030|080|0130)\d{6,8}$/, numberClass: 'representative', shortCode: false, note: 'shared and toll-free' },
  {
    pattern: new RegExp(`^${AREA}(?:700|153|141)\\d{4}$`),
    numberClass: 'representative',
    shortCode: false,
    note: 'area code and 700, 153 or 141: billed as a value-added call',
  },
  {
    pattern: new RegExp(`^${AREA}1[568]\\d{6}$`),
    numberClass: 'representative',
    shortCode: false,
    note: 'a representative number reached through an area code',
  },
];

/** 010 with eight more digits: nine in ten calls, and the same by the metadata (10-5 and 10-22 hold gaps). */
export const KOREAN_MOBILE = /^(?:\+82|0|\+820)(10[0-46-9]\d{7})$/;

/**
 * Carriers' codes for calls abroad: three digits of the large ones, five (003xx, 007xx) of the resellers. 00308, 00368
 * and 00798 are toll-free numbers instead.
 */
export const KOREAN_INTERNATIONAL_PREFIX = /^00(?:[125689]|(?!308|368|798)[37]\d\d)(?=[1-9])/;

/** Carriers' codes for long distance at home (081, 082, 083, …), before the number with or without its trunk 0. */
export const KOREAN_CARRIER_PREFIX = /^08(?:[1-46-8]|5\d\d)0?(?=[1-9]\d{4,9}$)/;
