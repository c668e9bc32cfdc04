// What a test double has received and nobody has asked for yet; a test waits for the item that it describes.

const PATIENCE_MS = 15_000;

interface Waiting<T> {
  readonly matches: (item: T) => boolean;
  resolve(item: T): void;
}

export class Inbox<T> {
  readonly #describe: (item: T) => string;
  #items: T[] = [];
  #waiting: Waiting<T>[] = [];

  constructor(describe: (item: T) => string) {
    this.#describe = describe;
  }

  /** Everything that nobody has taken, oldest first. */
  get untaken(): readonly T[] {
    return this.#items;
  }

  put(item: T): void {
    const taker = this.#waiting.find((waiting) => waiting.matches(item));
    if (taker === undefined) {
      this.#items.push(item);
      return;
    }
    this.#waiting = this.#waiting.filter((waiting) => waiting !== taker);
    taker.resolve(item);
  }

  /** The oldest item that matches, now or later; it is taken out. */
  take(what: string, matches: (item: T) => boolean, patienceMs = PATIENCE_MS): Promise<T> {
    const index = this.#items.findIndex(matches);
    if (index !== -1) return Promise.resolve(this.#items.splice(index, 1)[0] as T);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        const got = this.#items.map(this.#describe).join(' | ') || 'nothing';
        reject(new Error(`No ${what} came in ${patienceMs} ms; untaken: ${got}`));
      }, patienceMs);
      const waiting: Waiting<T> = {
        matches,
        resolve: (item) => {
          clearTimeout(timer);
          resolve(item);
        },
      };
      this.#waiting.push(waiting);
    });
  }
}
