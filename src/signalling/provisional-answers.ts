// Provisional responses to a caller, sent reliably where it asks for that: one at a time, each acknowledged by a PRACK before the
// next leaves (RFC 3262 §3).
import type { Reliability } from '../call/call-request.js';
import { NO_HEADERS, type PassedHeaders } from '../call/passed-headers.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { capabilityHeaders, optionTags, RELIABLE_EXTENSION } from './capabilities.js';
import { sdpOf } from './session-body.js';
import type { ServerResponse, SipRequest } from './srf.js';

interface Provisional {
  readonly status: number;
  readonly sdp: string | null;
  readonly passed: PassedHeaders;
}

/** The leg whose they are. */
interface ProvisionalsOf {
  /** Option tags that the caller is told of. */
  extensions(): readonly string[];
  /** `isAnswer`: it has to carry the answer to our offer. */
  onPrack(prack: SipRequest, isAnswer: boolean): void;
}

/** Of an early dialog (RFC 3261 §12.1.1): the SIP server writes its own address there. To a reliable response it gives a Contact itself. */
const EARLY_CONTACT = '<sip:simtrunk@localhost>';

/** Further ones are not sent while a caller owes its PRACK: the next that counts is the final response. */
const MAX_WAITING = 8;

/** What a gateway may say before its answer; of any other the caller gets the general one (RFC 3261 §21.1.5). */
const KNOWN_STATUSES: ReadonlySet<number> = new Set([180, 181, 182, 183]);

export class ProvisionalAnswers {
  readonly #request: SipRequest;
  readonly #response: ServerResponse;
  readonly #log: Logger;
  readonly #leg: ProvisionalsOf;
  /** For which callers they are reliable, as the trunk's setting says. */
  reliability: Reliability = 'required';
  #owesPrack = false;
  /** Of an INVITE without an offer: what became of ours. */
  #offer: 'owed' | 'sent' | 'answered' | null;
  #isOver = false;
  #contact = EARLY_CONTACT;
  #isDescribed = false;
  readonly #waiting: Provisional[] = [];
  #onAcknowledged: (() => void) | null = null;

  constructor(request: SipRequest, response: ServerResponse, log: Logger, leg: ProvisionalsOf) {
    this.#request = request;
    this.#response = response;
    this.#log = log;
    this.#leg = leg;
    this.#offer = sdpOf(request) === null ? 'owed' : null;
  }

  get areReliable(): boolean {
    if (this.reliability === 'off') return false;
    if (optionTags(this.#request.get('Require')).includes(RELIABLE_EXTENSION)) return true;
    return this.reliability === 'supported' && optionTags(this.#request.get('Supported')).includes(RELIABLE_EXTENSION);
  }

  /** Our offer to a caller that made none may go with one of them, and its answer comes in the PRACK. */
  get mayOffer(): boolean {
    return this.#offer !== null && this.areReliable;
  }

  /** Where the early dialog reaches us. */
  get contact(): string {
    return this.#contact;
  }

  get isPrackOwed(): boolean {
    return this.#owesPrack;
  }

  /** A reliable one has carried our description. */
  get isDescribed(): boolean {
    return this.#isDescribed;
  }

  send(status: number, sdp: string | null, passed: PassedHeaders = NO_HEADERS): void {
    if (this.#isOver) return;
    // RFC 3261 §13.2.1: the first reliable response to an INVITE without an offer carries one; without any it is not sent.
    if (this.#offer === 'owed' && sdp === null && this.areReliable) return;
    const provisional = { status: KNOWN_STATUSES.has(status) ? status : 183, sdp, passed };
    if (!this.#owesPrack) this.#transmit(provisional);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(provisional);
  }

  /** The final response follows, or the caller has cancelled. */
  stop(): void {
    this.#isOver = true;
    this.#waiting.length = 0;
  }

  /** At once, unless the caller owes a PRACK: then when it has come, if it ever does. */
  whenAcknowledged(action: () => void): void {
    if (this.#owesPrack) this.#onAcknowledged = action;
    else action();
  }

  #transmit({ status, sdp, passed }: Provisional): void {
    const headers: Record<string, string> = { ...capabilityHeaders(this.#leg.extensions()), ...passed };
    if (sdp !== null) headers['Content-Type'] = 'application/sdp';
    const options = sdp === null ? { headers } : { headers, body: sdp };
    if (!this.areReliable) {
      headers.Contact = EARLY_CONTACT;
      this.#response.send(status, options);
      return;
    }
    headers.Require = RELIABLE_EXTENSION;
    this.#owesPrack = true;
    if (sdp !== null) this.#isDescribed = true;
    if (this.#offer === 'owed') this.#offer = 'sent';
    this.#response.send(
      status,
      options,
      guarded(this.#log, 'reliable response', (error, sent) => {
        if (!error) {
          this.#contact = sent?.get('Contact') ?? EARLY_CONTACT;
          return;
        }
        // Of an INVITE that is over by now.
        this.#log.debug({ leg: 'caller', cause: String(error) }, 'reliable response was not sent');
        this.#owesPrack = false;
        // Behind a later one they would be out of order.
        this.#waiting.length = 0;
      }),
      guarded(this.#log, 'prack', (prack) => this.#acknowledged(prack)),
    );
  }

  /** The server lets no PRACK through that is not of the last one (RFC 3262 §3: 481). */
  #acknowledged(prack: SipRequest): void {
    this.#owesPrack = false;
    const isAnswer = this.#offer === 'sent';
    if (isAnswer) this.#offer = 'answered';
    this.#leg.onPrack(prack, isAnswer);
    this.#onAcknowledged?.();
    this.#onAcknowledged = null;
    const next = this.#waiting.shift();
    if (next !== undefined && !this.#isOver) this.#transmit(next);
  }
}
