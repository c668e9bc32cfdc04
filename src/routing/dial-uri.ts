// The request-URI that makes a gateway call a number by one of its channels, from the gateway's dial template.
import { isIP } from 'node:net';
import { dialForm } from '../numbers/normalise-callee.js';

export interface DialledGateway {
  /** Template with {port}, {number} (as dialled in the SIM's country), {e164} and {sim}. */
  readonly dial: string;
  readonly host: string;
  /** Undefined for a name whose SRV records say it (RFC 3263 §4.2). */
  readonly port: number | undefined;
  readonly transport: 'udp' | 'tcp' | 'tls';
}

export interface DialledChannel {
  readonly port: number;
  readonly simNumber: string;
}

export function dialUri(gateway: DialledGateway, channel: DialledChannel, e164: string): string {
  const values: Readonly<Record<string, string>> = {
    port: String(channel.port),
    number: dialForm({ e164 }, channel.simNumber),
    e164,
    sim: channel.simNumber,
  };
  const user = gateway.dial.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  return gatewayUri(gateway, `${escapeUser(user)}@`);
}

/** The gateway itself, or with `userAt` one of its users. */
export function gatewayUri({ host, port, transport }: Omit<DialledGateway, 'dial'>, userAt = ''): string {
  const bracketed = isIP(host) === 6 ? `[${host}]` : host;
  const hostPort = port === undefined ? bracketed : `${bracketed}:${port}`;
  // Written for UDP too: a gateway that is called over UDP gets no TCP for a large message (RFC 3261 §18.1.1 would).
  return `sip:${userAt}${hostPort};transport=${transport}`;
}

/** RFC 3261 §25.1: unreserved and user-unreserved stand as they are; "#", for one, does not. */
function escapeUser(user: string): string {
  return user.replaceAll(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/g, (character) => encodeURIComponent(character));
}
