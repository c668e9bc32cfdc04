// The registrar of gateways' lines: asks who registers for the line's credentials, keeps where each line is, in memory for
// calls and in the journal for the next start, and tells when a line comes or goes. RFC 3261 §10.3. It knows no SIP transport.
import { type DigestAccount, DigestGuard, type DigestSettings, type GuardedRequest } from '../digest/digest-guard.js';
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { JournalEntry, JournalValue, SchemaStatement } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import { type Binding, type ExpiryLimits, LocationTable } from './location-table.js';
import { readContacts } from './read-contacts.js';

/** Table of the registrar; handed to the journal when it opens. */
export const REGISTRAR_SCHEMA: readonly SchemaStatement[] = [
  'CREATE TABLE IF NOT EXISTS line_bindings (line TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID',
];
const KEEP =
  'INSERT INTO line_bindings (line, data) VALUES (?, ?) ON CONFLICT (line) DO UPDATE SET data = excluded.data';
const FORGET = 'DELETE FROM line_bindings WHERE line = ?';
/** Bindings end a little later than they were due: a refresh may be on its way. */
const SWEEP_MS = 1_000;

/** What may register: a channel with an account of its own, or a whole gateway. */
export interface Line {
  /** Channel id, or the gateway's name. */
  readonly line: string;
  readonly account: DigestAccount;
  readonly limits: ExpiryLimits;
}

export interface RegistrarJournal {
  commit(entries: readonly JournalEntry[]): Promise<void>;
  query(statement: string, parameters: readonly JournalValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A REGISTER as it came. */
export interface RegisterRequest extends Omit<GuardedRequest, 'method'> {
  /** User of the To header. */
  readonly user: string;
  readonly contact: string | undefined;
  readonly expires: string | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly source: string;
}

export interface RegisterAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** With 401: one for each WWW-Authenticate. */
  readonly challenges?: readonly string[];
}

export interface LineState {
  readonly line: string;
  /** Null while it is not registered. */
  readonly contact: string | null;
  readonly source: string | null;
  readonly expiresAtMs: number | null;
}

interface LineAccount extends DigestAccount {
  readonly line: Line;
}

/** What a reload may change. */
export interface LineSettings {
  readonly lines: readonly Line[];
  readonly digest: DigestSettings;
}

interface RegistrarParts extends LineSettings {
  readonly journal: RegistrarJournal;
  readonly clock: Clock;
  readonly log: Logger;
  onChange(line: string, isRegistered: boolean): void;
}

/** Reads what is known of an earlier process; lines that are not there now are forgotten. */
export async function openRegistrar(parts: RegistrarParts): Promise<Registrar> {
  const rows = await parts.journal.query('SELECT data FROM line_bindings', []);
  return new Registrar(
    parts,
    rows.map(({ data }) => JSON.parse(String(data)) as Binding),
  );
}

export class Registrar {
  readonly #parts: RegistrarParts;
  #lines: readonly Line[];
  #guard: DigestGuard<LineAccount>;
  readonly #table = new LocationTable();
  #timer: ClockTimer | undefined;
  readonly counters = {
    registered: 0,
    refreshed: 0,
    removed: 0,
    expired: 0,
    challenged: 0,
    credentialsRefused: 0,
    refused: 0,
  };

  /** Use {@link openRegistrar}. */
  constructor(parts: RegistrarParts, earlier: readonly Binding[]) {
    this.#parts = parts;
    this.#lines = parts.lines;
    this.#guard = guardOf(parts);
    const known = new Set(parts.lines.map(({ line }) => line));
    for (const binding of earlier) {
      if (known.has(binding.line)) this.#table.restore(binding);
      else this.#write({ statement: FORGET, parameters: [binding.line] });
    }
    const wallMs = parts.clock.wallMs();
    for (const { line } of this.#table.expire(wallMs)) this.#write({ statement: FORGET, parameters: [line] });
    for (const line of known) parts.onChange(line, this.#table.at(line, wallMs) !== null);
    if (parts.lines.length > 0) this.#watch();
  }

  /** Other lines may register from now on. Those that may not any more are forgotten; routing hears of the others anew. */
  reconfigure(settings: LineSettings): void {
    const { clock, onChange } = this.#parts;
    const known = new Set(settings.lines.map(({ line }) => line));
    for (const { line } of this.#lines) {
      if (!known.has(line) && this.#table.forget(line)) this.#write({ statement: FORGET, parameters: [line] });
    }
    if (this.#lines.length === 0 && known.size > 0) this.#watch();
    this.#lines = settings.lines;
    this.#guard = guardOf(settings, this.#guard);
    for (const line of known) onChange(line, this.#table.at(line, clock.wallMs()) !== null);
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Where a line is; null while it is not registered. */
  locate(line: string): Binding | null {
    return this.#table.at(line, this.#parts.clock.wallMs());
  }

  /** Whether a registered line sends from there. */
  isSource(source: string): boolean {
    return this.#table.live(this.#parts.clock.wallMs()).some((binding) => binding.source === source);
  }

  /** The registered lines that send from there: all of a gateway may share one port. */
  linesAt(source: string): readonly string[] {
    const live = this.#table.live(this.#parts.clock.wallMs());
    return live.filter((binding) => binding.source === source).map(({ line }) => line);
  }

  states(): readonly LineState[] {
    return this.#lines.map(({ line }) => {
      const binding = this.locate(line);
      return {
        line,
        contact: binding?.contact ?? null,
        source: binding?.source ?? null,
        expiresAtMs: binding?.expiresWallMs ?? null,
      };
    });
  }

  answer(request: RegisterRequest): RegisterAnswer {
    const wallMs = this.#parts.clock.wallMs();
    const checked = this.#guard.check({ ...request, method: 'REGISTER' }, wallMs);
    if (!checked.ok) {
      if (checked.reason === 'refused') {
        this.counters.credentialsRefused++;
        this.#parts.log.info({ source: request.source }, 'wrong credentials of a line');
      } else this.counters.challenged++;
      return { status: 401, headers: {}, challenges: this.#guard.challenges(wallMs, checked.reason === 'stale') };
    }
    const { line, username } = checked.account;
    // RFC 3261 §10.3, step 4: credentials of one line do not move another.
    if (request.user !== username) return this.#refuse(403);
    const contacts = readContacts(request.contact);
    if (contacts === null) return this.#refuse(400);
    const { source, callId, cseq } = request;
    const registration = { contacts, expiresSeconds: secondsOf(request.expires), source, callId, cseq };
    return this.#register(line, registration, wallMs);
  }

  #register(line: Line, registration: Parameters<LocationTable['register']>[1], wallMs: number): RegisterAnswer {
    const before = this.#table.at(line.line, wallMs);
    const outcome = this.#table.register(line.line, registration, line.limits, wallMs);
    if (outcome.status === 423) {
      return this.#refuse(423, { 'Min-Expires': String(outcome.minExpiresSeconds) });
    }
    if (outcome.status !== 200) return this.#refuse(outcome.status);
    const { binding, isChanged } = outcome;
    if (isChanged) this.#note(line.line, before, binding);
    if (binding === null) return { status: 200, headers: {} };
    const expires = Math.ceil((binding.expiresWallMs - wallMs) / 1_000);
    return { status: 200, headers: { Contact: `<${binding.contact}>;expires=${expires}` } };
  }

  #note(line: string, before: Binding | null, binding: Binding | null): void {
    const { log, onChange } = this.#parts;
    if (binding === null) {
      this.counters.removed++;
      log.warn({ line }, 'line has deregistered: no calls to it');
      this.#write({ statement: FORGET, parameters: [line] });
      onChange(line, false);
      return;
    }
    this.#write({ statement: KEEP, parameters: [line, JSON.stringify(binding)] });
    const isNew = before?.contact !== binding.contact || before.source !== binding.source;
    if (isNew) log.info({ line, contact: binding.contact, source: binding.source }, 'line has registered');
    if (before !== null) {
      this.counters.refreshed++;
      return;
    }
    this.counters.registered++;
    onChange(line, true);
  }

  #watch(): void {
    this.#timer = this.#parts.clock.after(SWEEP_MS, () => {
      for (const { line } of this.#table.expire(this.#parts.clock.wallMs())) {
        this.counters.expired++;
        this.#parts.log.error({ alarm: 'line', line }, 'registration of a line has expired: no calls to it');
        this.#write({ statement: FORGET, parameters: [line] });
        this.#parts.onChange(line, false);
      }
      this.#watch();
    });
  }

  #refuse(status: number, headers: Readonly<Record<string, string>> = {}): RegisterAnswer {
    this.counters.refused++;
    return { status, headers };
  }

  /** What is lost with a journal that fails comes again with the line's next refresh. */
  #write(entry: JournalEntry): void {
    this.#parts.journal.commit([entry]).catch((err) => this.#parts.log.warn({ err }, 'registration was not written'));
  }
}

function guardOf({ lines, digest }: LineSettings, before?: DigestGuard<LineAccount>): DigestGuard<LineAccount> {
  return new DigestGuard(
    digest,
    lines.map((line) => ({ ...line.account, line })),
    before,
  );
}

function secondsOf(expires: string | undefined): number | null {
  return expires !== undefined && /^\s*\d{1,10}\s*$/.test(expires) ? Number(expires) : null;
}
