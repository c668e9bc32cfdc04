// What is decided about a packet before it is parsed: by its source, how often that sends, and what program it names.
// A packet that is dropped costs a few look-ups in arrays, and allocates nothing.
import type { Clock } from '../../lib/clock.js';
import type {
  SipBan,
  SipBanRefusal,
  SipDefenceSettings,
  SipDropCause,
  SipServerEvents,
  SipSourceReport,
  SipSources,
} from '../control.js';
import type { Counters } from '../counters.js';
import { AddressSet } from './address-set.js';
import { BanTable } from './ban-table.js';
import { CoarseTime, type TimeCell } from './coarse-time.js';
import { ConnectionCap } from './connection-cap.js';
import { ScannerFilter } from './scanner-filter.js';
import { SourceAddress } from './source-address.js';
import { SourceTable } from './source-table.js';
import { type BucketRate, bucketRate, TokenBuckets } from './token-buckets.js';

/** Sources that are remembered; the one not heard of for longest is forgotten first. */
const REMEMBERED_SOURCES = 16_384;
const REMEMBERED_BANS = 4_096;
const BANS_TOLD_A_SECOND = 20;
/** Whom we called is taken for a known peer so long. */
const CALLED_MS = 3_600_000;

/** Why a packet counts against its source. */
export type Offence = 'malformed' | 'too-large' | 'scanner';

export type ReportEvent = <K extends keyof SipServerEvents>(event: K, what: SipServerEvents[K][0]) => void;

interface OffenceLimit {
  readonly offences: number;
  readonly windowMs: number;
  readonly banMs: number;
}

export class Defence {
  readonly #counters: Counters;
  readonly #report: ReportEvent;
  readonly #time: CoarseTime;
  readonly #now: TimeCell;
  readonly #address = new SourceAddress();
  #denied = new AddressSet([]);
  #allowed: AddressSet | null = null;
  #known = new AddressSet([]);
  readonly #rate: BucketRate | null;
  readonly #knownRate: BucketRate | null;
  readonly #scanners: ScannerFilter;
  readonly #limit: OffenceLimit | null;
  readonly #connections: ConnectionCap;
  readonly #bans: BanTable;
  readonly #sources: SourceTable;
  readonly #buckets: TokenBuckets;
  // Columns of the table of sources.
  readonly #malformed = new Uint32Array(REMEMBERED_SOURCES);
  readonly #scans = new Uint32Array(REMEMBERED_SOURCES);
  readonly #overRate = new Uint32Array(REMEMBERED_SOURCES);
  readonly #recentOffences = new Uint32Array(REMEMBERED_SOURCES);
  readonly #windowFromMs = new Float64Array(REMEMBERED_SOURCES);
  readonly #calledUntilMs = new Float64Array(REMEMBERED_SOURCES);
  #bansMade = 0;
  #toldFromMs = Number.NEGATIVE_INFINITY;
  #told = 0;
  /** Set by {@link #sourceCause} for the address that it was asked about. */
  #isKnown = false;

  constructor(settings: SipDefenceSettings, clock: Clock, counters: Counters, report: ReportEvent) {
    this.#counters = counters;
    this.#report = report;
    this.#time = new CoarseTime(clock);
    this.#now = this.#time.cell;
    this.#rate = settings.rate && bucketRate(settings.rate);
    this.#knownRate = settings.knownRate && bucketRate(settings.knownRate);
    this.#scanners = new ScannerFilter(settings.scanners);
    this.#connections = new ConnectionCap(settings.maxConnectionsPerSource);
    this.#limit = settings.ban && {
      offences: settings.ban.offences,
      windowMs: settings.ban.windowSeconds * 1_000,
      banMs: settings.ban.banSeconds * 1_000,
    };
    this.#bans = new BanTable(REMEMBERED_BANS, this.#now);
    this.#buckets = new TokenBuckets(REMEMBERED_SOURCES, this.#now);
    this.#sources = new SourceTable(REMEMBERED_SOURCES, (slot) => {
      this.#buckets.fill(slot);
      this.#malformed[slot] = 0;
      this.#scans[slot] = 0;
      this.#overRate[slot] = 0;
      this.#recentOffences[slot] = 0;
      this.#calledUntilMs[slot] = 0;
    });
  }

  /** Replaces the lists. @throws RangeError naming an entry that is no address or CIDR block; nothing changes then */
  setSources({ allow, deny = [], known = [] }: SipSources): void {
    const allowed = allow === null ? null : new AddressSet(allow);
    const denied = new AddressSet(deny);
    this.#known = new AddressSet(known);
    this.#allowed = allowed;
    this.#denied = denied;
  }

  /** True for a message that is not to be looked at any further; it is counted. */
  refuses(bytes: Uint8Array, source: string): boolean {
    const cause = this.#judge(bytes, source);
    if (cause === null) return false;
    this.#counters.drop(cause);
    return true;
  }

  /** True for a connection that is not to be accepted; it is counted. One that is accepted must be told of when it closes. */
  refusesConnection(source: string): boolean {
    const cause = this.#sourceCause(source) ?? this.#connections.open(source, this.#isKnown);
    if (cause === null) return false;
    this.#counters.drop(cause);
    return true;
  }

  connectionClosed(source: string): void {
    this.#connections.close(source);
  }

  /** Whether a source may not talk to us at all, now: what its open connections are closed for. */
  isShutOut(source: string): boolean {
    return this.#sourceCause(source) !== null;
  }

  /**
   * A request of ours outside dialogs goes there: what comes back is wanted, so the peer is known for an hour. Gateways that are
   * given by a name are found so.
   */
  called(destination: string): void {
    if (!this.#address.read(destination)) return;
    this.#time.refresh();
    this.#calledUntilMs[this.#sources.touch(this.#address)] = (this.#now[0] as number) + CALLED_MS;
  }

  /** Notes what only the parser could find. */
  offended(source: string, offence: Offence): void {
    if (!this.#address.read(source)) return;
    this.#time.refresh();
    const isKnown = this.#knows(this.#address);
    this.#offend(this.#sources.touch(this.#address), isKnown, offence);
  }

  /** @param seconds null for a ban without end */
  ban(source: string, seconds: number | null): { readonly ok: true } | SipBanRefusal {
    if (!this.#readSource(source)) return { ok: false, reason: 'not-an-address' };
    const nowMs = this.#time.exactMs();
    const untilMs = seconds === null ? Number.POSITIVE_INFINITY : nowMs + seconds * 1_000;
    return this.#bans.addByOperator(this.#address, untilMs);
  }

  /** False when the source was not banned. */
  unban(source: string): boolean {
    this.#time.exactMs();
    return this.#readSource(source) && this.#bans.lift(this.#address);
  }

  bans(): SipBan[] {
    this.#time.exactMs();
    return this.#bans.list();
  }

  /** The sources with most drops first. */
  sources(limit: number): SipSourceReport[] {
    return this.#sources
      .slots()
      .map((slot) => ({
        source: this.#sources.textOf(slot),
        malformed: this.#malformed[slot] as number,
        scans: this.#scans[slot] as number,
        overRate: this.#overRate[slot] as number,
      }))
      .sort((a, b) => b.malformed + b.scans + b.overRate - (a.malformed + a.scans + a.overRate))
      .slice(0, limit);
  }

  counts(): { sources: number; bansMade: number; bansInForce: number } {
    this.#time.exactMs();
    return {
      sources: this.#sources.size,
      bansMade: this.#bansMade,
      bansInForce: this.#bans.count(),
    };
  }

  #sourceCause(source: string): SipDropCause | null {
    const address = this.#address;
    if (!address.read(source)) return 'unknown-source';
    if (this.#denied.has(address)) return 'denied-source';
    if (this.#allowed !== null && !this.#allowed.has(address)) return 'unknown-source';
    this.#time.refresh();
    this.#isKnown = this.#knows(address);
    return this.#bans.has(address, this.#isKnown) ? 'banned' : null;
  }

  /** Whether a source is a known peer: named so, or called by us within the hour. */
  knows(source: string): boolean {
    if (!this.#address.read(source)) return false;
    this.#time.refresh();
    return this.#knows(this.#address);
  }

  #knows(address: SourceAddress): boolean {
    if (this.#known.has(address)) return true;
    const slot = this.#sources.find(address);
    return slot !== -1 && (this.#now[0] as number) < (this.#calledUntilMs[slot] as number);
  }

  #judge(bytes: Uint8Array, source: string): SipDropCause | null {
    const cause = this.#sourceCause(source);
    if (cause !== null) return cause;
    const isKnown = this.#isKnown;
    const slot = this.#sources.touch(this.#address);
    const rate = isKnown ? this.#knownRate : this.#rate;
    if (rate !== null && !this.#buckets.take(slot, rate)) {
      // No offence: a peer that sends too much is slowed down by this alone, and its source may be forged.
      count(this.#overRate, slot);
      return 'rate-limited';
    }
    if (!isKnown && this.#scanners.matches(bytes)) {
      this.#offend(slot, false, 'scanner');
      return 'scanner';
    }
    return null;
  }

  /** Counts an offence, and bans for too many in a window. A known peer is never banned: anybody can forge its address. */
  #offend(slot: number, isKnown: boolean, offence: Offence): void {
    count(offence === 'scanner' ? this.#scans : this.#malformed, slot);
    if (isKnown || this.#limit === null) return;
    this.#time.refresh();
    const nowMs = this.#now[0] as number;
    const { offences, windowMs, banMs } = this.#limit;
    if (this.#recentOffences[slot] === 0 || nowMs - (this.#windowFromMs[slot] as number) >= windowMs) {
      this.#recentOffences[slot] = 0;
      this.#windowFromMs[slot] = nowMs;
    }
    count(this.#recentOffences, slot);
    if ((this.#recentOffences[slot] as number) < offences) return;
    this.#recentOffences[slot] = 0;
    this.#bans.addOffender(this.#address, nowMs + banMs);
    this.#bansMade++;
    this.#tellOfBan(slot, offence, banMs, nowMs);
  }

  /** Not of every one: whoever forges sources must not keep our listeners busy. */
  #tellOfBan(slot: number, offence: Offence, banMs: number, nowMs: number): void {
    if (nowMs - this.#toldFromMs >= 1_000) {
      this.#toldFromMs = nowMs;
      this.#told = 0;
    }
    this.#told++;
    if (this.#told > BANS_TOLD_A_SECOND) return;
    this.#report('source:banned', { source: this.#sources.textOf(slot), offence, banSeconds: banMs / 1_000 });
  }

  /** Reads an address, or the /64 that {@link SourceTable.textOf} gives an IPv6 source. */
  #readSource(text: string): boolean {
    return this.#address.read(text.endsWith('::/64') ? text.slice(0, -3) : text);
  }
}

function count(column: Uint32Array, slot: number): void {
  column[slot] = (column[slot] as number) + 1;
}
