// Messages that came to a channel which is not in the config, as their gateway told them: held in the journal until it is, so that a
// SIM put in before its line was written, or a template that names ports wrongly, loses none. Bounded in number, length and time.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { JournalEntry, SchemaStatement } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import type { ToldEntry } from '../messages/told-messages.js';
import type { StoreJournal } from './message-store.js';

/** Tables, given to the journal at its start. */
export const HELD_SCHEMA: readonly SchemaStatement[] = [
  `CREATE TABLE IF NOT EXISTS held_messages (held INTEGER PRIMARY KEY AUTOINCREMENT, gateway TEXT NOT NULL,
     source TEXT NOT NULL, wall_ms INTEGER NOT NULL, data TEXT NOT NULL)`,
  'CREATE INDEX IF NOT EXISTS held_messages_in_order ON held_messages (gateway, held)',
];
const HOLD = 'INSERT INTO held_messages (gateway, source, data, wall_ms) VALUES (?, ?, ?, ?)';
const LET_MOST_GO = `DELETE FROM held_messages WHERE gateway = ? AND held <=
  (SELECT held FROM held_messages WHERE gateway = ? ORDER BY held DESC LIMIT 1 OFFSET ?)`;
const OLD = 'SELECT gateway, COUNT(*) AS count FROM held_messages WHERE wall_ms < ? GROUP BY gateway';
const LET_OLD_GO = 'DELETE FROM held_messages WHERE wall_ms < ?';
const LET_GO = 'DELETE FROM held_messages WHERE held = ?';
const HELD = 'SELECT held, source, data FROM held_messages WHERE gateway = ? ORDER BY held';

/** Whence those came that a gateway has pushed. */
export const PUSHED = 'push';
/** Of each gateway: the oldest are let go then. */
export const MOST_HELD = 1_000;
/** No text message has so many bytes with all that is told of it. */
const MAX_ENTRY_BYTES = 65_536;
const MAX_NAME_CHARACTERS = 64;
/** Names of channels that the log has had: a gateway may tell of any. */
const MOST_WARNED = 1_000;
/** By then all have been offered that were there at the start. */
const LET_OLD_GO_EVERY_MS = 3_600_000;

export interface HeldMessagesParts {
  readonly journal: StoreJournal;
  readonly clock: Clock;
  readonly log: Logger;
  /** After so long one is let go. */
  heldForMs(): number;
}

export class HeldMessages {
  readonly #parts: HeldMessagesParts;
  /** By gateway. */
  readonly #counts = new Map<string, number>();
  readonly #warned = new Set<string>();
  #timer: ClockTimer | undefined;

  constructor(parts: HeldMessagesParts) {
    this.#parts = parts;
  }

  /** From now on old ones are let go, now and then. */
  start(): void {
    this.#timer = this.#parts.clock.after(LET_OLD_GO_EVERY_MS, () => {
      this.start();
      this.#letOldGo().catch((err) => this.#parts.log.warn({ err }, 'old messages that are held could not be let go'));
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** As far as they have been looked at or held since the start. */
  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /**
   * Entries for the journal that hold one.
   * @param source by which who told it knows it when it is offered again
   * @param channel as the gateway names it
   */
  hold(gateway: string, source: string, entry: ToldEntry, channel: string | null): readonly JournalEntry[] {
    const { clock, log } = this.#parts;
    const data = JSON.stringify(entry);
    const named = channel?.slice(0, MAX_NAME_CHARACTERS) ?? null;
    if (Buffer.byteLength(data) > MAX_ENTRY_BYTES) {
      log.error({ alarm: 'messages', gateway, channel: named }, 'message is too long to be held, and is lost');
      return [];
    }
    const count = (this.#counts.get(gateway) ?? 0) + 1;
    this.#counts.set(gateway, Math.min(count, MOST_HELD));
    this.#warn(gateway, named);
    if (count > MOST_HELD) {
      log.error({ alarm: 'messages', gateway, held: MOST_HELD }, 'more messages than are held: the oldest is lost');
    }
    const nowMs = clock.wallMs();
    return [
      { statement: HOLD, parameters: [gateway, source, data, nowMs] },
      { statement: LET_MOST_GO, parameters: [gateway, gateway, MOST_HELD] },
    ];
  }

  /** Offers all that a gateway told, oldest first: `take` resolves with whether it was taken. Ends early once `isClosing`. */
  async offer(
    gateway: string,
    take: (source: string, entry: ToldEntry) => Promise<boolean>,
    isClosing: () => boolean = () => false,
  ): Promise<void> {
    const { journal, log } = this.#parts;
    const rows = await journal.query(HELD, [gateway]);
    this.#counts.set(gateway, rows.length);
    let taken = 0;
    for (const { held, source, data } of rows) {
      if (isClosing()) return;
      const entry = entryOf(data);
      if (entry !== null && !(await take(String(source), entry))) continue;
      await journal.commit([{ statement: LET_GO, parameters: [Number(held)] }]);
      taken += 1;
    }
    if (taken === 0) return;
    const [left] = await journal.query('SELECT COUNT(*) AS count FROM held_messages WHERE gateway = ?', [gateway]);
    this.#counts.set(gateway, Number(left?.count));
    log.info({ gateway, messages: taken }, 'messages that were held for their channel have been taken');
  }

  async #letOldGo(): Promise<void> {
    const { journal, clock, log } = this.#parts;
    const parameters = [clock.wallMs() - this.#parts.heldForMs()];
    const old = await journal.query(OLD, parameters);
    if (old.length === 0) return;
    await journal.commit([{ statement: LET_OLD_GO, parameters }]);
    for (const { gateway, count } of old) {
      const name = String(gateway);
      const before = this.#counts.get(name);
      if (before !== undefined) this.#counts.set(name, Math.max(0, before - Number(count)));
      log.error(
        { alarm: 'messages', gateway: name, messages: Number(count) },
        'messages whose channel was not in the config for too long are lost',
      );
    }
  }

  /** Once for each channel. */
  #warn(gateway: string, channel: string | null): void {
    const name = `${gateway}\n${channel}`;
    if (this.#warned.has(name) || this.#warned.size >= MOST_WARNED) return;
    this.#warned.add(name);
    this.#parts.log.warn(
      { alarm: 'messages', gateway, channel },
      'message came to a channel that is not in the config: it is held until it is',
    );
  }
}

/** Null for what cannot be read. */
function entryOf(data: unknown): ToldEntry | null {
  try {
    return JSON.parse(String(data)) as ToldEntry;
  } catch {
    return null;
  }
}
