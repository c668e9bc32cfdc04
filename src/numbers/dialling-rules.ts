// How the users of a trunk dial: what stands before the number that is meant (E.164 §7.3, prefixes).

export interface DiallingRules {
  /** ISO 3166, two capitals: how national numbers are read. */
  readonly country: string;
  /** What is dialled for an outside line, such as 9 or 0; taken off once. */
  readonly outsidePrefixes?: readonly string[];
  /** What stands for "+", such as 00; tried before the prefixes of the country. */
  readonly internationalPrefixes?: readonly string[];
}

export function withoutOutsidePrefix(digits: string, { outsidePrefixes }: DiallingRules): string {
  const prefix = longestPrefix(digits, outsidePrefixes);
  return prefix === undefined ? digits : digits.slice(prefix.length);
}

/** A number that has begun with such a prefix begins with "+" then. */
export function withoutInternationalPrefix(digits: string, { internationalPrefixes }: DiallingRules): string {
  const prefix = longestPrefix(digits, internationalPrefixes);
  return prefix === undefined ? digits : `+${digits.slice(prefix.length)}`;
}

/** The longest prefix that leaves something. */
function longestPrefix(digits: string, prefixes: readonly string[] = []): string | undefined {
  return prefixes
    .filter((prefix) => prefix !== '' && digits.startsWith(prefix) && digits.length > prefix.length)
    .reduce<string | undefined>(
      (best, prefix) => (best !== undefined && best.length >= prefix.length ? best : prefix),
      undefined,
    );
}
