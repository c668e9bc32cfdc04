// Where a request to a URI goes: transports by NAPTR or SRV, hosts and ports by SRV, addresses. RFC 3263 §4.
import { isIP } from 'node:net';
import { type SipUri, uriParameter } from '../message/uri.js';
import { defaultPortOf, type TransportProtocol } from '../transport/flow.js';
import type { DnsClient, NaptrRecord } from './dns-client.js';
import { orderSrv } from './order-srv.js';

export interface Target {
  readonly protocol: TransportProtocol;
  readonly address: string;
  readonly port: number;
}

/** The next hop of a URI as far as it says itself. */
export interface NextHop {
  /** Address or name; an `maddr` goes before the host. */
  readonly host: string;
  readonly port: number | undefined;
  /** Undefined where the URI leaves the choice of a transport; UDP then, unless the DNS says otherwise. */
  readonly protocol: TransportProtocol | undefined;
  readonly isSecure: boolean;
}

/** Targets that are tried, at most. */
const MOST_TARGETS = 16;

/** Null for a transport that is not spoken here. RFC 3261 §26.2.2: `sips` is TLS. */
export function nextHopOf(uri: SipUri): NextHop | null {
  const named = uriParameter(uri, 'transport');
  const isSecure = uri.scheme === 'sips';
  if (named !== undefined && named !== 'udp' && named !== 'tcp' && named !== 'tls') return null;
  if (isSecure && named === 'udp') return null;
  const maddr = uriParameter(uri, 'maddr');
  const host = maddr === undefined || maddr === '' ? uri.host : maddr.replace(/^\[(.*)\]$/, '$1');
  return { host, port: uri.port, protocol: isSecure ? 'tls' : named, isSecure };
}

/**
 * The targets of a next hop that is a name, in the order in which they are tried.
 * @param speaks whether we have a listener for a transport
 */
export async function locateServer(
  hop: NextHop,
  dns: DnsClient,
  speaks: (protocol: TransportProtocol) => boolean,
  random: () => number = Math.random,
): Promise<Target[]> {
  const { host, port, protocol } = hop;
  // RFC 3263 §4.2: a port that is given says that there is nothing to look up but the address.
  if (port !== undefined || isIP(host) !== 0) {
    return targetsAt(host, port, protocol ?? 'udp', dns);
  }
  const services = protocol === undefined ? await servicesOf(host, dns, speaks) : [srvService(protocol, host)];
  for (const { protocol: offered, name } of services) {
    const { records } = await dns.srv(name);
    if (records.length === 0) continue;
    // RFC 2782: a target of "." says that the service is not to be had.
    const usable = orderSrv(records, random).filter((record) => record.name !== '.' && record.name !== '');
    const found = await Promise.all(
      usable.slice(0, MOST_TARGETS).map((record) => targetsAt(record.name, record.port, offered, dns)),
    );
    return found.flat().slice(0, MOST_TARGETS);
  }
  return targetsAt(host, undefined, protocol ?? 'udp', dns);
}

interface Service {
  readonly protocol: TransportProtocol;
  readonly name: string;
}

/** RFC 3263 §4.1: what the domain offers by NAPTR, best first; without that, whatever we speak. */
async function servicesOf(
  host: string,
  dns: DnsClient,
  speaks: (protocol: TransportProtocol) => boolean,
): Promise<Service[]> {
  const { records } = await dns.naptr(host);
  const offered = [...records]
    .sort((a, b) => a.order - b.order || a.preference - b.preference)
    .flatMap((record) => serviceOf(record))
    .filter(({ protocol }) => speaks(protocol));
  if (offered.length > 0) return offered;
  return (['udp', 'tcp', 'tls'] as const).filter(speaks).map((protocol) => srvService(protocol, host));
}

function serviceOf({ flags, service, replacement }: NaptrRecord): Service[] {
  if (flags.toLowerCase() !== 's' || replacement === '') return [];
  switch (service.toUpperCase()) {
    case 'SIP+D2U':
      return [{ protocol: 'udp', name: replacement }];
    case 'SIP+D2T':
      return [{ protocol: 'tcp', name: replacement }];
    case 'SIPS+D2T':
      return [{ protocol: 'tls', name: replacement }];
    default:
      return [];
  }
}

function srvService(protocol: TransportProtocol, host: string): Service {
  const service = protocol === 'tls' ? '_sips._tcp' : `_sip._${protocol}`;
  return { protocol, name: `${service}.${host}` };
}

async function targetsAt(
  host: string,
  port: number | undefined,
  protocol: TransportProtocol,
  dns: DnsClient,
): Promise<Target[]> {
  const addresses = isIP(host) === 0 ? (await dns.addresses(host)).records : [host];
  return addresses.map((address) => ({ protocol, address, port: port ?? defaultPortOf(protocol) }));
}
