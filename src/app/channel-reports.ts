// What an operator may know of each channel and do with it: from the config, the ledger, status ports and suspensions together.
import type { ProbeCalls } from '../call/probe-calls.js';
import type { Config } from '../config/config.js';
import type { ChannelPort, ChannelReport, SuspensionReport } from '../control/channel-report.js';
import type { ChannelState } from '../quota/ledger-view.js';
import type { SimStates } from '../sim-state/sim-states.js';
import type { Suspension } from '../sim-state/suspensions.js';
import type { CounterSide } from './watch-counters.js';
import type { StreakSide } from './watch-streaks.js';

export interface ChannelSources {
  /** The config in force. */
  config(): Config;
  readonly streaks: Pick<StreakSide, 'of' | 'resume'>;
  readonly probes: Pick<ProbeCalls, 'probeNow'>;
  readonly counts: Pick<CounterSide, 'compare' | 'comparisons'>;
  readonly states: Pick<SimStates, 'status'>;
  stateOf(channelId: string): ChannelState | undefined;
}

export function channelPort({ config, streaks, probes, counts, states, stateOf }: ChannelSources): ChannelPort {
  return {
    list() {
      const { channels, sims } = config();
      const numbers = new Map(sims.map(({ simId, number }) => [simId, number]));
      return channels.map(({ channelId, simId, enabled }): ChannelReport => {
        const { report, ageMs, trouble } = states.status(channelId);
        const suspension = streaks.of(channelId);
        return {
          channelId,
          simId,
          simNumber: numbers.get(simId) ?? '',
          state: enabled ? (stateOf(channelId) ?? 'idle') : 'disabled',
          status: report,
          statusAgeSeconds: ageMs === null ? null : Math.floor(ageMs / 1_000),
          trouble,
          suspension: suspension === null ? null : suspensionReport(suspension),
        };
      });
    },
    comparisons: (days) => counts.comparisons(days),
    compare: (gateway) => counts.compare(gateway),
    probe: (channelId) => probes.probeNow(channelId),
    resume(channelId) {
      const suspension = streaks.resume(channelId);
      return suspension === null ? null : suspensionReport(suspension);
    },
  };
}

export function suspensionReport({ streak, count, sinceWallMs }: Suspension): SuspensionReport {
  return { streak, count, sinceMs: sinceWallMs };
}
