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
  /** Told when a channel is suspended, and with null when it is no more. */
  onChange(listener: (channelId: string, suspension: Suspension | null) => void): void;
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
  let onChange: (channelId: string, suspension: Suspension | null) => void = () => {};
  const suspensions = await openSuspensions(suspensionSettings(config), {
    ...{ journal, clock, log },
    onChange(channelId, suspension) {
      routes.suspended(channelId, suspension !== null);
      if (suspension === null) streaks.forget(channelId);
      onChange(channelId, suspension);
    },
  });
  return {
    ended(end) {
      const found = streaks.take(end);
      if (found !== null) suspensions.suspend(end.channelId, found);
    },
    list: () => suspensions.list(),
    of: (channelId) => suspensions.of(channelId),
    resume: (channelId) => suspensions.resume(channelId),
    onChange(listener) {
      onChange = listener;
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
