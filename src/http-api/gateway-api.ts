// POST or GET /api/v1/gateways/NAME: what a gateway tells over HTTP: messages that mobiles sent it, and what became of ours. Which
// field means what is said by its settings, as data. The answer comes when it is in the journal, so that the gateway may forget it.
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import {
  entriesAt,
  readToldMessage,
  readToldReport,
  type ToldEntry,
  type ToldFields,
  textAt,
} from '../messages/told-messages.js';
import { type ApiAnswer, type ApiHandler, type ApiRequest, problem } from './api-server.js';

export interface GatewayApiParts {
  /** Undefined for a gateway that has nothing to do with messages. */
  fieldsOf(gateway: string): ToldFields | undefined;
  /** `said` is null when the gateway does not say; null for a channel that is not there. */
  channelOf(gateway: string, said: string | null): ArrivedMessage['channel'] | null;
  receive(message: ArrivedMessage): Promise<void>;
  /** Keeps one of a channel that is not there until it is; `channel` as the gateway names it. */
  hold(gateway: string, entry: ToldEntry, channel: string | null): Promise<void>;
  report(report: DeliveryReport): Promise<boolean>;
}

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

/** Takes a message that was held before; `unknown`: its channel is not there yet. */
export async function takePushedMessage(
  parts: Pick<GatewayApiParts, 'channelOf' | 'receive'>,
  gateway: string,
  { message }: ToldFields,
  entry: ToldEntry,
): Promise<'taken' | 'unknown' | 'other'> {
  const arrived = readToldMessage(entry, message, gateway, (said) => parts.channelOf(gateway, said));
  if (arrived === 'other') return 'other';
  if (arrived === null) return 'unknown';
  await parts.receive(arrived);
  return 'taken';
}

async function take(parts: GatewayApiParts, gateway: string, fields: ToldFields, body: unknown): Promise<ApiAnswer> {
  const taken = { messages: 0, held: 0, reports: 0, unknown: 0 };
  const { message, report } = fields;
  for (const entry of entriesAt(body, message.list) ?? []) {
    const became = await takePushedMessage(parts, gateway, fields, entry);
    if (became === 'taken') taken.messages++;
    if (became !== 'unknown') continue;
    await parts.hold(gateway, entry, message.channel === null ? null : textAt(entry, message.channel));
    taken.held++;
  }
  for (const entry of entriesAt(body, report.list) ?? []) {
    const isMessage = textAt(entry, message.text) !== null && report.list === null;
    const said = isMessage ? null : readToldReport(entry, report, gateway, (named) => parts.channelOf(gateway, named));
    if (said === null) continue;
    if (await parts.report(said)) taken.reports++;
    else taken.unknown++;
  }
  // A message that is not known now will not be later: being told again of what became of it is of no use.
  return { status: 200, body: taken };
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
