// The callees of live calls in one window, each as often as calls hold it. A SIM has one live call, and needs no map.

export class HeldCallees {
  #one: string | undefined;
  /** The other calls, by callee. */
  #others: Map<string, number> | undefined;

  has(callee: string): boolean {
    return this.#one === callee || this.#others?.has(callee) === true;
  }

  add(callee: string): void {
    if (this.#one === undefined) {
      this.#one = callee;
      return;
    }
    this.#others ??= new Map();
    this.#others.set(callee, (this.#others.get(callee) ?? 0) + 1);
  }

  /** Takes one of a callee's calls away. */
  remove(callee: string): void {
    if (this.#one === callee) {
      this.#one = undefined;
      return;
    }
    const left = (this.#others?.get(callee) ?? 0) - 1;
    if (left > 0) this.#others?.set(callee, left);
    else this.#others?.delete(callee);
  }
}
