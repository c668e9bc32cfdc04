// Channels that were taken out of use for what their calls came to, until somebody resumes them: by hand, or by a probe call that
// went well. A suspension outlives the process; it is the SIM's, so that another SIM in the channel is not suspended.
import type { Clock } from '../lib/clock.js';
import type { JournalEntry, JournalValue, SchemaStatement } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import type { Streak, StreakFound } from '../routing/channel-streaks.js';

/** Table of the suspensions; handed to the journal when it opens. */
export const SUSPENSION_SCHEMA: readonly SchemaStatement[] = [
  'CREATE TABLE IF NOT EXISTS suspensions (channel_id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID',
];
const KEEP =
  'INSERT INTO suspensions (channel_id, data) VALUES (?, ?) ON CONFLICT (channel_id) DO UPDATE SET data = excluded.data';
const FORGET = 'DELETE FROM suspensions WHERE channel_id = ?';

export interface Suspension {
  readonly channelId: string;
  readonly simId: string;
  readonly streak: Streak;
  /** Attempts in a row. */
  readonly count: number;
  readonly sinceWallMs: number;
}

export interface SuspendableChannel {
  readonly channelId: string;
  readonly gateway: string;
  readonly simId: string;
}

export interface SuspensionSettings {
  readonly channels: readonly SuspendableChannel[];
  /** No more than this share of a gateway's channels is suspended, but one always may be. */
  readonly mostPercent: number;
}

interface SuspensionJournal {
  commit(entries: readonly JournalEntry[]): Promise<void>;
  query(statement: string, parameters: readonly JournalValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

interface SuspensionParts {
  readonly journal: SuspensionJournal;
  readonly clock: Clock;
  readonly log: Logger;
  /** With null when the channel is suspended no more. */
  onChange(channelId: string, suspension: Suspension | null): void;
}

/** Reads what is left of an earlier process. */
export async function openSuspensions(settings: SuspensionSettings, parts: SuspensionParts): Promise<Suspensions> {
  const rows = await parts.journal.query('SELECT data FROM suspensions', []);
  return new Suspensions(
    settings,
    parts,
    rows.map(({ data }) => JSON.parse(String(data)) as Suspension),
  );
}

export class Suspensions {
  readonly #parts: SuspensionParts;
  #mostPercent = 100;
  #channels: ReadonlyMap<string, SuspendableChannel> = new Map();
  readonly #suspended = new Map<string, Suspension>();
  /** Streaks that were found where no further channel may be suspended: told once each. */
  readonly #spared = new Set<string>();

  /** Use {@link openSuspensions}. */
  constructor(settings: SuspensionSettings, parts: SuspensionParts, earlier: readonly Suspension[]) {
    this.#parts = parts;
    for (const suspension of earlier) this.#suspended.set(suspension.channelId, suspension);
    this.reconfigure(settings);
    for (const suspension of this.#suspended.values()) parts.onChange(suspension.channelId, suspension);
  }

  /** Other channels from now on; what left them, or has another SIM, is suspended no more. */
  reconfigure({ channels, mostPercent }: SuspensionSettings): void {
    this.#channels = new Map(channels.map((channel) => [channel.channelId, channel]));
    this.#mostPercent = mostPercent;
    for (const { channelId, simId } of this.#suspended.values()) {
      if (this.#channels.get(channelId)?.simId !== simId) this.#end(channelId);
    }
  }

  list(): readonly Suspension[] {
    return [...this.#suspended.values()];
  }

  of(channelId: string): Suspension | null {
    return this.#suspended.get(channelId) ?? null;
  }

  /** Null when the channel is suspended already, or too many of its gateway's are. */
  suspend(channelId: string, { streak, count }: StreakFound): Suspension | null {
    const channel = this.#channels.get(channelId);
    if (channel === undefined || this.#suspended.has(channelId)) return null;
    const { gateway, simId } = channel;
    const { log, clock, onChange } = this.#parts;
    if (!this.#mayBeSuspended(gateway)) {
      if (!this.#spared.has(channelId)) {
        const words = 'channel stays in use: as many of its gateway as may be are suspended';
        log.error({ alarm: 'channel', channelId, gateway, streak, count }, words);
      }
      this.#spared.add(channelId);
      return null;
    }
    const suspension = { channelId, simId, streak, count, sinceWallMs: clock.wallMs() };
    this.#suspended.set(channelId, suspension);
    log.error({ alarm: 'channel', channelId, streak, count }, 'channel is suspended for what its calls came to');
    this.#write({ statement: KEEP, parameters: [channelId, JSON.stringify(suspension)] });
    onChange(channelId, suspension);
    return suspension;
  }

  /** What it was; null when the channel is not suspended. */
  resume(channelId: string): Suspension | null {
    const suspension = this.#suspended.get(channelId);
    if (suspension === undefined) return null;
    this.#end(channelId);
    return suspension;
  }

  #end(channelId: string): void {
    this.#suspended.delete(channelId);
    this.#spared.clear();
    this.#write({ statement: FORGET, parameters: [channelId] });
    this.#parts.onChange(channelId, null);
  }

  #mayBeSuspended(gateway: string): boolean {
    const all = [...this.#channels.values()].filter((channel) => channel.gateway === gateway).length;
    const suspended = this.list().filter(({ channelId }) => this.#channels.get(channelId)?.gateway === gateway).length;
    return suspended + 1 <= Math.max(1, Math.floor((all * this.#mostPercent) / 100));
  }

  /** What is lost with a journal that fails is found again by the next streak. */
  #write(entry: JournalEntry): void {
    this.#parts.journal.commit([entry]).catch((err) => this.#parts.log.warn({ err }, 'suspension was not written'));
  }
}
