// The RTP ports of one network: even ports, each with the odd one above it for RTCP (RFC 3550 §11).
// Oldest first, after a rest, so that late packets of an ended call do not meet a new one. Pure: time is given.

const REST_MS = 10_000;
/** A port of another process is not asked for again sooner than this. */
const FOREIGN_REST_MS = 1_000;
const MAX_FOREIGN_TRIES = 16;

interface RestingPort {
  readonly port: number;
  readonly sinceMs: number;
}

export class PortPool {
  /** Ports lent before their rest was over, because no other was free. */
  restsShortened = 0;
  /** Times that a port turned out to be another process's. */
  foreign = 0;

  readonly #resting: RestingPort[] = [];
  readonly #foreign: RestingPort[] = [];
  #head = 0;
  #lent = 0;

  constructor(range: { readonly from: number; readonly to: number }) {
    for (let port = range.from + (range.from % 2); port + 1 <= range.to; port += 2) {
      this.#resting.push({ port, sinceMs: Number.NEGATIVE_INFINITY });
    }
  }

  get lent(): number {
    return this.#lent;
  }

  get free(): number {
    return this.#resting.length - this.#head;
  }

  /** Lends the port that has rested longest and that `tryPort` can bind; null when there is none. */
  lend<T>(nowMs: number, tryPort: (port: number) => T | null): { port: number; bound: T } | null {
    for (let candidate = this.#take(); candidate !== null; candidate = this.#take()) {
      const bound = this.#bind(candidate, nowMs, tryPort);
      if (bound === null) continue;
      if (nowMs - candidate.sinceMs < REST_MS) this.restsShortened += 1;
      return { port: candidate.port, bound };
    }
    for (let tries = 0; tries < MAX_FOREIGN_TRIES; tries += 1) {
      const candidate = this.#foreign[0];
      if (candidate === undefined || nowMs - candidate.sinceMs < FOREIGN_REST_MS) return null;
      this.#foreign.shift();
      const bound = this.#bind(candidate, nowMs, tryPort);
      if (bound !== null) return { port: candidate.port, bound };
    }
    return null;
  }

  /** Takes a port back; it begins to rest. */
  giveBack(port: number, nowMs: number): void {
    this.#lent -= 1;
    this.#resting.push({ port, sinceMs: nowMs });
  }

  #bind<T>(candidate: RestingPort, nowMs: number, tryPort: (port: number) => T | null): T | null {
    const bound = tryPort(candidate.port);
    if (bound === null) {
      this.foreign += 1;
      this.#foreign.push({ port: candidate.port, sinceMs: nowMs });
    } else {
      this.#lent += 1;
    }
    return bound;
  }

  #take(): RestingPort | null {
    const candidate = this.#resting[this.#head];
    if (candidate === undefined) return null;
    this.#head += 1;
    // The consumed front is cut off in large pieces, so that taking stays cheap.
    if (this.#head > 1024 && this.#head * 2 > this.#resting.length) {
      this.#resting.splice(0, this.#head);
      this.#head = 0;
    }
    return candidate;
  }
}
