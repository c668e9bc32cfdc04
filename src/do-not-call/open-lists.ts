// All do-not-call lists of a config.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { isSameValue } from '../lib/same-value.js';
import { type ListCounters, ListKeeper, type ListSettings } from './list-keeper.js';

export interface DoNotCallLists {
  readonly lists: readonly ListKeeper[];
  readonly counters: readonly ListCounters[];
  /**
   * Reads the lists that are new or have changed, and keeps the others; `take` puts them in force, kept current from then on,
   * and ends those that are not wanted any more. The lists that a trunk's policy goes by are `lists`.
   */
  prepare(settings: readonly ListSettings[]): Promise<PreparedLists>;
  close(): Promise<void>;
}

export interface PreparedLists {
  readonly lists: readonly ListKeeper[];
  take(): void;
  discard(): void;
}

/** Reads what is on this machine before it resolves; with `watch` the lists are kept current from then on. */
export async function openDoNotCallLists(
  settings: readonly ListSettings[],
  { clock, log, watch }: { readonly clock: Clock; readonly log: Logger; readonly watch: boolean },
): Promise<DoNotCallLists> {
  let lists: readonly ListKeeper[] = settings.map((list) => new ListKeeper(list, clock, log));
  await Promise.all(lists.map((list) => list.load()));
  if (watch) for (const list of lists) list.watch();
  return {
    get lists() {
      return lists;
    },
    get counters() {
      return lists.map((list) => list.counters);
    },
    async prepare(next) {
      const before = lists;
      const wanted = next.map((list) => before.find((known) => isSameValue(known.settings, list)) ?? list);
      const made = wanted.map((list) => (list instanceof ListKeeper ? list : new ListKeeper(list, clock, log)));
      const fresh = made.filter((list) => !before.includes(list));
      await Promise.all(fresh.map((list) => list.load()));
      return {
        lists: made,
        take() {
          lists = made;
          if (watch) for (const list of fresh) list.watch();
          for (const list of before) if (!made.includes(list)) void list.close();
        },
        discard() {
          for (const list of fresh) void list.close();
        },
      };
    },
    async close() {
      await Promise.all(lists.map((list) => list.close()));
    },
  };
}
