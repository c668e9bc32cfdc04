// Port numbers that no other process of ours uses or probes: a process claims them by the hundred, by binding a name in
// Linux's abstract socket namespace (unix(7)), which the kernel frees when the process ends. A port that was only probed
// may be taken, or just be probed by another run, in the instant in which it is bound.
import { createServer } from 'node:net';

const BLOCK_PORTS = 100;

export class PortClaims {
  readonly #name: string;
  readonly #firstPort: number;
  readonly #blocks: number;
  /** What is left of the blocks claimed last. */
  #next = 0;
  #end = 0;
  /** Claims are made one after another: two at once would both take a new block. */
  #claiming: Promise<unknown> = Promise.resolve();

  constructor(name: string, firstPort: number, blocks: number) {
    this.#name = name;
    this.#firstPort = firstPort;
    this.#blocks = blocks;
  }

  /** The first of `count` port numbers in a row, even, that are this process's until it ends. */
  claim(count: number): Promise<number> {
    const claimed = this.#claiming.then(() => this.#claimInTurn(count));
    this.#claiming = claimed.catch(() => undefined);
    return claimed;
  }

  async #claimInTurn(count: number): Promise<number> {
    if (this.#next + count > this.#end) await this.#claimBlocks(Math.ceil(count / BLOCK_PORTS));
    const first = this.#next;
    this.#next += count + (count % 2);
    return first;
  }

  async #claimBlocks(blocks: number): Promise<void> {
    const offset = Math.floor(Math.random() * this.#blocks);
    for (let tries = 0; tries < this.#blocks; tries++) {
      const first = (offset + tries) % this.#blocks;
      if (first + blocks > this.#blocks) continue;
      const wanted = Array.from({ length: blocks }, (_, index) => first + index);
      const releases = await Promise.all(wanted.map((block) => this.#claimBlock(block)));
      if (releases.every((release) => release !== null)) {
        this.#next = this.#firstPort + first * BLOCK_PORTS;
        this.#end = this.#next + blocks * BLOCK_PORTS;
        return;
      }
      for (const release of releases) release?.();
    }
    throw new Error(`no ${blocks * BLOCK_PORTS} ports in a row are unclaimed`);
  }

  /** Resolves with the way to give the block back, or with null when a process has it. */
  #claimBlock(block: number): Promise<(() => void) | null> {
    return new Promise((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(null));
      server.listen(`\0${this.#name}-${block}`, () => resolve(() => server.close()));
      server.unref();
    });
  }
}

/** 12000 to 31999: below the range from which the kernel gives ports by itself. */
const claims = new PortClaims('simtrunk-test-ports', 12_000, 200);

export function claimPorts(count: number): Promise<number> {
  return claims.claim(count);
}
