// The media engine (the embedded relay, or rtpengines) and the recorder with the tap between them; what runs in a thread is
// started again when that ends, and tapped anew.
import type { MessagePort } from 'node:worker_threads';
import type { MediaPort, RecordingPort } from '../call/ports.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { ClosingStack } from '../lib/closing-stack.js';
import type { Logger } from '../lib/logger.js';
import { Supervised } from '../lib/supervised.js';
import { RECORDER_TAP } from '../media/relay/fork-taps.js';
import type { RelayCounters, StreamSettings } from '../media/relay/relay-messages.js';
import { RelayThreads } from '../media/relay/relay-threads.js';
import type { RtpengineCounters, RunningRtpengine } from '../media/rtpengine/rtpengine.js';
import { type RunningRecorder, startRecorder } from '../recording/recorder.js';
import { startEngines } from './start-rtpengine.js';

export interface MediaSide {
  readonly media: MediaPort;
  /** Null with the embedded relay. */
  readonly engines: Pick<RunningRtpengine, 'engines' | 'drain'> | null;
  /** Null when nothing is recorded by setting. */
  readonly recorder: RecordingPort | null;
  /** What an earlier process left unfinished is repaired by this one; null as above. */
  readonly recordings: Pick<RunningRecorder, 'recover' | 'find'> | null;
  counters(): Promise<MediaCounters>;
}

export interface MediaCounters {
  /** Null with rtpengine, or while the relay is being started again. */
  readonly relay: RelayCounters | null;
  /** Null with the embedded relay. */
  readonly rtpengine: RtpengineCounters | null;
  readonly restarts: number;
}

/** @throws SimtrunkError of the relay or the recorder; what was started is on the stack. */
export async function startMedia(config: Config, clock: Clock, log: Logger, opened: ClosingStack): Promise<MediaSide> {
  const { dir, minFreeBytes, enabled } = config.recording;
  const recorder = enabled
    ? opened.add(
        'recorder',
        await Supervised.start<RunningRecorder>({
          name: 'recorder',
          start: () => startRecorder({ dir, minFreeBytes, log, clock }),
          onRestart: () => tap(),
          clock,
          log,
        }),
      )
    : null;
  const engine =
    config.media.engine === 'rtpengine'
      ? await openEngines(config, clock, log, opened)
      : await openRelay(config, clock, log, opened);

  function tap(): void {
    if (recorder !== null) engine.connectTap((port) => recorder.latest.connectTap(port));
  }

  tap();
  return {
    media: engine.media,
    engines: engine.engines,
    recorder: recorder && {
      readiness: () => recorder.latest.port.readiness(),
      begin: (request) => recorder.latest.port.begin(request),
    },
    recordings: recorder && {
      recover: () => recorder.latest.recover(),
      find: (path) => recorder.latest.find(path),
    },
    counters: async () => {
      const counters = await engine.counters();
      return { ...counters, restarts: counters.restarts + (recorder?.restarts ?? 0) };
    },
  };
}

/** What carries media, whichever it is. */
interface Engine {
  readonly media: MediaPort;
  readonly engines: Pick<RunningRtpengine, 'engines' | 'drain'> | null;
  /** Hands the recorder's end of a tap to `connect`: for each thread that taps, and again when one was started again. */
  connectTap(connect: (port: MessagePort) => void): void;
  counters(): Promise<MediaCounters>;
}

async function openRelay(config: Config, clock: Clock, log: Logger, opened: ClosingStack): Promise<Engine> {
  const relay = opened.add(
    'relay',
    await RelayThreads.start({
      networks: config.networks,
      streams: streamSettings(config.media),
      threads: config.media.threads,
      sockets: config.media.sockets,
      dscp: config.media.dscp,
      clock,
      log,
    }),
  );
  return {
    media: relay.port,
    engines: null,
    connectTap: (connect) => relay.connectTap({ name: RECORDER_TAP, connect }),
    counters: async () => ({ relay: await relay.counters(), rtpengine: null, restarts: relay.restarts }),
  };
}

async function openEngines(config: Config, clock: Clock, log: Logger, opened: ClosingStack): Promise<Engine> {
  const engines = opened.add('rtpengine', await startEngines(config, clock, log));
  return {
    media: engines.port,
    engines,
    connectTap: (connect) => engines.connectTap({ name: RECORDER_TAP, connect }),
    counters: async () => {
      const rtpengine = await engines.counters();
      return { relay: null, rtpengine, restarts: rtpengine.restarts };
    },
  };
}

function streamSettings({ continuity, keepDigits, comfortNoise }: Config['media']): StreamSettings {
  const { received, whenSilent, afterMs, levelDbov } = comfortNoise;
  const fills = { nothing: null, noise: { noiseDbov: levelDbov }, silence: 'silence' } as const;
  return { continuity, keepDigits, comfortNoise: { received, whenSilent: fills[whenSilent], afterMs } };
}
