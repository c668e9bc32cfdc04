// The topmost Via: what transaction matching and response routing read of it. RFC 3261 §18.2, §20.42, RFC 3581.
import { endOfElement, parameterAt } from './name-address.js';

export interface TopVia {
  /** As written, e.g. `UDP`. */
  readonly transport: string;
  readonly host: string;
  /** Undefined when the sent-by has none. */
  readonly port: number | undefined;
  readonly branch: string | undefined;
  /** `;rport` is there, with or without a value. */
  readonly hasRport: boolean;
  readonly parameters: string;
  /** Length of the first element within the header value. */
  readonly length: number;
}

const SENT_PROTOCOL =
  /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*([A-Za-z0-9-]+)[ \t]+(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?:[ \t]*:[ \t]*(\d{1,5}))?[ \t]*(?=;|$)/;

/** Reads the first element of a Via value; null when it is no Via. */
export function parseTopVia(value: string): TopVia | null {
  const length = endOfElement(value, 0);
  const element = value.slice(0, length);
  const match = SENT_PROTOCOL.exec(element);
  if (match === null) return null;
  const port = match[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && (port === 0 || port > 65535)) return null;
  const parameters = element.slice(match[0].length).trimEnd();
  let branch: string | undefined;
  let hasRport = false;
  for (let at = 0; at < parameters.length; ) {
    const { name, value, end, isClosed } = parameterAt(parameters, at);
    if (name === '' || !isClosed) return null;
    if (name.length === 6 && branch === undefined && name.toLowerCase() === 'branch') branch = value;
    else if (name.length === 5 && name.toLowerCase() === 'rport') hasRport = true;
    at = end;
  }
  return { transport: match[1] as string, host: match[2] as string, port, branch, hasRport, parameters, length };
}

/**
 * The value with the packet's source written into its first element. RFC 3261 §18.2.1, RFC 3581 §4.
 * Deviation: `rport` is always filled in, as drachtio-server does, whether or not the peer asked for it.
 */
export function stampVia(value: string, via: TopVia, address: string, port: number): string {
  // RFC 4007 §11: the zone of a link-local address means nothing to anybody else.
  const zone = address.indexOf('%');
  const source = zone === -1 ? address : address.slice(0, zone);
  const host = via.host.startsWith('[') ? via.host.slice(1, -1) : via.host;
  const start = value.slice(0, via.length).trimEnd();
  const sentBy = start.slice(0, start.length - via.parameters.length).trimEnd();
  const received = via.hasRport || host !== source ? `;received=${source}` : '';
  return `${sentBy}${foreignParameters(via.parameters)}${received};rport=${port}${value.slice(via.length)}`;
}

/** All but those that the receiver of the packet fills in: a peer could have written anything into them. */
function foreignParameters(parameters: string): string {
  let kept = '';
  for (let at = 0; at < parameters.length; ) {
    const { name, start, end } = parameterAt(parameters, at);
    if (!/^(?:rport|received)$/i.test(name)) kept += parameters.slice(start, end).trimEnd();
    at = end;
  }
  return kept;
}
