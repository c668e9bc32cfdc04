// `simtrunk start`: the service, until a signal ends it. Ending it takes no new calls, ends the live ones with BYE,
// settles them and publishes their records; a second signal ends the process at once, which costs what a crash costs.
import { type RunningApp, startApp } from '../app.js';
import type { Config } from '../config/config.js';
import { SystemClock } from '../lib/clock.js';
import { createLogger, type Logger } from '../lib/logger.js';
import { readCommandLine } from './command-line.js';
import { CONFIG_OPTIONS, loadConfigArgument } from './config-argument.js';
import { ServiceManager } from './service-manager.js';

export const USAGE = 'usage: simtrunk start [--config FILE] [--data DIR]';

/** The same Ctrl-C reaches us from the terminal, from npm and from the launcher: one second apart it is another one. */
const SECOND_SIGNAL_AFTER_MS = 1_000;

export async function run(args: string[]): Promise<number> {
  const config = await loadConfigArgument(readCommandLine({ args, options: CONFIG_OPTIONS }, USAGE).values);
  const app = await startApp(config);
  const log = createLogger(config.log);
  const manager = serviceManager(app, log);
  reloadOnSighup(app, log);
  goOnAfterDefects(log);
  // Whoever reads that it runs may end it at once.
  const ended = Promise.race([signalled(), app.drain.stopWanted]);
  process.stdout.write(greeting(config, app));
  await manager.ready();
  await ended;
  process.stdout.write('Ending: live calls get a BYE, their records are written. Once more ends at once.\n');
  await Promise.all([manager.stopping(), app.close()]);
  return 0;
}

function greeting(config: Config, app: RunningApp): string {
  const listeners = app.listeners.map(({ transport, address, port }) => `${transport} ${address}:${port}`);
  return [
    `simtrunk takes calls on ${listeners.join(', ')}`,
    `  config ${config.file}`,
    `  data   ${config.dataDir}`,
    '  Ctrl-C ends it.\n',
  ].join('\n');
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | null = null;
    const onSignal = (): void => {
      const nowMs = performance.now();
      firstMs ??= nowMs;
      if (nowMs - firstMs > SECOND_SIGNAL_AFTER_MS) process.exit(130);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

function serviceManager(app: RunningApp, log: Logger): ServiceManager {
  return new ServiceManager({
    env: process.env,
    pid: process.pid,
    clock: new SystemClock(),
    log,
    // Answered by the SIP server's thread and by those of the media.
    isAlive: () => app.counters(),
    status: () => `${app.drain.state?.state ?? 'takes calls'}, ${app.liveCalls} live`,
  });
}

/** An operator, or what renews certificates, says that files are new. Certificates are read again whatever the config says. */
function reloadOnSighup(app: RunningApp, log: Logger): void {
  process.on('SIGHUP', () => {
    void reloadAfterSignal(app, log).catch((err) => log.error({ err, alarm: 'defect' }, 'reload failed'));
  });
}

async function reloadAfterSignal(app: RunningApp, log: Logger): Promise<void> {
  const reloaded = await app.reload({ dryRun: false });
  if (!reloaded.ok) log.error({ alarm: 'reload', problems: reloaded.message }, 'the config stays as it was');
  else if (reloaded.report.outcome === 'needs-restart') {
    const paths = reloaded.report.changes.filter(({ isReloadable }) => !isReloadable).map(({ path }) => path);
    log.error(
      { alarm: 'reload', needRestart: paths },
      'the config stays as it was: some of its changes need a restart',
    );
  }
  const isRead = reloaded.ok && reloaded.report.outcome !== 'needs-restart';
  const trouble = isRead
    ? reloaded.report.certificateTrouble
    : await app.reloadCertificates().then(
        () => null,
        (err: Error) => err.message,
      );
  if (trouble === null) log.info({}, 'certificates were read again');
  else log.error({ alarm: 'certificate', trouble }, 'certificates stay as they were');
}

/** A defect met in one call must not cost all others theirs: it is told as an alarm, and the service goes on. */
function goOnAfterDefects(log: Logger): void {
  process.on('uncaughtException', (err) => log.fatal({ alarm: 'defect', err }, 'uncaught exception'));
  process.on('unhandledRejection', (err) => log.fatal({ alarm: 'defect', err }, 'unhandled rejection'));
}
