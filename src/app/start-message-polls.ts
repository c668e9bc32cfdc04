// Asks the gateways that keep received messages and reports for them: a poller each, from the config. A reload replaces what has
// changed and leaves the rest alone.
import { DateTime } from 'luxon';
import type { Config } from '../config/config.js';
import type { MessagePollConfig } from '../config/resolve-message-poll.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { MessageInbox } from '../messages/message-inbox.js';
import type { HeldMessages } from '../messaging/held-messages.js';
import { MessagePoller, type PollCounters, type PollQuestion } from '../messaging/message-poller.js';
import type { StoreJournal } from '../messaging/message-store.js';
import { PollBook } from '../messaging/poll-book.js';
import { requestJson } from '../sim-state/request-json.js';
import { channelOf, channelSaid } from './gateway-messages.js';

interface Parts {
  readonly journal: StoreJournal;
  readonly inbox: Pick<MessageInbox, 'receive' | 'report'>;
  readonly held: HeldMessages;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Of one gateway, by these settings. */
interface Asking {
  readonly settings: string;
  readonly poller: MessagePoller;
}

export class MessagePolls {
  readonly #parts: Parts;
  readonly #book: PollBook;
  readonly #asking = new Map<string, Asking>();
  readonly #ending = new Set<MessagePoller>();
  /** By gateway: resolves when its pollers of before have ended. */
  readonly #ended = new Map<string, Promise<unknown>>();
  #config: Config;
  /** Of pollers that are no more. */
  #before: PollCounters = { polls: 0, failures: 0, messages: 0, reports: 0, unknown: 0, passedOver: 0 };
  #isClosed = false;

  constructor(config: Config, parts: Parts) {
    this.#parts = parts;
    this.#book = new PollBook(parts.journal);
    this.#config = config;
    this.reconfigure(config);
  }

  get counters(): PollCounters {
    const pollers = [...this.#ending, ...[...this.#asking.values()].map(({ poller }) => poller)];
    return pollers.reduce((sum, { counters }) => added(sum, counters), this.#before);
  }

  reconfigure(next: Config): void {
    this.#config = next;
    const wanted = new Map(
      next.messages.gateways.flatMap(({ gateway, poll }) =>
        poll === null ? [] : [[gateway, { poll, settings: JSON.stringify([poll, ...poll.channels]) }] as const],
      ),
    );
    for (const [gateway, { settings, poller }] of this.#asking) {
      if (wanted.get(gateway)?.settings === settings) poller.channelsChanged();
      else this.#end(gateway, poller);
    }
    for (const [gateway, { poll, settings }] of wanted) {
      if (this.#asking.has(gateway)) continue;
      const poller = this.#pollerOf(gateway, poll);
      this.#asking.set(gateway, { settings, poller });
      void this.#startBehind(gateway, poller);
    }
  }

  /** Resolves when nothing is asked any more, by pollers that were replaced neither. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [gateway, { poller }] of this.#asking) this.#end(gateway, poller);
    await Promise.all(this.#ended.values());
  }

  /** Two would ask the same questions, and keep two places. */
  async #startBehind(gateway: string, poller: MessagePoller): Promise<void> {
    await this.#ended.get(gateway);
    if (!this.#isClosed && this.#asking.get(gateway)?.poller === poller) poller.start();
  }

  #end(gateway: string, poller: MessagePoller): void {
    const { log } = this.#parts;
    this.#asking.delete(gateway);
    this.#ending.add(poller);
    const ended = poller
      .close()
      .catch((err: unknown) => log.warn({ err, gateway }, 'messages are asked for no more, and that failed'))
      .finally(() => {
        this.#ending.delete(poller);
        this.#before = added(this.#before, poller.counters);
      });
    this.#ended.set(gateway, Promise.all([this.#ended.get(gateway), ended]));
  }

  #pollerOf(gateway: string, poll: MessagePollConfig): MessagePoller {
    const { inbox, held, clock, log } = this.#parts;
    const asked = new Map(poll.questions.map((question) => [question.path, question]));
    return new MessagePoller({
      ...{ gateway, clock, log, book: this.#book, held },
      questions: poll.questions.map((question) => readingOf(question, poll)),
      ask: ({ name }, from, signal) => {
        const { method = 'GET', path = name, body } = asked.get(name) ?? {};
        const values = valuesFor(poll, from, clock.wallMs());
        const { account, verifyServer, timeoutMs, maxBytes } = poll;
        const question = {
          ...{ url: new URL(filled(path, values, encodeURIComponent), poll.url), method },
          ...{ body: body === undefined ? undefined : filled(body, values, inJson) },
          ...{ account: account ?? undefined, verifyServer, timeoutMs, maxBytes },
        };
        return requestJson(question, signal);
      },
      channelOf: (said) => {
        const named = said === null ? undefined : poll.channels.get(said);
        return named === undefined ? channelSaid(this.#config, gateway, said) : channelOf(this.#config, named);
      },
      receive: (message) => inbox.receive(message),
      report: (report) => inbox.report(report),
    });
  }
}

/** How far it was read is kept by its path. */
function readingOf(
  question: MessagePollConfig['questions'][number],
  { intervalMs, timeZone }: MessagePollConfig,
): PollQuestion {
  const { path: name, everySeconds, accepted, list, cursor, message, report } = question;
  return {
    ...{ name, accepted },
    everyMs: everySeconds === undefined ? intervalMs : everySeconds * 1_000,
    list: list === '' ? null : list,
    cursor: cursor === undefined ? null : cursorOf(cursor),
    message:
      message === undefined
        ? null
        : {
            ...{ channel: null, id: null, time: null, ...defined(message) },
            mayBeEmpty: report === undefined || message.when !== undefined,
          },
    report:
      report === undefined
        ? null
        : {
            ...{ id: null, reference: null, number: null, channel: null, time: null, ...defined(report) },
            ...{ delivered: new RegExp(report.delivered), undelivered: new RegExp(report.undelivered), timeZone },
          },
  };
}

function cursorOf(
  cursor: NonNullable<MessagePollConfig['questions'][number]['cursor']>,
): NonNullable<PollQuestion['cursor']> {
  const { start } = cursor;
  if ('id' in cursor) return { kind: 'id', field: cursor.id, start };
  return { kind: 'next', field: cursor.next, epoch: cursor.epoch ?? null, start };
}

/** Without keys that were left out. */
function defined<T extends object>(keys: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(keys).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function valuesFor({ account, timeZone: zone, spanMs }: MessagePollConfig, cursor: string, nowMs: number) {
  const clockAt = (wallMs: number) => DateTime.fromMillis(wallMs, { zone }).toFormat('yyyy-MM-dd HH:mm:ss');
  return {
    ...{ cursor, since: clockAt(nowMs - spanMs), until: clockAt(nowMs) },
    ...{ username: account?.username ?? '', password: account?.password ?? '' },
  };
}

function filled(
  template: string,
  values: Readonly<Record<string, string>>,
  written: (value: string) => string,
): string {
  return template.replaceAll(/\{(username|password|cursor|since|until)\}/g, (_whole, name: string) =>
    written(values[name] ?? ''),
  );
}

function inJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

function added(one: PollCounters, other: PollCounters): PollCounters {
  return {
    polls: one.polls + other.polls,
    failures: one.failures + other.failures,
    messages: one.messages + other.messages,
    reports: one.reports + other.reports,
    unknown: one.unknown + other.unknown,
    passedOver: one.passedOver + other.passedOver,
  };
}
