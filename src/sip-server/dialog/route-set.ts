// Where a request inside a dialog goes, and what it carries to get there. RFC 3261 §12.1, §12.2.1.1.
import { parseNameAddress } from '../message/name-address.js';
import { isSameHost, parseSipUri, type SipUri, uriParameter } from '../message/uri.js';

export interface DialogRouting {
  readonly requestUri: string;
  /** Values of Route, in order. */
  readonly routes: readonly string[];
  /** URI of the next hop. */
  readonly nextHop: string;
}

/** @param routeSet Record-Route elements in the order of the requests that we send */
export function routeInDialog(routeSet: readonly string[], remoteTarget: string): DialogRouting {
  const first = routeSet[0];
  if (first === undefined) return { requestUri: remoteTarget, routes: [], nextHop: remoteTarget };
  const firstUri = parseNameAddress(first)?.uri ?? remoteTarget;
  if (isLooseRouter(firstUri)) return { requestUri: remoteTarget, routes: routeSet, nextHop: firstUri };
  // RFC 3261 §12.2.1.1: a strict router expects itself in the request-URI and the target as the last Route.
  return {
    requestUri: withoutUriHeaders(firstUri),
    routes: [...routeSet.slice(1), `<${remoteTarget}>`],
    nextHop: firstUri,
  };
}

function isLooseRouter(uri: string): boolean {
  const parsed = parseSipUri(uri);
  return parsed !== null && uriParameter(parsed, 'lr') !== undefined;
}

function withoutUriHeaders(uri: string): string {
  const question = uri.indexOf('?');
  return question === -1 ? uri : uri.slice(0, question);
}

/** RFC 1918, the private blocks of IPv4. */
export function isPrivateAddress(host: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host);
}

/**
 * Whether the peer's requests should go to where its packets came from: it sits behind a NAT that its Contact does not know of.
 * As drachtio-server decides it, for dialogs over UDP.
 * @param target URI of the peer's Contact
 */
export function isBehindNat(
  role: 'uas' | 'uac',
  routeSet: readonly string[],
  target: SipUri,
  sourceAddress: string,
  sourcePort: number,
): boolean {
  const first = routeSet[0];
  if (role === 'uas') {
    if (first !== undefined) return false;
    return !isSameHost(target.host, sourceAddress) || (target.port !== undefined && target.port !== sourcePort);
  }
  if (first === undefined) return !isSameHost(target.host, sourceAddress);
  const top = parseSipUri(parseNameAddress(first)?.uri ?? '');
  return top !== null && isPrivateAddress(top.host) && top.host !== sourceAddress;
}
