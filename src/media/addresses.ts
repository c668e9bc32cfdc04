// IP addresses as text: one spelling for each, and which of them are private to a site.
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { type IpRange, ipRangeContains, parseIpRange } from '../lib/ip-range.js';

/** RFC 1918, RFC 6598 and RFC 4193, and what is local to a link or host. */
const PRIVATE = rangesOf([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1',
]);

/** The address in the spelling that received packets have, without a scope; null when it is no address. */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  const bare = text.split('%')[0] ?? '';
  if (!isIPv6(bare)) return null;
  const canonical = new SocketAddress({ address: bare, family: 'ipv6' }).address;
  return canonical.startsWith('::ffff:') && isIPv4(canonical.slice(7)) ? canonical.slice(7) : canonical;
}

/** The rest of the world cannot send to such an address, so a peer that names it is behind a NAT or next to us. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.some((range) => ipRangeContains(range, address));
}

/** A matcher for addresses and CIDR blocks; entries that are neither match nothing. */
export function addressMatcher(sources: readonly string[]): (address: string) => boolean {
  const ranges = rangesOf(sources);
  return (address) => ranges.some((range) => ipRangeContains(range, address));
}

function rangesOf(texts: readonly string[]): IpRange[] {
  return texts.flatMap((text) => parseIpRange(text) ?? []);
}
