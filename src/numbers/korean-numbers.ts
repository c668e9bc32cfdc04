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

/** Order matters: the first match wins. */
export const KOREAN_NUMBERS: readonly NumberRule[] = [
  { pattern: /^11[29]$/, numberClass: 'emergency', shortCode: true, note: 'police; fire and ambulance' },
  {
    pattern: /^(109|11[137]|182|1366|1388)$/,
    numberClass: 'emergency',
    shortCode: true,
    note: 'crisis lines, which metadata lists as expanded emergency numbers: never blocked by a quota',
  },
  { pattern: /^1\d{2,3}$/, numberClass: 'special', shortCode: true, note: 'public services: 120, 122, 1335, …' },
  {
    pattern: /^1[568]\d{6}$/,
    numberClass: 'representative',
    shortCode: false,
    note: '15xx, 16xx, 18xx with eight digits in all; the length tells them from legacy mobiles (016, 018)',
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
    pattern: /^0(2|3[1-3]|4[1-4]|5[1-5]|6[1-4])(700|153|141)\d{4}$/,
    numberClass: 'representative',
    shortCode: false,
    note: 'area code and 700, 153 or 141: billed as a value-added call',
  },
  {
    pattern: /^0(2|3[1-3]|4[1-4]|5[1-5]|6[1-4])1[568]\d{6}$/,
    numberClass: 'representative',
    shortCode: false,
    note: 'a representative number reached through an area code',
  },
];

/** Emergency codes of other countries; 112 and 911 reach help from any mobile network (3GPP TS 22.101 §10). */
export const EMERGENCY_CODES: Readonly<Record<string, readonly string[]>> = {
  AU: ['000', '112'],
  GB: ['999', '112'],
  JP: ['110', '118', '119', '112', '911'],
  US: ['911', '112'],
};

export const DEFAULT_EMERGENCY_CODES: readonly string[] = ['112', '911'];
