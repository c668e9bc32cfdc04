// Which of the final responses of a forked request goes back. RFC 3261 §16.7, steps 6 and 7.
import type { SipMessage } from '../message/sip-message.js';

/** A response that the caller can do something about is worth more than its neighbours. */
const HELPFUL = new Set([401, 407, 415, 420, 484]);

/** The best of the responses, none of which is a 2xx; undefined when there are none. */
export function bestResponse(responses: readonly SipMessage[]): SipMessage | undefined {
  let best: SipMessage | undefined;
  for (const response of responses) if (best === undefined || worth(response) < worth(best)) best = response;
  return best;
}

/** Lower is better: 6xx, then the lowest class, then what helps. */
function worth({ status }: SipMessage): number {
  const kind = Math.floor(status / 100);
  return kind === 6 ? 0 : kind * 10 + (HELPFUL.has(status) ? 0 : 1);
}

const CHALLENGE = /^(?:WWW|Proxy)-Authenticate[ \t]*:[^\r]*(?:\r\n[ \t][^\r]*)*\r\n/gim;

/** The challenges of a response, as complete lines. */
export function challengesOf(response: SipMessage): string {
  return response.status === 401 || response.status === 407 ? (response.head.match(CHALLENGE) ?? []).join('') : '';
}
