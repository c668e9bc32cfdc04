// Money as whole millionths in a bigint, written as decimal strings. Never floats.

/** Millionths of the currency's unit. */
export type Micros = bigint;

const MICROS_PER_UNIT = 1_000_000n;

/** Reads a decimal string with at most six decimals, such as "1.98". */
export function parseMoney(text: string): Micros {
  const match = /^(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw new RangeError(`Not an amount with at most six decimals: ${text}`);
  return BigInt(match[1] ?? 0) * MICROS_PER_UNIT + BigInt((match[2] ?? '').padEnd(6, '0'));
}

/** The shortest decimal string: "0", "1.98", "350000". */
export function formatMoney(micros: Micros): string {
  const units = micros / MICROS_PER_UNIT;
  const fraction = (micros % MICROS_PER_UNIT).toString().padStart(6, '0').replace(/0+$/, '');
  return fraction === '' ? units.toString() : `${units}.${fraction}`;
}
