// A fax in mid-call: one side's re-INVITE turns both legs from audio to T.38, and another one turns them back. What T.38 says of
// itself is between the two ends, so here alone the other leg is asked before the first is answered (RFC 3264 §8, ITU-T T.38 D.2).
//
//   audio ── a side offers a fax, the other accepts ──► fax ── a side offers audio, the other accepts ──► audio
//   a call that begins with a fax (fax-start.ts) ──────► fax

import type { CodecSelection, FaxDescription, FaxStream, LocalDescription, LocalFax } from '../sdp/description.js';
import {
  answerFax,
  attributesOf,
  audioAgain,
  audioInstead,
  checkFaxAnswer,
  faxAgain,
  faxOnceMore,
  readFax,
} from '../sdp/fax.js';
import { type CheckedAnswer, checkAnswer, type LocalEndpoint } from '../sdp/negotiate.js';
import type { Renegotiation, ReofferAnswer } from './ports.js';
import type { Side } from './reports.js';

/** Sends a side a re-INVITE of ours. */
export type Reoffer = (side: Side, sdp: string, answered: (answer: ReofferAnswer) => void) => void;

/** The media of the call, as its fax sees it. */
export interface FaxHost {
  /** Both sides' policies and the media engine pass a fax. */
  isPassed(): boolean;
  /** Where we are for a side. */
  local(side: Side): LocalEndpoint | null;
  /** The audio that a side was last told of; null in a call that began with a fax and has had none. */
  described(side: Side): LocalDescription | null;
  /** That audio with the codecs which the side uses of it: what else it was once offered need not go with the other one's. */
  inUse(side: Side, audio: LocalDescription): LocalDescription;
  /** What such a side can be offered for the other one's offer of audio; null: nothing. */
  offerable(side: Side, otherOffer: string | null): CodecSelection | null;
  setRemote(side: Side, fax: FaxStream): void;
  /** The side was told this last, whatever it made of it: no later version may be lower (RFC 3264 §8). */
  describe(side: Side, audio: LocalDescription): void;
  /** A side has answered our offer of audio. */
  adopt(side: Side, offer: LocalDescription, checked: CheckedAnswer): void;
  /** Whether a side's offer of audio can be answered. */
  canAnswer(side: Side, offerSdp: string | null): boolean;
  /** Answers a side's offer of audio. */
  answerAudio(side: Side, previous: LocalDescription, request: Renegotiation): void;
}

const UNPROCESSABLE = 488;
/** RFC 3261 §14.1: another offer is under way. */
const PENDING = 491;

export class CallFax {
  readonly #host: FaxHost;
  #reoffer: Reoffer = (_side, _sdp, answered) => answered({ status: 481, sdp: null });
  /** What each side was last told of the fax; null in audio. */
  #told: Record<Side, LocalFax> | null = null;
  #isPending = false;

  constructor(host: FaxHost) {
    this.#host = host;
  }

  onReoffer(reoffer: Reoffer): void {
    this.#reoffer = reoffer;
  }

  /** One is sent, or is about to begin or to end. */
  get isThere(): boolean {
    return this.#told !== null || this.#isPending;
  }

  /** What a side was last told, while there is a fax. */
  toldOf(side: Side): LocalFax | null {
    return this.#told?.[side] ?? null;
  }

  /** The call has begun with a fax; null: its gateway is to be another one. What the caller was told stays. */
  start(told: Record<Side, LocalFax> | null): void {
    this.#told = told && { caller: this.#told?.caller ?? told.caller, callee: told.callee };
  }

  /** Whether the re-INVITE is of a fax, or ends one; it is then answered here. */
  take(side: Side, request: Renegotiation): boolean {
    if (this.#isPending) {
      request.refuse(PENDING);
      return true;
    }
    const read = request.offerSdp === null ? null : readFax(request.offerSdp);
    if (this.#told === null) {
      if (!read?.ok) return false;
      this.#begin(side, read.description, request);
    } else if (read === null) {
      request.accept(this.#told[side].sdp);
      request.onAnswer(() => {});
    } else if (read.ok) {
      this.#goOn(side, read.description, this.#told, request);
    } else {
      this.#end(side, this.#told, request);
    }
    return true;
  }

  /** A refresh of the side's session is an affair of the fax, while there is one: then the fax is said again. */
  refresh(side: Side): boolean {
    // The re-INVITE under way refreshes the session of one leg; that of the other is tried again a little later.
    if (this.#isPending) return true;
    const told = this.#told;
    if (told === null) return false;
    this.#ask(side, told[side].sdp, ({ status, sdp }) => {
      const checked = status === 200 && sdp !== null ? checkFaxAnswer(sdp, told[side]) : null;
      if (checked?.ok) this.#host.setRemote(side, checked.description.fax);
    });
    return true;
  }

  #begin(side: Side, description: FaxDescription, request: Renegotiation): void {
    const other = otherOf(side);
    const before = this.#host.described(side);
    const beforeOther = this.#host.described(other);
    if (!this.#host.isPassed() || before === null || beforeOther === null) {
      request.refuse(UNPROCESSABLE);
      return;
    }
    const offer = faxAgain(beforeOther, description);
    this.#ask(other, offer.sdp, ({ status, sdp }) => {
      const checked = status === 200 && sdp !== null ? checkFaxAnswer(sdp, offer) : null;
      if (!checked?.ok) {
        request.refuse(UNPROCESSABLE);
        // A 200 without the fax has ended the audio of that leg: it gets it back.
        if (status === 200) this.#restore(other, beforeOther, offer);
        else this.#host.describe(other, withSession(beforeOther, offer));
        return;
      }
      const { fax } = checked.description;
      const session = { id: before.session.id, version: before.session.version + 1 };
      const answer = answerFax(description, { session, local: before.audio }, fax.attributes);
      this.#told = side === 'caller' ? { caller: answer, callee: offer } : { caller: offer, callee: answer };
      this.#host.setRemote(other, fax);
      this.#host.setRemote(side, description.fax);
      request.accept(answer.sdp);
    });
  }

  /** The same fax again, perhaps from another address: the other end need not know. */
  #goOn(side: Side, description: FaxDescription, told: Record<Side, LocalFax>, request: Renegotiation): void {
    const { session } = told[side];
    const local = this.#host.local(side);
    if (local === null) {
      request.refuse(UNPROCESSABLE);
      return;
    }
    const attributes = attributesOf(told[side]);
    const same = answerFax(description, { session, local }, attributes);
    const next = { id: session.id, version: session.version + 1 };
    const answer = same.sdp === told[side].sdp ? same : answerFax(description, { session: next, local }, attributes);
    told[side] = answer;
    this.#host.setRemote(side, description.fax);
    request.accept(answer.sdp);
  }

  #end(side: Side, told: Record<Side, LocalFax>, request: Renegotiation): void {
    const other = otherOf(side);
    const formats = this.#host.offerable(other, request.offerSdp);
    const audio = this.#audioOf(side, told, formats);
    const audioOfOther = this.#audioOf(other, told, formats);
    // Before the other side is turned back: else one of them would be left in the fax alone.
    if (audio === null || audioOfOther === null || !this.#host.canAnswer(side, request.offerSdp)) {
      request.refuse(UNPROCESSABLE);
      return;
    }
    const offer = audioAgain(audioOfOther, told[other]);
    this.#ask(other, offer.sdp, ({ status, sdp }) => {
      const checked = status === 200 && sdp !== null ? checkAnswer(sdp, offer) : null;
      if (!checked?.ok) {
        told[other] = withSession(told[other], offer);
        request.refuse(UNPROCESSABLE);
        // A 200 without the audio has ended the fax of that leg: it gets it back.
        if (status === 200) this.#resume(other, told);
        return;
      }
      this.#told = null;
      this.#host.adopt(other, offer, checked);
      // In the dialog of this side the fax was the last description.
      this.#host.answerAudio(side, withSession(audio, told[side]), request);
    });
  }

  /** What a side was last told of audio; in a call that began with a fax, what it can be told. */
  #audioOf(side: Side, told: Record<Side, LocalFax>, formats: CodecSelection | null): LocalDescription | null {
    const local = this.#host.local(side);
    const described = this.#host.described(side);
    if (described !== null) return this.#host.inUse(side, described);
    return local && formats && audioInstead(told[side], local, formats);
  }

  #restore(side: Side, audio: LocalDescription, refused: LocalFax): void {
    const offer = audioAgain(this.#host.inUse(side, audio), refused);
    this.#ask(side, offer.sdp, ({ status, sdp }) => {
      this.#host.describe(side, status === 200 ? offer : withSession(audio, refused));
      const checked = status === 200 && sdp !== null ? checkAnswer(sdp, offer) : null;
      if (checked?.ok) this.#host.adopt(side, offer, checked);
    });
  }

  #resume(side: Side, told: Record<Side, LocalFax>): void {
    const local = this.#host.local(side);
    if (local === null) return;
    const offer = faxOnceMore(told[side], local);
    this.#ask(side, offer.sdp, ({ status, sdp }) => {
      told[side] = status === 200 ? offer : withSession(told[side], offer);
      const checked = status === 200 && sdp !== null ? checkFaxAnswer(sdp, offer) : null;
      if (checked?.ok) this.#host.setRemote(side, checked.description.fax);
    });
  }

  #ask(side: Side, sdp: string, answered: (answer: ReofferAnswer) => void): void {
    this.#isPending = true;
    this.#reoffer(side, sdp, (answer) => {
      this.#isPending = false;
      answered(answer);
    });
  }
}

function otherOf(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller';
}

/** A description whose successor is to be one version above another's. */
function withSession<T extends { readonly session: LocalFax['session'] }>(
  description: T,
  { session }: { readonly session: LocalFax['session'] },
): T {
  return { ...description, session };
}
