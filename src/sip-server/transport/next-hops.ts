// From a URI to the flows by which a request may reach it: what the DNS says, and by which of our listeners. RFC 3263 §4,
// RFC 3261 §18.1.1.
import { isIP } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import type { SipPeers } from '../control.js';
import { isSameHost, type SipUri } from '../message/uri.js';
import type { DnsClient } from '../resolve/dns-client.js';
import { locateServer, nextHopOf, type Target } from '../resolve/locate-server.js';
import { chooseListener, localNetworks } from './choose-listener.js';
import { defaultPortOf, type Flow, type Listener, type TransportProtocol } from './flow.js';
import { PeerList } from './peer-list.js';

/** A target that refused TCP gets large requests over UDP for so long. */
const WITHOUT_TCP_MS = 600_000;
const REMEMBERED = 4_096;

export class NextHops {
  readonly #listeners: readonly Listener[];
  readonly #dns: DnsClient;
  readonly #clock: Clock;
  readonly #networks = localNetworks();
  #peers = new PeerList([]);
  /** Listeners by transport and address. */
  readonly #chosen = new Map<string, Listener | null>();
  /** Targets that refused TCP, and until when that counts. */
  readonly #withoutTcp = new Map<string, number>();

  /** @param listeners read anew each time: they may not be open yet */
  constructor(listeners: readonly Listener[], dns: DnsClient, clock: Clock) {
    this.#listeners = listeners;
    this.#dns = dns;
    this.#clock = clock;
  }

  /** @throws RangeError naming an entry that is no address or CIDR block; nothing changes then */
  setPeers(peers: readonly SipPeers[]): void {
    this.#peers = new PeerList(peers);
    this.#chosen.clear();
  }

  /** Whether requests in a dialog with this peer go where its Contact says, wherever its packets come from. */
  isContactFollowed(address: string): boolean {
    return this.#peers.isContactFollowed(address);
  }

  /**
   * The flow to a next hop given as a URI, and behind it those to try when it fails.
   * @returns a promise only for a name; null when no listener fits or the name leads nowhere
   */
  flowToUri(uri: SipUri): Flow | null | Promise<Flow | null> {
    const hop = nextHopOf(uri);
    if (hop === null) return null;
    const isOpen = hop.protocol === undefined;
    if (isIP(hop.host) !== 0) {
      const protocol = hop.protocol ?? 'udp';
      return this.#flowTo({ protocol, address: hop.host, port: hop.port ?? defaultPortOf(protocol) }, isOpen);
    }
    const speaks = (protocol: TransportProtocol): boolean =>
      this.#listeners.some((listener) => listener.protocol === protocol);
    return locateServer(hop, this.#dns, speaks).then((targets) => {
      let first: Flow | null = null;
      for (const target of targets.reverse()) {
        // RFC 5922 §4: the certificate speaks for the name in the URI, wherever the DNS has led to.
        const flow = this.#flowTo(target, isOpen, target.protocol === 'tls' ? uri.host : undefined);
        if (flow !== null) first = first === null ? flow : { ...flow, next: first };
      }
      return first;
    });
  }

  /** Whether a URI's host and port are one of ours, as bound or as advertised. */
  isOurs(uri: SipUri): boolean {
    const port = uri.port ?? defaultPortOf(nextHopOf(uri)?.protocol ?? 'udp');
    return this.#listeners.some((listener) => listener.port === port && this.#isHostOf(listener, uri.host));
  }

  #isHostOf({ address, advertise }: Listener, host: string): boolean {
    if (isSameHost(host, address) || isSameHost(host, advertise)) return true;
    const isWildcard = address === '0.0.0.0' || address === '::';
    if (host === 'localhost') return isWildcard || isSameHost(address, '127.0.0.1') || isSameHost(address, '::1');
    return isWildcard && this.#networks.some((network) => isSameHost(network.address, host));
  }

  /** @param isOpen the URI leaves the choice of a transport, so TCP may stand in for UDP */
  #flowTo({ protocol, address, port }: Target, isOpen: boolean, serverName?: string): Flow | null {
    const listener = this.#listenerFor(protocol, address);
    if (listener === null) return null;
    const flow = { listener, address, port, connection: null };
    if (serverName !== undefined) return { ...flow, serverName };
    return isOpen && protocol === 'udp' ? { ...flow, overTcp: () => this.#overTcp(address, port) } : flow;
  }

  #overTcp(address: string, port: number): Flow | null {
    const key = `${address} ${port}`;
    if ((this.#withoutTcp.get(key) ?? 0) > this.#clock.monotonicMs()) return null;
    const flow = this.#flowTo({ protocol: 'tcp', address, port }, false);
    return flow && { ...flow, onRefused: () => this.#noteWithoutTcp(key) };
  }

  #noteWithoutTcp(key: string): void {
    if (this.#withoutTcp.size >= REMEMBERED) this.#withoutTcp.clear();
    this.#withoutTcp.set(key, this.#clock.monotonicMs() + WITHOUT_TCP_MS);
  }

  /** The best listener to send to an address from; null when none speaks that protocol and family. */
  #listenerFor(protocol: TransportProtocol, address: string): Listener | null {
    const key = `${protocol} ${address}`;
    const known = this.#chosen.get(key);
    if (known !== undefined) return known;
    const network = this.#peers.networkOf(address);
    const listener = chooseListener(this.#listeners, this.#networks, protocol, address, network) ?? null;
    if (this.#chosen.size >= REMEMBERED) this.#chosen.clear();
    this.#chosen.set(key, listener);
    return listener;
  }
}
