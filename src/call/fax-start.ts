// A call that begins with a fax: an INVITE with an `m=image` and no audio (ITU-T T.38 Annex D). As in mid-call, what T.38 says of
// itself is between the two ends: the offer is handed to the gateway, and its answer to the caller.
import type { FaxDescription, FaxStream, LocalFax, SdpResult } from '../sdp/description.js';
import { answerFax, checkFaxAnswer, offerFax } from '../sdp/fax.js';
import type { LocalEndpoint } from '../sdp/negotiate.js';
import type { Side } from './reports.js';

export class FaxStart {
  readonly #offer: FaxDescription;
  readonly #sessionId: string;
  /** The caller's answer: the first one stays, whatever later attempts agree to. */
  #toCaller: LocalFax | null = null;
  #toCallee: LocalFax | null = null;

  /** @param sessionId decimal digits for our `o=` lines */
  constructor(offer: FaxDescription, sessionId: string) {
    this.#offer = offer;
    this.#sessionId = sessionId;
  }

  /** The caller's side of the fax. */
  get stream(): FaxStream {
    return this.#offer.fax;
  }

  /** What each side was told; null before a gateway's answer. */
  get told(): Record<Side, LocalFax> | null {
    const [caller, callee] = [this.#toCaller, this.#toCallee];
    return caller && callee && { caller, callee };
  }

  /** What the caller is sent in its 183 or 200. */
  get callerSdp(): string | null {
    return this.#toCaller?.sdp ?? null;
  }

  get calleeSdp(): string | null {
    return this.#toCallee?.sdp ?? null;
  }

  /** The offer for the gateway of the next attempt. */
  offerFor(local: LocalEndpoint): string {
    this.#toCallee = offerFax(this.#offer, { session: this.#session, local });
    return this.#toCallee.sdp;
  }

  /** A gateway's answer, early or final, and from it the caller's, who is at `local` with us. */
  acceptAnswer(sdp: string, local: LocalEndpoint): SdpResult<{ fax: FaxStream }> {
    if (this.#toCallee === null) return { ok: false, reason: 'not-an-answer' };
    const checked = checkFaxAnswer(sdp, this.#toCallee);
    if (!checked.ok) return checked;
    const { fax } = checked.description;
    this.#toCaller ??= answerFax(this.#offer, { session: this.#session, local }, fax.attributes);
    return { ok: true, fax };
  }

  /** The attempt is over. */
  forgetCallee(): void {
    this.#toCallee = null;
  }

  get #session(): LocalFax['session'] {
    return { id: this.#sessionId, version: 1 };
  }
}
