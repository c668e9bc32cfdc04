// Port numbers that no other process of ours uses or probes: a process claims them by the hundred, by binding a name in
// Linux's abstract socket namespace (unix(7)), which the kernel frees when the process ends. A port that was only probed
// may be taken, or just be probed by another run, in the instant in which it is bound.
import { createServer } from 'node:net';

const BLOCK_PORTS = 100;
/** A run of all tests wants more ports than are left for it beside other runs: from so many on it uses its own again. */
const ENOUGH_PORTS = 4_000;

/** Ports in a row that are this process's. */
interface Claim {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
}

export class PortClaims {
  readonly #name: string;
  readonly #firstPort: number;
  readonly #blocks: number;
  readonly #enoughPorts: number;
  /** Oldest use first. */
  readonly #claimed: Claim[] = [];
  /** What is left of the ports claimed last. */
  #next = 0;
  #end = 0;
  /** Claims are made one after another: two at once would both take a new block. */
  #claiming: Promise<unknown> = Promise.resolve();

  constructor(name: string, firstPort: number, blocks: number, enoughPorts = ENOUGH_PORTS) {
    this.#name = name;
    this.#firstPort = firstPort;
    this.#blocks = blocks;
    this.#enoughPorts = enoughPorts;
  }

  /** The first of `count` port numbers in a row, even, that are this process's until it ends, and not given out for long. */
  claim(count: number): Promise<number> {
    const claimed = this.#claiming.then(() => this.#claimInTurn(count));
    this.#claiming = claimed.catch(() => undefined);
    return claimed;
  }

  async #claimInTurn(count: number): Promise<number> {
    if (this.#next + count > this.#end) await this.#takeMore(count);
    const first = this.#next;
    this.#next += count + (count % 2);
    return first;
  }

  async #takeMore(count: number): Promise<void> {
    const ports = this.#claimed.reduce((sum, { first, end }) => sum + end - first, 0);
    if (ports >= this.#enoughPorts && this.#takeAgain(count)) return;
    const claim = await this.#claimBlocks(Math.ceil(count / BLOCK_PORTS));
    if (claim !== null) this.#use(claim);
    else if (!this.#takeAgain(count))
      throw new Error(`no ${BLOCK_PORTS * Math.ceil(count / BLOCK_PORTS)} ports in a row are unclaimed`);
  }

  /** The ports that were given out longest ago; whoever had them has most likely ended. */
  #takeAgain(count: number): boolean {
    const index = this.#claimed.findIndex(({ first, end }) => end - first >= count);
    const [claim] = index < 0 ? [] : this.#claimed.splice(index, 1);
    if (claim !== undefined) this.#use(claim);
    return claim !== undefined;
  }

  #use(claim: Claim): void {
    this.#claimed.push(claim);
    this.#next = claim.first;
    this.#end = claim.end;
  }

  async #claimBlocks(blocks: number): Promise<Claim | null> {
    const offset = Math.floor(Math.random() * this.#blocks);
    for (let tries = 0; tries < this.#blocks; tries++) {
      const first = (offset + tries) % this.#blocks;
      if (first + blocks > this.#blocks) continue;
      const wanted = Array.from({ length: blocks }, (_, index) => first + index);
      const releases = await Promise.all(wanted.map((block) => this.#claimBlock(block)));
      if (releases.every((release) => release !== null)) {
        const port = this.#firstPort + first * BLOCK_PORTS;
        return { first: port, end: port + blocks * BLOCK_PORTS };
      }
      for (const release of releases) release?.();
    }
    return null;
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
