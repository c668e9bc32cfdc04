// Whose a gateway's final response is: this channel's, the gateway's, the callee's, or nobody's who could be asked again.
// Rules are asked in order and the first that fits decides: the gateway's own, its preset's, then those here (semantics.md).

export type ResponseMeaning =
  /** The next channel is tried, of this gateway too. */
  | 'channel'
  /** The next channel is tried, of another gateway. */
  | 'gateway'
  /** The callee's own answer: nobody calls the same phone again for it. */
  | 'callee'
  /** No other channel would do better. */
  | 'give-up';

export interface ResponseRule {
  /** Final statuses; empty for any. */
  readonly statuses: readonly number[];
  /** Q.850 causes of the Reason headers; empty for any, and for none. */
  readonly causes: readonly number[];
  readonly means: ResponseMeaning;
  /** How long the channel, or with `gateway` every channel of the gateway, is left alone. */
  readonly coolDownMs: number;
}

export interface ResponseTerms {
  readonly responses: readonly ResponseRule[];
  /** A busy callee takes longer to say so: 480, 486, 600 and 603 sooner, without 18x, are the channel's. 0 for never. */
  readonly busyProbeMs: number;
}

export interface FinalResponse {
  readonly status: number;
  /** By its Reason headers; null for none. */
  readonly cause: number | null;
  /** From the INVITE on. */
  readonly elapsedMs: number;
  /** An 18x came before. */
  readonly rang: boolean;
}

export interface Verdict {
  readonly means: ResponseMeaning;
  readonly coolDownMs: number;
}

/** Statuses by which a gateway says that nobody takes the call, the callee or its own SIM. */
const BUSY: readonly number[] = [480, 486, 600, 603];
/** Causes that only the called side has: number unknown, busy, no answer, declined. */
const OF_CALLEE: readonly number[] = [1, 17, 18, 19, 21, 22, 28];

/** Causes of the way to it: congestion, a network out of order, no circuit, another than was asked for or none (Q.850 §2.2.7.1.3). */
const OF_NETWORK: readonly number[] = [34, 38, 41, 42, 44, 47];

/** What holds when no rule of the gateway fits. */
export const COMMON_RULES: readonly ResponseRule[] = [
  // RFC 6432: a cause of the network says more than a status that stands for many.
  // And 403 is what RFC 3398 §7.2.4.1 has for a call that was rejected (21).
  { statuses: [403, 404, 408, 500, 502, 503, 504], causes: OF_CALLEE, means: 'callee', coolDownMs: 0 },
  // Asterisk says 603 for every cause that it has no status for.
  { statuses: BUSY, causes: OF_NETWORK, means: 'channel', coolDownMs: 0 },
  { statuses: [404, 408, 500, 502, 503, 504], causes: [], means: 'channel', coolDownMs: 0 },
];

export function meaningOf({ responses, busyProbeMs }: ResponseTerms, response: FinalResponse): Verdict {
  const { status, cause, elapsedMs, rang } = response;
  const isProbe = BUSY.includes(status) && !rang && elapsedMs < busyProbeMs;
  const isOfCallee = cause !== null && OF_CALLEE.includes(cause);
  const fits = (rule: ResponseRule) =>
    (rule.statuses.length === 0 || rule.statuses.includes(status)) &&
    (rule.causes.length === 0 || (cause !== null && rule.causes.includes(cause)));
  const own = responses.find(fits);
  if (isProbe && !isOfCallee) return { means: 'channel', coolDownMs: own?.means === 'channel' ? own.coolDownMs : 0 };
  return own ?? COMMON_RULES.find(fits) ?? { means: unlisted(status), coolDownMs: 0 };
}

/** Redirections, credentials and payment are for the gateway's operator to mend; 4xx and 6xx are the callee's side. */
function unlisted(status: number): ResponseMeaning {
  if ([401, 402, 403, 407, 488, 606].includes(status)) return 'give-up';
  return status < 400 || (status >= 500 && status < 600) ? 'give-up' : 'callee';
}
