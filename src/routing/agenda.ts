// When time alone changes something: small numbers (channels), each with at most one instant, the next one first.
// An indexed binary heap: setting, moving and removing an instant take the logarithm of its size.

export class Agenda {
  readonly #instants: Float64Array;
  /** Place of a number in the heap; -1 when it has no instant. */
  readonly #places: Int32Array;
  readonly #heap: Int32Array;
  #size = 0;

  /** For the numbers 0…count-1. */
  constructor(count: number) {
    this.#instants = new Float64Array(count);
    this.#places = new Int32Array(count).fill(-1);
    this.#heap = new Int32Array(count);
  }

  /** The next instant; infinity for none. */
  get next(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#instantAt(0);
  }

  /** Sets a number's instant; infinity removes it. */
  set(number: number, instant: number): void {
    const place = this.#places[number] as number;
    if (place >= 0 && this.#instants[number] === instant) return;
    if (instant === Number.POSITIVE_INFINITY) {
      if (place >= 0) this.#remove(place);
      return;
    }
    this.#instants[number] = instant;
    if (place < 0) {
      this.#size += 1;
      this.#rise(this.#size - 1, number);
    } else if (place > 0 && this.#instantAt((place - 1) >> 1) > instant) this.#rise(place, number);
    else this.#sink(place, number);
  }

  /** Removes and returns a number whose instant is not after `now`; -1 for none. */
  takeDue(now: number): number {
    if (this.next > now) return -1;
    const number = this.#heap[0] as number;
    this.#remove(0);
    return number;
  }

  #instantAt(place: number): number {
    return this.#instants[this.#heap[place] as number] as number;
  }

  #remove(place: number): void {
    this.#places[this.#heap[place] as number] = -1;
    this.#size -= 1;
    if (place === this.#size) return;
    const moved = this.#heap[this.#size] as number;
    if (place > 0 && this.#instantAt((place - 1) >> 1) > (this.#instants[moved] as number)) this.#rise(place, moved);
    else this.#sink(place, moved);
  }

  /** Puts a number at a place, or where it belongs above it. */
  #rise(from: number, number: number): void {
    const instant = this.#instants[number] as number;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#instantAt(parent) <= instant) break;
      this.#put(place, this.#heap[parent] as number);
      place = parent;
    }
    this.#put(place, number);
  }

  /** Puts a number at a place, or where it belongs below it. */
  #sink(from: number, number: number): void {
    const instant = this.#instants[number] as number;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#instantAt(child + 1) < this.#instantAt(child)) child += 1;
      if (this.#instantAt(child) >= instant) break;
      this.#put(place, this.#heap[child] as number);
      place = child;
    }
    this.#put(place, number);
  }

  #put(place: number, number: number): void {
    this.#heap[place] = number;
    this.#places[number] = place;
  }
}
