// What two peers agree on about a session timer, as Session-Expires, Min-SE, Supported and Require say it. Pure.
// RFC 4028 §4, §5, §7.1, §7.2 (who asks), §9 (who answers).
import type { SessionTerms } from '../call/call-request.js';
import { optionTags } from './capabilities.js';
import type { SipMessage, SipResponse } from './srf.js';

export const TIMER_EXTENSION = 'timer';
/** RFC 4028 §5: what Min-SE means when it is left out. */
const DEFAULT_MIN_SECONDS = 90;
/** Of a peer that wants to be refreshed more often than this, it is not believed. */
const SHORTEST_BELIEVED_SECONDS = 30;

export const NO_SESSION_TIMER: SessionTerms = { mode: 'off', intervalSeconds: 1_800, minSeconds: DEFAULT_MIN_SECONDS };

/** What holds until the next refresh. */
export interface SessionAgreement {
  readonly seconds: number;
  /** It is ours to refresh the session; else the peer's. */
  readonly weRefresh: boolean;
}

export type SessionAnswer =
  | {
      readonly ok: true;
      readonly agreement: SessionAgreement | null;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** 422, with this Min-SE. */
  | { readonly ok: false; readonly minSeconds: number };

interface SessionExpires {
  readonly seconds: number;
  readonly refresher: 'uac' | 'uas' | null;
}

/** Option tags that a peer with these terms is told of. */
export function sessionExtensions({ mode }: SessionTerms): readonly string[] {
  return mode === 'off' ? [] : [TIMER_EXTENSION];
}

/** What our answer to a peer's INVITE or UPDATE says; `current` is what held until now, null before the first agreement. */
export function answerSession(
  request: SipMessage,
  terms: SessionTerms,
  current: SessionAgreement | null = null,
): SessionAnswer {
  if (terms.mode === 'off') return { ok: true, agreement: null, headers: {} };
  const asked = readSessionExpires(request);
  const knowsTimers = hasTimer(request) || asked?.refresher === 'uac';
  if (asked === null) {
    const seconds = current?.seconds ?? (terms.mode === 'request' ? askedInterval(terms, readMinSe(request)) : null);
    if (seconds === null) return { ok: true, agreement: null, headers: {} };
    // A re-INVITE of another purpose is a refresh, too (§7.4); whoever does not know of timers has us refresh (§9, table 2).
    return agreed(seconds, !knowsTimers || current === null || current.weRefresh);
  }
  if (asked.seconds < terms.minSeconds) {
    // §9: 422 is for those who know it. Of the others a proxy has asked, and is told that there is no timer.
    return knowsTimers ? { ok: false, minSeconds: terms.minSeconds } : { ok: true, agreement: null, headers: {} };
  }
  const longest = terms.mode === 'request' ? askedInterval(terms, readMinSe(request)) : asked.seconds;
  const weRefresh =
    !knowsTimers || (asked.refresher === null ? current?.weRefresh === true : asked.refresher === 'uas');
  return agreed(Math.min(asked.seconds, longest), weRefresh);
}

function agreed(seconds: number, weRefresh: boolean): SessionAnswer {
  const value = `${seconds};refresher=${weRefresh ? 'uas' : 'uac'}`;
  // §9: whoever is to refresh has to know that it is.
  const headers = weRefresh ? { 'Session-Expires': value } : { 'Session-Expires': value, Require: TIMER_EXTENSION };
  return { ok: true, agreement: { seconds, weRefresh }, headers };
}

/**
 * Headers of an INVITE or UPDATE of ours. @param current what holds, null in a first INVITE
 * @param peerMinSeconds the longest Min-SE that the peer has answered, 0 for none
 */
export function askForSession(
  terms: SessionTerms,
  current: SessionAgreement | null,
  peerMinSeconds = 0,
): Record<string, string> {
  if (terms.mode === 'off' || (current === null && terms.mode === 'accept' && peerMinSeconds === 0)) return {};
  const seconds = Math.max(current?.seconds ?? terms.intervalSeconds, terms.minSeconds, peerMinSeconds);
  const minSeconds = Math.max(terms.minSeconds, peerMinSeconds);
  // §7.4: the roles stay as they are; in a first request they are left to the peer (§7.1).
  const refresher = current === null ? '' : `;refresher=${current.weRefresh ? 'uac' : 'uas'}`;
  const headers: Record<string, string> = { 'Session-Expires': `${seconds}${refresher}` };
  if (minSeconds !== DEFAULT_MIN_SECONDS) headers['Min-SE'] = String(minSeconds);
  return headers;
}

/** What the peer's 2xx to our INVITE or UPDATE has agreed to; null: no session timer (§7.2). */
export function sessionOf(response: SipMessage, terms: SessionTerms): SessionAgreement | null {
  if (terms.mode === 'off') return null;
  const said = readSessionExpires(response);
  if (said === null) return null;
  const seconds = Math.max(said.seconds, Math.min(terms.minSeconds, SHORTEST_BELIEVED_SECONDS));
  return { seconds, weRefresh: said.refresher !== 'uas' };
}

/** The peer and proxies before it may each want a longer session. */
const MAX_RAISES = 3;

/** The shortest session that a peer can bear, as it says itself and as its 422s raise it. RFC 4028 §7.3, §7.4. */
export class BearableInterval {
  #minSeconds: number;
  #raises = 0;

  constructor(minSeconds = 0) {
    this.#minSeconds = minSeconds;
  }

  /** 0: any. */
  get minSeconds(): number {
    return this.#minSeconds;
  }

  get isRaised(): boolean {
    return this.#raises > 0;
  }

  learn(message: SipMessage): void {
    this.#minSeconds = Math.max(this.#minSeconds, readMinSe(message));
  }

  /** False when the response is no 422, asks for no more than before, or was raised again and again. */
  raise(response: SipResponse): boolean {
    const minSeconds = readMinSe(response);
    if (response.status !== 422 || minSeconds <= this.#minSeconds || this.#raises >= MAX_RAISES) return false;
    this.#raises++;
    this.#minSeconds = minSeconds;
    return true;
  }
}

/** Min-SE of a 422, or of a request; 0 when it is left out or no number. */
export function readMinSe(message: SipMessage): number {
  const seconds = Number(/^\s*(\d{1,7})\s*(?:;|$)/.exec(message.get('Min-SE') ?? '')?.[1] ?? 0);
  return Number.isSafeInteger(seconds) ? seconds : 0;
}

function readSessionExpires(message: SipMessage): SessionExpires | null {
  // `x` is its compact form, which drachtio-srf does not know.
  const value = message.get('Session-Expires') ?? message.get('x') ?? '';
  const seconds = /^\s*(\d{1,7})\s*(?:;|$)/.exec(value)?.[1];
  if (seconds === undefined) return null;
  const refresher = /;\s*refresher\s*=\s*(uac|uas)\b/i.exec(value)?.[1]?.toLowerCase();
  return { seconds: Number(seconds), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : null };
}

function hasTimer(message: SipMessage): boolean {
  return (
    optionTags(message.get('Supported')).includes(TIMER_EXTENSION) ||
    optionTags(message.get('Require')).includes(TIMER_EXTENSION)
  );
}

function askedInterval({ intervalSeconds, minSeconds }: SessionTerms, peerMinSeconds: number): number {
  return Math.max(intervalSeconds, minSeconds, peerMinSeconds);
}
