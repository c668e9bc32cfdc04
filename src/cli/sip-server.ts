// `simtrunk sip-server`: the SIP server alone, for any drachtio application, until a signal ends it. SIGHUP reads certificates anew.
import { SimtrunkError } from '../lib/errors.js';
import { createLogger, type Logger } from '../lib/logger.js';
import type { RunningSipServer } from '../sip-server/control.js';
import { hostPort } from '../sip-server/message/uri.js';
import { startSipServer } from '../sip-server/start-sip-server.js';
import { readCommandLine } from './command-line.js';
import { loadServerConfig, type ServerConfig, type ServerFlags } from './sip-server-config.js';

export const USAGE = `usage: simtrunk sip-server [--config FILE] [--listen WHERE …] [--advertise ADDRESS] [--admin ADDRESS:PORT] [--secret TEXT]
  --listen WHERE         udp:ADDRESS:PORT or tcp:ADDRESS:PORT, as often as needed (udp and tcp on 127.0.0.1:5060)
  --advertise ADDRESS    written into Via, Contact and Record-Route in place of the address listened on
  --admin ADDRESS:PORT   where drachtio applications connect (127.0.0.1:9022)
  --secret TEXT          that they must give; better in the file or in DRACHTIO_SECRET, which nobody sees in a list of processes
  --config FILE          for everything else; config/sip-server.yaml is its manual`;

/** How often a draining server looks whether its last dialog has ended. */
const DRAIN_LOOK_MS = 200;

export async function run(args: string[]): Promise<number> {
  const flags = read(args);
  const config = await loadServerConfig(flags, process.env);
  const log = createLogger({ level: config.logLevel, redactNumbers: false });
  const server = await startSipServer(config.server, log);
  try {
    await server.setSources(config.sources);
    reloadOnHangUp(server, flags, log);
    process.stdout.write(greeting(server));
    const ending = new AbortController();
    const lost = new Promise<Error>((resolve) => server.onExit(resolve));
    const cause = await Promise.race([signalled(ending), lost]);
    if (cause instanceof Error) {
      throw new SimtrunkError('SIP_SERVER_UNREACHABLE', `The SIP server has ended by itself: ${cause.message}`, {
        cause,
      });
    }
    await drain(server, config, ending.signal);
  } finally {
    await server.close();
  }
  return 0;
}

function read(args: string[]): ServerFlags {
  const options = {
    config: { type: 'string' },
    listen: { type: 'string', multiple: true },
    advertise: { type: 'string' },
    admin: { type: 'string' },
    secret: { type: 'string' },
  } as const;
  return readCommandLine({ args, options }, USAGE).values;
}

function greeting({ listeners, adminAddress, adminPort }: RunningSipServer): string {
  const where = listeners.map(({ transport, address, port }) => `${transport} ${hostPort(address, port)}`);
  return [
    `SIP on ${where.join(', ')}`,
    `  applications connect to ${hostPort(adminAddress, adminPort)}`,
    '  Ctrl-C ends it.\n',
  ].join('\n');
}

/** Resolves at the first signal; a second one aborts what is being waited for. */
function signalled(ending: AbortController): Promise<void> {
  return new Promise((resolve) => {
    let isFirst = true;
    const onSignal = (): void => {
      if (isFirst) resolve();
      else ending.abort();
      isFirst = false;
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

/** Takes no new calls and waits for those there are, as long as the config says. */
async function drain(server: RunningSipServer, { drain: wanted }: ServerConfig, signal: AbortSignal): Promise<void> {
  if (wanted.seconds === 0) return;
  const { retryAfterSeconds } = wanted;
  await server.setDrain(retryAfterSeconds === 0 ? {} : { retryAfterSeconds });
  const untilMs = performance.now() + wanted.seconds * 1_000;
  process.stdout.write(`Draining: no new calls, ${wanted.seconds} s for those there are. Once more ends at once.\n`);
  while (!signal.aborted && performance.now() < untilMs && (await server.counters()).dialogs > 0) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
  }
}

/** SIGHUP: new certificates for new connections. What cannot be read changes nothing. */
function reloadOnHangUp(server: RunningSipServer, flags: ServerFlags, log: Logger): void {
  process.on('SIGHUP', () => {
    void (async () => {
      try {
        const { listeners } = (await loadServerConfig(flags, process.env)).server;
        for (const [index, { tls }] of listeners.entries()) {
          const at = server.listeners[index];
          if (tls !== undefined && at !== undefined) await server.setCertificate(at, tls);
        }
        log.info({}, 'Certificates read');
      } catch (err) {
        log.error({ err }, 'Certificates cannot be read; those there are stay');
      }
    })();
  });
}
