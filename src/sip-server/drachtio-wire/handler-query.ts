// Asking a URL what to do with a request, as drachtio-server asks it: what is put into the query, and what the answer may say.
import type { SipMessage } from '../message/sip-message.js';
import { parseSipUri } from '../message/uri.js';
import { type ProxyOptions, parseTimeout } from '../proxy/proxy-options.js';
import type { Flow } from '../transport/flow.js';

export type HandlerAction =
  | { readonly kind: 'reject'; readonly status: number; readonly reason: string | undefined }
  | { readonly kind: 'redirect'; readonly contacts: readonly string[] }
  | { readonly kind: 'proxy'; readonly options: ProxyOptions }
  | { readonly kind: 'connect'; readonly host: string; readonly port: number; readonly isTls: boolean }
  | { readonly kind: 'tag'; readonly tag: string };

/** `?method=INVITE&domain=…`, percent-encoded in lower-case hex. */
export function handlerQuery(request: SipMessage, flow: Flow): string {
  const uri = parseSipUri(request.uri);
  const fields: [name: string, value: string][] = [
    ['method', request.method],
    ['domain', uri?.host ?? ''],
    ['protocol', flow.listener.protocol],
    ['source_address', flow.address],
    ['fromUser', parseSipUri(request.from?.uri ?? '')?.user ?? ''],
    ['toUser', parseSipUri(request.to?.uri ?? '')?.user ?? ''],
    ['uriUser', uri?.user ?? ''],
    ['contentType', request.value('content-type') ?? ''],
    ['uri', request.uri],
  ];
  for (const parameter of (uri?.parameters ?? '').split(';')) {
    const [name = '', value = ''] = parameter.split('=');
    if (name !== '') fields.push([name, value]);
  }
  return `?${fields.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase());
}

/** Reads the JSON answer; null when it says nothing that we understand. */
export function readHandlerAnswer(json: unknown): HandlerAction | null {
  const { action, data } = fieldsOf(json);
  const fields = fieldsOf(data);
  switch (action) {
    case 'reject': {
      const status = Number(fields.status);
      if (!Number.isInteger(status) || status < 300 || status > 699) return null;
      const reason = oneLine(fields.reason);
      return { kind: 'reject', status, reason };
    }
    case 'redirect': {
      const contacts = listOf(fields.contact);
      return contacts.length === 0 ? null : { kind: 'redirect', contacts };
    }
    case 'proxy': {
      const targets = listOf(fields.destination);
      return targets.length === 0 ? null : { kind: 'proxy', options: proxyOptionsOf(fields, targets) };
    }
    case 'route': {
      const tag = oneLine(fields.tag);
      return tag === undefined ? readConnectAddress(oneLine(fields.uri) ?? '') : { kind: 'tag', tag };
    }
    default:
      return null;
  }
}

/** `host:port`, with `;transport=tls` or as a `tcp:` or `tls:` URL; null when it is neither. */
export function readConnectAddress(text: string): HandlerAction | null {
  const match = /^(?:(tcp|tls):\/\/|sip:)?(\[[0-9a-fA-F:.]+\]|[^\s:;/[\]]+):(\d{1,5})\/?(;transport=(tcp|tls))?$/.exec(
    text,
  );
  if (match === null) return null;
  const port = Number(match[3]);
  if (port === 0 || port > 65_535) return null;
  const host = (match[2] as string).replace(/^\[|\]$/g, '');
  return { kind: 'connect', host, port, isTls: match[1] === 'tls' || match[5] === 'tls' };
}

function proxyOptionsOf(fields: Record<string, unknown>, targets: readonly string[]): ProxyOptions {
  return {
    recordsRoute: fields.recordRoute === true,
    tellsResponses: false,
    followsRedirects: fields.followRedirects !== false,
    isSimultaneous: fields.simultaneous === true,
    provisionalTimeoutMs: parseTimeout(oneLine(fields.provisionalTimeout)),
    finalTimeoutMs: parseTimeout(oneLine(fields.finalTimeout)),
    targets: targets.map((target) => (/^(sips?|tel):/i.test(target) ? target : `sip:${target}`)),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).map(oneLine).filter((text) => text !== undefined);
}

/** Text for a header line: nothing else gets into our messages. */
function oneLine(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && !/[\r\n\0]/.test(value) ? value : undefined;
}
