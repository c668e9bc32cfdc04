// The embedded relay: the media port over a worker thread. A session stays with the thread that opened it.
// When the thread ends, its sessions are lost and told so; whoever started the relay starts another.
import type { MessagePort } from 'node:worker_threads';
import type {
  MediaAddress,
  MediaCapabilities,
  MediaEvent,
  MediaOpenResult,
  MediaPort,
  MediaRefusal,
  MediaRemote,
  MediaSession,
  PlayRequest,
} from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import type { Logger } from '../../lib/logger.js';
import { SessionPlays, type StartPlay } from '../player/session-plays.js';
import { SoundFiles } from '../player/sound-files.js';
import { RECORDER_TAP } from './fork-taps.js';
import type { SocketsSetting } from './open-sockets.js';
import {
  DEFAULT_STREAMS,
  emptyReport,
  type RelayCounters,
  type RelayNetwork,
  type StreamSettings,
} from './relay-messages.js';
import { RelayThread } from './relay-thread.js';

/** PCMA and PCMU in either direction; packets of SDES, DTLS and T.38 pass unread. */
const CAPABILITIES: MediaCapabilities = {
  srtp: false,
  udptl: true,
  transcodes: (from, to) => G711.test(from) && G711.test(to),
};
const G711 = /^PCM[AU]$/i;

/** 64 MB, or some 340,000 packets: while a tap stands still, seconds of a thousand calls. Taken only when it is needed. */
const MAX_TAP_BATCHES = 512;

export interface RelaySettings {
  readonly networks: readonly RelayNetwork[];
  readonly log: Logger;
  /** Default: streams go on through changes of their source, digits are not kept, CN becomes noise where it must. */
  readonly streams?: StreamSettings;
  /** Batches of 128 KiB that one tap may hold before its packets are lost. */
  readonly maxTapBatches?: number;
  /** Default `auto`: batched where `npm run build-native` was run, else Node's own. */
  readonly sockets?: SocketsSetting;
  /** What packets are marked with, by batched sockets alone. Default: nothing. */
  readonly dscp?: number | false;
  /** So many relay threads there are, this one among them; default 1. */
  readonly relayThreads?: number;
}

export interface RunningRelay {
  readonly port: MediaPort;
  /**
   * Packets forked to this name go to the holder of the channel's other end, until that is closed or another takes its name.
   * @param tap.name default: the recorder's.
   * @param tap.flushMs how long a packet may wait for others (default 100).
   */
  connectTap(port: MessagePort, tap?: { readonly name?: string; readonly flushMs?: number }): void;
  /** Sessions that it has, those that are being opened included. */
  readonly load: number;
  /** Null when the thread has ended. */
  counters(): Promise<RelayCounters | null>;
  /** Called once if the thread ends by itself; every session was told before. */
  onExit(listener: (cause: Error) => void): void;
  /** Closes every session and ends the thread. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts the relay thread.
 * @throws {SimtrunkError} LISTENER_UNAVAILABLE when a network's address cannot be bound, RELAY_UNAVAILABLE otherwise.
 */
export async function startRelay(settings: RelaySettings): Promise<RunningRelay> {
  const { networks, log } = settings;
  const thread = await RelayThread.start({
    networks,
    streams: settings.streams ?? DEFAULT_STREAMS,
    maxTapBatches: settings.maxTapBatches ?? MAX_TAP_BATCHES,
    sockets: settings.sockets ?? 'auto',
    dscp: settings.dscp ?? false,
    relayThreads: settings.relayThreads ?? 1,
  });
  const { precedence, sockets } = thread;
  const { kind, detail } = sockets;
  // Node's own sockets cannot mark: `simtrunk dscp` has rules for them.
  const dscp = kind === 'batched' && (settings.dscp ?? false);
  log.info({ sockets: kind, detail, dscp, precedence }, 'relay thread started');
  const sessions = new Map<number, RelayedSession>();
  const sounds = new SoundFiles();
  let nextSession = 1;
  let opening = 0;
  const exitListeners: ((cause: Error) => void)[] = [];
  thread.onEvent((id, event) => sessions.get(id)?.tell(event));
  thread.onExit((cause) => {
    log.error({ err: cause, sessions: sessions.size }, 'relay thread ended');
    for (const session of [...sessions.values()]) session.lose();
    sessions.clear();
    for (const listener of exitListeners) listener(cause);
  });

  const port: MediaPort = {
    capabilities: CAPABILITIES,
    async open({ sessionId, callerNetwork, calleeNetwork }): Promise<MediaOpenResult> {
      const id = nextSession++;
      opening += 1;
      const reply = await thread.request({ type: 'open', session: id, callerNetwork, calleeNetwork });
      opening -= 1;
      if (reply === null) return { ok: false, reason: 'relay-down' };
      if (!reply.result.ok) {
        log.warn({ callId: sessionId, reason: reply.result.reason }, 'media session refused');
        return reply.result;
      }
      const session = new RelayedSession(sessionId, id, thread, reply.result.local, { sounds, log }, () =>
        sessions.delete(id),
      );
      sessions.set(id, session);
      return { ok: true, session };
    },
  };

  return {
    port,
    get load() {
      return sessions.size + opening;
    },
    connectTap: (tapPort, tap) => {
      const notice = { type: 'tap', name: RECORDER_TAP, port: tapPort } as const;
      thread.notify(Object.assign(notice, tap), [tapPort]);
    },
    counters: async () => (await thread.request({ type: 'counters' }))?.counters ?? null,
    onExit: (listener) => exitListeners.push(listener),
    close: () => thread.close(),
  };
}

class RelayedSession implements MediaSession {
  readonly sessionId: string;
  readonly #id: number;
  readonly #thread: RelayThread;
  readonly #local: Record<Side, MediaAddress>;
  readonly #onClosed: () => void;
  readonly #lostListeners: (() => void)[] = [];
  readonly #eventListeners: ((event: MediaEvent) => void)[] = [];
  readonly #plays: SessionPlays;
  #last: MediaReport = emptyReport();
  #closing: Promise<MediaReport> | null = null;
  #isLost = false;

  constructor(
    sessionId: string,
    id: number,
    thread: RelayThread,
    local: Readonly<Record<Side, MediaAddress>>,
    player: { readonly sounds: SoundFiles; readonly log: Logger },
    onClosed: () => void,
  ) {
    this.sessionId = sessionId;
    this.#id = id;
    this.#thread = thread;
    this.#local = { ...local };
    this.#onClosed = onClosed;
    const startPlaying = (play: StartPlay) => thread.notify({ type: 'play', session: id, play });
    const stopPlaying = (playId: string) => thread.notify({ type: 'stop', session: id, playId });
    const playThread = { startPlaying, stopPlaying };
    this.#plays = new SessionPlays(sessionId, player.sounds, playThread, (event) => this.tell(event), player.log);
  }

  local(side: Side): MediaAddress {
    return this.#local[side];
  }

  async placeCallee(network: string): Promise<{ ok: true } | { ok: false; reason: MediaRefusal }> {
    const reply = await this.#thread.request({ type: 'place', session: this.#id, network });
    if (reply === null) return { ok: false, reason: 'relay-down' };
    if (!reply.result.ok) return reply.result;
    this.#local.callee = reply.result.local;
    return { ok: true };
  }

  setRemote(side: Side, remote: MediaRemote): void {
    this.#thread.notify({ type: 'remote', session: this.#id, side, remote });
  }

  clearRemote(side: Side): void {
    this.#thread.notify({ type: 'clear', session: this.#id, side });
  }

  fork({ recordingId, taps }: { readonly recordingId: string; readonly taps?: readonly string[] }): void {
    this.#thread.notify({ type: 'fork', session: this.#id, recordingId, ...(taps !== undefined && { taps }) });
  }

  unfork(): void {
    this.#thread.notify({ type: 'unfork', session: this.#id });
  }

  watchSilence(afterMs: number | null): void {
    this.#thread.notify({ type: 'watch', session: this.#id, afterMs });
  }

  play(side: Side, request: PlayRequest): string {
    return this.#plays.play(side, request);
  }

  stopPlaying(playId: string): void {
    this.#plays.stop(playId);
  }

  async report(): Promise<MediaReport> {
    if (this.#closing !== null) return this.#closing;
    const reply = await this.#thread.request({ type: 'report', session: this.#id });
    this.#last = reply?.report ?? this.#last;
    return this.#last;
  }

  close(): Promise<MediaReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  onLost(listener: () => void): void {
    if (this.#isLost) queueMicrotask(listener);
    else this.#lostListeners.push(listener);
  }

  onEvent(listener: (event: MediaEvent) => void): void {
    this.#eventListeners.push(listener);
  }

  tell(event: MediaEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }

  /** The thread ended: tells everybody once. */
  lose(): void {
    this.#isLost = true;
    for (const listener of this.#lostListeners.splice(0)) listener();
  }

  async #close(): Promise<MediaReport> {
    this.#onClosed();
    this.#plays.close();
    const reply = await this.#thread.request({ type: 'close', session: this.#id });
    return reply?.report ?? this.#last;
  }
}
