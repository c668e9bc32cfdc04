// A node's standing with Redis: attached under a lease that it renews, or away. A lease is counted from before it was asked
// for, on the monotonic clock, and ends here a guard before it ends in Redis: no two nodes ever believe in one channel.
//
//   away ──attach──► attached ──link lost──► away          (calls go on; the lease runs)
//                       └──lease not renewed in time──► lapsed: its calls end, and it attaches anew under a new fence
import type { ClockTimer } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { Operation } from './lua.js';
import type { RedisClock } from './redis-clock.js';
import { away, RedisLink, type RedisLinkOptions, type Reply } from './redis-link.js';

export interface SessionOptions {
  readonly link: RedisLinkOptions;
  /** Unique among the nodes, the same after a restart. */
  readonly node: string;
  readonly leaseMs: number;
  /** How long before its lease runs out a node stops to count on it. */
  readonly guardMs: number;
  /** Channels that only this node may use. */
  readonly heldBack: readonly string[];
  readonly clock: RedisClock;
  readonly log: Logger;
}

export interface SessionListener {
  onLog(message: string): void;
  /** Attached; the session counts as such when it resolves. A rejection drops the link. */
  onAttached(attached: Attached): Promise<void>;
  /** `wasAttached`: it was there until now. */
  onAway(wasAttached: boolean): void;
  /** The lease has run out: nothing that was held by it is held any more. */
  onLapsed(): void;
  /** Nodes whose leases have run out. */
  onDead(nodes: readonly string[]): void;
}

export interface Attached {
  /** The data of an earlier attachment were of another run: Redis may have forgotten what it knew. */
  readonly isNewRun: boolean;
  readonly run: string;
  readonly quarantineMs: number;
}

/** Renewed so often in a lease. */
const BEATS = 4;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1_000;
/** While it is away, why is told again after so long. */
const TELL_FAILURES_MS = 60_000;

export class RedisSession {
  readonly #options: SessionOptions;
  readonly #listener: SessionListener;
  #link: RedisLink | undefined;
  #lastRun: string | null;
  /** Of the data that it is attached to. */
  #run = '';
  #fence: string;
  #isAttached = false;
  #isClosed = false;
  /** By the monotonic clock; the lease counts until then. */
  #leasedUntilMs = 0;
  #isLapsed = true;
  #awaySinceMs: number;
  #quarantinedUntilMs = 0;
  #beat: ClockTimer | undefined;
  #leaseEnd: ClockTimer | undefined;
  #retry: ClockTimer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #failureToldMs = Number.NEGATIVE_INFINITY;
  #waiting: ((isAttached: boolean) => void)[] = [];
  #connecting: Promise<void> = Promise.resolve();

  constructor(options: SessionOptions, last: { run: string | null; fence: string }, listener: SessionListener) {
    this.#options = options;
    this.#listener = listener;
    this.#lastRun = last.run;
    this.#fence = last.fence;
    this.#awaySinceMs = options.clock.monotonicMs();
  }

  get isAttached(): boolean {
    return this.#isAttached;
  }

  get fence(): string {
    return this.#fence;
  }

  /** How long Redis has been away; 0 while it is there. */
  get awayMs(): number {
    return this.#isAttached ? 0 : this.#options.clock.monotonicMs() - this.#awaySinceMs;
  }

  /** How long Redis grants nothing yet, because it may have forgotten what it had granted. */
  get quarantineMs(): number {
    return Math.max(0, this.#quarantinedUntilMs - this.#options.clock.monotonicMs());
  }

  start(): void {
    this.#connecting = this.#connect();
  }

  /** Whether the lease still counts, by the clock and not by a timer: after a pause a timer comes too late. */
  isLeased(): boolean {
    if (!this.#isLapsed && this.#options.clock.monotonicMs() >= this.#leasedUntilMs) this.#lapse();
    return !this.#isLapsed;
  }

  /** Resolves when it is attached, or with false when that took longer. */
  async whenAttached(limitMs: number): Promise<boolean> {
    if (this.#isAttached || this.#isClosed || limitMs <= 0) return this.#isAttached;
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(limitMs, () => {
        this.#waiting = this.#waiting.filter((other) => other !== told);
        resolve(false);
      });
      const told = (isAttached: boolean) => {
        timer.cancel();
        resolve(isAttached);
      };
      this.#waiting.push(told);
    });
  }

  /** Rejects when Redis is away, or goes away before it has answered. */
  async run(operation: Operation, args: readonly string[]): Promise<Reply> {
    const link = this.#link;
    if (link === undefined) throw away('Redis is away');
    const { clock, node } = this.#options;
    const words = [String(Math.floor(clock.wallMs())), this.#run, node, this.#fence, ...args];
    let reply: Reply;
    try {
      reply = await link.run(operation, words);
    } catch (error) {
      // Also of a Redis that answers, and cannot write: out of memory, a replica now. What it did not take is replayed.
      if (this.#link === link) this.drop(error as Error);
      throw error;
    }
    if (reply[0] === 'restarted') this.drop(new Error('Redis knows of a later run'));
    if (reply[0] === 'expired') this.#lapse();
    if (reply[0] === 'restarted' || reply[0] === 'expired') throw away('The lease of this node has run out');
    return reply;
  }

  /** Gives the lease back when nothing is held any more. */
  async close(isEmpty: boolean): Promise<void> {
    this.#isClosed = true;
    for (const timer of [this.#beat, this.#leaseEnd, this.#retry]) timer?.cancel();
    if (isEmpty && this.#isAttached) await this.run('detach', []).catch(() => undefined);
    this.#isAttached = false;
    this.#tell(false);
    this.#link?.close();
    this.#link = undefined;
    await this.#connecting;
  }

  async #connect(): Promise<void> {
    const { clock, log, node, leaseMs, heldBack, link: linkOptions } = this.#options;
    try {
      const link = await RedisLink.open(linkOptions, (message) => this.#listener.onLog(message));
      if (this.#isClosed) {
        link.close();
        return;
      }
      link.onLost((error) => this.drop(error));
      this.#link = link;
      const sentMs = clock.monotonicMs();
      const words = [String(Math.floor(clock.wallMs())), link.runId, node, this.#fence];
      const held = [String(leaseMs), String(heldBack.length), ...heldBack];
      const [answer, second = '', third = '0', redisMs = '0', run = ''] = (await link.run('attach', [
        ...words,
        ...held,
      ])) as string[];
      if (answer === 'held-back') {
        log.error({ alarm: 'redis', channelId: second, node: third }, 'channel is held back for another node already');
        throw new Error(`Channel ${second} is held back for the node ${third} already`);
      }
      this.#fence = second;
      this.#run = run;
      this.#lease(sentMs);
      clock.observe(sentMs, Number(redisMs));
      const quarantineMs = Math.max(0, Number(third) - Number(redisMs));
      this.#quarantinedUntilMs = clock.monotonicMs() + quarantineMs;
      await this.#listener.onAttached({ isNewRun: run !== this.#lastRun, run, quarantineMs });
      if (link.isLost || this.#link !== link) return;
      this.#lastRun = run;
      this.#isAttached = true;
      this.#retryMs = FIRST_RETRY_MS;
      this.#failureToldMs = Number.NEGATIVE_INFINITY;
      log.info({ node, fence: this.#fence, quarantineMs }, 'attached to Redis');
      this.#tell(true);
    } catch (error) {
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#failureToldMs >= TELL_FAILURES_MS) {
        this.#failureToldMs = nowMs;
        log.warn({ err: error }, 'Redis cannot be reached');
      }
      this.drop(error as Error);
      this.#tryAgain();
    }
  }

  #lease(sentMs: number): void {
    const { clock, leaseMs, guardMs } = this.#options;
    this.#leasedUntilMs = sentMs + leaseMs - guardMs;
    this.#isLapsed = false;
    this.#leaseEnd?.cancel();
    this.#leaseEnd = clock.after(this.#leasedUntilMs - clock.monotonicMs(), () => this.#lapse());
    this.#beat?.cancel();
    this.#beat = clock.after(leaseMs / BEATS, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const sentMs = clock.monotonicMs();
    // After a pause both timers are due: the lease has run out, whatever Redis would still say.
    if (sentMs >= this.#leasedUntilMs) {
      this.#lapse();
      return;
    }
    try {
      const [, redisMs, ...dead] = (await this.run('heartbeat', [String(leaseMs)])) as string[];
      this.#lease(sentMs);
      clock.observe(sentMs, Number(redisMs));
      if (dead.length > 0) this.#listener.onDead(dead);
    } catch {
      // The link is lost, or the lease: both have been told.
    }
  }

  #lapse(): void {
    if (this.#isLapsed || this.#isClosed) return;
    this.#isLapsed = true;
    this.#options.log.error({ alarm: 'lease', node: this.#options.node }, 'lease in Redis could not be renewed');
    this.#listener.onLapsed();
    // A new fence, and what Redis says now.
    this.drop(new Error('the lease has run out'));
    if (this.#link === undefined) this.#tryAgain();
  }

  /** Gives up the link; the lease runs, and the next attempt to attach follows. */
  drop(error: Error): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    link.close();
    const wasAttached = this.#isAttached;
    this.#isAttached = false;
    if (wasAttached) {
      this.#awaySinceMs = this.#options.clock.monotonicMs();
      this.#options.log.warn({ err: error }, 'Redis is away');
    }
    this.#listener.onAway(wasAttached);
    this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#isClosed || this.#retry !== undefined) return;
    this.#retry = this.#options.clock.after(this.#retryMs, () => {
      this.#retry = undefined;
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
      if (this.#link === undefined && !this.#isClosed) this.#connecting = this.#connect();
    });
  }

  #tell(isAttached: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const told of waiting) told(isAttached);
  }
}
