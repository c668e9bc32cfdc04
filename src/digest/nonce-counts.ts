// Which counts of a nonce have been used on this node: a response that comes again is a replay (RFC 7616 §5.5). Counts may
// overtake each other on their way, so the last 32 are remembered, and of nonces a bounded number until they end.

/** Beyond it the oldest is forgotten: its replays within the rest of its life are then not noticed. */
const MAX_NONCES = 20_000;
const WINDOW = 32;

interface Used {
  readonly endWallMs: number;
  highest: number;
  /** Bit n: the count `highest - n` was used. */
  before: number;
}

export class NonceCounts {
  readonly #used = new Map<string, Used>();

  get size(): number {
    return this.#used.size;
  }

  /** Marks a count as used; false when it was, or is too old to tell. */
  use(nonce: string, count: number, endWallMs: number, wallMs: number): boolean {
    const used = this.#used.get(nonce);
    if (used === undefined) {
      this.#makeRoom(wallMs);
      this.#used.set(nonce, { endWallMs, highest: count, before: 1 });
      return true;
    }
    const ahead = count - used.highest;
    if (ahead > 0) {
      used.before = ahead >= WINDOW ? 1 : (used.before << ahead) | 1;
      used.highest = count;
      return true;
    }
    const bit = 1 << -ahead;
    if (-ahead >= WINDOW || (used.before & bit) !== 0) return false;
    used.before |= bit;
    return true;
  }

  /** Nonces end about in the order in which they were first used. */
  #makeRoom(wallMs: number): void {
    for (const [nonce, { endWallMs }] of this.#used) {
      if (endWallMs > wallMs && this.#used.size < MAX_NONCES) return;
      this.#used.delete(nonce);
    }
  }
}
