// What a gateway tells in JSON of text messages: which field of an entry means what is said by its settings, as data. Pushed to us
// or asked for, the same message is read alike, so that it is one however it comes. Pure; nothing here throws, whatever comes.
import { createHash } from 'node:crypto';
import { DateTime } from 'luxon';
import type { ArrivedMessage, DeliveryReport } from './message.js';

/** Names of fields; a dot leads into an object, a number into a list. Null: it does not say. */
export interface ToldMessageFields {
  readonly from: string;
  readonly text: string;
  /** Line, port or number of the SIM. */
  readonly channel: string | null;
  readonly id: string | null;
  /** When it came there: tells it from another with the same text. Null or left out: all else in the entry does. */
  readonly time?: string | null | undefined;
  /** Of gateways that tell reports in the same list; left out: an entry with both `from` and `text` is a message. */
  readonly when?: FieldTest | undefined;
  readonly textIs?: 'text' | 'base64' | undefined;
  /** Every entry that this is asked of is a message, though its text is empty. Left out: an empty one is none. */
  readonly mayBeEmpty?: boolean | undefined;
}

export interface ToldReportFields {
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
  /** Tells the same report again from another message's. Null or left out: repetitions are not known. */
  readonly time?: string | null | undefined;
  /** Of the gateway's clock; left out: its `time` says nothing of when that was. */
  readonly timeZone?: string | undefined;
  readonly when?: FieldTest | undefined;
}

/** Of a gateway that tells by itself; `list`: where entries are, null when the whole body is one. */
export interface ToldFields {
  readonly message: ToldMessageFields & { readonly list: string | null };
  readonly report: ToldReportFields & { readonly list: string | null };
}

export interface FieldTest {
  readonly field: string;
  readonly is: readonly string[];
}

/** An object, or a list, of JSON. */
export type ToldEntry = Readonly<Record<string, unknown>>;

/** `said` is null when the gateway does not say; null for a channel that is not there. */
export type ChannelSaid = (said: string | null) => ArrivedMessage['channel'] | null;

/** Entries at `list`, a path; null: the whole is one, or a list of them. Null when there is nothing of the kind. */
export function entriesAt(body: unknown, list: string | null): readonly ToldEntry[] | null {
  const found = list === null ? body : valueAt(body, list);
  if (Array.isArray(found)) return found.filter(isEntry);
  return isEntry(found) ? [found] : null;
}

/** `other`: it is no message; null: of a channel that is not there. */
export function readToldMessage(
  entry: ToldEntry,
  fields: ToldMessageFields,
  gateway: string,
  channelOf: ChannelSaid,
): ArrivedMessage | 'other' | null {
  const from = textAt(entry, fields.from);
  const written = fields.mayBeEmpty && valueAt(entry, fields.text) === '' ? '' : textAt(entry, fields.text);
  const said = fields.textIs === 'base64' ? decoded(written) : written;
  if (!fits(entry, fields.when) || from === null || said === null) return 'other';
  const channel = channelOf(fields.channel === null ? null : textAt(entry, fields.channel));
  if (channel === null) return null;
  const id = fields.id === null ? null : textAt(entry, fields.id);
  const time = fields.time ? textAt(entry, fields.time) : null;
  // Ids may begin anew with the gateway's memory; without one, the same text at the same time is the same message.
  const whole = id === null && time === null ? entry : [from, said, time];
  const key = `${id === null ? '' : `${id}\n`}${digestOf(JSON.stringify(whole))}`;
  return { gateway, channel, from, text: said, key: `http\n${channel.channelId}\n${key}` };
}

/** Null for what says nothing that is over. */
export function readToldReport(
  entry: ToldEntry,
  fields: ToldReportFields,
  gateway: string,
  channelOf: ChannelSaid,
): DeliveryReport | null {
  const said = (name: string | null) => (name === null ? null : textAt(entry, name));
  const status = textAt(entry, fields.status);
  if (!fits(entry, fields.when) || status === null) return null;
  const isDelivered = fields.delivered.test(status);
  if (!isDelivered && !fields.undelivered.test(status)) return null;
  const channel = fields.channel === null ? null : channelOf(said(fields.channel));
  const channelId = channel?.channelId ?? null;
  const ofMessage = { messageId: said(fields.id), reference: said(fields.reference), number: said(fields.number) };
  const time = said(fields.time ?? null);
  const whole = JSON.stringify([channelId, ofMessage, status, time]);
  return {
    ...{ gateway, status: isDelivered ? 'delivered' : 'undelivered', detail: status, ...ofMessage, channelId },
    atMs: time === null || fields.timeZone === undefined ? null : wallMsOf(time, fields.timeZone),
    key: time === null ? null : `http\n${digestOf(whole)}`,
  };
}

export function fits(entry: unknown, test: FieldTest | undefined): boolean {
  return test === undefined || test.is.includes(textAt(entry, test.field) ?? '');
}

/** A text or a number; null for all else. */
export function textAt(entry: unknown, path: string): string | null {
  const value = valueAt(entry, path);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Of seconds or milliseconds since 1970, or a date and a time of day in this zone; null for all else. */
export function wallMsOf(time: string, zone: string): number | null {
  if (/^\d{9,10}$/.test(time)) return Number(time) * 1_000;
  if (/^\d{12,13}$/.test(time)) return Number(time);
  if (!/^\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d/.test(time)) return null;
  const read = DateTime.fromISO(time.replaceAll('/', '-').replace(' ', 'T'), { zone });
  return read.isValid ? read.toMillis() : null;
}

function valueAt(value: unknown, path: string): unknown {
  if (path === '') return value;
  return path
    .split('.')
    .reduce<unknown>((at, step) => (isEntry(at) && Object.hasOwn(at, step) ? at[step] : undefined), value);
}

function isEntry(value: unknown): value is ToldEntry {
  return typeof value === 'object' && value !== null;
}

function decoded(base64: string | null): string | null {
  return base64 === null ? null : Buffer.from(base64, 'base64').toString('utf8');
}
