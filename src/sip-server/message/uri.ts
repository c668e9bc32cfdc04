// SIP and SIPS URIs, as far as routing reads them. RFC 3261 §19.1.
import { isIPv6, SocketAddress } from 'node:net';

export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** User and password as written, without the `@`; undefined when there is none. */
  readonly user: string | undefined;
  /** Lower case; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** From the first `;`, headers excluded. */
  readonly parameters: string;
  /** From the `?`, or empty. */
  readonly headers: string;
}

const SIP_URI =
  /^(sips?):(?:([^@\s<>]*)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?)(?::(\d{1,5}))?(;[^?\s<>]*)?(\?[^\s<>]*)?$/i;

/** Null for another scheme or a text that is no URI. */
export function parseSipUri(text: string): SipUri | null {
  const match = SIP_URI.exec(text);
  if (match === null) return null;
  // RFC 5118 §4.10: the grammar of RFC 3261 lets a third colon in.
  const host = (match[3] as string).replace(':::', '::');
  const port = match[4] === undefined ? undefined : Number(match[4]);
  if (port !== undefined && (port === 0 || port > 65535)) return null;
  return {
    scheme: (match[1] as string).toLowerCase() as 'sip' | 'sips',
    user: match[2],
    host: (host.startsWith('[') ? host.slice(1, -1) : host).toLowerCase(),
    port,
    parameters: match[5] ?? '',
    headers: match[6] ?? '',
  };
}

/** Value of a URI parameter, lower case; '' without a value, undefined when absent. */
export function uriParameter(uri: SipUri, name: string): string | undefined {
  if (uri.parameters === '') return undefined;
  for (const part of uri.parameters.slice(1).split(';')) {
    const equals = part.indexOf('=');
    const key = (equals === -1 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (key === name)
      return equals === -1
        ? ''
        : part
            .slice(equals + 1)
            .trim()
            .toLowerCase();
  }
  return undefined;
}

/** Whether two hosts are the same text, or two ways to write one IPv6 address (RFC 5952 §2). */
export function isSameHost(a: string, b: string): boolean {
  if (a === b) return true;
  if (!a.includes(':') || !b.includes(':')) return a.toLowerCase() === b.toLowerCase();
  return isIPv6(a) && isIPv6(b) && canonicalIPv6(a) === canonicalIPv6(b);
}

function canonicalIPv6(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

/** `host:port` as written in URIs and Via; the port left out when undefined. */
export function hostPort(host: string, port: number | undefined): string {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? bracketed : `${bracketed}:${port}`;
}
