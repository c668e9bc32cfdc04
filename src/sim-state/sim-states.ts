// What is known of the SIM in each channel, from whoever tells it: a status port, and the registrar of gateways' lines. What a
// status port said holds for a time; then it is unknown again. Routing is told when its view of a channel changes.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { SimState } from '../routing/indexed-channel.js';
import { isSameCard, type SimReport } from './sim-report.js';

/** A channel with its SIM, and for how long a word of its status port holds. */
export interface WatchedChannel {
  readonly channelId: string;
  /** Undefined: which card it is cannot be compared. */
  readonly iccid: string | undefined;
  readonly maxAgeMs: number;
  /** A signal below this is too weak; null: none is. */
  readonly weakSignalBelow: number | null;
}

export interface SimStatus {
  readonly channelId: string;
  /** Null while nothing is known. */
  readonly report: SimReport | null;
  /** Since the report; null without one. */
  readonly ageMs: number | null;
  /** What stands against the channel; null for nothing. */
  readonly trouble: SimTrouble | null;
}

export type SimTrouble = 'sim-absent' | 'other-sim' | 'not-registered' | 'line-not-registered' | 'weak-signal';

const SWEEP_MS = 1_000;
/** More channels in one line of the log nobody reads. */
const MOST_NAMED = 8;
const WORDS: Readonly<Record<SimTrouble, string>> = {
  'sim-absent': 'SIM is not in its port: no calls to the channel',
  'other-sim': 'port holds another SIM than the config says: no calls to the channel',
  'not-registered': 'SIM is not in its mobile network: no calls to the channel',
  'line-not-registered': 'line is not registered: no calls to the channel',
  'weak-signal': 'signal is too weak: no calls to the channel',
};

interface Known {
  report: SimReport | null;
  reportedMs: number;
  lineIsAway: boolean;
  trouble: SimTrouble | null;
}

interface SimStatesParts {
  readonly clock: Clock;
  readonly log: Logger;
  onChange(channelId: string, state: SimState | null): void;
}

export class SimStates {
  readonly #parts: SimStatesParts;
  #channels: ReadonlyMap<string, WatchedChannel>;
  readonly #known = new Map<string, Known>();
  #timer: ClockTimer | undefined;

  constructor(channels: readonly WatchedChannel[], parts: SimStatesParts) {
    this.#parts = parts;
    this.#channels = byId(channels);
    this.#watchAges();
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Other channels from now on; what is known of those that stay is kept. */
  reconfigure(channels: readonly WatchedChannel[]): void {
    this.#channels = byId(channels);
    for (const [channelId, known] of this.#known) {
      if (this.#channels.has(channelId)) this.#judge(channelId, known);
      else this.#known.delete(channelId);
    }
  }

  /** A status port has said something of a channel. */
  reported(channelId: string, report: SimReport): void {
    if (!this.#channels.has(channelId)) return;
    const known = this.#knownOf(channelId);
    known.report = report;
    known.reportedMs = this.#parts.clock.monotonicMs();
    this.#judge(channelId, known);
  }

  /** Whether the line by which a channel is reached is registered with us. */
  lineRegistered(channelId: string, isRegistered: boolean): void {
    if (isRegistered && !this.#known.has(channelId)) return;
    const known = this.#knownOf(channelId);
    known.lineIsAway = !isRegistered;
    this.#judge(channelId, known);
  }

  status(channelId: string): SimStatus {
    const { report = null, reportedMs = 0, trouble = null } = this.#known.get(channelId) ?? {};
    const ageMs = report === null ? null : this.#parts.clock.monotonicMs() - reportedMs;
    return { channelId, report, ageMs, trouble };
  }

  #knownOf(channelId: string): Known {
    const known = this.#known.get(channelId) ?? { report: null, reportedMs: 0, lineIsAway: false, trouble: null };
    this.#known.set(channelId, known);
    return known;
  }

  #watchAges(): void {
    this.#timer = this.#parts.clock.after(SWEEP_MS, () => {
      const nowMs = this.#parts.clock.monotonicMs();
      const old: string[] = [];
      for (const [channelId, known] of this.#known) {
        const maxAgeMs = this.#channels.get(channelId)?.maxAgeMs ?? 0;
        if (known.report === null || nowMs - known.reportedMs < maxAgeMs) continue;
        known.report = null;
        old.push(channelId);
        this.#judge(channelId, known);
      }
      if (old.length > 0) {
        const words = 'state of SIMs is too old: it is not known now';
        this.#parts.log.warn({ channels: old.slice(0, MOST_NAMED), old: old.length }, words);
      }
      this.#watchAges();
    });
  }

  #judge(channelId: string, known: Known): void {
    const before = known.trouble;
    const trouble = troubleOf(known, this.#channels.get(channelId));
    known.trouble = trouble;
    if (trouble === before) return;
    this.#parts.onChange(channelId, stateFor(trouble));
    if (trouble === null) {
      // What is too old is told for all channels together.
      const isKnown = known.report !== null || before === 'line-not-registered';
      if (isKnown) this.#parts.log.info({ channelId, trouble: before }, 'SIM can be used again');
    }
    // The registrar has said so of the line itself.
    else if (trouble !== 'line-not-registered') {
      const { signal, iccid } = known.report ?? {};
      this.#parts.log.error({ alarm: 'sim', channelId, trouble, signal, iccid }, WORDS[trouble]);
    }
  }
}

/** What is not told stands against nothing. */
function troubleOf({ report, lineIsAway }: Known, channel: WatchedChannel | undefined): SimTrouble | null {
  if (report !== null && channel !== undefined) {
    if (report.present === false) return 'sim-absent';
    if (channel.iccid !== undefined && report.iccid !== null && !isSameCard(channel.iccid, report.iccid)) {
      return 'other-sim';
    }
    if (report.registered === false) return 'not-registered';
  }
  if (lineIsAway) return 'line-not-registered';
  const signal = report?.signal ?? null;
  const weakSignalBelow = channel?.weakSignalBelow ?? null;
  return signal !== null && weakSignalBelow !== null && signal < weakSignalBelow ? 'weak-signal' : null;
}

/** Usage belongs to the SIM of the config: with another card in its port, that one is absent. */
function stateFor(trouble: SimTrouble | null): SimState | null {
  if (trouble === null) return null;
  return {
    present: trouble !== 'sim-absent' && trouble !== 'other-sim',
    registered: trouble === 'weak-signal',
    isWeak: trouble === 'weak-signal',
  };
}

function byId(channels: readonly WatchedChannel[]): ReadonlyMap<string, WatchedChannel> {
  return new Map(channels.map((channel) => [channel.channelId, channel]));
}
