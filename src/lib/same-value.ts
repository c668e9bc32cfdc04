// Whether two plain values say the same: what came from a file, twice.

/** By value. Order counts in lists alone; a key that is undefined is one that is not there. */
export function isSameValue(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((element, at) => isSameValue(element, other[at]));
  }
  if (!isMapping(one) || !isMapping(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  for (const key of keys) if (!isSameValue(one[key], other[key])) return false;
  return true;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
