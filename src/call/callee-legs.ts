// The legs towards gateways of one call, one an attempt: dials them, and turns what their peers say into inputs of the machine.
import type { Logger } from '../lib/logger.js';
import type { SdpRefusal } from '../sdp/description.js';
import type { CodecsInUse } from './agreed-media.js';
import type { CallInput } from './call-events.js';
import type { CallMedia } from './call-media.js';
import type { CallRequest, ChosenChannel } from './call-request.js';
import { type EndReason, reasonHeader } from './end-reason.js';
import { type HeaderPassage, NO_HEADERS, type PassedHeaders, type ToldByCallee } from './passed-headers.js';
import type {
  CalleeLeg,
  CalleeLegListener,
  CallerLeg,
  DialPort,
  LegIdentity,
  LiveCall,
  ReofferAnswer,
} from './ports.js';
import type { DialogMessage, DialogName, MessageAnswered, PeerMessage, Referral } from './ports-dialog.js';
import type { Side } from './reports.js';
import { SuccessorLeg } from './successor-leg.js';

/** Answers that are no failure of the gateway's own. */
const UNUSABLE: { readonly [T in SdpRefusal]?: 'no-common-codec' | 'encrypted-media' } = {
  'no-common-codec': 'no-common-codec',
  encrypted: 'encrypted-media',
};
/** RFC 3261 §8.1.1.6, for an INVITE without the header. */
const DEFAULT_MAX_FORWARDS = 70;
/** Reason of a CANCEL to a phone that need not ring any more, for it has missed no call. */
const PICKED_UP = 'SIP;cause=200;text="Call completed elsewhere"';

/** The call as its legs see it. */
export interface LegHolder {
  feed(input: CallInput): void;
  media(): CallMedia | null;
  /** Whether the call still waits for this attempt. */
  isCurrent(attemptId: string): boolean;
  /** Whether no attempt came after this one. */
  isLast(attemptId: string): boolean;
  /** An offer of ours can go to a caller that made none before the answer. */
  mayOfferEarly(): boolean;
  /** What one side's messages let through to the other. */
  readonly headers: HeaderPassage;
  noteCodecs(codecs: CodecsInUse): void;
  /** The peer of a leg is gone without a BYE. */
  sessionOver(side: Side): void;
  onIdentityChanged(): void;
  messaged(message: PeerMessage): void;
  referred(referral: Referral): void;
  /** It has sent BYE; true when the call goes on without it. */
  outlivesCallee(): boolean;
}

/** By which a leg is heard. */
interface Ear {
  /** Null of one in another's place, and while it is being dialled. */
  leg: CalleeLeg | null;
}

export class CalleeLegs {
  readonly #legs = new Map<string, CalleeLeg>();
  /** Which listener of an attempt is heard. */
  readonly #ears = new Map<string, Ear>();
  /** Attempts whose leg has hung up in a call that goes on, until another one stands in its place. */
  readonly #left = new Set<string>();
  readonly #dialler: DialPort;
  readonly #log: Logger;
  readonly #holder: LegHolder;

  constructor(dialler: DialPort, log: Logger, holder: LegHolder) {
    this.#dialler = dialler;
    this.#log = log;
    this.#holder = holder;
  }

  /** Sends the INVITE of an attempt, with the offer that was built for its channel while that was being selected. */
  dial(channel: ChosenChannel, request: CallRequest): void {
    const { attemptId } = channel;
    const offerSdp = this.#holder.media()?.calleeSdp ?? null;
    if (offerSdp === null) return;
    this.#holder.headers.beginAttempt();
    const ear = this.#listenTo(attemptId);
    const leg = this.#dialler.dial(
      {
        attemptId,
        gateway: channel.gateway.name,
        channelId: channel.channelId,
        address: channel.address,
        offerSdp,
        maxForwards: (request.maxForwards ?? DEFAULT_MAX_FORWARDS) - 1,
        sessionTimer: channel.gateway.sessionTimer,
        passedHeaders: request.passedHeaders,
        prack: channel.gateway.prack,
      },
      this.#listenerOf(attemptId, ear),
    );
    ear.leg = leg;
    this.#legs.set(attemptId, leg);
  }

  cancel(attemptId: string, reason: EndReason): void {
    this.#legs.get(attemptId)?.cancel(reasonHeader(reason));
  }

  hangUp(attemptId: string, reason: EndReason): void {
    // A BYE of ours would be answered by nobody.
    if (this.#left.has(attemptId)) {
      this.#holder.feed({ type: 'attempt:cleared', attemptId });
      return;
    }
    const passed = this.#holder.isLast(attemptId) ? this.#holder.headers.callersBye : NO_HEADERS;
    this.#legs.get(attemptId)?.hangUp(reasonHeader(reason), passed);
  }

  reoffer(attemptId: string, sdp: string, answered: (answer: ReofferAnswer) => void): void {
    const leg = this.#legs.get(attemptId);
    if (leg === undefined) answered({ status: 481, sdp: null });
    else leg.reoffer(sdp, answered);
  }

  send(attemptId: string, message: DialogMessage, answered: MessageAnswered): void {
    const leg = this.#legs.get(attemptId);
    if (leg === undefined) answered(481);
    else leg.send(message, answered);
  }

  identityOf(attemptId: string): LegIdentity | null {
    return this.#legs.get(attemptId)?.identity ?? null;
  }

  /** Another leg stands for the callee from now on; the one before it, of which nothing more is heard, is the transfer's to end. */
  replace(attemptId: string, leg: CallerLeg): { hangUp(reason: string | undefined): void } {
    const before = this.#legs.get(attemptId);
    this.#succeed(attemptId, leg);
    return { hangUp: (reason) => before?.hangUp(reason) };
  }

  /** Whether a dialog of the attempt's leg that is not answered yet has this name. */
  hasEarlyDialog(attemptId: string, dialog: DialogName): boolean {
    return this.#legs.get(attemptId)?.hasEarlyDialog?.(dialog) === true;
  }

  /** Another leg has answered in the place of one that rings, which is cancelled. */
  pickUp(attemptId: string, leg: CallerLeg): void {
    const before = this.#legs.get(attemptId);
    this.#succeed(attemptId, leg);
    before?.cancel(PICKED_UP);
    const media = this.#holder.media();
    if (media !== null) this.#holder.noteCodecs(media.codecsInUse);
    this.#holder.feed({ type: 'attempt:answered', attemptId });
  }

  #succeed(attemptId: string, leg: CallerLeg): void {
    const successor = new SuccessorLeg(leg, this.#listenerOf(attemptId, this.#listenTo(attemptId)));
    this.#legs.set(attemptId, successor);
    this.#left.delete(attemptId);
  }

  /** Those that have a dialog: what the journal needs to end them after a crash. */
  identities(): LiveCall['callees'] {
    return [...this.#legs].flatMap(([attemptId, { identity }]) => (identity === null ? [] : [{ attemptId, identity }]));
  }

  /** Of an attempt the leg that listens last is heard, and none before it. */
  #listenTo(attemptId: string): Ear {
    const ear = { leg: null };
    this.#ears.set(attemptId, ear);
    return ear;
  }

  #listenerOf(attemptId: string, ear: Ear): CalleeLegListener {
    const isHeard = () => this.#ears.get(attemptId) === ear;
    const feed = (input: CallInput) => isHeard() && this.#holder.feed(input);
    return {
      sent: (sipCallId) => feed({ type: 'attempt:sent', attemptId, sipCallId }),
      trying: () => feed({ type: 'attempt:trying', attemptId }),
      heardFrom: (address) => {
        if (isHeard() && this.#holder.isCurrent(attemptId)) this.#holder.media()?.hearCalleeFrom(address);
      },
      progressed: (status, sdp, passed) => {
        if (!isHeard()) return;
        this.#noteHeaders(attemptId, 'provisional', passed);
        const media = sdp !== null && this.#acceptEarlyMedia(attemptId, sdp);
        // What the gateway plays does not reach the caller, whose PBX has to ring by itself.
        feed({ type: 'attempt:progressed', attemptId, status: sdp !== null && !media ? 180 : status, media });
      },
      answered: (sdp, lateMs = 0, passed) => {
        if (!isHeard()) {
          // Picked up by somebody else while its 200 was on its way.
          ear.leg?.hangUp(PICKED_UP);
          return;
        }
        this.#noteHeaders(attemptId, 'answer', passed);
        feed(this.#answer(attemptId, sdp, lateMs));
      },
      answeredAgain: () => {
        this.#log.warn({ attemptId }, 'another branch of the INVITE was answered, and is hung up on');
        feed({ type: 'attempt:answered-again', attemptId });
      },
      failed: ({ status, reasons, local, passed }) => {
        if (!isHeard()) return;
        this.#noteHeaders(attemptId, 'failure', passed);
        feed({ type: 'attempt:failed', attemptId, status, reasons, local });
      },
      hungUp: (reasons, lateMs = 0, passed) => {
        if (!isHeard()) return;
        if (this.#holder.outlivesCallee()) {
          this.#left.add(attemptId);
          return;
        }
        this.#noteHeaders(attemptId, 'bye', passed);
        feed({ type: 'attempt:hung-up', attemptId, reasons, lateMs });
      },
      cleared: () => feed({ type: 'attempt:cleared', attemptId }),
      renegotiated: (renegotiation) => {
        const media = this.#holder.media();
        // An attempt that was given up has no say in the media of the one that came after it.
        if (!isHeard() || !this.#holder.isLast(attemptId)) renegotiation.refuse(481);
        else if (media === null) renegotiation.refuse(500);
        else media.renegotiate('callee', renegotiation);
      },
      refreshDue: () => isHeard() && this.#holder.media()?.refresh('callee'),
      sessionOver: () => isHeard() && this.#holder.sessionOver('callee'),
      identityChanged: () => isHeard() && this.#holder.onIdentityChanged(),
      messaged: (message) => {
        if (isHeard()) this.#holder.messaged(message);
        else message.answer(481);
      },
      referred: (referral) => {
        if (isHeard()) this.#holder.referred(referral);
        else referral.refuse(481);
      },
    };
  }

  #noteHeaders(attemptId: string, kind: ToldByCallee, passed: PassedHeaders = NO_HEADERS): void {
    if (this.#holder.isLast(attemptId)) this.#holder.headers.noteCallee(kind, passed);
  }

  /** Early media reaches the caller; with a late offer only where it can be asked for its own SDP before the answer. */
  #acceptEarlyMedia(attemptId: string, sdp: string): boolean {
    const media = this.#holder.media();
    if (media === null || !this.#holder.isCurrent(attemptId)) return false;
    if (media.isLateOffer && !this.#holder.mayOfferEarly()) return false;
    const accepted = media.acceptAnswer(sdp);
    if (!accepted.ok) this.#log.warn({ cause: accepted.reason }, 'early media cannot be used');
    return accepted.ok;
  }

  /** What a 200 means for the call. */
  #answer(attemptId: string, sdp: string | null, lateMs: number): CallInput {
    if (!this.#holder.isCurrent(attemptId)) return { type: 'attempt:answered', attemptId, lateMs };
    const media = this.#holder.media();
    // RFC 3261 §13.2.1: a 200 without SDP keeps the answer of a reliable or repeated provisional response.
    const accepted =
      sdp === null ? { ok: media?.isCalleeAnswered === true, reason: 'no-audio' as const } : media?.acceptAnswer(sdp);
    if (accepted?.ok) {
      if (media !== null) this.#holder.noteCodecs(media.codecsInUse);
      return { type: 'attempt:answered', attemptId, lateMs };
    }
    const cause = accepted?.reason ?? 'no-audio';
    this.#log.warn({ cause }, 'answer cannot be used');
    const reason = UNUSABLE[cause] ?? 'gateway-failure';
    return { type: 'attempt:answered-unusable', attemptId, reason, lateMs };
  }
}
