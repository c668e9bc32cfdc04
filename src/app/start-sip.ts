// The SIP server and the application on it: by default the embedded server in its thread, started again when that
// ends, and otherwise an external drachtio-server. Only here is the embedded server's control port held.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config, SipListenerConfig } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { ClosingStack } from '../lib/closing-stack.js';
import { SimtrunkError } from '../lib/errors.js';
import { parseHostPort } from '../lib/host-port.js';
import type { Logger } from '../lib/logger.js';
import { Supervised } from '../lib/supervised.js';
import type { LinePlaces, PeerSettings } from '../signalling/signalling-settings.js';
import { SipApplication } from '../signalling/sip-application.js';
import type {
  RunningSipServer,
  SipListenerSettings,
  SipOperations,
  SipServerCounters,
  SipServerSettings,
  SipTlsSettings,
} from '../sip-server/control.js';
import { startSipServer } from '../sip-server/start-sip-server.js';
import { callingGateways } from './calls-from-mobiles.js';
import { sipDefence, sipPeers, sipSources } from './sip-defence.js';

const CONNECT_TIMEOUT_MS = 5_000;

export interface SipListener {
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly address: string;
  readonly port: number;
}

export interface SipSide {
  readonly application: SipApplication;
  readonly listeners: readonly SipListener[];
  /** Null for an external server, which has its own means. */
  readonly operations: SipOperations | null;
  /** Trunks, gateways and credentials of this config hold from now on; peers of `earlier` ones are heard, too. */
  reconfigure(next: Config): void;
  setSources(next: Config, earlier: readonly Config[]): Promise<void>;
  /**
   * Reads the certificates of the TLS listeners again: new connections show them. Does nothing with an external server.
   * @throws SimtrunkError CERTIFICATE_UNUSABLE; the listeners keep what they have then, those before the bad one the new
   */
  reloadCertificates(): Promise<void>;
  /** `sip` is null for an external server, which keeps its own. */
  counters(): Promise<{ readonly sip: SipServerCounters | null; readonly restarts: number }>;
}

/** @throws SimtrunkError LISTENER_UNAVAILABLE or SIP_SERVER_UNREACHABLE; what was started is on the stack. */
export async function startSip(
  config: Config,
  lines: LinePlaces,
  clock: Clock,
  log: Logger,
  opened: ClosingStack,
): Promise<SipSide> {
  const { drachtio } = config.sip;
  const isServerOurs = drachtio === undefined;
  const application = new SipApplication(
    { ...peerSettings(config), lines, isServerOurs, isServerShared: drachtio?.shared === true },
    clock,
    log,
  );
  const reconfigure = (next: Config) => application.reconfigure(peerSettings(next));
  if (drachtio !== undefined) {
    opened.add('signalling', application);
    const hostPorts = await application.connect(drachtio, CONNECT_TIMEOUT_MS);
    return {
      application,
      listeners: hostPorts.flatMap(readHostPort),
      operations: null,
      reconfigure,
      setSources: async () => undefined,
      reloadCertificates: async () => undefined,
      counters: async () => ({ sip: null, restarts: 0 }),
    };
  }

  const server = await startEmbedded(config, application, clock, log);
  application.intake.readNamesBy((address, port) => server.latest.peerNames(address, port));
  opened.add('SIP server', server);
  // The application is closed first: the server's end is then no loss to it.
  opened.add('signalling', application);
  const { adminAddress, adminPort, listeners } = server.latest;
  await application.connect({ host: adminAddress, port: adminPort, secret: server.secret }, CONNECT_TIMEOUT_MS);
  return {
    application,
    listeners: listeners.map(({ transport, address, port }) => ({ transport, address, port })),
    operations: operationsOf(() => server.latest),
    reconfigure,
    setSources: server.setSources,
    reloadCertificates: server.reloadCertificates,
    counters: async () => ({
      // A server that has just ended has none to give.
      sip: await server.latest.counters().catch(() => null),
      restarts: server.restarts,
    }),
  };
}

function peerSettings(config: Config): PeerSettings {
  const { trunks, gateways, sip, credentials } = config;
  return {
    callingGateways: callingGateways(config),
    trunks,
    gateways,
    allowedHeaders: sip.allowedHeaders,
    allowedHeadersToTrunks: sip.allowedHeadersToTrunks,
    digest: credentials.settings,
    trunkAccounts: credentials.trunks,
    accountOf: (gateway, channelId) => credentials.channels.get(channelId ?? '') ?? credentials.gateways.get(gateway),
  };
}

async function startEmbedded(config: Config, application: SipApplication, clock: Clock, log: Logger) {
  const secret = randomUUID();
  let sources = sipSources(config);
  let peers = sipPeers(config);
  if (sources.allow === null) {
    log.warn(
      {},
      'a trunk or gateway may send from any address: packets of any source are read, and strangers are answered',
    );
  }
  const { sip } = config;
  let settings: SipServerSettings = {
    listeners: await readListeners(config),
    admin: { address: '127.0.0.1', port: 0, secret },
    timers: sip,
    maxMessageBytes: sip.maxMessageBytes,
    maxHeaderBytes: sip.maxHeaderBytes,
    connections: {
      max: sip.maxConnections,
      idleMs: sip.connectionIdleSeconds * 1_000,
    },
    defence: sipDefence(config),
    // The legs of a call do that, the same on a drachtio-server.
    keepsSessions: false,
    ...(sip.homer === undefined ? {} : { mirror: sip.homer }),
  };
  const supervised = await Supervised.start<RunningSipServer>({
    name: 'SIP server',
    start: async () => {
      const server = await startSipServer(settings, log);
      try {
        await server.setSources(sources);
        await server.setPeers(peers);
      } catch (error) {
        await server.close();
        throw error;
      }
      server.onTrying((sipCallId) => application.noteTrying(sipCallId));
      server.on('answer:forked', ({ callId }) => application.noteForkedAnswer(callId));
      server.on('answer:unclaimed', ({ callId }) => application.noteUnclaimedAnswer(callId));
      logEvents(server, log);
      // The next one takes the same ports: peers and our own connection look for it there.
      settings = {
        ...settings,
        listeners: server.listeners,
        admin: { address: server.adminAddress, port: server.adminPort, secret },
      };
      return server;
    },
    onRestart: () => {},
    clock,
    log,
  });
  const reloadCertificates = async (): Promise<void> => {
    const read = await readListeners(config);
    const listeners = settings.listeners.map((listener, index) => withTls(listener, read[index]?.tls));
    for (const listener of listeners) {
      if (listener.tls === undefined) continue;
      await supervised.latest.setCertificate(listener, listener.tls).catch((cause: unknown) => {
        throw certificateUnusable(`${listener.address}:${listener.port}`, cause);
      });
    }
    // A server that is started again shows the new ones, too.
    settings = { ...settings, listeners };
  };
  const setSources = async (next: Config, earlier: readonly Config[]): Promise<void> => {
    // A server that is started again hears the same ones.
    sources = sipSources(next, earlier);
    peers = sipPeers(next, earlier);
    await supervised.latest.setSources(sources);
    await supervised.latest.setPeers(peers);
  };
  return Object.assign(supervised, { secret, reloadCertificates, setSources });
}

/** The listeners of all networks, those of TLS with their certificates. */
function readListeners(config: Config): Promise<SipListenerSettings[]> {
  return Promise.all(
    config.networks.flatMap(({ name, bind, advertise, sip }) =>
      sip.map(async (listener) => {
        const { transport, port } = listener;
        const tls = transport === 'tls' ? await readTls(listener) : undefined;
        return withTls({ transport, port, address: bind, advertise, network: name }, tls);
      }),
    ),
  );
}

async function readTls(listener: Extract<SipListenerConfig, { transport: 'tls' }>): Promise<SipTlsSettings> {
  const { requestClientCertificate, verifyServer } = listener;
  const [cert, key, ca] = await Promise.all([readPem(listener.cert), readPem(listener.key), readPem(listener.ca)]);
  return { cert, key, requestClientCertificate, verifyServer, ...(listener.ca === undefined ? {} : { ca }) };
}

async function readPem(file: string | undefined): Promise<string> {
  if (file === undefined) return '';
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw certificateUnusable(file, cause);
  });
}

function withTls(listener: SipListenerSettings, tls: SipTlsSettings | undefined): SipListenerSettings {
  return tls === undefined ? listener : { ...listener, tls };
}

function certificateUnusable(what: string, cause: unknown): SimtrunkError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SimtrunkError('CERTIFICATE_UNUSABLE', `Cannot use the certificate of ${what}: ${reason}`, { cause });
}

/** Bans and traces are those of the thread that runs now: a new one begins with none. */
function operationsOf(server: () => RunningSipServer): SipOperations {
  return {
    ban: (source, seconds) => server().ban(source, seconds),
    unban: (source) => server().unban(source),
    bans: () => server().bans(),
    sources: (limit) => server().sources(limit),
    startTrace: (request) => server().startTrace(request),
    stopTrace: (id) => server().stopTrace(id),
    traces: () => server().traces(),
    traceLadder: (id, options) => server().traceLadder(id, options),
    tracePcap: (id) => server().tracePcap(id),
  };
}

function logEvents(server: RunningSipServer, log: Logger): void {
  server.on('source:banned', (ban) => log.warn(ban, 'a source was banned for what it sent'));
  server.on('overload:started', (overload) => {
    log.error({ ...overload, alarm: 'sip-overload' }, 'too many SIP transactions: new calls are refused');
  });
  server.on('mirror:failed', (failure) =>
    log.warn(failure, 'the Homer collector cannot be reached: copies are dropped'),
  );
  server.on('overload:ended', (overload) => log.warn(overload, 'new calls are taken again'));
}

/** `udp/192.0.2.1:5060` as a drachtio server names its listeners. */
function readHostPort(text: string): SipListener[] {
  const [transport, rest = ''] = text.split('/');
  const parsed = parseHostPort(rest);
  if ((transport !== 'udp' && transport !== 'tcp' && transport !== 'tls') || parsed?.port === undefined) return [];
  return [{ transport, address: parsed.host, port: parsed.port }];
}
