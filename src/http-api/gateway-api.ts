// POST or GET /api/v1/gateways/NAME: what a gateway tells over HTTP: messages that mobiles sent it, and what became of ours. Which
// field means what is said by its settings, as data. The answer comes when it is in the journal, so that the gateway may forget it.
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import {
  entriesAt,
  readToldMessage,
  readToldReport,
  type ToldEntry,
  type ToldMessageFields,
  type ToldReportFields,
  textAt,
} from '../messages/told-messages.js';
import { type ApiAnswer, type ApiHandler, type ApiRequest, problem } from './api-server.js';

/** `list`: where entries are; null: the whole body is one. */
export interface PushFields {
  readonly message: ToldMessageFields & { readonly list: string | null };
  readonly report: ToldReportFields & { readonly list: string | null };
}

export interface GatewayApiParts {
  /** Undefined for a gateway that has nothing to do with messages. */
  fieldsOf(gateway: string): PushFields | undefined;
  /** `said` is null when the gateway does not say; null for a channel that is not there. */
  channelOf(gateway: string, said: string | null): ArrivedMessage['channel'] | null;
  receive(message: ArrivedMessage): Promise<void>;
  report(report: DeliveryReport): Promise<boolean>;
}

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
  const channelOf = (said: string | null) => parts.channelOf(gateway, said);
  for (const entry of entriesOf(body, fields.message.list)) {
    const arrived = readToldMessage(entry, fields.message, gateway, channelOf);
    if (arrived === 'other') continue;
    if (arrived === null) taken.unknown++;
    else {
      await parts.receive(arrived);
      taken.messages++;
    }
  }
  for (const entry of entriesOf(body, fields.report.list)) {
    const isMessage = textAt(entry, fields.message.text) !== null && fields.report.list === null;
    const report = isMessage ? null : readToldReport(entry, fields.report, gateway, channelOf);
    if (report === null) continue;
    if (await parts.report(report)) taken.reports++;
    else taken.unknown++;
  }
  // A channel or message that is not known now will not be later: asking for it again is of no use.
  return { status: 200, body: taken };
}

function entriesOf(body: unknown, list: string | null): readonly ToldEntry[] {
  return (entriesAt(body, list) ?? []).slice(0, MAX_ITEMS);
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

function formOf(form: URLSearchParams): ToldEntry {
  return Object.fromEntries([...form].filter(([name]) => name !== 'token'));
}
