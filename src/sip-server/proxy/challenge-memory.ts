// Who challenged a proxied request: its repetition with credentials goes to the same target first, for a nonce is good there.

import type { SipMessage } from '../message/sip-message.js';
import { challengesOf } from './best-response.js';

const MAX_NONCES = 2_000;
const NONCE = /\bnonce\s*=\s*"([^"]*)"/gi;

export class ChallengeMemory {
  /** Oldest first. */
  readonly #targets = new Map<string, string>();

  learn(response: SipMessage, target: string): void {
    for (const [, nonce] of challengesOf(response).matchAll(NONCE)) {
      if (nonce === undefined) continue;
      if (this.#targets.size >= MAX_NONCES) {
        const oldest = this.#targets.keys().next().value;
        if (oldest !== undefined) this.#targets.delete(oldest);
      }
      this.#targets.set(nonce, target);
    }
  }

  /** The targets with the one that challenged before in front. */
  order(request: SipMessage, targets: readonly string[]): readonly string[] {
    if (this.#targets.size === 0) return targets;
    const credentials = [...request.values('authorization'), ...request.values('proxy-authorization')].join(',');
    for (const [, nonce] of credentials.matchAll(NONCE)) {
      const target = this.#targets.get(nonce ?? '');
      if (target !== undefined && targets.includes(target)) {
        return [target, ...targets.filter((other) => other !== target)];
      }
    }
    return targets;
  }
}
