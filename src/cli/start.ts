// `simtrunk start`: the service, until a signal ends it. Ending it takes no new calls, ends the live ones with BYE,
// settles them and publishes their records; a second signal ends the process at once, which costs what a crash costs.
import { parseArgs } from 'node:util';
import { type RunningApp, startApp } from '../app.js';
import type { Config } from '../config/config.js';
import { SimtrunkError } from '../lib/errors.js';
import { createLogger } from '../lib/logger.js';
import { CONFIG_OPTIONS, loadConfigArgument } from './config-argument.js';

export const USAGE = 'usage: simtrunk start [--config FILE] [--data DIR]';

/** The same Ctrl-C reaches us from the terminal, from npm and from the launcher: one second apart it is another one. */
const SECOND_SIGNAL_AFTER_MS = 1_000;

export async function run(args: string[]): Promise<number> {
  const config = await loadConfigArgument(read(args));
  const app = await startApp(config);
  reloadCertificatesOnSighup(config, app);
  goOnAfterDefects(config);
  // Whoever reads that it runs may end it at once.
  const ended = signalled();
  process.stdout.write(greeting(config, app));
  await ended;
  process.stdout.write('Ending: live calls get a BYE, their records are written. Once more ends at once.\n');
  await app.close();
  return 0;
}

function read(args: string[]) {
  try {
    return parseArgs({ args, options: CONFIG_OPTIONS }).values;
  } catch (cause) {
    throw new SimtrunkError('USAGE', `${(cause as Error).message}\n${USAGE}`, { cause });
  }
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

/** An operator, or what renews certificates, says that their files are new. */
function reloadCertificatesOnSighup(config: Config, app: RunningApp): void {
  const log = createLogger(config.log);
  process.on('SIGHUP', () => {
    app.reloadCertificates().then(
      () => log.info({}, 'certificates were read again'),
      (err) => log.error({ err, alarm: 'certificate' }, 'certificates stay as they were'),
    );
  });
}

/** A defect met in one call must not cost all others theirs: it is told as an alarm, and the service goes on. */
function goOnAfterDefects(config: Config): void {
  const log = createLogger(config.log);
  process.on('uncaughtException', (err) => log.fatal({ alarm: 'defect', err }, 'uncaught exception'));
  process.on('unhandledRejection', (err) => log.fatal({ alarm: 'defect', err }, 'unhandled rejection'));
}
