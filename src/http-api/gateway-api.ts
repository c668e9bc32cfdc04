// POST or GET /api/v1/gateways/NAME: what a gateway tells over HTTP: messages that mobiles sent it, and what became of ours. Which
// field means what is said by its settings, as data. The answer comes when it is in the journal, so that the gateway may forget it.
import { createHash } from 'node:crypto';
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import { type ApiAnswer, type ApiHandler, type ApiRequest, problem } from './api-server.js';

/** Names of fields; a dot leads into an object. Null: it does not say. */
export interface PushedMessageFields {
  /** A list of messages; null: the whole body is one. */
  readonly list: string | null;
  readonly from: string;
  readonly text: string;
  /** Line, port or number of the SIM. */
  readonly channel: string | null;
  readonly id: string | null;
}

export interface PushedReportFields {
  readonly list: string | null;
  /** Our id of the message. */
  readonly id: string | null;
  /** What the gateway called it when it took it. */
  readonly reference: string | null;
  readonly number: string | null;
  readonly channel: string | null;
  readonly status: string;
  readonly delivered: RegExp;
  /** What fits neither is of a message that is still under way. */
  readonly undelivered: RegExp;
}

export interface PushFields {
  readonly message: PushedMessageFields;
  readonly report: PushedReportFields;
}

export interface GatewayApiParts {
  /** Undefined for a gateway that has nothing to do with messages. */
  fieldsOf(gateway: string): PushFields | undefined;
  /** `said` is null when the gateway does not say; null for a channel that is not there. */
  channelOf(gateway: string, said: string | null): ArrivedMessage['channel'] | null;
  receive(message: ArrivedMessage): Promise<void>;
  report(report: DeliveryReport): Promise<boolean>;
}

type Item = Readonly<Record<string, unknown>>;

const MAX_ITEMS = 1_000;

export function gatewayApi(parts: GatewayApiParts): ApiHandler {
  return {
    methods: ['GET', 'POST'],
    async handle(request) {
      const [, gateway, ...more] = request.path;
      if (gateway === undefined || more.length > 0) return null;
      if (request.token.gateway !== gateway) return problem(403, 'forbidden', 'This token is not this gateway’s.');
      const fields = parts.fieldsOf(gateway);
      if (fields === undefined) return null;
      const body = readBody(request);
      if (body === null) return problem(400, 'bad-request', 'The body is neither JSON nor a form.');
      return take(parts, gateway, fields, body);
    },
  };
}

async function take(parts: GatewayApiParts, gateway: string, fields: PushFields, body: unknown): Promise<ApiAnswer> {
  const taken = { messages: 0, reports: 0, unknown: 0 };
  for (const item of itemsOf(body, fields.message.list)) {
    const arrived = readMessage(parts, gateway, fields.message, item);
    if (arrived === 'other') continue;
    if (arrived === null) taken.unknown++;
    else {
      await parts.receive(arrived);
      taken.messages++;
    }
  }
  for (const item of itemsOf(body, fields.report.list)) {
    const isMessage = textAt(item, fields.message.text) !== null && fields.report.list === null;
    const report = isMessage ? null : readReport(parts, gateway, fields.report, item);
    if (report === null) continue;
    if (await parts.report(report)) taken.reports++;
    else taken.unknown++;
  }
  // A channel or message that is not known now will not be later: asking for it again is of no use.
  return { status: 200, body: taken };
}

/** `other`: it is no message; null: of a channel that is not there. */
function readMessage(
  parts: GatewayApiParts,
  gateway: string,
  fields: PushedMessageFields,
  item: Item,
): ArrivedMessage | 'other' | null {
  const from = textAt(item, fields.from);
  const text = textAt(item, fields.text);
  if (from === null || text === null) return 'other';
  const channel = parts.channelOf(gateway, fields.channel === null ? null : textAt(item, fields.channel));
  if (channel === null) return null;
  const id = fields.id === null ? null : textAt(item, fields.id);
  // Without an id the same text at the same time is the same message.
  const key = id ?? createHash('sha256').update(JSON.stringify(item)).digest('base64url');
  return { gateway, channel, from, text, key: `http\n${channel.channelId}\n${key}` };
}

function readReport(
  parts: GatewayApiParts,
  gateway: string,
  fields: PushedReportFields,
  item: Item,
): DeliveryReport | null {
  const said = (name: string | null) => (name === null ? null : textAt(item, name));
  const status = textAt(item, fields.status);
  if (status === null) return null;
  const isDelivered = fields.delivered.test(status);
  if (!isDelivered && !fields.undelivered.test(status)) return null;
  const channel = fields.channel === null ? null : parts.channelOf(gateway, said(fields.channel));
  return {
    ...{ gateway, status: isDelivered ? 'delivered' : 'undelivered', detail: status },
    ...{ messageId: said(fields.id), reference: said(fields.reference), number: said(fields.number) },
    channelId: channel?.channelId ?? null,
    key: null,
  };
}

function itemsOf(body: unknown, list: string | null): readonly Item[] {
  const found = list === null ? body : valueAt(body, list);
  const items = Array.isArray(found) ? found.slice(0, MAX_ITEMS) : [found];
  return items.filter(isItem);
}

function readBody({ method, contentType, body, query }: ApiRequest): unknown {
  if (method === 'GET') return formOf(query);
  if (contentType === 'application/x-www-form-urlencoded') return formOf(new URLSearchParams(body));
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function formOf(form: URLSearchParams): Item {
  return Object.fromEntries([...form].filter(([name]) => name !== 'token'));
}

function textAt(item: Item, path: string): string | null {
  const value = valueAt(item, path);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, step) => (isItem(at) && Object.hasOwn(at, step) ? at[step] : undefined), value);
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
