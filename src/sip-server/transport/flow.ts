// A listener is where we are reachable; a flow is a listener and the far address, both ways of one path (RFC 5626 §1).
import { hostPort } from '../message/uri.js';
import type { StreamConnection } from './stream-connection.js';

export type TransportProtocol = 'udp' | 'tcp' | 'tls';

export interface Listener {
  readonly protocol: TransportProtocol;
  /** As bound; may be a wildcard. */
  readonly address: string;
  readonly port: number;
  readonly advertise: string;
  readonly network: string | undefined;
  readonly family: 4 | 6;
  /** `host:port` as we write it in Via, the port left out when it is the default. */
  readonly sentBy: string;
  /** Without angle brackets. */
  readonly contactUri: string;
  /**
   * Sends one message.
   * @param onFailure called at most once, later, when the message certainly did not arrive
   * @param isRepeated an earlier sending brought no answer: on UDP it is worth watching for ICMP errors
   */
  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void, isRepeated?: boolean): void;
}

export interface Flow {
  readonly listener: Listener;
  readonly address: string;
  readonly port: number;
  readonly connection: StreamConnection | null;
  /** Where responses go when the connection is gone: the port of the Via (RFC 3261 §18.2.2). */
  readonly returnPort?: number;
  /** TLS: the host name that the peer's certificate must speak for (RFC 5922 §4); left out for a numeric target. */
  readonly serverName?: string;
  /** The peer's Contact counts, also where its packets come from elsewhere. */
  readonly followsContact?: boolean;
  /** Where a request goes when this target is out of order (RFC 3263 §4.3). */
  readonly next?: Flow;
  /**
   * The same target over TCP, for a request too large for UDP (RFC 3261 §18.1.1); null when it cannot be had. Left out where
   * UDP was asked for by name.
   */
  readonly overTcp?: () => Flow | null;
  /** Told that the target did not take a connection. */
  readonly onRefused?: () => void;
}

export const DEFAULT_SIP_PORT = 5060;
const DEFAULT_SIPS_PORT = 5061;

/** RFC 3261 §18.1.1, §19.1.2. */
export function defaultPortOf(protocol: TransportProtocol): number {
  return protocol === 'tls' ? DEFAULT_SIPS_PORT : DEFAULT_SIP_PORT;
}

export function sentByOf(protocol: TransportProtocol, advertise: string, port: number): string {
  return hostPort(advertise, port === defaultPortOf(protocol) ? undefined : port);
}

export function contactUriOf(protocol: TransportProtocol, advertise: string, port: number): string {
  return `sip:${hostPort(advertise, port)}${protocol === 'udp' ? '' : `;transport=${protocol}`}`;
}
