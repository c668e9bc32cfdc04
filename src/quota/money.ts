// Money as whole millionths, written as decimal strings. Amounts stay below 9 thousand million units, so that a millionth
// is never lost: a sum is a safe integer, or it is refused.

/** Whole millionths of the currency's unit; always a safe integer. */
export type Micros = number;

const DECIMALS = 6;
export const MICROS_PER_UNIT = 10 ** DECIMALS;

/** Reads a decimal string with at most six decimals, such as "1.98". */
export function parseMoney(text: string): Micros {
  const match = /^(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw new RangeError(`Not an amount with at most six decimals: ${text}`);
  const micros = Number(`${match[1]}${(match[2] ?? '').padEnd(DECIMALS, '0')}`);
  if (!Number.isSafeInteger(micros)) throw new RangeError(`An amount too large to keep exactly: ${text}`);
  return micros;
}

/** The shortest decimal string: "0", "1.98", "350000". */
export function formatMoney(micros: Micros): string {
  const sign = micros < 0 ? '-' : '';
  const digits = Math.abs(micros)
    .toString()
    .padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -DECIMALS)}${fraction === '' ? '' : `.${fraction}`}`;
}
