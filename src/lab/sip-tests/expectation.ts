// Compares what happened with what a case expects: partial, with exact values and patterns.
// A mapping names the keys that matter; a list must have the same length; `/…/` is a regular expression;
// `{ $from, $to }` is a range of numbers (either end may be left out); `{ $present: true }` is any value but null.

/** Differences as sentences with a path; empty when everything is as expected. */
export function differencesFrom(expected: unknown, actual: unknown, path = ''): string[] {
  if (typeof expected === 'string' && expected.length > 1 && expected.startsWith('/') && expected.endsWith('/')) {
    const pattern = new RegExp(expected.slice(1, -1));
    const text = typeof actual === 'string' ? actual : show(actual);
    return pattern.test(text) ? [] : [difference(path, `text like ${expected}`, actual)];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return [difference(path, `a list of ${expected.length}`, actual)];
    const lengths =
      expected.length === actual.length ? [] : [`${at(path)}expected ${expected.length} entries, got ${actual.length}`];
    return [
      ...lengths,
      ...expected.slice(0, actual.length).flatMap((entry, i) => differencesFrom(entry, actual[i], `${path}[${i}]`)),
    ];
  }
  if (typeof expected === 'object' && expected !== null) {
    if (isRange(expected)) return rangeDifferences(expected, actual, path);
    if ('$present' in expected) {
      const isPresent = actual !== undefined && actual !== null;
      return isPresent === expected.$present ? [] : [difference(path, expected.$present ? 'a value' : 'none', actual)];
    }
    if (typeof actual !== 'object' || actual === null) return [difference(path, show(expected), actual)];
    return Object.entries(expected).flatMap(([key, value]) =>
      differencesFrom(value, (actual as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return Object.is(expected, actual) ? [] : [difference(path, show(expected), actual)];
}

/** The value at a dotted path of nested objects, or undefined. */
export function valueAt(value: unknown, dottedPath: string): unknown {
  return dottedPath
    .split('.')
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
      value,
    );
}

interface Range {
  readonly $from?: number;
  readonly $to?: number;
}

function isRange(value: object): value is Range {
  return '$from' in value || '$to' in value;
}

function rangeDifferences(range: Range, actual: unknown, path: string): string[] {
  const from = range.$from ?? Number.NEGATIVE_INFINITY;
  const to = range.$to ?? Number.POSITIVE_INFINITY;
  const isInside = typeof actual === 'number' && actual >= from && actual <= to;
  return isInside ? [] : [difference(path, `a number from ${from} to ${to}`, actual)];
}

function difference(path: string, expected: string, actual: unknown): string {
  return `${at(path)}expected ${expected}, got ${show(actual)}`;
}

function at(path: string): string {
  return path === '' ? '' : `${path}: `;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
