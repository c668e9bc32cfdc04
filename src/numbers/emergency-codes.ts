// Emergency numbers by country (ISO 3166), Korea's apart: those are in korean-numbers.ts.

/** What is dialled there, besides the codes that reach help from any mobile network. */
const NATIONAL_CODES: Readonly<Record<string, readonly string[]>> = {
  AE: ['997', '998', '999'],
  AU: ['000', '106'],
  BR: ['190', '192', '193'],
  CH: ['117', '118', '144'],
  CN: ['110', '119', '120', '122'],
  DE: ['110'],
  FR: ['15', '17', '18', '114'],
  GB: ['999'],
  HK: ['999', '992'],
  ID: ['110', '113', '118', '119'],
  IE: ['999'],
  IL: ['100', '101', '102'],
  IN: ['100', '101', '102', '108'],
  IT: ['113', '115', '118'],
  JP: ['110', '118', '119'],
  KH: ['117', '118', '119'],
  MN: ['101', '102', '103', '105'],
  MY: ['999', '994'],
  NZ: ['111'],
  PK: ['15', '16', '1122'],
  RU: ['101', '102', '103', '104'],
  SA: ['997', '998', '999'],
  SG: ['995', '999'],
  TH: ['191', '199', '1669'],
  TW: ['110', '119'],
  UZ: ['101', '102', '103'],
  VN: ['113', '114', '115'],
  ZA: ['10111', '10177'],
};

/** From any mobile network (3GPP TS 22.101 §10). */
const EVERYWHERE: readonly string[] = ['112', '911'];

export function isEmergencyCode(digits: string, country: string): boolean {
  return EVERYWHERE.includes(digits) || (NATIONAL_CODES[country] ?? []).includes(digits);
}
