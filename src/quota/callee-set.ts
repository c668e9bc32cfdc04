// The callees that an allowance has counted, exactly: a SIM meets hundreds in a month, and there may be many SIMs. Numbers in an
// open table take a third of what a set of strings does, and the garbage collector does not look into them.
import { hashOf, numberOf } from '../numbers/e164-number.js';

const FIRST_PLACES = 8;
/** In an empty place: no number of a callee. */
const EMPTY = 0.5;

export class CalleeSet {
  /** As many as a power of two, at most two thirds of them full. */
  #numbers = emptyPlaces(FIRST_PLACES);
  #count = 0;
  /** Those that are no E.164 numbers. */
  #others: Set<string> | undefined;

  get size(): number {
    return this.#count + (this.#others?.size ?? 0);
  }

  has(callee: string): boolean {
    const number = numberOf(callee);
    if (number === 0) return this.#others?.has(callee) === true;
    return this.#numbers[placeOf(number, this.#numbers)] === number;
  }

  /** False when it is there already. */
  add(callee: string): boolean {
    const number = numberOf(callee);
    if (number === 0) {
      this.#others ??= new Set();
      const before = this.#others.size;
      return this.#others.add(callee).size > before;
    }
    const place = placeOf(number, this.#numbers);
    if (this.#numbers[place] === number) return false;
    this.#numbers[place] = number;
    this.#count += 1;
    if (this.#count * 3 > this.#numbers.length * 2) this.#grow();
    return true;
  }

  #grow(): void {
    const before = this.#numbers;
    this.#numbers = emptyPlaces(before.length * 2);
    for (let at = 0; at < before.length; at++) {
      const number = before[at] as number;
      if (number !== EMPTY) this.#numbers[placeOf(number, this.#numbers)] = number;
    }
  }
}

/** No typed array: that costs more than what most SIMs have in it. Filled with fractions it holds bare numbers as well. */
function emptyPlaces(places: number): number[] {
  return new Array<number>(places).fill(EMPTY);
}

/** Where a number stands, or may be put. */
function placeOf(number: number, numbers: readonly number[]): number {
  const mask = numbers.length - 1;
  let place = hashOf(number) & mask;
  while (numbers[place] !== number && numbers[place] !== EMPTY) place = (place + 1) & mask;
  return place;
}
