// One do-not-call list as the service has it: read at the start, read again when its file changes or its URL is due. What
// cannot be read is an alarm, and the list that there was goes on ageing.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { RepeatedWork } from '../lib/repeated-work.js';
import { type DoNotCallList, isStale, type NumberSet } from '../policy/do-not-call.js';
import { type FetchedList, fetchList, hasCopy } from './fetch-list.js';
import { type FileVersion, isSameVersion, readList, versionOf } from './read-list.js';

export interface ListSettings {
  readonly name: string;
  /** The list itself, or where to fetch it and how often. */
  readonly source:
    | { readonly kind: 'file'; readonly file: string }
    | (Omit<FetchedList, 'maxBytes'> & { readonly kind: 'url'; readonly refreshMs: number });
  /** ISO 3166: how its national numbers are read. */
  readonly country: string;
  readonly maxAgeMs: number | null;
  readonly maxBytes: number;
}

export interface ListCounters {
  readonly name: string;
  /** Distinct or not, as in the list; 0 while it has never been read. */
  readonly numbers: number;
  /** Lines that are no number, and so keep nobody from being called; the first by its line's number. */
  readonly rejected: number;
  readonly firstRejectedLine: number | null;
  readonly asOfWallMs: number | null;
  readonly isStale: boolean;
  /** Why it could not be read the last time; null when it could. */
  readonly trouble: string | null;
}

/** How often a file is looked at. */
const FILE_LOOK_MS = 10_000;
/** What was written in this moment may be half of it. */
const SETTLE_MS = 2_000;
const FIRST_RETRY_MS = 30_000;

export class ListKeeper implements DoNotCallList {
  readonly settings: ListSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #looks: RepeatedWork;
  #numbers: NumberSet | null = null;
  #rejected = 0;
  #firstRejectedLine: number | null = null;
  #asOfWallMs: number | null = null;
  #version: FileVersion | null = null;
  #trouble: string | null = null;
  #failures = 0;
  #wasStale = false;

  constructor(settings: ListSettings, clock: Clock, log: Logger) {
    this.settings = settings;
    this.#clock = clock;
    this.#log = log.child({ list: settings.name });
    this.#looks = new RepeatedWork(clock, () => this.#look());
  }

  get name(): string {
    return this.settings.name;
  }

  get maxAgeMs(): number | null {
    return this.settings.maxAgeMs;
  }

  get counters(): ListCounters {
    return {
      name: this.name,
      numbers: this.#numbers?.size ?? 0,
      rejected: this.#rejected,
      firstRejectedLine: this.#firstRejectedLine,
      asOfWallMs: this.#asOfWallMs,
      isStale: isStale(this, this.#clock.wallMs()),
      trouble: this.#trouble,
    };
  }

  has(e164: string): boolean {
    return this.#numbers?.has(e164) ?? false;
  }

  asOfWallMs(): number | null {
    return this.#asOfWallMs;
  }

  /** Reads what is on this machine: the file, or the copy of the URL. Never rejects. */
  async load(): Promise<void> {
    const { source } = this.settings;
    if (source.kind === 'file') await this.#attempt(() => this.#read(source.file));
    else if (await hasCopy({ ...source, maxBytes: 0 })) await this.#attempt(() => this.#read(source.copy));
  }

  /** From now on it is kept current; a URL is asked at once. */
  watch(): void {
    this.#looks.startIn(this.settings.source.kind === 'file' ? FILE_LOOK_MS : 0);
  }

  /** Resolves when a look that is under way has ended. */
  whenIdle(): Promise<void> {
    return this.#looks.whenIdle();
  }

  close(): Promise<void> {
    return this.#looks.close();
  }

  /** Resolves with the time until the next look. */
  async #look(): Promise<number> {
    const { source } = this.settings;
    if (source.kind === 'file') {
      await this.#attempt(() => this.#readChanged(source.file));
      this.#watchAge();
      return FILE_LOOK_MS;
    }
    await this.#attempt(() => this.#fetch(source));
    this.#watchAge();
    if (this.#failures === 0) return source.refreshMs;
    return Math.min(source.refreshMs, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 20));
  }

  async #fetch(source: Extract<ListSettings['source'], { kind: 'url' }>): Promise<void> {
    const wallMs = this.#clock.wallMs();
    const list = { ...source, maxBytes: this.settings.maxBytes };
    const fetched = await fetchList(list, wallMs, this.#looks.closing, (file) => this.#read(file));
    if (fetched === 'new') return;
    if (this.#numbers === null) await this.#read(source.copy);
    this.#asOfWallMs = wallMs;
  }

  async #readChanged(file: string): Promise<void> {
    const version = await versionOf(file);
    const isKnown = this.#version !== null && isSameVersion(version, this.#version);
    if (isKnown || Math.abs(this.#clock.wallMs() - version.mtimeMs) < SETTLE_MS) return;
    await this.#read(file);
  }

  async #read(file: string): Promise<void> {
    const { country, maxBytes } = this.settings;
    // The heading of a copy is ours.
    const limit = this.settings.source.kind === 'url' ? maxBytes + 8_192 : maxBytes;
    const { numbers, rejected, firstRejectedLine, version } = await readList(
      { file, country },
      limit,
      this.#looks.closing,
    );
    this.#numbers = numbers;
    this.#rejected = rejected;
    this.#firstRejectedLine = firstRejectedLine;
    this.#version = version;
    // A time to come would keep the list young for ever.
    this.#asOfWallMs = Math.min(version.mtimeMs, this.#clock.wallMs());
    const asOf = new Date(this.#asOfWallMs).toISOString();
    this.#log.info({ numbers: numbers.size, rejected, firstRejectedLine, asOf }, 'do-not-call list read');
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (this.#trouble !== null) this.#log.info({}, 'do-not-call list can be read again');
      this.#trouble = null;
      this.#failures = 0;
    } catch (error) {
      if (this.#looks.closing.aborted) return;
      const cause = causeOf(error);
      this.#failures += 1;
      if (cause !== this.#trouble) {
        this.#log.error(
          { alarm: 'do-not-call', cause },
          'do-not-call list cannot be read: the one there was goes on ageing',
        );
      }
      this.#trouble = cause;
    }
  }

  #watchAge(): void {
    const stale = isStale(this, this.#clock.wallMs());
    if (stale && !this.#wasStale) {
      const asOf = this.#asOfWallMs === null ? null : new Date(this.#asOfWallMs).toISOString();
      this.#log.error({ alarm: 'do-not-call', asOf }, 'do-not-call list is older than it may be: calls are refused');
    }
    this.#wasStale = stale;
  }
}

/** `fetch` says why in the cause of what it throws. */
function causeOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string } };
  return cause?.message ?? message ?? String(error);
}
