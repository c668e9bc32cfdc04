// Which of our listeners a request to an address leaves by: protocol and family must fit, then the nearest network.
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Listener, TransportProtocol } from './flow.js';

export interface LocalNetwork {
  readonly address: string;
  /** Length of the network's prefix, bits. */
  readonly prefixBits: number;
}

/** The addresses of this machine with their networks, for {@link chooseListener}. */
export function localNetworks(): LocalNetwork[] {
  const networks: LocalNetwork[] = [];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, cidr } of addresses ?? []) {
      if (cidr !== null) networks.push({ address, prefixBits: Number(cidr.slice(cidr.indexOf('/') + 1)) });
    }
  }
  return networks;
}

/**
 * Picks by: the network that is named, same network as the target, most leading bits in common, an advertised address of its own, then order.
 * A loopback listener serves loopback targets only, and the other way round, while there is a choice.
 */
export function chooseListener<L extends Listener>(
  listeners: readonly L[],
  networks: readonly LocalNetwork[],
  protocol: TransportProtocol,
  target: string,
  network?: string,
): L | undefined {
  const family = isIPv4(target) ? 4 : 6;
  let best: L | undefined;
  let bestScore = -1;
  for (const listener of listeners) {
    if (listener.protocol !== protocol || listener.family !== family) continue;
    const isNamed = network !== undefined && listener.network === network;
    const score = scoreListener(listener, networks, target) + (isNamed ? 100_000 : 0);
    if (score > bestScore) {
      best = listener;
      bestScore = score;
    }
  }
  return best;
}

function scoreListener(listener: Listener, networks: readonly LocalNetwork[], target: string): number {
  const targetBits = addressBits(target);
  const isWildcard = listener.address === '0.0.0.0' || listener.address === '::';
  let score = 0;
  for (const network of networks) {
    if (isIPv4(network.address) !== isIPv4(target)) continue;
    const networkBits = addressBits(network.address);
    // A wildcard listens on every address of the machine; another may be any address of one of its networks (127.0.0.2).
    const ownBits = isWildcard ? networkBits : addressBits(listener.address);
    if (commonBits(networkBits, ownBits) < network.prefixBits) continue;
    const common = commonBits(ownBits, targetBits);
    score = Math.max(score, (common >= network.prefixBits ? 1000 : 0) + common * 2);
  }
  if (!isWildcard && score === 0) score = commonBits(addressBits(listener.address), targetBits) * 2;
  if (isWildcard || isLoopback(listener.address) === isLoopback(target)) score += 4000;
  if (listener.advertise !== listener.address) score += 1;
  return score;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function commonBits(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

function addressBits(address: string): string {
  if (isIPv4(address)) {
    return address
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('');
  }
  const [left = '', right] = (address.split('%')[0] ?? '').split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  return [...head, ...Array<string>(zeros).fill('0'), ...tail]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('');
}
