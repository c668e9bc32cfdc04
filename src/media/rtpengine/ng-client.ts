// Requests to one rtpengine over the ng protocol. A request is repeated under the same cookie until it is answered or
// given up: rtpengine keeps its answers for half a minute, so what is repeated is never done twice.
import { randomBytes } from 'node:crypto';
import type { Clock, ClockTimer } from '../../lib/clock.js';
import { decodeBencode, encodeBencode, type NgArgument, type NgDictionary } from './bencode.js';
import { type NgTransport, type NgTransportListener, openNgTransport } from './ng-transport.js';

export type NgCommand =
  | 'ping'
  | 'offer'
  | 'answer'
  | 'delete'
  | 'query'
  | 'list'
  | 'subscribe request'
  | 'subscribe answer'
  | 'unsubscribe'
  | 'play media'
  | 'stop media'
  | 'block media'
  | 'unblock media';

export type NgResult =
  | { readonly ok: true; readonly reply: NgDictionary }
  /** `refused`: rtpengine said no. `full`: it has reached a limit of sessions or load. `no-reply`: it said nothing. */
  | { readonly ok: false; readonly reason: 'refused' | 'full' | 'no-reply'; readonly detail: string };

export interface NgClientSettings {
  readonly url: string;
  /** After which a request counts as not answered. It may have been done nevertheless. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface NgClientCounters {
  requests: number;
  retransmissions: number;
  timeouts: number;
  /** Messages that were no answer to anything: foreign, broken, or late. */
  strays: number;
}

const FIRST_RETRANSMISSION_MS = 250;

interface Pending {
  readonly message: Buffer;
  readonly settle: (result: NgResult) => void;
  readonly startedMs: number;
  timer: ClockTimer;
  pauseMs: number;
}

export class NgClient {
  readonly counters: NgClientCounters = { requests: 0, retransmissions: 0, timeouts: 0, strays: 0 };
  readonly #settings: NgClientSettings;
  readonly #transport: NgTransport;
  readonly #pending = new Map<string, Pending>();
  readonly #cookiePrefix = randomBytes(6).toString('hex');
  #nextCookie = 1;
  #isClosed = false;
  /** Why the last message cannot have arrived; null once anything was received again. */
  #unreachable: string | null = null;

  constructor(
    settings: NgClientSettings,
    open: (url: string, listener: NgTransportListener, clock: Clock) => NgTransport = openNgTransport,
  ) {
    this.#settings = settings;
    const listener: NgTransportListener = {
      received: (message) => this.#receive(message),
      unreachable: (cause) => {
        this.#unreachable = cause;
      },
    };
    this.#transport = open(settings.url, listener, settings.clock);
  }

  /** Always resolves. `timeoutMs` replaces the client's own. */
  request(
    command: NgCommand,
    keys: { readonly [key: string]: NgArgument | undefined } = {},
    timeoutMs: number = this.#settings.timeoutMs,
  ): Promise<NgResult> {
    if (this.#isClosed) return Promise.resolve({ ok: false, reason: 'no-reply', detail: 'closed' });
    this.counters.requests += 1;
    const cookie = `${this.#cookiePrefix}_${this.#nextCookie++}`;
    const message = Buffer.concat([Buffer.from(`${cookie} `), encodeBencode({ command, ...keys })]);
    return new Promise((settle) => {
      const startedMs = this.#settings.clock.monotonicMs();
      const pauseMs = Math.min(FIRST_RETRANSMISSION_MS, timeoutMs);
      const timer = this.#settings.clock.after(pauseMs, () => this.#repeat(cookie, timeoutMs));
      this.#pending.set(cookie, { message, settle, startedMs, timer, pauseMs });
      this.#transport.send(message);
    });
  }

  /** Requests under way count as not answered. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const cookie of [...this.#pending.keys()]) {
      this.#settle(cookie, { ok: false, reason: 'no-reply', detail: 'closed' });
    }
    this.#transport.close();
  }

  /** Sends again, each time after twice the pause, or gives up. */
  #repeat(cookie: string, timeoutMs: number): void {
    const pending = this.#pending.get(cookie);
    if (pending === undefined) return;
    const { clock } = this.#settings;
    const leftMs = pending.startedMs + timeoutMs - clock.monotonicMs();
    if (leftMs <= 0) {
      this.counters.timeouts += 1;
      const detail = this.#unreachable ?? `no answer within ${timeoutMs} ms`;
      this.#settle(cookie, { ok: false, reason: 'no-reply', detail });
      return;
    }
    this.counters.retransmissions += 1;
    pending.pauseMs = Math.min(pending.pauseMs * 2, leftMs);
    pending.timer = clock.after(pending.pauseMs, () => this.#repeat(cookie, timeoutMs));
    this.#transport.send(pending.message);
  }

  #receive(message: Uint8Array): void {
    this.#unreachable = null;
    const space = message.indexOf(0x20);
    const cookie = Buffer.from(message.subarray(0, Math.max(space, 0))).toString('latin1');
    const reply = decodeBencode(message.subarray(space + 1));
    if (!this.#pending.has(cookie) || !isDictionary(reply)) {
      this.counters.strays += 1;
      return;
    }
    this.#settle(cookie, resultOf(reply));
  }

  #settle(cookie: string, result: NgResult): void {
    const pending = this.#pending.get(cookie);
    this.#pending.delete(cookie);
    pending?.timer.cancel();
    pending?.settle(result);
  }
}

function isDictionary(value: unknown): value is NgDictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resultOf(reply: NgDictionary): NgResult {
  switch (reply.result) {
    case 'ok':
    case 'pong':
      return { ok: true, reply };
    case 'load limit':
      return { ok: false, reason: 'full', detail: textOf(reply.message) };
    default:
      return { ok: false, reason: 'refused', detail: textOf(reply['error-reason']) };
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : 'no reason given';
}
