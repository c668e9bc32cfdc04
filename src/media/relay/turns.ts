// Who has a turn next, where everybody has one in each round: a round is cut into parts, for all at once would take too long.
// Pure: a turn is what the caller makes of it.

export class Turns {
  /** Who has not had a turn in this round, and in how many parts they are to have it. */
  #due: number[] = [];
  #partsLeft = 0;

  /**
   * The next part of a round of `parts`. Who has come meanwhile has a turn from the next round on; who has gone may still be named.
   * @param all Everybody there is; looked at when a round begins.
   */
  next(parts: number, all: Iterable<number>): number[] {
    if (this.#partsLeft === 0) {
      this.#partsLeft = parts;
      this.#due = [...all];
    }
    const inPart = this.#due.splice(0, Math.ceil(this.#due.length / this.#partsLeft));
    this.#partsLeft -= 1;
    return inPart;
  }
}
