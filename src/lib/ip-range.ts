// Blocks of IP addresses: parsing, containment and overlap, for IPv4 and IPv6.
import { isIP } from 'node:net';

export interface IpRange {
  readonly family: 4 | 6;
  /** The block's first address as a number. */
  readonly base: bigint;
  readonly prefixBits: number;
}

/** Parses an address (a block of one) or CIDR block; undefined when malformed or when host bits are set. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const parsed = parseIp(address);
  if (parsed === undefined) return undefined;
  const width = parsed.family === 4 ? 32 : 128;
  if (slash === -1) return { family: parsed.family, base: parsed.value, prefixBits: width };
  const bitsText = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bitsText) || Number(bitsText) > width) return undefined;
  const prefixBits = Number(bitsText);
  const hostBits = BigInt(width - prefixBits);
  if ((parsed.value >> hostBits) << hostBits !== parsed.value) return undefined;
  return { family: parsed.family, base: parsed.value, prefixBits };
}

/** True when `address` lies in the block. IPv4-mapped IPv6 addresses count as IPv4. */
export function ipRangeContains(range: IpRange, address: string): boolean {
  const parsed = parseIp(address);
  if (parsed === undefined || parsed.family !== range.family) return false;
  const hostBits = BigInt((range.family === 4 ? 32 : 128) - range.prefixBits);
  return parsed.value >> hostBits === range.base >> hostBits;
}

/** True when all of `inner` lies in `outer`. */
export function ipRangeCovers(outer: IpRange, inner: IpRange): boolean {
  if (outer.family !== inner.family || outer.prefixBits > inner.prefixBits) return false;
  const hostBits = BigInt((outer.family === 4 ? 32 : 128) - outer.prefixBits);
  return inner.base >> hostBits === outer.base >> hostBits;
}

function parseIp(text: string): { family: 4 | 6; value: bigint } | undefined {
  const family = isIP(text);
  if (family === 4) return { family: 4, value: ipv4Value(text) };
  if (family !== 6 || text.includes('%')) return undefined;
  const value = ipv6Value(text);
  // RFC 4291 §2.5.5.2: ::ffff:0:0/96 holds IPv4 addresses.
  if (value >> 32n === 0xffffn) return { family: 4, value: value & 0xffff_ffffn };
  return { family: 6, value };
}

function ipv4Value(text: string): bigint {
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function ipv6Value(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let plain = text;
  if (dotted !== null) {
    const last = ipv4Value(dotted[2] ?? '0.0.0.0');
    plain = `${dotted[1]}${(last >> 16n).toString(16)}:${(last & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = plain.split('::');
  const headGroups = head === '' ? [] : head.split(':');
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - headGroups.length - tailGroups.length).fill('0');
  return [...headGroups, ...zeros, ...tailGroups].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
