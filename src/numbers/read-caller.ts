// Who calls a SIM, as its gateway says it: as a canonical number, by the numbering plan of the SIM's country.
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { type Callee, normaliseCallee } from './normalise-callee.js';

/** Null for a caller who does not say, or says what is no number. */
export function readCaller(calling: string, simNumber: string): Callee | null {
  const country = parsePhoneNumberFromString(simNumber)?.country;
  const read = normaliseCallee(calling, { country: country ?? '' });
  return read.ok ? read : null;
}
