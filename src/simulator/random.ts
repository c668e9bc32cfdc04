// Seeded random numbers: one scenario and seed give the same month on every machine. Streams with different keys are
// independent, so that one more agent does not change what the others dial.

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `keys` name the stream, such as agent and day. */
  constructor(seed: number, ...keys: readonly number[]) {
    let state = mix(seed >>> 0) ^ Math.floor(seed / 2 ** 32);
    for (const key of keys) state = mix((state + Math.imul(key + 1, 0x9e3779b9)) >>> 0);
    this.#a = mix(state);
    this.#b = mix(this.#a + 0x9e3779b9);
    this.#c = mix(this.#b + 0x9e3779b9);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** From 0 (included) to 1 (excluded), by sfc32 (Doty-Humphrey's PractRand). */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A standard normal variate (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}

/** Spreads neighbouring values over all 32 bits (the finaliser of splitmix32). */
function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
