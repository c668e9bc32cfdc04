// How a gateway is told which channel calls which number, by its settings: request-URI, its parameters, headers, the From user.
// The caller ID is the SIM's own number wherever it stands (RFC 3261 §20.20, RFC 3325; Remote-Party-ID as gateways have it).
import { isIP } from 'node:net';
import { dialForm } from '../numbers/normalise-callee.js';
import { type DialValues, fillTemplate } from './dial-template.js';

/** Where a gateway looks for the caller ID. */
export const CALLER_ID_PLACES = ['from', 'p-asserted-identity', 'remote-party-id'] as const;
export type CallerIdPlace = (typeof CALLER_ID_PLACES)[number];

export interface GatewayAddress {
  readonly host: string;
  /** Undefined for a name whose SRV records say it (RFC 3263 §4.2). */
  readonly port: number | undefined;
  readonly transport: 'udp' | 'tcp' | 'tls';
}

/** Templates have {port}, {number} (as dialled in the SIM's country), {e164}, {sim} and {line}. */
export interface DialledGateway extends GatewayAddress {
  /** Template of the request-URI's user. */
  readonly dial: string;
  /** Templates of the request-URI's parameters, by name. */
  readonly uriParameters?: Readonly<Record<string, string>> | undefined;
  /** Templates of headers, by name. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: the From header. */
  readonly callerId?: readonly CallerIdPlace[] | undefined;
  /** Template of the From user, where the caller ID does not stand there. Default: the line. */
  readonly fromUser?: string | undefined;
}

export interface DialledChannel {
  readonly port: number;
  readonly simNumber: string;
  /** What its gateway knows it by; its port when left out. */
  readonly line?: string | undefined;
}

/** What an INVITE to a channel says of it. */
export interface DialAddress {
  readonly requestUri: string;
  readonly fromUser: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function dialAddress(gateway: DialledGateway, channel: DialledChannel, e164: string): DialAddress {
  const values = valuesOf(channel, e164);
  const { callerId = ['from'], fromUser = '{line}', headers = {} } = gateway;
  const ownHeaders: Record<string, string> = {};
  for (const [name, template] of Object.entries(headers)) ownHeaders[name] = fillTemplate(template, values);
  addIdentity(ownHeaders, callerId, `<sip:${channel.simNumber}@${bracketed(gateway.host)}>`);
  return {
    requestUri: uriFor(gateway, values),
    fromUser: callerId.includes('from') ? channel.simNumber : escapeUser(fillTemplate(fromUser, values)),
    headers: ownHeaders,
  };
}

/** Adds the caller ID where it stands in headers of its own. */
export function addIdentity(headers: Record<string, string>, places: readonly CallerIdPlace[], identity: string): void {
  if (places.includes('p-asserted-identity')) headers['P-Asserted-Identity'] = identity;
  if (places.includes('remote-party-id')) {
    headers['Remote-Party-ID'] = `${identity};party=calling;screen=yes;privacy=off`;
  }
}

export function dialUri(gateway: DialledGateway, channel: DialledChannel, e164: string): string {
  return uriFor(gateway, valuesOf(channel, e164));
}

function valuesOf({ port, simNumber, line = String(port) }: DialledChannel, e164: string): DialValues {
  return { port: String(port), number: dialForm({ e164 }, simNumber), e164, sim: simNumber, line };
}

function uriFor(gateway: DialledGateway, values: DialValues): string {
  const uri = gatewayUri(gateway, `${escapeUser(fillTemplate(gateway.dial, values))}@`);
  if (gateway.uriParameters === undefined) return uri;
  const parameters = Object.entries(gateway.uriParameters).map(([name, template]) => {
    const value = fillTemplate(template, values);
    return value === '' ? `;${name}` : `;${name}=${escapeParameter(value)}`;
  });
  return `${uri}${parameters.join('')}`;
}

/** The gateway itself, or with `userAt` one of its users. */
export function gatewayUri({ host, port, transport }: GatewayAddress, userAt = ''): string {
  const hostPort = port === undefined ? bracketed(host) : `${bracketed(host)}:${port}`;
  // Written for UDP too: a gateway that is called over UDP gets no TCP for a large message (RFC 3261 §18.1.1 would).
  return `sip:${userAt}${hostPort};transport=${transport}`;
}

export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** RFC 3261 §25.1: unreserved and user-unreserved stand as they are; "#", for one, does not. */
export function escapeUser(user: string): string {
  return user.replaceAll(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu, (character) => encodeURIComponent(character));
}

/** RFC 3261 §25.1: unreserved and param-unreserved stand as they are. */
function escapeParameter(value: string): string {
  return value.replaceAll(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/gu, (character) => encodeURIComponent(character));
}
