// The SIP server and the application on it: by default the embedded server in its thread, started again when that
// ends, and otherwise an external drachtio-server. Only here is the embedded server's control port held.
import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { ClosingStack } from '../lib/closing-stack.js';
import { parseHostPort } from '../lib/host-port.js';
import type { Logger } from '../lib/logger.js';
import { Supervised } from '../lib/supervised.js';
import { SipApplication } from '../signalling/sip-application.js';
import type { RunningSipServer, SipServerCounters, SipServerSettings } from '../sip-server/control.js';
import { startSipServer } from '../sip-server/start-sip-server.js';

const CONNECT_TIMEOUT_MS = 5_000;

export interface SipListener {
  readonly transport: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
}

export interface SipSide {
  readonly application: SipApplication;
  readonly listeners: readonly SipListener[];
  /** Null for an external server, which keeps its own. */
  counters(): Promise<{ readonly sip: SipServerCounters | null; readonly restarts: number }>;
}

/** @throws SimtrunkError LISTENER_UNAVAILABLE or SIP_SERVER_UNREACHABLE; what was started is on the stack. */
export async function startSip(config: Config, clock: Clock, log: Logger, opened: ClosingStack): Promise<SipSide> {
  const { allowedHeaders, drachtio } = config.sip;
  const application = new SipApplication({ trunks: config.trunks, allowedHeaders }, log);
  if (drachtio !== undefined) {
    opened.add('signalling', application);
    const hostPorts = await application.connect(drachtio, CONNECT_TIMEOUT_MS);
    return {
      application,
      listeners: hostPorts.flatMap(readHostPort),
      counters: async () => ({ sip: null, restarts: 0 }),
    };
  }

  const server = await startEmbedded(config, application, clock, log);
  opened.add('SIP server', server);
  // The application is closed first: the server's end is then no loss to it.
  opened.add('signalling', application);
  const { adminAddress, adminPort, listeners } = server.latest;
  await application.connect({ host: adminAddress, port: adminPort, secret: server.secret }, CONNECT_TIMEOUT_MS);
  return {
    application,
    listeners: listeners.map(({ transport, address, port }) => ({ transport, address, port })),
    counters: async () => ({
      // A server that has just ended has none to give.
      sip: await server.latest.counters().catch(() => null),
      restarts: server.restarts,
    }),
  };
}

async function startEmbedded(config: Config, application: SipApplication, clock: Clock, log: Logger) {
  const secret = randomUUID();
  const sources = { allow: knownSources(config) };
  if (sources.allow === null) {
    log.warn({}, 'a gateway is given by its name: packets of any source are read, and strangers are answered 403');
  }
  let settings: SipServerSettings = {
    listeners: config.networks.flatMap(({ bind, advertise, sip }) =>
      sip.map(({ transport, port }) => ({ transport, port, address: bind, advertise })),
    ),
    admin: { address: '127.0.0.1', port: 0, secret },
    timers: config.sip,
    maxMessageBytes: config.sip.maxMessageBytes,
  };
  const supervised = await Supervised.start<RunningSipServer>({
    name: 'SIP server',
    start: async () => {
      const server = await startSipServer(settings, log);
      try {
        await server.setSources(sources);
      } catch (error) {
        await server.close();
        throw error;
      }
      server.onTrying((sipCallId) => application.noteTrying(sipCallId));
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
  return Object.assign(supervised, { secret });
}

/** Trunks and gateways; a gateway named by its host name may come from any address, so then everybody is let in. */
function knownSources(config: Config): readonly string[] | null {
  const gateways = config.gateways.map(({ host }) => host);
  if (gateways.some((host) => isIP(host) === 0)) return null;
  return [...config.trunks.flatMap(({ sources }) => sources.map(addressOf)), ...gateways];
}

/** A source without its port; CIDR blocks stay. */
function addressOf(source: string): string {
  return source.includes('/') ? source : (parseHostPort(source)?.host ?? source);
}

/** `udp/192.0.2.1:5060` as a drachtio server names its listeners. */
function readHostPort(text: string): SipListener[] {
  const [transport, rest = ''] = text.split('/');
  const parsed = parseHostPort(rest);
  if ((transport !== 'udp' && transport !== 'tcp') || parsed?.port === undefined) return [];
  return [{ transport, address: parsed.host, port: parsed.port }];
}
