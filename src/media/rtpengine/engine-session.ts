// A media session at one rtpengine, for as long as it lives. What call control sets is told to rtpengine in turn, newest
// state only: each exchange says both sides whole, so that a lost or repeated one changes nothing.
import type {
  MediaAddress,
  MediaCodec,
  MediaEvent,
  MediaRefusal,
  MediaRemote,
  MediaSession,
  MediaTransport,
  PlayRequest,
} from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import type { Clock, ClockTimer } from '../../lib/clock.js';
import { emptyReport } from '../relay/relay-messages.js';
import type { Engine } from './engine.js';
import type { EngineCall, EngineNetwork, ExchangeResult } from './engine-call.js';
import type { ForkReport } from './fork-messages.js';
import { type ForkRequest, type ForkSettings, SessionFork } from './session-fork.js';
import { SessionPlayer } from './session-player.js';
import { composeReport, readCounters, type SideCounters } from './session-report.js';
import { SessionWatch } from './session-watch.js';
import {
  codecsBetween,
  describeFax,
  describeNobody,
  describeRemote,
  type SideDescription,
} from './side-description.js';

export interface SessionSettings extends ForkSettings {
  readonly networks: ReadonlyMap<string, EngineNetwork>;
  /** Octet for the IP header of what engines send; undefined for their own default. */
  readonly tos: number | undefined;
  readonly watchIntervalMs: number;
  /** Which digits were sent is reported, not only how many. */
  readonly keepsDigits: boolean;
  /** An engine that is silent for so long has lost its sessions, unless their copies still come. */
  readonly lostAfterMs: number;
  readonly clock: Clock;
}

export interface SessionRequest {
  readonly sessionId: string;
  readonly networks: Readonly<Record<Side, EngineNetwork>>;
  readonly caller: MediaTransport | null;
}

/** What had no answer is told again after so long. */
const RETRY_MS = 500;

export class EngineSession implements MediaSession {
  readonly sessionId: string;
  readonly engine: Engine;
  readonly call: EngineCall;
  readonly #settings: SessionSettings;
  readonly #callerTransport: MediaTransport | null;
  readonly #networks: Record<Side, EngineNetwork>;
  readonly #remotes: Record<Side, MediaRemote | null> = { caller: null, callee: null };
  readonly #watch: SessionWatch;
  readonly #player: SessionPlayer;
  readonly #onEnded: () => void;
  readonly #lostListeners: (() => void)[] = [];
  readonly #eventListeners: ((event: MediaEvent) => void)[] = [];
  readonly #stopListening: () => void;
  #local: Record<Side, MediaAddress> = { caller: NO_ADDRESS, callee: NO_ADDRESS };
  #queue: Promise<unknown> = Promise.resolve();
  #isSyncQueued = false;
  #looking: ClockTimer | null = null;
  /** What rtpengine was last told and has taken. */
  #told: string | null = null;
  #fork: SessionFork | null = null;
  #retrying: ClockTimer | null = null;
  #forkReport: ForkReport | null = null;
  #last: MediaReport = emptyReport();
  #closing: Promise<MediaReport> | null = null;
  #isLost = false;

  constructor(
    settings: SessionSettings,
    request: SessionRequest,
    engine: Engine,
    call: EngineCall,
    onEnded: () => void,
  ) {
    this.#settings = settings;
    this.sessionId = request.sessionId;
    this.engine = engine;
    this.call = call;
    this.#networks = { ...request.networks };
    this.#callerTransport = request.caller;
    this.#onEnded = onEnded;
    const tell = (event: MediaEvent) => this.tell(event);
    this.#watch = new SessionWatch(settings.clock, settings.keepsDigits, tell);
    this.#player = new SessionPlayer(call, settings.clock, {
      tell,
      hasAudio: () => !this.#isFax,
      heardAgain: (side) => this.#fork?.interrupt(side),
    });
    this.#stopListening = engine.onUp(() => this.#recover());
  }

  /** Makes the ports. Whatever goes wrong, nothing of the call stays at the engine. */
  async open(): Promise<ExchangeResult> {
    const opened = await this.#exchange();
    if (opened.ok) this.#lookLater();
    else this.#end();
    return opened;
  }

  local(side: Side): MediaAddress {
    return this.#local[side];
  }

  placeCallee(network: string): Promise<{ ok: true } | { ok: false; reason: MediaRefusal }> {
    return this.#inTurn(async () => {
      const place = this.#settings.networks.get(network);
      if (this.#isOver || place === undefined) return { ok: false, reason: 'relay-down' };
      if (place.name === this.#networks.callee.name) return { ok: true };
      const before = this.#networks.callee;
      this.#networks.callee = place;
      this.#remotes.callee = null;
      const goBack = this.call.beginCallee();
      const placed = await this.#exchange();
      if (placed.ok) return { ok: true };
      this.#networks.callee = before;
      goBack();
      return { ok: false, reason: placed.reason === 'full' ? 'no-media-ports' : 'relay-down' };
    });
  }

  setRemote(side: Side, remote: MediaRemote): void {
    this.#remotes[side] = remote;
    this.#watch.expect(side, remote);
    this.#syncLater();
  }

  settled(): Promise<boolean> {
    return this.#inTurn(async () => !this.#isOver && this.#told !== null);
  }

  clearRemote(side: Side): void {
    this.#remotes[side] = null;
    this.#watch.expect(side, null);
    this.#syncLater();
  }

  fork(request: ForkRequest): void {
    this.unfork();
    this.#fork = new SessionFork(this.#settings, this.engine, this.call, request);
    this.#syncLater();
  }

  unfork(): void {
    const fork = this.#fork;
    if (fork === null) return;
    this.#fork = null;
    void this.#endFork(fork);
    void this.#inTurn(async () => {
      // The next fork takes its place there.
      if (this.#fork === null && !this.#isOver) await fork.endAtEngine();
    });
  }

  /** The thread for copies was started again: copies go to its new port. */
  forkAnew(): void {
    this.#fork?.begin();
    this.#syncLater();
  }

  watchSilence(afterMs: number | null): void {
    this.#watch.watchSilence(afterMs);
  }

  play(side: Side, request: PlayRequest): string {
    return this.#player.play(`${this.sessionId}/`, side, request);
  }

  stopPlaying(playId: string): void {
    this.#player.stop(playId);
  }

  async report(): Promise<MediaReport> {
    if (this.#closing !== null) return this.#closing;
    if (!this.#isLost) this.#last = (await this.#inTurn(() => this.#compose())) ?? this.#last;
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

  /** Number of its fork; null while it is not forked. */
  get forkId(): number | null {
    return this.#fork?.id ?? null;
  }

  tell(event: MediaEvent): void {
    this.#watch.count(event);
    for (const listener of this.#eventListeners) listener(event);
  }

  get #isOver(): boolean {
    return this.#isLost || this.#closing !== null;
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(step);
    this.#queue = done.catch((err) =>
      this.#settings.log.error({ err, callId: this.sessionId }, 'rtpengine step failed'),
    );
    return done;
  }

  /** One exchange for all that is set until its turn comes. */
  #syncLater(): void {
    if (this.#isSyncQueued || this.#isOver) return;
    this.#isSyncQueued = true;
    void this.#inTurn(async () => {
      this.#isSyncQueued = false;
      if (this.#isOver) return;
      const synced = await this.#exchange();
      if (synced.ok) {
        const { caller, callee } = this.#remotes;
        // Asked for copies in a fax, rtpengine takes its datagrams for RTP and passes none; copies of the audio before stay as they are.
        if (!this.#isFax) await this.#fork?.sync({ caller: codecsOf(caller), callee: codecsOf(callee) });
      } else if (synced.reason !== 'no-reply') {
        this.#lose(synced.detail);
      } else if (this.engine.isUp) {
        // One that is down is told again when it is back.
        this.#retrying = this.#settings.clock.after(RETRY_MS, () => this.#syncLater());
      }
    });
  }

  async #exchange(): Promise<ExchangeResult> {
    const { caller, callee } = this.#remotes;
    const exchange = {
      caller: this.#describe('caller'),
      callee: this.#describe('callee'),
      networks: this.#networks,
      tos: this.#settings.tos,
      codec: caller && callee ? codecsBetween(caller.codecs, callee.codecs) : undefined,
    };
    const telling = JSON.stringify([exchange, this.call.tagOf('callee')]);
    if (telling === this.#told) return { ok: true, local: this.#local };
    const isNew = this.#local.caller === NO_ADDRESS;
    this.#told = null;
    const exchanged = await this.call.exchange(exchange);
    if (!exchanged.ok) return exchanged;
    // Other ports for the caller than it was told: the engine was started anew and made another call of the offer.
    if (!isNew && !isSamePlace(this.#local.caller, exchanged.local.caller)) {
      return { ok: false, reason: 'refused', detail: 'it has begun the call anew' };
    }
    this.#told = telling;
    this.#local = exchanged.local;
    return exchanged;
  }

  #describe(side: Side): SideDescription {
    const transport = side === 'caller' ? this.#callerTransport : null;
    const remote = this.#remotes[side];
    const { isV6 } = this.#networks[side];
    if (this.#isFax) return describeFax(remote, isV6);
    // A fax whose other side has audio still is neither sent to nor heard.
    return remote === null || remote.isUdptl ? describeNobody(isV6, transport) : describeRemote(remote, transport);
  }

  /** Each side that is known is in a fax, and one is. */
  get #isFax(): boolean {
    const { caller, callee } = this.#remotes;
    return (caller ?? callee)?.isUdptl === true && (callee ?? caller)?.isUdptl === true;
  }

  async #endFork(fork: SessionFork): Promise<void> {
    this.#forkReport = withoutAges((await fork.end()) ?? this.#forkReport);
  }

  /** The engine answers again: either it still has the session, or it was started anew. */
  #recover(): void {
    this.#told = null;
    void this.#look();
    this.#syncLater();
  }

  #lookLater(): void {
    this.#looking = this.#settings.clock.after(this.#settings.watchIntervalMs, () => {
      this.#lookLater();
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    if (this.#isOver) return;
    if (!this.engine.isUp) {
      if (this.engine.downMs >= this.#settings.lostAfterMs && !(await this.#areCopiesComing())) {
        this.#lose('it does not answer');
      }
      return;
    }
    const report = await this.#compose();
    if (report !== null) this.#last = report;
  }

  async #areCopiesComing(): Promise<boolean> {
    const report = await this.#fork?.report();
    const ages = [report?.caller.lastPacketAgeMs, report?.callee.lastPacketAgeMs];
    return ages.some((ageMs) => typeof ageMs === 'number' && ageMs < this.#settings.lostAfterMs);
  }

  /** Null when the engine does not say. */
  async #compose(): Promise<MediaReport | null> {
    const fork = this.#fork;
    const [queried, forked] = await Promise.all([this.call.query(), fork === null ? null : fork.report()]);
    if (!queried.ok) {
      if (queried.reason === 'refused') this.#lose(queried.detail);
      return null;
    }
    this.#forkReport = forked ?? withoutAges(this.#forkReport);
    const counters: Record<Side, SideCounters | null> = {
      caller: readCounters(queried.reply, ...this.call.tagsOf('caller')),
      callee: readCounters(queried.reply, ...this.call.tagsOf('callee')),
    };
    this.#watch.see('caller', counters.caller, this.#isFax);
    this.#watch.see('callee', counters.callee, this.#isFax);
    const histories = { caller: this.#watch.history('caller'), callee: this.#watch.history('callee') };
    return composeReport(counters, histories, this.#forkReport);
  }

  #lose(cause: string): void {
    if (this.#isOver) return;
    this.#isLost = true;
    this.#settings.log.error(
      { callId: this.sessionId, rtpengine: this.engine.settings.url, cause },
      'media session lost',
    );
    this.#end();
    for (const listener of this.#lostListeners.splice(0)) listener();
  }

  async #close(): Promise<MediaReport> {
    const fork = this.#fork;
    const last = this.#isLost ? null : await this.#inTurn(() => this.#compose());
    if (fork !== null) await this.#endFork(fork);
    this.#last = last ?? this.#last;
    if (!this.#isLost) this.#end();
    return this.#last;
  }

  #end(): void {
    this.#looking?.cancel();
    this.#retrying?.cancel();
    this.#player.end();
    this.#stopListening();
    this.call.deleteSurely();
    this.#onEnded();
  }
}

const NO_ADDRESS: MediaAddress = { address: '0.0.0.0', rtpPort: 0, rtcpPort: 0 };

function codecsOf(remote: MediaRemote | null): readonly MediaCodec[] {
  return remote?.codecs ?? [];
}

/** Of copies that are no longer seen: their last packet grows older elsewhere. */
function withoutAges(report: ForkReport | null): ForkReport | null {
  const old = { lastPacketAgeMs: null };
  return report && { caller: { ...report.caller, ...old }, callee: { ...report.callee, ...old } };
}

function isSamePlace(a: MediaAddress, b: MediaAddress): boolean {
  return a.address === b.address && a.rtpPort === b.rtpPort && keysOf(a.transport) === keysOf(b.transport);
}

/** What of it a peer's packets depend on. */
function keysOf(transport: MediaTransport | undefined): string {
  return (transport?.attributes ?? []).filter((value) => /^(crypto|fingerprint):/.test(value)).join();
}
