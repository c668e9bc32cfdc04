// What an application asks for with a `proxy` frame: TXN|RR|FULL|FOLLOW|FORK|PTIME|FTIME|DEST…

export interface ProxyOptions {
  readonly recordsRoute: boolean;
  /** Each final response is told, then the end; otherwise only that it has begun. */
  readonly tellsResponses: boolean;
  readonly followsRedirects: boolean;
  readonly isSimultaneous: boolean;
  /** How long a target may take to respond with anything; null for ever, as RFC 3261 has it. */
  readonly provisionalTimeoutMs: number | null;
  /** How long a target may take to respond with a final response. */
  readonly finalTimeoutMs: number | null;
  readonly targets: readonly string[];
}

/** @param tokens of the leader, from RR on */
export function parseProxyOptions(tokens: readonly string[]): ProxyOptions {
  const [recordRoute, fullResponse, followRedirects, forking, provisionalTimeout, finalTimeout, ...targets] = tokens;
  return {
    recordsRoute: recordRoute === 'remainInDialog',
    tellsResponses: fullResponse === 'fullResponse',
    followsRedirects: followRedirects === 'followRedirects',
    isSimultaneous: forking === 'simultaneous',
    provisionalTimeoutMs: parseTimeout(provisionalTimeout),
    finalTimeoutMs: parseTimeout(finalTimeout),
    targets: targets.filter((target) => target !== ''),
  };
}

/** `2s`, `1500ms`, or a bare number of milliseconds; null for anything else. */
export function parseTimeout(text = ''): number | null {
  const match = /^(\d{1,7})(ms|s)?$/.exec(text);
  if (match === null) return null;
  const amount = Number(match[1]) * (match[2] === 's' ? 1_000 : 1);
  return amount > 0 ? amount : null;
}
