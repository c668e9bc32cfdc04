// Addresses written as host or host:port, IPv6 in brackets when a port follows.
import { isIP } from 'node:net';

export interface HostPort {
  readonly host: string;
  readonly port: number | undefined;
}

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

/** Splits `host`, `host:port`, `[v6]` or `[v6]:port`; undefined when it is none of them. */
export function parseHostPort(text: string): HostPort | undefined {
  if (isIP(text) === 6) return { host: text, port: undefined };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain, portText] = match;
  const host = bracketed ?? plain ?? '';
  if (bracketed !== undefined && isIP(bracketed) !== 6) return undefined;
  if (plain !== undefined && isIP(plain) === 0 && !isHostName(plain)) return undefined;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { host, port };
}

/** A name of only digits and dots is a mistyped address, not a name. */
function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && !/^[\d.]+$/.test(text);
}
