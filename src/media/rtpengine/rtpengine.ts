// The media port over rtpengine: sessions on one of several engines, copies of them to the taps, DTMF as they tell it.
// A session stays with its engine; an engine that does not answer gets no new one, and is asked again every moment.
import { randomBytes } from 'node:crypto';
import type { MediaOpenResult, MediaPort } from '../../call/ports.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { Supervised } from '../../lib/supervised.js';
import type { TapConnection } from '../relay/relay-threads.js';
import { DtmfListener, type ToldDtmf } from './dtmf-listener.js';
import type { Engine, EngineHealthSettings, EngineReport, EngineSettings } from './engine.js';
import { EngineCall } from './engine-call.js';
import { EnginePool } from './engine-pool.js';
import { EngineSession, type SessionSettings } from './engine-session.js';
import type { ForkSource } from './fork-description.js';
import type { ForkCounters, ForkedDtmf } from './fork-messages.js';
import { ForkThread } from './fork-thread.js';

/** Four megabytes, or some 20,000 packets: five seconds of 44 calls while a tap stands still. */
const MAX_TAP_BATCHES = 128;
/** More engines than this are not tried for one call, which is waiting. */
const MAX_TRIES = 3;

export interface RtpengineNetwork {
  readonly name: string;
  /** Says which address family the engine is asked for. */
  readonly advertise: string;
}

export interface RtpengineSettings extends EngineHealthSettings {
  readonly engines: readonly EngineSettings[];
  readonly networks: readonly RtpengineNetwork[];
  /** Where copies arrive: the address that is bound and told to the engines, and its port; 0 for any. */
  readonly fork: ForkSource;
  /** Where the engines tell DTMF to; null when they do not. */
  readonly dtmf: ForkSource | null;
  /** Codec names that every engine can decode and encode. */
  readonly transcodes: readonly string[];
  /** DSCP of what the engines send; false for their own default. */
  readonly dscp: number | false;
  readonly watchIntervalMs: number;
  /** Which digits were sent is reported, not only how many. */
  readonly keepsDigits: boolean;
  readonly lostAfterMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RtpengineCounters {
  readonly sessions: number;
  readonly engines: readonly EngineReport[];
  /** Sessions refused because no engine had ports left, or none answered. */
  readonly refusedNoPorts: number;
  readonly refusedDown: number;
  /** Null while the thread for copies is being started again. */
  readonly forks: ForkCounters | null;
  readonly restarts: number;
}

export interface RunningRtpengine {
  readonly port: MediaPort;
  /** Connects a tap, and anew when the thread for copies was started again; it replaces an earlier one of its name. */
  connectTap(tap: TapConnection): void;
  /** An engine that is drained gets no new session; false when there is none with this URL. */
  drain(url: string, isDraining: boolean): boolean;
  engines(): readonly EngineReport[];
  counters(): Promise<RtpengineCounters>;
  /** Closes every session and ends the thread. Idempotent. */
  close(): Promise<void>;
}

/**
 * Resolves when each engine has been asked once; none need answer.
 * @throws {SimtrunkError} LISTENER_UNAVAILABLE when the address for copies or for DTMF cannot be bound.
 */
export async function startRtpengine(settings: RtpengineSettings): Promise<RunningRtpengine> {
  const { clock, log } = settings;
  const sessions = new Map<string, EngineSession>();
  const taps = new Map<string, TapConnection>();
  const threadSettings = { bind: settings.fork, maxTapBatches: MAX_TAP_BATCHES };
  const forks = await Supervised.start<ForkThread>({
    name: 'fork',
    start: async () => {
      const thread = await ForkThread.start(threadSettings);
      // Engines that tell DTMF do so for every call; otherwise it is heard in the copies.
      if (settings.dtmf === null) thread.onDtmf((told) => tellForked(sessions, told));
      return thread;
    },
    onRestart: (thread) => {
      for (const tap of taps.values()) thread.connectTap(tap);
      for (const session of sessions.values()) session.forkAnew();
    },
    clock,
    log,
  });
  const dtmf = await listenForDtmf(settings, sessions).catch(async (error) => {
    await forks.close();
    throw error;
  });
  const pool = new EnginePool(settings.engines, settings, clock, log);
  await pool.probed();
  if (!pool.hasUsable) log.error({ alarm: 'rtpengine' }, 'no rtpengine answers: calls are refused until one does');

  const networks = new Map(
    settings.networks.map(({ name, advertise }) => [name, { name, isV6: advertise.includes(':') }]),
  );
  const sessionSettings: SessionSettings = {
    networks,
    forkAddress: settings.fork.address,
    forks: () => forks.latest,
    tos: settings.dscp === false ? undefined : settings.dscp << 2,
    watchIntervalMs: settings.watchIntervalMs,
    keepsDigits: settings.keepsDigits,
    lostAfterMs: settings.lostAfterMs,
    clock,
    log,
  };
  const transcodes = new Set(settings.transcodes.map((name) => name.toUpperCase()));
  const refused = { 'no-media-ports': 0, 'relay-down': 0 };

  const port: MediaPort = {
    capabilities: {
      srtp: true,
      udptl: true,
      copiesAsG711: true,
      // rtpengine 10.5 has one numbering of payload types for both sides.
      keepsPayloadTypes: true,
      transcodes: (from, to) => transcodes.has(from.toUpperCase()) && transcodes.has(to.toUpperCase()),
    },
    async open({ sessionId, callerNetwork, calleeNetwork, caller = null }): Promise<MediaOpenResult> {
      const [callerPlace, calleePlace] = [networks.get(callerNetwork), networks.get(calleeNetwork)];
      let reason: 'no-media-ports' | 'relay-down' = 'relay-down';
      const tried = new Set<Engine>();
      while (callerPlace !== undefined && calleePlace !== undefined && tried.size < MAX_TRIES) {
        const engine = pool.choose(tried);
        if (engine === null) break;
        tried.add(engine);
        // Of its own for each try: what may have been left of an earlier one is deleted under another.
        const callId = `${sessionId}-${randomBytes(4).toString('hex')}`;
        const release = engine.hold();
        const request = { sessionId, networks: { caller: callerPlace, callee: calleePlace }, caller };
        const session = new EngineSession(sessionSettings, request, engine, new EngineCall(engine, callId), () => {
          sessions.delete(callId);
          release();
        });
        sessions.set(callId, session);
        const opened = await session.open();
        if (opened.ok) return { ok: true, session };
        if (opened.reason === 'full') reason = 'no-media-ports';
        log.warn(
          { callId: sessionId, rtpengine: engine.settings.url, cause: opened.detail },
          'rtpengine takes no session',
        );
      }
      refused[reason] += 1;
      log.warn({ callId: sessionId, reason }, 'media session refused');
      return { ok: false, reason };
    },
  };

  let closing: Promise<void> | null = null;
  return {
    port,
    connectTap: (tap) => {
      taps.set(tap.name, tap);
      forks.latest.connectTap(tap);
    },
    drain: (url, isDraining) => pool.drain(url, isDraining),
    engines: () => pool.reports(),
    counters: async () => ({
      sessions: sessions.size,
      engines: pool.reports(),
      refusedNoPorts: refused['no-media-ports'],
      refusedDown: refused['relay-down'],
      forks: await forks.latest.counters(),
      restarts: forks.restarts,
    }),
    close: () => {
      closing ??= closeAll([...sessions.values()], pool, forks, dtmf);
      return closing;
    },
  };
}

function tellForked(sessions: ReadonlyMap<string, EngineSession>, { fork, side, event, durationMs }: ForkedDtmf): void {
  for (const session of sessions.values()) {
    if (session.forkId === fork) session.tell({ type: 'dtmf', side, event, durationMs, by: 'rfc4733' });
  }
}

function listenForDtmf(
  { dtmf }: RtpengineSettings,
  sessions: ReadonlyMap<string, EngineSession>,
): Promise<DtmfListener | null> {
  if (dtmf === null) return Promise.resolve(null);
  return DtmfListener.open(dtmf.address, dtmf.port, ({ callId, tag, event, durationMs }: ToldDtmf) => {
    const session = sessions.get(callId);
    const side = session?.call.sideOf(tag) ?? null;
    if (side !== null) session?.tell({ type: 'dtmf', side, event, durationMs, by: 'rfc4733' });
  });
}

async function closeAll(
  sessions: readonly EngineSession[],
  pool: EnginePool,
  forks: Supervised<ForkThread>,
  dtmf: DtmfListener | null,
): Promise<void> {
  await Promise.all(sessions.map((session) => session.close()));
  await pool.deleted();
  pool.close();
  await Promise.all([forks.close(), dtmf?.close()]);
}
