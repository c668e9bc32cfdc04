// The server put together, in whatever thread it is made: transport, transactions, dialogs, and the wire to applications.
import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../lib/clock.js';
import type { SipDrain, SipPeers, SipServerCounters, SipServerSettings, SipTlsSettings } from './control.js';
import { Counters } from './counters.js';
import { Defence, type ReportEvent } from './defence/defence.js';
import { DEFAULT_DEFENCE } from './defence/defence-settings.js';
import { Overload } from './defence/overload.js';
import { DialogTable } from './dialog/dialog-table.js';
import { AdminServer } from './drachtio-wire/admin-server.js';
import type { AppDialog } from './drachtio-wire/app-dialog.js';
import { CdrReporter } from './drachtio-wire/cdr-reporter.js';
import type { CoreContext } from './drachtio-wire/core-context.js';
import { OwnRequests } from './drachtio-wire/own-requests.js';
import { ProxyCore } from './drachtio-wire/proxy-core.js';
import { RegisteredFlows } from './drachtio-wire/registered-flows.js';
import { RequestHandlers } from './drachtio-wire/request-handlers.js';
import { RouteTable } from './drachtio-wire/route-table.js';
import { SentRequests } from './drachtio-wire/sent-requests.js';
import { SessionTimers } from './drachtio-wire/session-timers.js';
import { UacCore } from './drachtio-wire/uac-core.js';
import { UacResponses } from './drachtio-wire/uac-responses.js';
import { UasAnswers } from './drachtio-wire/uas-answers.js';
import { UasCore } from './drachtio-wire/uas-core.js';
import { UnclaimedAnswers } from './drachtio-wire/unclaimed-answers.js';
import { checkMessage } from './message/check-message.js';
import type { SipMessage } from './message/sip-message.js';
import type { ServerLog } from './server-log.js';
import { TimerWheel } from './timer-wheel.js';
import { Observation } from './trace/observation.js';
import { TransactionLayer } from './transaction/transaction-layer.js';
import type { Flow, Listener } from './transport/flow.js';
import { TransportLayer } from './transport/transport-layer.js';

/** The admin port could not be bound. */
export class AdminUnavailable extends Error {}

export class SipServer {
  readonly #settings: SipServerSettings;
  readonly #counters = new Counters();
  readonly defence: Defence;
  readonly observation: Observation;
  readonly #overload: Overload;
  readonly #wheel: TimerWheel;
  readonly #transport: TransportLayer;
  readonly #transactions: TransactionLayer;
  readonly #dialogs = new DialogTable<AppDialog>();
  readonly #registrations = new RegisteredFlows();
  readonly #uas: UasCore;
  readonly #unclaimed: UnclaimedAnswers;
  readonly #report: ReportEvent;
  readonly #admin: AdminServer;
  #adminPort = 0;
  #onTrying: (callId: string) => void = () => undefined;

  /** @param report told of what nobody asked for */
  constructor(settings: SipServerSettings, clock: Clock, log: ServerLog, report: ReportEvent = () => undefined) {
    this.#settings = settings;
    this.#report = report;
    const { timers, defence = DEFAULT_DEFENCE } = settings;
    this.defence = new Defence(defence, clock, this.#counters, report);
    this.observation = new Observation(clock, report);
    this.#overload = new Overload(defence, () => this.#transactions.size, clock, report);
    this.#wheel = new TimerWheel(
      clock,
      (error) =>
        log.write('error', 'A timer could not be handled', {
          error: error instanceof Error ? `${error.stack}` : String(error),
        }),
      (run) => setImmediate(run),
    );
    this.#transport = new TransportLayer(
      settings,
      clock,
      this.#counters,
      this.defence,
      this.observation.tap,
      log,
      report,
      () => this.#flowsInUse(),
    );
    this.#transactions = new TransactionLayer({
      timers,
      wheel: this.#wheel,
      counters: this.#counters,
      log,
      called: (address) => this.defence.called(address),
      send: (message, flow, onFailure, isRepeated) => this.#transport.send(message, flow, onFailure, isRepeated),
    });
    const routes = new RouteTable();
    const context: CoreContext = {
      transport: this.#transport,
      transactions: this.#transactions,
      dialogs: this.#dialogs,
      routes,
      cdrs: new CdrReporter(routes),
      registrations: this.#registrations,
      counters: this.#counters,
      defence: this.defence,
      overload: this.#overload,
      wheel: this.#wheel,
      timers,
      keepsSessions: settings.keepsSessions ?? true,
      log,
      onTrying: (callId) => this.#onTrying(callId),
      onForkedAnswer: (callId) => this.#report('answer:forked', { callId }),
    };
    const sessions = new SessionTimers(context, {
      refresh: (dialog, intervalSeconds) => own.refresh(dialog, intervalSeconds),
      expired: (dialog) => own.expired(dialog),
    });
    const own = new OwnRequests(context, sessions);
    const sent = new SentRequests(context);
    const uac = new UacCore(context, sent, own, new UacResponses(context, sent, own, sessions));
    const answers = new UasAnswers(context, own.endDialog, sessions);
    const proxies = new ProxyCore(context, answers);
    const handlers = new RequestHandlers(settings.requestHandlers ?? [], context, answers, proxies, {
      connect: (target, ready, failed) => this.#admin.connectOut(target, ready, failed),
      offer: (app, entry, { request, flow }) => this.#uas.offerTo(app, request, flow, entry),
    });
    this.#unclaimed = new UnclaimedAnswers(context, own);
    this.#uas = new UasCore(context, answers, proxies, handlers);
    this.#admin = new AdminServer(settings.admin, context, this.#uas, answers, uac, proxies);
  }

  get adminPort(): number {
    return this.#adminPort;
  }

  get listeners(): readonly Listener[] {
    return this.#transport.listeners;
  }

  /** Binds everything or nothing. */
  async open(): Promise<void> {
    await this.#transport.open(
      this.#settings.listeners,
      (message, flow) => this.#receive(message, flow),
      (isLost) => this.#transactions.connectionLost(isLost),
    );
    try {
      this.#adminPort = await this.#admin.open();
    } catch (cause) {
      await this.#transport.close();
      throw new AdminUnavailable(cause instanceof Error ? cause.message : String(cause), { cause });
    }
    this.observation.setMirror(this.#settings.mirror ?? null);
  }

  setPeers(peers: readonly SipPeers[]): void {
    this.#transport.setPeers(peers);
  }

  peerNames(address: string, port: number): readonly string[] | null {
    return this.#transport.peerNames(address, port);
  }

  setCertificate(listener: { readonly address: string; readonly port: number }, tls: SipTlsSettings): void {
    this.#transport.setCertificate(listener, tls);
  }

  /** Sets the one listener for INVITEs of ours that got a 100 first. */
  watchTrying(listener: (callId: string) => void): void {
    this.#onTrying = listener;
  }

  setDrain(drain: SipDrain | null): void {
    this.#uas.drain = drain;
  }

  counters(): SipServerCounters {
    return this.#counters.snapshot({
      transactions: this.#transactions.size,
      transactionsByState: this.#transactions.countByState(),
      dialogs: this.#dialogs.size,
      timers: this.#wheel.pending,
      heapUsedBytes: getHeapStatistics().used_heap_size,
      connections: this.#transport.connectionCount,
      isOverloaded: this.#overload.isOn,
      ...this.defence.counts(),
      ...this.observation.counts(),
    });
  }

  async close(): Promise<void> {
    await this.#admin.close();
    this.#overload.stop();
    this.observation.close();
    this.#wheel.stop();
    await this.#transport.close();
  }

  *#flowsInUse(): Iterable<Flow> {
    yield* this.#transactions.flows();
    yield* this.#registrations.flows();
    for (const { pinnedFlow, origin } of this.#dialogs.values()) yield pinnedFlow ?? origin.flow;
  }

  #receive(message: SipMessage, flow: Flow): void {
    if (message.isRequest) {
      this.#uas.receive(message, flow);
      return;
    }
    this.#counters.receivedResponse(message.cseq?.method ?? '', message.status);
    if (checkMessage(message) !== null) {
      this.#counters.drop('malformed');
      this.defence.offended(flow.address, 'malformed');
      return;
    }
    if (this.#transactions.receiveResponse(message, flow)) return;
    const isEnded = this.#unclaimed.take(message, flow, (callId) => this.#report('answer:unclaimed', { callId }));
    if (!isEnded) this.#counters.drop('no-transaction');
  }
}
