// When suspended channels are tried: one probe call at a time, to a number of the operator's own, after growing pauses. One that
// goes well takes its channel back into service.
import { randomUUID } from 'node:crypto';
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { CallRequest, TrunkTerms } from './call-request.js';
import { NO_HEADERS } from './passed-headers.js';
import type { CallerLeg } from './ports.js';
import { ProbeLeg, type ProbeSign } from './probe-leg.js';

export interface ProbeSettings {
  /** As if it called: its policy, its caps and its codecs hold. */
  readonly trunk: TrunkTerms;
  /** Address of this machine in the trunk's network. */
  readonly address: string;
  readonly number: string;
  readonly afterMs: number;
  /** Each probe in vain doubles the pause, up to this. */
  readonly maxAfterMs: number;
}

interface ProbeParts {
  readonly clock: Clock;
  readonly log: Logger;
  open(request: CallRequest, caller: CallerLeg): void;
  /** The channel is sound. */
  resume(channelId: string): void;
}

interface Waiting {
  readonly sign: ProbeSign;
  pauseMs: number;
  timer: ClockTimer | null;
}

/** Another channel is being probed: it is asked again after this. */
const QUEUE_MS = 1_000;

export class ProbeCalls {
  readonly #parts: ProbeParts;
  #settings: ProbeSettings | null;
  readonly #waiting = new Map<string, Waiting>();
  /** The channel that is being probed. */
  #live: string | null = null;
  #isClosed = false;

  /** Null: channels are resumed by hand alone. */
  constructor(settings: ProbeSettings | null, parts: ProbeParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** For probes that are to come; those that wait keep their pause, and begin with one where none was to come. */
  reconfigure(settings: ProbeSettings | null): void {
    const wasNone = this.#settings === null;
    this.#settings = settings;
    if (!wasNone || settings === null) return;
    for (const [channelId, waiting] of this.#waiting) {
      waiting.pauseMs = settings.afterMs;
      this.#arm(channelId, waiting, settings.afterMs);
    }
  }

  /** The channel is suspended: it is tried until it is sound, or forgotten. */
  watch(channelId: string, sign: ProbeSign): void {
    this.forget(channelId);
    const pauseMs = this.#settings?.afterMs ?? 0;
    const waiting: Waiting = { sign, pauseMs, timer: null };
    this.#waiting.set(channelId, waiting);
    if (this.#settings !== null) this.#arm(channelId, waiting, pauseMs);
  }

  forget(channelId: string): void {
    this.#waiting.get(channelId)?.timer?.cancel();
    this.#waiting.delete(channelId);
  }

  /** Tries a suspended channel as soon as no other is being tried; false when it is not suspended, or there is no number to call. */
  probeNow(channelId: string): boolean {
    const waiting = this.#waiting.get(channelId);
    if (waiting === undefined || this.#settings === null) return false;
    if (this.#live !== channelId) this.#arm(channelId, waiting, 0);
    return true;
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#waiting.values()) timer?.cancel();
  }

  #arm(channelId: string, waiting: Waiting, delayMs: number): void {
    waiting.timer?.cancel();
    waiting.timer = this.#parts.clock.after(delayMs, () => this.#probe(channelId, waiting));
  }

  #probe(channelId: string, waiting: Waiting): void {
    const settings = this.#settings;
    if (settings === null || this.#isClosed) return;
    if (this.#live !== null) {
      this.#arm(channelId, waiting, QUEUE_MS);
      return;
    }
    this.#live = channelId;
    this.#parts.log.info({ channelId }, 'probe call on a suspended channel');
    const leg = new ProbeLeg(waiting.sign, this.#parts.clock, (outcome) => {
      this.#live = null;
      if (this.#waiting.get(channelId) !== waiting || this.#isClosed) return;
      if (outcome === 'sound') {
        this.forget(channelId);
        this.#parts.log.warn({ channelId }, 'probe call went well: channel takes calls again');
        this.#parts.resume(channelId);
        return;
      }
      waiting.pauseMs = Math.min(Math.max(settings.maxAfterMs, settings.afterMs), waiting.pauseMs * 2);
      this.#parts.log.warn(
        { channelId, nextInMs: waiting.pauseMs },
        'probe call went no better: channel stays suspended',
      );
      this.#arm(channelId, waiting, waiting.pauseMs);
    });
    this.#parts.open(requestFor(settings, channelId), leg);
  }
}

function requestFor({ trunk, address, number }: ProbeSettings, channelId: string): CallRequest {
  const callId = randomUUID();
  return {
    callId,
    sipCallId: `probe-${callId}`,
    trunk,
    calling: 'probe',
    agent: null,
    account: trunk.account ?? null,
    dialled: number,
    offerSdp: offerAt(address),
    maxForwards: null,
    looped: false,
    hasContact: true,
    signallingAddress: address,
    passedHeaders: NO_HEADERS,
    onlyChannel: channelId,
  };
}

/** Its media goes to the discard port (RFC 863) of this machine: a gateway is offered a call as any other. */
function offerAt(address: string): string {
  const family = address.includes(':') ? 'IP6' : 'IP4';
  return [
    'v=0',
    `o=probe 1 1 IN ${family} ${address}`,
    's=-',
    `c=IN ${family} ${address}`,
    't=0 0',
    'm=audio 9 RTP/AVP 8 0',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:0 PCMU/8000',
    '',
  ].join('\r\n');
}
