// All do-not-call lists of a config.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { type ListCounters, ListKeeper, type ListSettings } from './list-keeper.js';

export interface DoNotCallLists {
  readonly lists: readonly ListKeeper[];
  readonly counters: readonly ListCounters[];
  close(): Promise<void>;
}

/** Reads what is on this machine before it resolves; with `watch` the lists are kept current from then on. */
export async function openDoNotCallLists(
  settings: readonly ListSettings[],
  { clock, log, watch }: { readonly clock: Clock; readonly log: Logger; readonly watch: boolean },
): Promise<DoNotCallLists> {
  const lists = settings.map((list) => new ListKeeper(list, clock, log));
  await Promise.all(lists.map((list) => list.load()));
  if (watch) for (const list of lists) list.watch();
  return {
    lists,
    get counters() {
      return lists.map((list) => list.counters);
    },
    async close() {
      await Promise.all(lists.map((list) => list.close()));
    },
  };
}
