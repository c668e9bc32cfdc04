// Joins what attempts came to with the suspension of channels: calls tell, streaks are counted, routing and the journal follow.
import type { AttemptWatch } from '../call/attempt-ends.js';
import type { Config } from '../config/config.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { ChannelStreaks } from '../routing/channel-streaks.js';
import { openSuspensions, type Suspension, type SuspensionSettings } from '../sim-state/suspensions.js';

export interface StreakSide extends AttemptWatch {
  list(): readonly Suspension[];
  of(channelId: string): Suspension | null;
  /** What it was suspended for; null when it is not. Its streaks begin anew. */
  resume(channelId: string): Suspension | null;
  onSuspended(listener: (suspension: Suspension) => void): void;
  reconfigure(next: Config): void;
}

interface Parts {
  readonly journal: Journal;
  readonly routes: { suspended(channelId: string, suspended: boolean): void };
  readonly clock: Clock;
  readonly log: Logger;
}

export async function watchStreaks(config: Config, { journal, routes, clock, log }: Parts): Promise<StreakSide> {
  const streaks = new ChannelStreaks(config.routing.streaks);
  const suspensions = await openSuspensions(suspensionSettings(config), {
    ...{ journal, clock, log },
    onChange: (channelId, suspended) => routes.suspended(channelId, suspended),
  });
  let onSuspended: (suspension: Suspension) => void = () => {};
  return {
    ended(end) {
      const found = streaks.take(end);
      const suspension = found === null ? null : suspensions.suspend(end.channelId, found);
      if (suspension !== null) onSuspended(suspension);
    },
    list: () => suspensions.list(),
    of: (channelId) => suspensions.of(channelId),
    resume(channelId) {
      const suspension = suspensions.resume(channelId);
      if (suspension !== null) streaks.forget(channelId);
      return suspension;
    },
    onSuspended(listener) {
      onSuspended = listener;
    },
    reconfigure(next) {
      streaks.reconfigure(next.routing.streaks);
      suspensions.reconfigure(suspensionSettings(next));
    },
  };
}

function suspensionSettings({ channels, routing }: Config): SuspensionSettings {
  return { channels, mostPercent: routing.streaks.mostPercent };
}
