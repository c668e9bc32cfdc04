// How many connections one source may hold. A known peer is held by the listener's own bound alone.

export class ConnectionCap {
  readonly #most: number;
  /** Open connections by source; never longer than the listeners' bound on connections. */
  readonly #open = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a new connection, or says why it is one too many. */
  open(source: string, isKnown: boolean): 'too-many-connections' | null {
    const open = this.#open.get(source) ?? 0;
    if (!isKnown && open >= this.#most) return 'too-many-connections';
    this.#open.set(source, open + 1);
    return null;
  }

  close(source: string): void {
    const open = this.#open.get(source) ?? 0;
    if (open > 1) this.#open.set(source, open - 1);
    else this.#open.delete(source);
  }
}
