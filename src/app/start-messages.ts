// Text messages as a part of the service: the domain joined to SIP, to the HTTP API and its webhooks, to ledger, router and journal.

import { toMessageRecord } from '../cdr/message-record.js';
import type { Outbox } from '../cdr/outbox.js';
import type { Config } from '../config/config.js';
import { type ApiCounters, type ApiServer, startApi } from '../http-api/api-server.js';
import { gatewayApi, takePushedMessage } from '../http-api/gateway-api.js';
import { messagesApi } from '../http-api/messages-api.js';
import { type RoutePort, routeApi } from '../http-api/route-api.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../lib/clock.js';
import type { ClosingStack } from '../lib/closing-stack.js';
import type { Logger } from '../lib/logger.js';
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import { type InboxCounters, MessageInbox } from '../messages/message-inbox.js';
import type { MessagePorts, MessageRoutes, RequestKeys } from '../messages/message-ports.js';
import { answerTo, type MessageRefusal } from '../messages/message-refusal.js';
import { type MessageCounters, MessageService } from '../messages/message-service.js';
import type { ToldEntry } from '../messages/told-messages.js';
import { HeldMessages, PUSHED } from '../messaging/held-messages.js';
import type { PollCounters } from '../messaging/message-poller.js';
import { MessageStore } from '../messaging/message-store.js';
import { type NoticeCounters, NoticeDelivery } from '../messaging/notice-delivery.js';
import type { Policy } from '../policy/admit-call.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { RequestIntake } from '../signalling/request-intake.js';
import type { LinePlaces } from '../signalling/signalling-settings.js';
import {
  type GatewayMessage,
  type MessageAnswer,
  type TrunkMessage,
  takeMessages,
} from '../signalling/sip-messages.js';
import { channelSaid, messageCallers, readGatewayMessage } from './gateway-messages.js';
import { takeGoipTold } from './goip-texts.js';
import { messageSenders, type SipMessageSender } from './message-senders.js';
import { CONFIGURED_REFUSAL, messageGateways, messageSettings } from './message-settings.js';
import { MessagePolls } from './start-message-polls.js';
import type { TakeTold } from './start-sim-state.js';
import { noticesOf, trunkTellers } from './trunk-notices.js';

export interface MessagesParts {
  /** Of the HTTP API: how a decision is explained. */
  readonly route: RoutePort;
  readonly journal: Journal;
  readonly ledger: MessagePorts['ledger'] & { readonly view: LedgerView };
  readonly outbox: Outbox;
  /** Null where this node is alone. */
  readonly keys: RequestKeys | null;
  readonly admission: Pick<Policy, 'admitMessage'>;
  readonly routes: MessageRoutes;
  readonly sip: SipMessageSender & { readonly intake: RequestIntake };
  readonly places: LinePlaces;
  readonly goipLines: { takeToldBy(take: TakeTold | null): void };
  /** False while the service is drained: only emergency numbers are written to. */
  isAccepting(): boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface MessagesSide {
  /** Null where there is no HTTP API. */
  readonly api: ApiServer | null;
  reconfigure(next: Config): void;
  counters(): MessagesCounters;
}

export interface MessagesCounters {
  readonly messages: MessageCounters;
  readonly inbox: InboxCounters;
  readonly notices: NoticeCounters;
  /** Questions to gateways that keep messages. */
  readonly polls: PollCounters;
  /** Messages of channels that are not in the config, held until they are. */
  readonly held: number;
  readonly api: ApiCounters | null;
}

/** @throws SimtrunkError LISTENER_UNAVAILABLE; what was started is on the stack. */
export async function startMessages(config: Config, parts: MessagesParts, opened: ClosingStack): Promise<MessagesSide> {
  const { journal, ledger, outbox, admission, routes, sip, places, clock, log } = parts;
  let current = config;
  let sender = messageSenders(config, sip, places, () => clock.monotonicMs());
  const store = new MessageStore({
    journal,
    noticesOf: (message) => noticesOf(current, message),
    recordOf: (message) => outbox.keepMessage(toMessageRecord(message, current.messages.recordText)),
    keepDays: () => current.messages.keepDays,
    clock,
    log,
  });
  const notices = new NoticeDelivery({
    ...{ journal, clock, log },
    tellers: trunkTellers(() => current, sip, clock),
    giveUpAfterMs: () => current.messages.tellForHours * 3_600_000,
  });
  store.onNews(() => {
    notices.wake();
    outbox.announce();
    inbox.lookAgain();
  });
  const ports: MessagePorts = {
    ...{ admission, routes, ledger, books: store, clock, log },
    sender: { send: (request) => sender.send(request) },
    isAccepting: () => parts.isAccepting(),
    keys: parts.keys ?? undefined,
  };
  const service = new MessageService(ports, messageSettings(config));
  const inbox = new MessageInbox(ports, messageSettings(config));

  store.start();
  opened.add('messages in the journal', store);
  opened.add('notices of messages', notices);
  await service.start();
  await inbox.start();
  const unsubscribe = ledger.view.events.on('channel:changed', (_, state) => {
    if (state === 'idle') service.look();
  });
  opened.defer('messages', async () => {
    unsubscribe();
    await service.stop();
  });
  notices.wake();

  let callers = messageCallers(config, places);
  takeMessages(sip.intake, {
    get fromTrunk() {
      return messageGateways(current).length === 0 ? null : fromTrunk;
    },
    get gateways() {
      return callers;
    },
    fromGateway,
  });

  async function fromTrunk(message: TrunkMessage): Promise<MessageAnswer> {
    const { trunk, calling, agent, dialled, text, key } = message;
    if (!mayTake(current, trunk.name)) return refusal(CONFIGURED_REFUSAL);
    const submission = await service.submit({
      ...{ origin: 'sip', trunk, agent, account: trunk.account ?? null, calling, dialled, text: text.normalize('NFC') },
      ...{ pictures: [], reference: null, key: `sip\n${trunk.name}\n${key}` },
    });
    if (!submission.ok) return refusal(submission.reason);
    // RFC 3428 §7: it is on its way, and what becomes of it is told later.
    return { status: 202, headers: { 'X-Message-ID': submission.message.messageId } };
  }

  async function fromGateway(message: GatewayMessage): Promise<MessageAnswer> {
    const read = readGatewayMessage(current, message);
    if (read.kind === 'unknown') {
      log.warn({ gateway: message.gateway, why: read.why }, 'message of a gateway is not taken');
      return { status: read.why === 'malformed' ? 400 : 404 };
    }
    if (read.kind === 'report') await inbox.report(read.report);
    else await inbox.receive(read.arrived);
    return { status: 200 };
  }

  parts.goipLines.takeToldBy((channelId, told) => takeGoipTold(current, inbox, channelId, told));
  opened.defer('what GoIP lines tell of messages', async () => parts.goipLines.takeToldBy(null));

  const held = new HeldMessages({
    ...{ journal, clock, log },
    heldForMs: () => current.messages.keepDays * 86_400_000,
  });
  held.start();
  opened.add('messages that are held', held);
  const polls = opened.add('questions for messages', new MessagePolls(config, { journal, inbox, held, clock, log }));

  const pushed = {
    fieldsOf: (gateway: string) => current.messages.gateways.find((its) => its.gateway === gateway)?.push,
    channelOf: (gateway: string, said: string | null) => channelSaid(current, gateway, said),
    receive: (message: ArrivedMessage) => inbox.receive(message),
    report: (report: DeliveryReport) => inbox.report(report),
    hold: (gateway: string, entry: ToldEntry, channel: string | null) =>
      store.commit(held.hold(gateway, PUSHED, entry, channel)),
  };
  async function takeHeld(): Promise<void> {
    for (const { gateway, push } of current.messages.gateways) {
      await held.offer(gateway, async (source, entry) => {
        return source === PUSHED && (await takePushedMessage(pushed, gateway, push, entry)) === 'taken';
      });
    }
  }
  const offerHeld = () =>
    void takeHeld().catch((err) => log.error({ err }, 'messages that are held could not be taken'));
  offerHeld();

  const api =
    config.api === null
      ? null
      : await startApi(
          config.api,
          {
            gateways: gatewayApi(pushed),
            route: routeApi(parts.route),
            messages: messagesApi({
              submit: (request) => service.submit(request),
              find: (messageId) => store.find(messageId),
              trunkOf(name) {
                const trunk = current.trunks.find((candidate) => candidate.name === name);
                return trunk !== undefined && mayTake(current, name) ? { name, traffic: trunk.traffic } : null;
              },
            }),
          },
          log,
        );
  if (api !== null) {
    opened.add('HTTP API', api);
    log.info({ address: config.api?.address, port: api.port }, 'HTTP API listens');
  }
  return {
    api,
    reconfigure(next) {
      current = next;
      callers = messageCallers(next, places);
      sender = messageSenders(next, sip, places, () => clock.monotonicMs());
      service.reconfigure(messageSettings(next));
      inbox.reconfigure(messageSettings(next));
      polls.reconfigure(next);
      offerHeld();
    },
    counters: () => ({
      messages: service.counters,
      inbox: inbox.counters,
      notices: notices.counters,
      polls: polls.counters,
      held: held.count,
      api: api?.counters ?? null,
    }),
  };
}

function mayTake({ messages }: Config, trunk: string): boolean {
  return messages.trunks.find((its) => its.trunk === trunk)?.take === true;
}

function refusal(reason: MessageRefusal): MessageAnswer {
  const { sip, q850 } = answerTo(reason);
  return { status: sip, headers: q850 === null ? {} : { Reason: `Q.850;cause=${q850};text="${reason}"` } };
}
