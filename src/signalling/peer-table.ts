// Which trunk a packet's source belongs to: addresses, CIDR blocks and address:port, the most specific first.
import { isIP } from 'node:net';
import { parseHostPort } from '../lib/host-port.js';
import { type IpRange, ipRangeContains, parseIpRange } from '../lib/ip-range.js';

interface Entry<T> {
  readonly range: IpRange;
  readonly port: number | undefined;
  readonly peer: T;
}

/** Addresses of a dual-stack socket come as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2). */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

export class PeerTable<T> {
  #entries: Entry<T>[] = [];

  /** Adds a source as the config writes it; a text that is none is refused there, and ignored here. */
  add(source: string, peer: T): void {
    const hostPort = source.includes('/') ? undefined : parseHostPort(source);
    const range = parseIpRange(hostPort === undefined || isIP(hostPort.host) === 0 ? source : hostPort.host);
    if (range === undefined) return;
    this.#entries.push({ range, port: hostPort?.port, peer });
    this.#entries.sort((a, b) => rank(b) - rank(a));
  }

  find(address: string, port: number): T | undefined {
    const plain = plainAddress(address);
    return this.#entries.find(
      (entry) => (entry.port === undefined || entry.port === port) && ipRangeContains(entry.range, plain),
    )?.peer;
  }
}

/** A source with a port comes before any without; then the longer prefix. */
function rank(entry: Entry<unknown>): number {
  return (entry.port === undefined ? 0 : 1000) + entry.range.prefixBits;
}
