// The composition root: builds every part from its slice of the config, and closes them in reverse order.
// Nothing here decides anything about a call.
import { callSettings, routingSetup } from './app/call-settings.js';
import { receivingSettings } from './app/calls-from-mobiles.js';
import { Drain } from './app/drain.js';
import { explainRoutes } from './app/explain-route.js';
import { innerAddresses } from './app/inner-addresses.js';
import { readLeftBehind } from './app/left-behind.js';
import { Reload, reloadWithCertificates } from './app/reload.js';
import { addReloadedParts } from './app/reloaded-parts.js';
import { startControl } from './app/start-control.js';
import { LEDGER_TABLES, startLedger } from './app/start-ledger.js';
import { startMedia } from './app/start-media.js';
import { type MessagesCounters, startMessages } from './app/start-messages.js';
import { startProbeCalls } from './app/start-probe-calls.js';
import { startRegistrar } from './app/start-registrar.js';
import { startRegistrations } from './app/start-registrations.js';
import { type SimStateCounters, SimStateSide } from './app/start-sim-state.js';
import { type SipListener, startSip } from './app/start-sip.js';
import { watchCounters } from './app/watch-counters.js';
import { watchGateways } from './app/watch-gateways.js';
import { watchStreaks } from './app/watch-streaks.js';
import { type CallCounters, CallRegistry } from './call/call-registry.js';
import type { GatewayTerms } from './call/call-request.js';
import { IncomingRoutes } from './call/incoming-routes.js';
import { recoverCalls } from './call/recovery.js';
import { NdjsonSink } from './cdr/ndjson-sink.js';
import { OUTBOX_SCHEMA, Outbox } from './cdr/outbox.js';
import { Publisher, type PublisherCounters } from './cdr/publisher.js';
import type { Config } from './config/config.js';
import type { ControlCounters } from './control/control-server.js';
import type { ServicePort } from './control/service-report.js';
import type { ListCounters } from './do-not-call/list-keeper.js';
import { openDoNotCallLists } from './do-not-call/open-lists.js';
import { type JournalCounters, openJournal } from './journal/journal.js';
import type { RedisLedgerCounters } from './ledgers/redis/shared-parts.js';
import { SystemClock } from './lib/clock.js';
import { ClosingStack } from './lib/closing-stack.js';
import { createLogger, type Logger } from './lib/logger.js';
import type { RelayCounters } from './media/relay/relay-messages.js';
import type { RtpengineCounters } from './media/rtpengine/rtpengine.js';
import { HELD_SCHEMA } from './messaging/held-messages.js';
import { MESSAGES_SCHEMA } from './messaging/message-store.js';
import { POLL_SCHEMA } from './messaging/poll-book.js';
import { createPolicy } from './policy/admit-call.js';
import type { SimUsage } from './quota/ledger.js';
import { REGISTRAR_SCHEMA, type Registrar } from './registrar/registrar.js';
import { createRouting } from './routing/routing.js';
import type { SignallingCounters } from './signalling/signalling-settings.js';
import { COUNTER_SCHEMA } from './sim-state/counter-book.js';
import { SUSPENSION_SCHEMA } from './sim-state/suspensions.js';
import type { SipOperations, SipServerCounters } from './sip-server/control.js';

export interface AppCounters {
  readonly calls: CallCounters;
  readonly signalling: SignallingCounters;
  readonly registrar: Registrar['counters'];
  readonly simState: SimStateCounters;
  /** Null with an external drachtio-server. */
  readonly sip: SipServerCounters | null;
  /** Null with rtpengine. */
  readonly media: RelayCounters | null;
  /** Null with the embedded relay. */
  readonly rtpengine: RtpengineCounters | null;
  readonly journal: JournalCounters;
  /** Null with the default ledger. */
  readonly ledger: RedisLedgerCounters | null;
  readonly cdrs: PublisherCounters;
  readonly messages: MessagesCounters;
  readonly doNotCall: readonly ListCounters[];
  readonly control: ControlCounters;
  /** Threads that were started again. */
  readonly restarts: number;
}

export interface RunningApp {
  /** With the ports that were really taken. */
  readonly listeners: readonly SipListener[];
  /** That was really taken; null where there is no HTTP API. */
  readonly apiPort: number | null;
  /** Bans and traces of the embedded SIP server; null with an external one. */
  readonly sip: SipOperations | null;
  usageOf(simId: string): SimUsage | undefined;
  counters(): Promise<AppCounters>;
  /** Reads the config's file again, takes over what it says now, and reads certificates again. */
  reload: ServicePort['reload'];
  /** Shows new TLS connections what the certificates' files hold now. @throws SimtrunkError CERTIFICATE_UNUSABLE */
  reloadCertificates(): Promise<void>;
  readonly drain: Drain;
  readonly liveCalls: number;
  /** Takes no new call, ends the live ones, publishes every record and frees everything. Idempotent. */
  close(): Promise<void>;
}

/** Until a SIP server that nodes share has heard that one withdraws, and the node what it was sent before. */
const WITHDRAWAL_MS = 1_000;

/**
 * Starts the whole service.
 * @throws SimtrunkError with what to do about it; nothing of the service is left then.
 */
export async function startApp(config: Config): Promise<RunningApp> {
  const log = createLogger(config.log);
  const opened = new ClosingStack((err, part) => log.error({ err, part }, 'part could not be closed'));
  try {
    return await build(config, log, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function build(config: Config, log: Logger, opened: ClosingStack): Promise<RunningApp> {
  const clock = new SystemClock();
  const journal = opened.add(
    'journal',
    await openJournal({
      file: config.ledger.file,
      durability: config.ledger.durability,
      timeoutMs: config.ledger.journalTimeoutMs,
      schema: [
        ...LEDGER_TABLES,
        ...OUTBOX_SCHEMA,
        ...REGISTRAR_SCHEMA,
        ...SUSPENSION_SCHEMA,
        ...COUNTER_SCHEMA,
        ...MESSAGES_SCHEMA,
        ...POLL_SCHEMA,
        ...HELD_SCHEMA,
      ],
      log,
      clock,
    }),
  );
  const { ledger, ...ledgerSide } = await startLedger(config, journal, clock, log, opened);
  const outbox = new Outbox(journal, clock, log);
  const sinks = config.cdr.sinks.map(({ dir }) => new NdjsonSink(dir));
  const publisher = opened.add('publisher', new Publisher(outbox, sinks, clock, log));

  const { media, engines, recorder, recordings, ...mediaSide } = await startMedia(config, clock, log, opened);
  const left = await readLeftBehind(outbox, recordings);

  const doNotCall = opened.add(
    'do-not-call lists',
    await openDoNotCallLists(config.doNotCall, { clock, log, watch: true }),
  );
  const { trunkPolicies: trunks } = config;
  const admission = createPolicy({ trunks, ledger, lists: doNotCall.lists, clock });
  const routes = opened.add(
    'routing',
    createRouting<GatewayTerms>({ ...routingSetup(config), view: ledger.view, clock }),
  );

  const simState = opened.add('state of SIMs', new SimStateSide(config, { routes, clock, log }));
  const { registrar, places, ...lines } = await startRegistrar(config, {
    journal,
    simStates: simState.states,
    clock,
    log,
  });
  opened.add('registrar', registrar);

  const { application, listeners, ...sipSide } = await startSip(config, places, clock, log, opened);
  const registrations = opened.add('registrations', startRegistrations(config, application, clock, log));
  await simState.start(config);
  const prober = opened.add('prober', watchGateways(config.gateways, application, routes, clock, log));

  const attempts = await watchStreaks(config, { journal, routes, clock, log });
  const transfers = { trunks: application, innerAddressOf: innerAddresses(config) };
  const registry = new CallRegistry(
    {
      admission,
      routes,
      ledger,
      media,
      recorder,
      dialler: application,
      books: outbox,
      transfers,
      attempts,
      clock,
      log,
    },
    callSettings(config),
  );
  ledgerSide.onReservationsLost((reservationIds) => registry.loseReservations(reservationIds));
  application.onReconnected(() => {
    for (const call of registry.calls()) call.loseSignalling();
    application.detachLegs();
  });
  const isAccepting = () => registry.isAccepting;
  const reload = new Reload(config, log);
  const isLedgerReached = () => ledgerSide.counters()?.isAttached ?? true;
  const explained = { config: () => reload.config, admission, routes, ledger, isLedgerReached, clock };
  const route = explainRoutes(explained);
  const messages = await startMessages(
    config,
    {
      route,
      journal,
      ledger,
      keys: ledgerSide.keys,
      outbox,
      admission,
      routes,
      sip: application,
      places,
      goipLines: simState,
      clock,
      log,
      isAccepting,
    },
    opened,
  );
  const counts = opened.add('comparison of calls', watchCounters(config, { journal, ledger, clock, log }));
  const probes = startProbeCalls({ streaks: attempts, registry, config: () => reload.config, clock, log });
  opened.defer('probe calls', async () => probes.close());
  const takingOver = {
    ledger: ledgerSide,
    sip: sipSide,
    ...{ doNotCall, admission, routes, lines, simState, attempts, probes, counts, registrations, prober, messages },
  };
  addReloadedParts(reload, { ...takingOver, registry }, log);

  const reloadAll = async (options: { readonly dryRun: boolean }) => reloadWithCertificates(reload, sipSide, options);
  const drain = new Drain(registry, clock, log, {
    onChange: (isDraining) => application.withdraw(isDraining),
    graceMs: config.sip.drachtio?.shared === true ? WITHDRAWAL_MS : 0,
  });
  opened.defer('drain', () => drain.close());

  const counters = async (): Promise<AppCounters> => {
    const [{ sip, restarts }, { relay, rtpengine, restarts: mediaRestarts }] = await Promise.all([
      sipSide.counters(),
      mediaSide.counters(),
    ]);
    return {
      calls: registry.counters,
      signalling: application.counters,
      registrar: registrar.counters,
      simState: simState.counters,
      sip,
      media: relay,
      rtpengine,
      journal: journal.counters,
      ledger: ledgerSide.counters(),
      cdrs: publisher.counters,
      messages: messages.counters(),
      doNotCall: doNotCall.counters,
      control: control.counters,
      restarts: restarts + mediaRestarts,
    };
  };
  // Closed after the calls: while they end, an operator sees which are left.
  const operated = {
    ...{ registry, routes, route, ledger, journal, sip: sipSide.operations, engines, listeners, counters },
    doNotCall: () => doNotCall.counters,
    lines: () => registrar.states(),
    registrations: () => registrations.states(),
    ...{ simState, streaks: attempts, probes, counts },
    isLedgerReached,
    ...{ reload, reloadAll, drain },
  };
  const control = opened.add('control', await startControl(operated, clock, log));
  opened.defer('calls', async () => {
    probes.close();
    registry.refuse('shutdown');
    registry.endAll('shutdown');
    await registry.whenIdle();
  });
  const incoming = new IncomingRoutes(receivingSettings(config), ledger);
  application.takeFromMobilesBy((channelId, calling) => incoming.take(channelId, calling, clock.wallMs()));
  reload.add('calls from mobiles', {
    prepare: (next) => ({ take: () => incoming.reconfigure(receivingSettings(next)) }),
  });
  application.serve(
    (request, leg, replaces) =>
      replaces === null ? registry.open(request, leg) : registry.replace(replaces, request, leg),
    () => registry.isAccepting,
  );

  // New calls need not wait for the legs of old ones: their channels stay busy until each has been ended.
  const stopped = new AbortController();
  const recovery = recoverCalls(
    { ledger, dialler: application, books: outbox, clock, log },
    left,
    { holdSeconds: config.call.recoverHoldSeconds },
    stopped.signal,
  ).catch((err) => log.error({ err, alarm: 'recovery' }, 'calls of an earlier process could not all be ended'));
  opened.defer('recovery', async () => {
    stopped.abort();
    await recovery;
  });
  publisher.wake();
  log.info({ listeners, channels: config.channels.length, dataDir: config.dataDir }, 'simtrunk runs');

  return {
    listeners,
    apiPort: messages.api?.port ?? null,
    sip: sipSide.operations,
    usageOf: (simId) => ledger.usageOf(simId, clock.wallMs()),
    counters,
    reload: reloadAll,
    reloadCertificates: sipSide.reloadCertificates,
    drain,
    get liveCalls() {
      return registry.size;
    },
    close: () => opened.close(),
  };
}
