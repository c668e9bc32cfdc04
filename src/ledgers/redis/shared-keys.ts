// What one node of several takes, by the key of the request that asks for it: a repetition that comes to another node is known
// there. A claim is kept once what it is for is in the node's journal; until then nobody else takes it, and nobody says that it was taken.
import { createHash } from 'node:crypto';
import type { Reply } from './redis-link.js';

export type Claimed =
  /** This node's to take; also without Redis, when only this node's own journal knows. */
  | { readonly kind: 'ours' }
  /** Another node has it, and calls it so. */
  | { readonly kind: 'taken'; readonly id: string }
  /** Another node is taking it, or was when it ended. */
  | { readonly kind: 'pending' };

interface KeyRunner {
  readonly isAttached: boolean;
  run(operation: 'claim-key' | 'keep-key' | 'give-up-key', args: readonly string[]): Promise<Reply>;
}

const KEPT_MS = String(8 * 86_400_000);

export class SharedKeys {
  readonly #runner: KeyRunner;

  constructor(runner: KeyRunner) {
    this.#runner = runner;
  }

  async claim(key: string, id: string): Promise<Claimed> {
    const [answer, other = ''] = (await this.#run('claim-key', [hashOf(key), id, KEPT_MS])) ?? [];
    if (answer === 'taken') return { kind: 'taken', id: other };
    return { kind: answer === 'pending' ? 'pending' : 'ours' };
  }

  /** It is in this node's journal. */
  async keep(key: string): Promise<void> {
    await this.#run('keep-key', [hashOf(key), KEPT_MS]);
  }

  /** It was refused: who asks again asks for something new. */
  async giveUp(key: string): Promise<void> {
    await this.#run('give-up-key', [hashOf(key)]);
  }

  async #run(operation: Parameters<KeyRunner['run']>[0], args: readonly string[]): Promise<string[] | null> {
    if (!this.#runner.isAttached) return null;
    return this.#runner.run(operation, args).then(
      (reply) => reply as string[],
      // It went away just now: the node goes by its own journal.
      () => null,
    );
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
