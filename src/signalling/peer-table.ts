// Which trunk or gateway a packet's source belongs to: addresses, CIDR blocks and address:port, the most specific first.
import { BlockList, isIP } from 'node:net';

export interface PeerSource {
  readonly address: string;
  /** Prefix length; the whole address when absent. */
  readonly prefix: number | null;
  readonly port: number | null;
}

/** Reads `10.0.0.1`, `10.0.0.0/24`, `10.0.0.1:5060`, `2001:db8::1`, `[2001:db8::1]:5060`; undefined for anything else. */
export function parsePeerSource(text: string): PeerSource | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([\d.]+):(\d{1,5})$/.exec(text);
  const block = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const match = bracketed ?? plain;
  const address = match?.[1] ?? block?.[1] ?? text;
  const family = isIP(address);
  if (family === 0) return undefined;
  const prefix = block?.[2] === undefined ? null : Number(block[2]);
  if (prefix !== null && prefix > (family === 4 ? 32 : 128)) return undefined;
  const port = match?.[2] === undefined ? null : Number(match[2]);
  if (port !== null && (port < 1 || port > 65535)) return undefined;
  return { address, prefix, port };
}

interface Entry<T> {
  readonly block: BlockList;
  readonly port: number | null;
  readonly rank: number;
  readonly peer: T;
}

/** Addresses of a dual-stack socket come as IPv4-mapped IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

export class PeerTable<T> {
  readonly #entries: Entry<T>[] = [];

  add(source: PeerSource, peer: T): void {
    const block = new BlockList();
    const family = isIP(source.address) === 6 ? 'ipv6' : 'ipv4';
    const full = family === 'ipv6' ? 128 : 32;
    const prefix = source.prefix ?? full;
    block.addSubnet(source.address, prefix, family);
    const rank = (source.port === null ? 0 : 1000) + prefix;
    this.#entries.push({ block, port: source.port, rank, peer });
    this.#entries.sort((a, b) => b.rank - a.rank);
  }

  find(address: string, port: number): T | undefined {
    const plain = plainAddress(address);
    const version = isIP(plain);
    if (version === 0) return undefined;
    const family = version === 6 ? 'ipv6' : 'ipv4';
    return this.#entries.find(
      (entry) => (entry.port === null || entry.port === port) && entry.block.check(plain, family),
    )?.peer;
  }
}
