// Where a callee may be: the time zones of the country that a number belongs to. Countries by libphonenumber's metadata, their
// zones by the ICU data that Node carries.
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

const zonesByCountry = new Map<string, readonly string[]>();

/** Every zone of a country (ISO 3166); empty when it has none that is known. */
export function zonesOfCountry(country: string): readonly string[] {
  let zones = zonesByCountry.get(country);
  if (zones === undefined) {
    zones = readZones(country);
    zonesByCountry.set(country, zones);
  }
  return zones;
}

/** Every zone in which an E.164 number may be; empty when the number belongs to no country (satellites, +800). */
export function zonesOfNumber(e164: string): readonly string[] {
  const number = parsePhoneNumberFromString(e164);
  if (number === undefined) return [];
  const countries = number.country === undefined ? number.getPossibleCountries() : [number.country];
  return [...new Set(countries.flatMap(zonesOfCountry))];
}

/** ECMA-402 moved the list from a property to a method. */
interface LocaleWithZones {
  readonly timeZones?: readonly string[];
  getTimeZones?(): readonly string[] | undefined;
}

function readZones(country: string): readonly string[] {
  try {
    const locale = new Intl.Locale('und', { region: country }) as unknown as LocaleWithZones;
    return locale.getTimeZones?.() ?? locale.timeZones ?? [];
  } catch {
    return [];
  }
}
