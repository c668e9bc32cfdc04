// The callees of live calls in one window, each as often as calls hold it. A SIM has one live call, so that a list is
// fastest; a payer may have thousands, and then it is a map.

const LIST_UP_TO = 12;

export class HeldCallees {
  /** Once for each live call. */
  #list: string[] = [];
  #counts: Map<string, number> | undefined;

  has(callee: string): boolean {
    return this.#counts === undefined ? this.#list.includes(callee) : this.#counts.has(callee);
  }

  add(callee: string): void {
    if (this.#counts !== undefined) this.#counts.set(callee, (this.#counts.get(callee) ?? 0) + 1);
    else if (this.#list.length < LIST_UP_TO) this.#list.push(callee);
    else {
      this.#counts = new Map();
      for (const held of [...this.#list, callee]) this.#counts.set(held, (this.#counts.get(held) ?? 0) + 1);
      this.#list = [];
    }
  }

  /** Takes one of a callee's calls away. */
  remove(callee: string): void {
    if (this.#counts !== undefined) {
      const left = (this.#counts.get(callee) ?? 0) - 1;
      if (left > 0) this.#counts.set(callee, left);
      else this.#counts.delete(callee);
      return;
    }
    const place = this.#list.lastIndexOf(callee);
    if (place === -1) return;
    const last = this.#list.pop();
    if (place < this.#list.length && last !== undefined) this.#list[place] = last;
  }
}
