// One rtpengine as the pool sees it: whether it answers, how many sessions it has, and what must still be deleted there.
import type { Clock, ClockTimer } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { canonicalAddress } from '../addresses.js';
import type { NgArgument } from './bencode.js';
import { NgClient, type NgCommand, type NgResult } from './ng-client.js';

export interface EngineSettings {
  /** `udp://host:port`, `ws://host:port` or `wss://host:port` of its ng listener. */
  readonly url: string;
  /** New sessions go to the engines in this proportion. */
  readonly weight: number;
  /** Gets no new session from the start; those that it has go on. */
  readonly isDraining: boolean;
  /** Its names for the interfaces of our networks; a network without one is on the engine's first interface. */
  readonly interfaces: Readonly<Record<string, string>>;
  /** Its name for the interface from which it sends us copies; its first one when undefined. */
  readonly forkInterface: string | undefined;
}

export interface EngineHealthSettings {
  readonly requestTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** So many requests in a row without an answer, and it is down. */
  readonly failAfter: number;
}

export type EngineState = 'starting' | 'up' | 'down';

export interface EngineReport {
  readonly url: string;
  readonly state: EngineState;
  readonly isDraining: boolean;
  readonly sessions: number;
  /** Sessions that it may still have, and that will be deleted when it answers again. */
  readonly undeleted: number;
  readonly requests: number;
  readonly retransmissions: number;
  readonly timeouts: number;
  readonly strays: number;
}

/** Sessions to delete are kept up to this many; older ones end by rtpengine's own timeout. */
const MAX_UNDELETED = 10_000;

export class Engine {
  readonly settings: EngineSettings;
  readonly #health: EngineHealthSettings;
  readonly #client: NgClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #undeleted = new Set<string>();
  readonly #upListeners = new Set<() => void>();
  #isDraining: boolean;
  #sessions = 0;
  #state: EngineState = 'starting';
  #failures = 0;
  #downSinceMs: number | null = null;
  #pinging: ClockTimer | null = null;
  #deleting: Promise<void> | null = null;
  #isClosed = false;
  readonly #firstPing: Promise<void>;

  constructor(settings: EngineSettings, health: EngineHealthSettings, clock: Clock, log: Logger) {
    this.settings = settings;
    this.#isDraining = settings.isDraining;
    this.#health = health;
    this.#clock = clock;
    this.#log = log.child({ rtpengine: settings.url });
    this.#client = new NgClient({ url: settings.url, timeoutMs: health.requestTimeoutMs, clock });
    this.#firstPing = this.#ping();
  }

  /** Its address, where its URL has one; null for a name. */
  get address(): string | null {
    return canonicalAddress(new URL(this.settings.url).hostname.replace(/^\[|\]$/g, ''));
  }

  /** Resolves when it has answered the first ping, or has not. */
  get probed(): Promise<void> {
    return this.#firstPing;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  drain(isDraining: boolean): void {
    this.#isDraining = isDraining;
  }

  get sessions(): number {
    return this.#sessions;
  }

  /** How long it has not answered, in ms; 0 while it does. */
  get downMs(): number {
    return this.#downSinceMs === null ? 0 : this.#clock.monotonicMs() - this.#downSinceMs;
  }

  report(): EngineReport {
    const { url } = this.settings;
    return {
      ...{
        url,
        isDraining: this.#isDraining,
        state: this.#state,
        sessions: this.#sessions,
        undeleted: this.#undeleted.size,
      },
      ...this.#client.counters,
    };
  }

  /** Counts a session in; the returned function counts it out, once. */
  hold(): () => void {
    this.#sessions += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#sessions -= 1;
      isHeld = false;
    };
  }

  async request(command: NgCommand, keys?: { readonly [key: string]: NgArgument | undefined }): Promise<NgResult> {
    const result = await this.#client.request(command, keys);
    this.#heard(result);
    return result;
  }

  /** Deletes a session that may be there, now or whenever the engine answers again. */
  deleteSurely(callId: string): void {
    this.#undeleted.delete(callId);
    this.#undeleted.add(callId);
    if (this.#undeleted.size > MAX_UNDELETED) {
      for (const oldest of this.#undeleted) {
        this.#undeleted.delete(oldest);
        break;
      }
    }
    this.#deleteOutstanding();
  }

  /** Resolves when nothing is left to delete, or it does not answer. */
  async deleted(): Promise<void> {
    await this.#deleting;
  }

  /** Called each time it answers again after it was down; the returned function removes the listener. */
  onUp(listener: () => void): () => void {
    this.#upListeners.add(listener);
    return () => this.#upListeners.delete(listener);
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#pinging?.cancel();
    this.#client.close();
  }

  async #ping(): Promise<void> {
    if (this.#isClosed) return;
    const { pingIntervalMs } = this.#health;
    this.#heard(await this.#client.request('ping', {}, pingIntervalMs));
    if (this.#isClosed) return;
    this.#pinging = this.#clock.after(pingIntervalMs, () => void this.#ping());
  }

  #heard(result: NgResult): void {
    if (this.#isClosed) return;
    if (result.ok || result.reason !== 'no-reply') {
      this.#failures = 0;
      this.#downSinceMs = null;
      if (this.#state !== 'up') this.#rise();
      return;
    }
    this.#failures += 1;
    this.#downSinceMs ??= this.#clock.monotonicMs();
    if (this.#state === 'down' || this.#failures < (this.#state === 'starting' ? 1 : this.#health.failAfter)) return;
    this.#state = 'down';
    this.#log.error(
      { alarm: 'rtpengine', cause: result.detail, sessions: this.#sessions },
      'rtpengine does not answer',
    );
  }

  #rise(): void {
    const before = this.#state;
    this.#state = 'up';
    this.#log.info({ before, sessions: this.#sessions }, 'rtpengine answers');
    for (const listener of [...this.#upListeners]) listener();
    this.#deleteOutstanding();
  }

  #deleteOutstanding(): void {
    this.#deleting ??= this.#deleteInTurn().finally(() => {
      this.#deleting = null;
      if (this.#undeleted.size > 0 && this.isUp && !this.#isClosed) this.#deleteOutstanding();
    });
  }

  async #deleteInTurn(): Promise<void> {
    for (const callId of this.#undeleted) {
      if (this.#isClosed) return;
      // Without a tag, of a side that may never have been there, the whole call goes.
      const result = await this.request('delete', { 'call-id': callId, 'delete delay': 0 });
      if (!result.ok && result.reason === 'no-reply') return;
      this.#undeleted.delete(callId);
    }
  }
}
