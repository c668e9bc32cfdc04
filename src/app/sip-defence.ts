// What the embedded SIP server is told of its peers and of its defence, from the config.
import type { Config } from '../config/config.js';
import { parseHostPort } from '../lib/host-port.js';
import { parseIpRange } from '../lib/ip-range.js';
import type { SipDefenceSettings, SipPeers, SipSources } from '../sip-server/control.js';

/**
 * Trunks and gateways are known. A gateway named by its host name may send from any address, and so may a trunk that proves
 * who it is: then everybody is heard. Of earlier configs, calls are still live: their peers are heard until these are over.
 */
export function sipSources(config: Config, earlier: readonly Config[] = []): SipSources {
  const { allow, deny } = config.sip.defence;
  const trunks = [config, ...earlier].flatMap((some) => some.trunks);
  // A PBX that takes calls from mobiles is called as a gateway is.
  const gateways = [
    ...[config, ...earlier].flatMap((some) => some.gateways.map(({ host }) => host)),
    ...trunks.flatMap(calledHost),
  ];
  const known = [...trunks.flatMap(({ sources }) => sources.map(addressOf)), ...gateways].filter(isAddress);
  const isPlaced = gateways.every(isAddress) && trunks.every(({ sources }) => sources.length > 0);
  return { allow: isPlaced ? [...new Set([...known, ...allow])] : null, deny, known: [...new Set(known)] };
}

/** The networks of trunks and gateways, and who is not taken to sit behind a NAT; the most specific entry comes first. */
export function sipPeers(config: Config, earlier: readonly Config[] = []): SipPeers[] {
  const gateways = [config, ...earlier].flatMap((some) => some.gateways);
  const trunks = [config, ...earlier].flatMap((some) => some.trunks);
  const entries = [
    ...gateways.map(({ host, network, nat }) => ({ address: host, network, followsContact: nat === 'off' })),
    ...trunks.flatMap(({ sources, network, nat, inbound }) =>
      [...sources.map(addressOf), ...calledHost({ inbound })].map((address) => {
        return { address, network, followsContact: nat === 'off' };
      }),
    ),
  ].flatMap((entry) => {
    const range = parseIpRange(entry.address);
    return range === undefined ? [] : [{ ...entry, prefixBits: range.prefixBits }];
  });
  const peers: SipPeers[] = [];
  for (const { address, network, followsContact } of entries.sort((a, b) => b.prefixBits - a.prefixBits)) {
    const last = peers.at(-1);
    if (last?.network !== network || last.followsContact !== followsContact) {
      peers.push({ addresses: [address], network, followsContact });
    } else peers[peers.length - 1] = { ...last, addresses: [...last.addresses, address] };
  }
  return peers;
}

export function sipDefence({ sip: { defence } }: Config): SipDefenceSettings {
  return {
    ...defence,
    rate: defence.rate || null,
    knownRate: defence.knownRate || null,
    ban: defence.ban || null,
  };
}

function calledHost({ inbound }: Pick<Config['trunks'][number], 'inbound'>): readonly string[] {
  return inbound?.address ? [inbound.address.host] : [];
}

function isAddress(host: string): boolean {
  return parseIpRange(host) !== undefined;
}

/** A source without its port; CIDR blocks stay. */
function addressOf(source: string): string {
  return source.includes('/') ? source : (parseHostPort(source)?.host ?? source);
}
