// Joins the daily comparison of gateways' counters to what it compares: the gateways' web servers, the ledger's history, and the
// journal that keeps what was found.
import { DateTime } from 'luxon';
import type { Config } from '../config/config.js';
import { bodyFor, type PolledSimStatus, pathFor } from '../config/resolve-sim-status.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { SettledHistory } from '../quota/ledger.js';
import type { LedgerView } from '../quota/ledger-view.js';
import { type Comparison, CounterBook } from '../sim-state/counter-book.js';
import { CounterKeeper, type CountSpan } from '../sim-state/counter-keeper.js';
import { requestJson } from '../sim-state/request-json.js';

export interface CounterSide {
  /** Of the last days, newest first. */
  comparisons(days: number): Promise<readonly Comparison[]>;
  /** Compares one gateway now; undefined when its calls are not compared. @throws Error when it cannot be asked */
  compare(gateway: string): Promise<readonly Comparison[] | undefined>;
  reconfigure(next: Config): void;
  close(): Promise<void>;
}

interface Parts {
  readonly journal: Journal;
  readonly ledger: SettledHistory & { readonly view: Pick<LedgerView, 'channelState'> };
  readonly clock: Clock;
  readonly log: Logger;
}

const DAY_MS = 86_400_000;

export function watchCounters(config: Config, parts: Parts): CounterSide {
  const { journal, clock, log } = parts;
  const book = new CounterBook(journal);
  const keepers = new Map<string, { readonly settings: string; readonly keeper: CounterKeeper }>();

  function reconfigure({ simStatus, credentials }: Config): void {
    const wanted = new Map<string, { settings: string; open: () => CounterKeeper }>();
    for (const one of simStatus) {
      if (one.kind !== 'http' || one.counter === null) continue;
      const account = credentials.simStatus.get(one.gateway);
      const settings = JSON.stringify([one, account]);
      wanted.set(one.gateway, { settings, open: () => keeperOf(one, account, book, parts) });
    }
    for (const [gateway, { settings, keeper }] of keepers) {
      if (wanted.get(gateway)?.settings === settings) continue;
      keepers.delete(gateway);
      keeper.close().catch((err: unknown) => log.warn({ err, gateway }, 'comparison of calls could not be closed'));
    }
    for (const [gateway, { settings, open }] of wanted) {
      if (keepers.has(gateway)) continue;
      const keeper = open();
      keepers.set(gateway, { settings, keeper });
      keeper.start();
    }
  }

  reconfigure(config);
  return {
    comparisons: (days) => book.comparisons(clock.wallMs() - days * DAY_MS),
    compare: async (gateway) => keepers.get(gateway)?.keeper.compare(),
    reconfigure,
    async close() {
      await Promise.all([...keepers.values()].map(({ keeper }) => keeper.close()));
    },
  };
}

function keeperOf(
  {
    gateway,
    url,
    verifyServer,
    timeoutMs,
    maxBytes,
    counter,
  }: PolledSimStatus & { counter: PolledSimStatus['counter'] },
  account: { readonly username: string; readonly password: string } | undefined,
  book: CounterBook,
  { ledger, clock, log }: Parts,
): CounterKeeper {
  if (counter === null) throw new RangeError(`The calls of ${gateway} are not compared`);
  const { template, timeZone } = counter;
  return new CounterKeeper(
    { gateway, ...counter },
    {
      ...{ clock, log, book },
      ask(span, signal) {
        const asked = spanIn(span, timeZone);
        const question = {
          ...{ url: new URL(pathFor(template.path, account, asked), url), method: template.method ?? 'GET' },
          ...{ body: template.body === undefined ? undefined : bodyFor(template.body, asked) },
          ...{ account, verifyServer, timeoutMs, maxBytes },
        } as const;
        return requestJson(question, signal);
      },
      isIdle: (channelId) => ledger.view.channelState(channelId) !== 'busy',
      settled: (settledSpan, bothDirections) => ledger.settledCalls({ ...settledSpan, bothDirections }),
    },
  );
}

/** As gateways write it: their clock, to the second. */
function spanIn({ sinceWallMs, untilWallMs }: CountSpan, zone: string): { readonly from: string; readonly to: string } {
  const text = (wallMs: number) => DateTime.fromMillis(wallMs, { zone }).toFormat('yyyy-MM-dd HH:mm:ss');
  return { from: text(sinceWallMs), to: text(untilWallMs) };
}
