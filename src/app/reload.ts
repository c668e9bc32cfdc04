// Reading the config again while calls go on. It is validated whole; what cannot be taken over without a restart is named, and
// then nothing changes; all parts make themselves ready, and then all take over in one tick. Calls that live keep the objects
// that they began with (docs/decisions/reload.md).
import type { Config } from '../config/config.js';
import { type ConfigChange, configChanges } from '../config/config-changes.js';
import { loadConfigAside } from '../config/load-config-aside.js';
import type { ServicePort } from '../control/service-report.js';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';

/** A part that takes over what a reload may change. */
export interface ReloadedPart {
  /** Does all that may fail or take time, for a config that is sound. Nothing changes yet. */
  prepare(next: Config, before: Config): Prepared | Promise<Prepared>;
}

export interface Prepared {
  /** Takes over at once, in the tick in which all parts do. */
  take(): void;
  /** It is not to be: another part could not make itself ready. */
  discard?(): void;
}

/** Changes that the log names; a gateway has one for each of its channels. */
const MOST_LOGGED = 100;

export type ReloadOutcome = 'unchanged' | 'reloaded' | 'would-reload' | 'needs-restart';

export interface ReloadResult {
  readonly outcome: ReloadOutcome;
  readonly changes: readonly ConfigChange[];
}

export class Reload {
  readonly #log: Logger;
  readonly #parts: { readonly name: string; readonly part: ReloadedPart }[] = [];
  #config: Config;
  /** Reloads follow each other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  /** The config in force. */
  get config(): Config {
    return this.#config;
  }

  /** Parts take over in the order in which they were added. */
  add(name: string, part: ReloadedPart): void {
    this.#parts.push({ name, part });
  }

  /**
   * Reads the file that the service was started with, and takes over what it says now.
   * @throws SimtrunkError CONFIG_UNREADABLE or CONFIG_INVALID, or RELOAD_FAILED; nothing has changed then
   */
  run({ dryRun }: { readonly dryRun: boolean }): Promise<ReloadResult> {
    const reloaded = this.#last.then(() => this.#run(dryRun));
    this.#last = reloaded.catch(() => undefined);
    return reloaded;
  }

  async #run(dryRun: boolean): Promise<ReloadResult> {
    const before = this.#config;
    const read = await loadConfigAside(before.file, { env: process.env, dataDir: before.dataDir });
    const next = withSameNonces(read, before);
    const changes = configChanges(before.written, next.written);
    if (changes.length === 0) return { outcome: 'unchanged', changes };
    if (changes.some(({ isReloadable }) => !isReloadable)) return { outcome: 'needs-restart', changes };
    if (dryRun) return { outcome: 'would-reload', changes };
    const prepared = await this.#prepare(next, before);
    this.#config = next;
    for (const { name, part } of prepared) {
      try {
        part.take();
      } catch (err) {
        // There is no way back, and the others go on.
        this.#log.error({ err, alarm: 'defect', part: name }, 'a part could not take the config over');
      }
    }
    const shown = changes.slice(0, MOST_LOGGED).map(({ kind, path }) => `${path} ${kind}`);
    this.#log.warn({ changed: changes.length, changes: shown }, 'config was read again');
    return { outcome: 'reloaded', changes };
  }

  async #prepare(next: Config, before: Config) {
    const prepared: { readonly name: string; readonly part: Prepared }[] = [];
    for (const { name, part } of this.#parts) {
      try {
        prepared.push({ name, part: await part.prepare(next, before) });
      } catch (cause) {
        for (const { part: ready } of prepared) ready.discard?.();
        const message = `The config stays as it was: ${name}: ${messageOf(cause)}`;
        throw new SimtrunkError('RELOAD_FAILED', message, { cause });
      }
    }
    return prepared;
  }
}

/** As an operator has it done: a problem is a value, and certificates are read again, too. */
export async function reloadWithCertificates(
  reload: Reload,
  sip: { reloadCertificates(): Promise<void> },
  options: { readonly dryRun: boolean },
): ReturnType<ServicePort['reload']> {
  try {
    const { outcome, changes } = await reload.run(options);
    const readsThem = outcome === 'unchanged' || outcome === 'reloaded';
    const certificateTrouble =
      readsThem && !options.dryRun ? await sip.reloadCertificates().then(noTrouble, messageOf) : null;
    return { ok: true, report: { outcome, changes, certificateTrouble } };
  } catch (error) {
    if (error instanceof SimtrunkError) return { ok: false, message: error.message };
    throw error;
  }
}

function noTrouble(): null {
  return null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A secret that nobody has set is made anew whenever a config is read; peers go on using nonces that they have. */
function withSameNonces(next: Config, before: Config): Config {
  if (next.written.sip.digest.nonceSecret !== undefined || before.written.sip.digest.nonceSecret !== undefined)
    return next;
  const settings = { ...next.credentials.settings, nonceSecret: before.credentials.settings.nonceSecret };
  return { ...next, credentials: { ...next.credentials, settings } };
}
