// A message as it passed the transport, kept for traces and for the mirror.
import { isIPv4 } from 'node:net';
import type { Flow, TransportProtocol } from '../transport/flow.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface CapturedMessage {
  readonly isReceived: boolean;
  /** Milliseconds since the epoch, with a fraction. */
  readonly wallMs: number;
  readonly protocol: TransportProtocol;
  /** Where the packet came from and went to. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** What is ours of the two, and what the peer's. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** A copy: what came on a stream is a part of something larger. */
  readonly bytes: Buffer;
}

export function capture(isReceived: boolean, bytes: Buffer, flow: Flow, wallMs: number): CapturedMessage {
  const { listener } = flow;
  const isWildcard = listener.address === '0.0.0.0' || listener.address === '::';
  // What a wildcard listener was reached by is known to the kernel alone; what it advertises is the next best.
  const isAdvertised = isWildcard && isIPv4(listener.advertise) === (listener.family === 4);
  const local = { address: isAdvertised ? listener.advertise : listener.address, port: listener.port };
  const remote = { address: flow.address, port: flow.port };
  return {
    isReceived,
    wallMs,
    protocol: listener.protocol,
    source: isReceived ? remote : local,
    destination: isReceived ? local : remote,
    local,
    remote,
    bytes: Buffer.from(bytes),
  };
}

/** Start line and headers, one character a byte. */
export function headOf(bytes: Buffer): string {
  const end = bytes.indexOf('\r\n\r\n', 0, 'latin1');
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
}

export function endpointText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
