// All sessions of one relay thread: opens them on the ports of their networks, forks them to taps, counts.
import { randomInt } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { MediaAddress, MediaEvent, MediaRefusal, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { type Clock, SystemClock } from '../../lib/clock.js';
import { Pacer } from '../player/pacer.js';
import type { StartPlay } from '../player/session-plays.js';
import { type ForkedCall, ForkTaps, RECORDER_TAP } from './fork-taps.js';
import { bindPair, type MediaSockets, type SocketPair } from './media-socket.js';
import { PortPool } from './port-pool.js';
import type {
  OpenReply,
  PlaceReply,
  RelayCounters,
  RelayNetwork,
  RelayThreadSettings,
  TapCounters,
} from './relay-messages.js';
import { RelaySession } from './relay-session.js';
import { addStreams, copyOf, countQuality, noTotals } from './stream-totals.js';
import { Turns } from './turns.js';

interface Network extends RelayNetwork {
  readonly pool: PortPool;
}

/** A port pair that a session holds. */
interface Lease {
  readonly network: Network;
  readonly rtpPort: number;
  readonly sockets: SocketPair;
}

interface LiveSession {
  readonly session: RelaySession;
  readonly leases: Record<Side, Lease>;
  fork: ForkedCall | null;
}

type LeaseResult = { ok: true; lease: Lease } | { ok: false; reason: MediaRefusal };

export class RelayCore {
  readonly #networks = new Map<string, Network>();
  readonly #sessions = new Map<number, LiveSession>();
  readonly #taps = new ForkTaps();
  readonly #mediaSockets: MediaSockets;
  readonly #nowMs: () => number;
  readonly #pacer: Pacer;
  readonly #played = { packets: 0 };
  readonly #settings: Omit<RelayThreadSettings, 'networks'>;
  readonly #tell: (session: number, event: MediaEvent) => void;
  readonly #ended = noTotals();
  readonly #turns = new Turns();
  #refusedNoPorts = 0;
  /** Of ports that were given back. */
  #overflowsBefore = 0;

  constructor(
    settings: RelayThreadSettings,
    mediaSockets: MediaSockets,
    nowMs: () => number,
    tell: (session: number, event: MediaEvent) => void,
    timers: Pick<Clock, 'after'> = new SystemClock(),
  ) {
    this.#mediaSockets = mediaSockets;
    this.#tell = tell;
    this.#nowMs = nowMs;
    this.#pacer = new Pacer({ monotonicMs: nowMs, after: (delayMs, action) => timers.after(delayMs, action) });
    this.#settings = settings;
    for (const network of settings.networks) {
      this.#networks.set(network.name, { ...network, pool: new PortPool(network.mediaPorts) });
    }
  }

  open(id: number, callerNetwork: string, calleeNetwork: string): OpenReply {
    const caller = this.#lease(callerNetwork);
    if (!caller.ok) return caller;
    const callee = this.#lease(calleeNetwork);
    if (!callee.ok) {
      this.#release(caller.lease);
      return callee;
    }
    const leases = { caller: caller.lease, callee: callee.lease };
    const sockets = { caller: caller.lease.sockets, callee: callee.lease.sockets };
    const session = new RelaySession(sockets, {
      settings: this.#settings.streams,
      nowMs: this.#nowMs,
      pacer: this.#pacer,
      played: this.#played,
      random32: () => randomInt(2 ** 32),
      tell: (event) => this.#tell(id, event),
    });
    this.#sessions.set(id, { session, leases, fork: null });
    return { ok: true, local: { caller: mediaAddress(leases.caller), callee: mediaAddress(leases.callee) } };
  }

  /** Moves the callee side to a network; nothing changes when it is there already. */
  place(id: number, networkName: string): PlaceReply {
    const live = this.#sessions.get(id);
    if (live === undefined) return { ok: false, reason: 'relay-down' };
    if (live.leases.callee.network.name !== networkName) {
      const moved = this.#lease(networkName);
      if (!moved.ok) return moved;
      this.#release(live.leases.callee);
      live.leases.callee = moved.lease;
      live.session.moveCallee(moved.lease.sockets);
    }
    return { ok: true, local: mediaAddress(live.leases.callee) };
  }

  setRemote(id: number, side: Side, remote: MediaRemote): void {
    this.#sessions.get(id)?.session.setRemote(side, remote);
  }

  clearRemote(id: number, side: Side): void {
    this.#sessions.get(id)?.session.clearRemote(side);
  }

  /** Copies both directions to the taps of these names, by default to the recorder. */
  fork(id: number, recordingId: string, taps?: readonly string[]): void {
    const live = this.#sessions.get(id);
    if (live === undefined) return;
    this.unfork(id);
    live.fork = this.#taps.begin(recordingId, taps);
    live.session.forkTo(live.fork);
  }

  unfork(id: number): void {
    const live = this.#sessions.get(id);
    if (live === undefined || live.fork === null) return;
    live.session.forkTo(null);
    this.#taps.end(live.fork);
    live.fork = null;
  }

  watchSilence(id: number, afterMs: number | null): void {
    this.#sessions.get(id)?.session.watchSilence(afterMs);
  }

  /**
   * Sees to what is due by time in one of `parts` of the sessions: each has had its turn after so many calls, which are to take
   * a fraction of a second together. In all of hundreds at once it would take milliseconds, for which packets would wait.
   */
  tick(parts = 1): void {
    const nowMs = this.#nowMs();
    for (const id of this.#turns.next(parts, this.#sessions.keys())) this.#sessions.get(id)?.session.tick(nowMs);
  }

  play(id: number, play: StartPlay): void {
    this.#sessions.get(id)?.session.play(play);
  }

  stopPlaying(id: number, playId: string): void {
    this.#sessions.get(id)?.session.stopPlaying(playId);
  }

  /** Connects a tap by its name; calls that are forked to it already go to it from now on. */
  connectTap(port: MessagePort, name = RECORDER_TAP, flushMs?: number): void {
    const maxBatches = this.#settings.maxTapBatches;
    this.#taps.connect(name, port, flushMs === undefined ? { maxBatches } : { maxBatches, flushMs });
  }

  report(id: number): MediaReport | null {
    return this.#sessions.get(id)?.session.report() ?? null;
  }

  close(id: number): MediaReport | null {
    const live = this.#sessions.get(id);
    if (live === undefined) return null;
    this.unfork(id);
    this.#sessions.delete(id);
    live.session.end();
    const report = live.session.report();
    addStreams(this.#ended, report);
    countQuality(this.#ended, report);
    this.#release(live.leases.caller);
    this.#release(live.leases.callee);
    return report;
  }

  counters(): RelayCounters {
    const totals = copyOf(this.#ended);
    for (const { session } of this.#sessions.values()) addStreams(totals, session.counts());
    const taps = this.#taps.counters();
    const tapTotal = (figure: keyof TapCounters) => Object.values(taps).reduce((total, tap) => total + tap[figure], 0);
    const pools = [...this.#networks.values()].map((network) => network.pool);
    const sum = (figure: (pool: PortPool) => number) => pools.reduce((total, pool) => total + figure(pool), 0);
    return {
      ...totals,
      forkedPackets: tapTotal('forkedPackets'),
      forkLostPackets: tapTotal('lostPackets'),
      taps,
      sessions: this.#sessions.size,
      portsLent: sum((pool) => pool.lent),
      portsFree: sum((pool) => pool.free),
      restsShortened: sum((pool) => pool.restsShortened),
      portsForeign: sum((pool) => pool.foreign),
      refusedNoPorts: this.#refusedNoPorts,
      receiveOverflows: this.#overflows(),
      playedPackets: this.#played.packets,
    };
  }

  shutdown(): void {
    for (const id of [...this.#sessions.keys()]) this.close(id);
    this.#taps.close();
    this.#pacer.close();
    this.#mediaSockets.close();
  }

  #overflows(): number {
    let overflows = this.#overflowsBefore;
    for (const { leases } of this.#sessions.values())
      overflows += overflowsOf(leases.caller) + overflowsOf(leases.callee);
    return overflows;
  }

  #lease(networkName: string): LeaseResult {
    const network = this.#networks.get(networkName);
    const lent = network?.pool.lend(this.#nowMs(), (port) => bindPair(this.#mediaSockets, network.bind, port)) ?? null;
    if (network === undefined || lent === null) {
      this.#refusedNoPorts += 1;
      return { ok: false, reason: 'no-media-ports' };
    }
    return { ok: true, lease: { network, rtpPort: lent.port, sockets: lent.bound } };
  }

  #release(lease: Lease): void {
    this.#overflowsBefore += overflowsOf(lease);
    lease.sockets.rtp.close();
    lease.sockets.rtcp.close();
    lease.network.pool.giveBack(lease.rtpPort, this.#nowMs());
  }
}

function overflowsOf({ sockets }: Lease): number {
  return (sockets.rtp.overflows?.() ?? 0) + (sockets.rtcp.overflows?.() ?? 0);
}

function mediaAddress(lease: Lease): MediaAddress {
  return { address: lease.network.advertise, rtpPort: lease.rtpPort, rtcpPort: lease.rtpPort + 1 };
}
