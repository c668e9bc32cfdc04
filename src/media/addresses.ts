// IP addresses as text: one spelling for each, and which of them are private to a site.
import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('fe80::', 10, 'ipv6');
PRIVATE.addAddress('::1', 'ipv6');

/** The address in the spelling that received packets have, without a scope; null when it is no address. */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  const bare = text.split('%')[0] ?? '';
  if (!isIPv6(bare)) return null;
  const canonical = new SocketAddress({ address: bare, family: 'ipv6' }).address;
  return canonical.startsWith('::ffff:') && isIPv4(canonical.slice(7)) ? canonical.slice(7) : canonical;
}

/** Private by RFC 1918, RFC 6598, RFC 4193, or local to a link or host: the rest of the world cannot send there. */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** A matcher for addresses and CIDR blocks; entries that are neither match nothing. */
export function addressMatcher(sources: readonly string[]): (address: string) => boolean {
  if (sources.length === 0) return () => false;
  const list = new BlockList();
  for (const source of sources) {
    const [text = '', prefix] = source.split('/');
    const address = canonicalAddress(text);
    if (address === null) continue;
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const bits = prefix === undefined ? Number.NaN : Number(prefix);
    if (prefix === undefined) list.addAddress(address, family);
    else if (Number.isInteger(bits) && bits >= 0 && bits <= (family === 'ipv4' ? 32 : 128)) {
      list.addSubnet(address, bits, family);
    }
  }
  return (address) => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
