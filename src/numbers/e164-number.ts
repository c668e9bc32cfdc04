// E.164 numbers as numbers, which are kept and found with less than strings are.

/** E.164 has at most fifteen digits, which a number holds exactly. */
const MOST_DIGITS = 15;
const PLUS = 43;
const ZERO = 48;

/** An E.164 number (`+` and digits) as a number; 0 for anything else. */
export function numberOf(callee: string): number {
  const { length } = callee;
  if (length < 2 || length > MOST_DIGITS + 1 || callee.charCodeAt(0) !== PLUS || callee.charCodeAt(1) === ZERO)
    return 0;
  let number = 0;
  for (let at = 1; at < length; at++) {
    const digit = callee.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return 0;
    number = number * 10 + digit;
  }
  return number;
}

/** Spreads whole numbers over all 32 bits: telephone numbers come in rows. */
export function hashOf(key: number): number {
  let hash = Math.imul((key | 0) ^ Math.imul((key / 2 ** 32) | 0, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
