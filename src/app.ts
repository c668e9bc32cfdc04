// The composition root: builds every part from its slice of the config, and closes them in reverse order.
// Nothing here decides anything about a call.
import { readLeftBehind } from './app/left-behind.js';
import { startControl } from './app/start-control.js';
import { LEDGER_TABLES, startLedger } from './app/start-ledger.js';
import { startMedia } from './app/start-media.js';
import { startRegistrar } from './app/start-registrar.js';
import { startRegistrations } from './app/start-registrations.js';
import { type SipListener, startSip } from './app/start-sip.js';
import { watchGateways } from './app/watch-gateways.js';
import type { CallSettings } from './call/call.js';
import { type CallCounters, CallRegistry } from './call/call-registry.js';
import type { GatewayTerms } from './call/call-request.js';
import { recoverCalls } from './call/recovery.js';
import { NdjsonSink } from './cdr/ndjson-sink.js';
import { OUTBOX_SCHEMA, Outbox } from './cdr/outbox.js';
import { Publisher, type PublisherCounters } from './cdr/publisher.js';
import type { Config, GatewayConfig } from './config/config.js';
import type { ControlCounters } from './control/control-server.js';
import type { ListCounters } from './do-not-call/list-keeper.js';
import { openDoNotCallLists } from './do-not-call/open-lists.js';
import { type JournalCounters, openJournal } from './journal/journal.js';
import type { RedisLedgerCounters } from './ledgers/redis/shared-parts.js';
import { SystemClock } from './lib/clock.js';
import { ClosingStack } from './lib/closing-stack.js';
import { createLogger, type Logger } from './lib/logger.js';
import type { RelayCounters } from './media/relay/relay-messages.js';
import type { RtpengineCounters } from './media/rtpengine/rtpengine.js';
import { createPolicy } from './policy/admit-call.js';
import type { SimUsage } from './quota/ledger.js';
import { REGISTRAR_SCHEMA, type Registrar } from './registrar/registrar.js';
import { createRouting } from './routing/routing.js';
import type { SignallingCounters } from './signalling/signalling-settings.js';
import type { SipOperations, SipServerCounters } from './sip-server/control.js';

export interface AppCounters {
  readonly calls: CallCounters;
  readonly signalling: SignallingCounters;
  readonly registrar: Registrar['counters'];
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
  readonly doNotCall: readonly ListCounters[];
  readonly control: ControlCounters;
  /** Threads that were started again. */
  readonly restarts: number;
}

export interface RunningApp {
  /** With the ports that were really taken. */
  readonly listeners: readonly SipListener[];
  /** Bans and traces of the embedded SIP server; null with an external one. */
  readonly sip: SipOperations | null;
  usageOf(simId: string): SimUsage | undefined;
  counters(): Promise<AppCounters>;
  /** Shows new TLS connections what the certificates' files hold now. @throws SimtrunkError CERTIFICATE_UNUSABLE */
  reloadCertificates(): Promise<void>;
  /** Takes no new call, ends the live ones, publishes every record and frees everything. Idempotent. */
  close(): Promise<void>;
}

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
      schema: [...LEDGER_TABLES, ...OUTBOX_SCHEMA, ...REGISTRAR_SCHEMA],
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
    createRouting<GatewayTerms>({
      gateways: config.gateways.map((gateway) => ({ ...gateway, terms: gatewayTerms(gateway, config) })),
      plans: config.plans,
      sims: config.sims,
      channels: config.channels,
      trunks: config.trunks,
      ...config.routing,
      view: ledger.view,
      clock,
    }),
  );

  const { registrar, places } = await startRegistrar(config, { journal, routes, clock, log });
  opened.add('registrar', registrar);

  const { application, listeners, ...sipSide } = await startSip(config, places, clock, log, opened);
  const registrations = opened.add('registrations', startRegistrations(config, application, clock, log));
  opened.add('prober', watchGateways(config.gateways, application, routes, clock, log));

  const registry = new CallRegistry(
    { admission, routes, ledger, media, recorder, dialler: application, books: outbox, clock, log },
    callSettings(config),
  );
  ledgerSide.onReservationsLost((reservationIds) => registry.loseReservations(reservationIds));
  application.onReconnected(() => {
    for (const call of registry.calls()) call.loseSignalling();
    application.detachLegs();
  });
  const counters = async (): Promise<AppCounters> => {
    const [{ sip, restarts }, { relay, rtpengine, restarts: mediaRestarts }] = await Promise.all([
      sipSide.counters(),
      mediaSide.counters(),
    ]);
    return {
      calls: registry.counters,
      signalling: application.counters,
      registrar: registrar.counters,
      sip,
      media: relay,
      rtpengine,
      journal: journal.counters,
      ledger: ledgerSide.counters(),
      cdrs: publisher.counters,
      doNotCall: doNotCall.counters,
      control: control.counters,
      restarts: restarts + mediaRestarts,
    };
  };
  // Closed after the calls: while they end, an operator sees which are left.
  const operated = {
    ...{ registry, routes, ledger, admission, journal, sip: sipSide.operations, engines, listeners, counters },
    doNotCall: () => doNotCall.counters,
    lines: () => registrar.states(),
    registrations: () => registrations.states(),
    isLedgerReached: () => ledgerSide.counters()?.isAttached ?? true,
  };
  const control = opened.add('control', await startControl(config, operated, clock, log));
  opened.defer('calls', async () => {
    registry.stop();
    registry.endAll('shutdown');
    await registry.whenIdle();
  });
  application.serve(
    (request, leg) => registry.open(request, leg),
    () => registry.isAccepting,
  );

  // New calls need not wait for the legs of old ones: their channels stay busy until each has been ended.
  const stopped = new AbortController();
  const recovery = recoverCalls(
    { ledger, dialler: application, books: outbox, clock, log },
    left,
    config.call.recoverHoldSeconds,
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
    sip: sipSide.operations,
    usageOf: (simId) => ledger.usageOf(simId, clock.wallMs()),
    counters,
    reloadCertificates: sipSide.reloadCertificates,
    close: () => opened.close(),
  };
}

function gatewayTerms(gateway: GatewayConfig, { sip }: Config): GatewayTerms {
  const { firstResponseTimeoutMs, progressTimeoutMs } = gateway;
  // An external drachtio-server does not tell of 100 Trying: until it rings, a gateway at work looks like a silent one.
  const tellsTrying = sip.drachtio === undefined;
  return {
    ...gateway,
    signallingAddress: gateway.host,
    firstResponseTimeoutMs: tellsTrying ? firstResponseTimeoutMs : Math.max(firstResponseTimeoutMs, progressTimeoutMs),
  };
}

function callSettings({ call, media, sip, ledger, recording, cdr }: Config): CallSettings {
  return {
    limits: {
      ...call,
      sliceSeconds: ledger.sliceSeconds,
      // RFC 3261 §17.1.1.2: Timer B, and a second for a server that reports it late.
      abandonTimeoutMs: 64 * sip.t1Ms + 1_000,
    },
    recording,
    maxWaitMs: call.maxWaitMs,
    journalTimeoutMs: ledger.journalTimeoutMs,
    noMediaTimeoutMs: call.noMediaTimeoutMs,
    silentAfterMs: media.silentAfterMs,
    recordingDeadlineMs: cdr.recordingDeadlineMs,
  };
}
