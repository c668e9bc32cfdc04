// Joins probe calls to suspensions: what is suspended is tried, and what is resumed is tried no more.
import type { CallRegistry } from '../call/call-registry.js';
import { ProbeCalls, type ProbeSettings } from '../call/probe-calls.js';
import type { ProbeSign } from '../call/probe-leg.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Streak } from '../routing/channel-streaks.js';
import type { StreakSide } from './watch-streaks.js';

interface Parts {
  readonly streaks: StreakSide;
  readonly registry: Pick<CallRegistry, 'open' | 'isAccepting'>;
  /** The config in force. */
  config(): Config;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Longer than a short answer, by this. */
const TALK_MARGIN_MS = 500;

export function startProbeCalls({ streaks, registry, config, clock, log }: Parts): ProbeCalls {
  const probes = new ProbeCalls(probeSettings(config()), {
    ...{ clock, log },
    open(request, leg) {
      // A service that takes no calls makes none either.
      if (registry.isAccepting) registry.open(request, leg);
      else leg.refuse(503, undefined);
    },
    resume: (channelId) => void streaks.resume(channelId),
  });
  streaks.onChange((channelId, suspension) => {
    if (suspension === null) probes.forget(channelId);
    else probes.watch(channelId, signFor(suspension.streak, config()));
  });
  for (const { channelId, streak } of streaks.list()) probes.watch(channelId, signFor(streak, config()));
  return probes;
}

export function probeSettings({ routing, trunks, networks }: Config): ProbeSettings | null {
  const { probe } = routing.streaks;
  const trunk = trunks.find(({ name }) => name === probe?.trunk);
  const address = networks.find(({ name }) => name === trunk?.network)?.advertise;
  if (probe === null || trunk === undefined || address === undefined) return null;
  const { number, afterMs, maxAfterMs } = probe;
  return { trunk, address, number, afterMs, maxAfterMs };
}

function signFor(streak: Streak, { routing }: Config): ProbeSign {
  if (streak === 'answers-without-18x') return { kind: 'alerting-first' };
  if (streak !== 'short-answers') return { kind: 'alerting' };
  return { kind: 'talk', lastingMs: (routing.streaks.shortAnswers?.underMs ?? 0) + TALK_MARGIN_MS };
}
