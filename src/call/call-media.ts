// The media of one call: what is offered to each gateway, what the caller is answered, and what the relay is told.
// The first SDP that a caller gets stays its answer (semantics.md, "Early media and late offers"; RFC 3264).

import {
  type AudioStream,
  acceptsMedia,
  type LocalDescription,
  type PeerDescription,
  type SdpRefusal,
} from '../sdp/description.js';
import {
  answerReinvite,
  buildOffer,
  type CodecSelection,
  checkAnswer,
  negotiateAnswer,
  offerAgain,
  restrictTo,
  selectCodecs,
} from '../sdp/negotiate.js';
import { readOffer } from '../sdp/read-description.js';
import type { GatewayTerms, TrunkTerms } from './call-request.js';
import type { G711Codec, MediaAddress, MediaSession, RecordingRequest, Renegotiation } from './ports.js';
import type { Side } from './reports.js';

type Step = { readonly ok: true } | { readonly ok: false; readonly reason: SdpRefusal };

/** Codecs that the recorder can decode; where recording applies nothing else is negotiated, for it would leave no evidence. */
const RECORDABLE: readonly string[] = ['PCMA', 'PCMU'];
const UNPROCESSABLE = 488;

export class CallMedia {
  readonly #trunk: TrunkTerms;
  readonly #signallingAddress: string;
  readonly #recorded: boolean;
  readonly #offer: PeerDescription | null;
  readonly #sessionId: string;
  #session: MediaSession | null = null;
  /** The stream of the caller's last offer; null while a late offer is not answered. */
  #callerAudio: AudioStream | null;
  #gateway: GatewayTerms | null = null;
  /** What we sent to the caller, offer or answer. */
  #toCaller: LocalDescription | null = null;
  #toCallee: LocalDescription | null = null;
  #isCalleeAnswered = false;
  #selection: CodecSelection | null = null;

  private constructor(
    trunk: TrunkTerms,
    signallingAddress: string,
    recorded: boolean,
    offer: PeerDescription | null,
    id: string,
  ) {
    this.#trunk = trunk;
    this.#signallingAddress = signallingAddress;
    this.#recorded = recorded;
    this.#offer = offer;
    this.#callerAudio = offer?.audio ?? null;
    this.#sessionId = id;
  }

  /** Reads the caller's offer; `sessionId` is decimal digits for our `o=` lines. */
  static read(request: {
    readonly trunk: TrunkTerms;
    readonly signallingAddress: string;
    readonly offerSdp: string | null;
    readonly recorded: boolean;
    readonly sessionId: string;
  }): { readonly ok: true; readonly media: CallMedia } | { readonly ok: false; readonly reason: SdpRefusal } {
    const { trunk, signallingAddress, recorded, sessionId } = request;
    let offer: PeerDescription | null = null;
    if (request.offerSdp !== null) {
      const read = readOffer(request.offerSdp);
      if (!read.ok) return read;
      offer = read.offer;
    }
    const media = new CallMedia(trunk, signallingAddress, recorded, offer, sessionId);
    return media.codecNames.length === 0 ? { ok: false, reason: 'no-common-codec' } : { ok: true, media };
  }

  get session(): MediaSession | null {
    return this.#session;
  }

  /** Names of the codecs that the caller and its trunk allow: a channel needs one of them. */
  get codecNames(): readonly string[] {
    const selected = selectCodecs(this.#offer, this.#policies([]));
    return selected.ok ? selected.selection.codecs.map((codec) => codec.name) : [];
  }

  /** The codec in use, or null before an answer. */
  get codecName(): string | null {
    return this.#toCaller?.audio.codecs[0]?.name ?? null;
  }

  /** The caller was asked, not answered: its SDP comes in the ACK. */
  get isLateOffer(): boolean {
    return this.#offer === null;
  }

  use(session: MediaSession): void {
    this.#session = session;
  }

  /** The offer for a gateway; refused when this channel has nothing in common with what the caller holds. */
  offerFor(
    gateway: GatewayTerms,
  ): { readonly ok: true; readonly sdp: string } | { readonly ok: false; readonly reason: SdpRefusal } {
    const local = this.#session?.local('callee');
    if (local === undefined) return { ok: false, reason: 'no-audio' };
    const selected = selectCodecs(this.#offer, this.#policies([gateway.codecs]));
    if (!selected.ok) return selected;
    const restricted =
      this.#toCaller === null
        ? { ok: true as const, selection: selected.selection }
        : restrictTo(selected.selection, this.#toCaller);
    if (!restricted.ok) return restricted;
    this.#gateway = gateway;
    this.#selection = restricted.selection;
    this.#toCallee = buildOffer({
      session: { id: this.#sessionId, version: 1 },
      local,
      selection: restricted.selection,
      ptimeMs: this.#offer?.audio.ptimeMs,
    });
    if (this.#callerAudio !== null) this.#setRemote('caller', this.#callerAudio, restricted.selection);
    return { ok: true, sdp: this.#toCallee.sdp };
  }

  /** An answer of the gateway, early or final: sets the relay and makes the caller's description. */
  acceptAnswer(sdp: string): Step {
    if (this.#toCallee === null) return { ok: false, reason: 'not-an-answer' };
    const checked = checkAnswer(sdp, this.#toCallee);
    if (!checked.ok) return checked;
    const { audio } = checked.answer;
    const step = this.#toCaller === null ? this.#describeToCaller(checked.answer) : restrictTo(audio, this.#toCaller);
    if (!step.ok) return step;
    this.#isCalleeAnswered = true;
    this.#setRemote('callee', audio, audio);
    // From now on the caller may send what it was answered, and nothing else of its offer.
    if (this.#callerAudio !== null && this.#toCaller !== null) {
      this.#setRemote('caller', this.#callerAudio, this.#toCaller.audio);
    }
    return { ok: true };
  }

  /** The gateway of the attempt under way has answered our offer, early or finally. */
  get isCalleeAnswered(): boolean {
    return this.#isCalleeAnswered;
  }

  /** The offer for the gateway of the attempt under way. */
  get calleeSdp(): string | null {
    return this.#toCallee?.sdp ?? null;
  }

  /** What the caller is sent in its 183 or 200. */
  get callerSdp(): string | null {
    return this.#toCaller?.sdp ?? null;
  }

  /** The SDP answer that the ACK of a late offer carries. */
  acceptLateAnswer(sdp: string | null): Step {
    if (this.#toCaller === null || sdp === null) return { ok: false, reason: 'not-an-answer' };
    const checked = checkAnswer(sdp, this.#toCaller);
    if (!checked.ok) return checked;
    this.#callerAudio = checked.answer.audio;
    this.#setRemote('caller', checked.answer.audio, checked.answer.audio);
    return { ok: true };
  }

  /** The attempt is over: the next one starts unlearned. */
  forgetCallee(): void {
    this.#session?.clearRemote('callee');
    this.#toCallee = null;
    this.#isCalleeAnswered = false;
  }

  /**
   * Answers a re-INVITE or UPDATE for its own offer (RFC 3264 §8): hold, resume, a new address. The other leg is not
   * asked: a mobile network has no hold that would matter, and the relay follows both.
   */
  renegotiate(side: Side, request: Renegotiation): void {
    const previous = side === 'caller' ? this.#toCaller : this.#toCallee;
    if (previous === null) {
      // RFC 3311 §5.2: an offer before the first one is answered.
      request.refuse(500);
      return;
    }
    if (request.offerSdp === null) {
      // Only what the other leg uses: the peer may choose any codec of it.
      const offer = offerAgain(previous, this.#permitted());
      this.#describe(side, offer);
      request.onAnswer((sdp) => {
        const checked = sdp === null ? undefined : checkAnswer(sdp, offer);
        if (checked?.ok) this.#setRemote(side, checked.answer.audio, checked.answer.audio);
      });
      request.accept(offer.sdp);
      return;
    }
    const read = readOffer(request.offerSdp);
    const answered = read.ok ? answerReinvite({ offer: read.offer, previous, permitted: this.#permitted() }) : read;
    if (!read.ok || !answered.ok) {
      request.refuse(UNPROCESSABLE);
      return;
    }
    this.#describe(side, answered.local);
    if (side === 'caller') this.#callerAudio = read.offer.audio;
    this.#setRemote(side, read.offer.audio, answered.local.audio);
    request.accept(answered.local.sdp);
  }

  /** Lays the warning tone over what the callee says to the caller; nothing where the codec is not G.711. */
  warnCaller(): void {
    this.#session?.warnCaller(this.recordedCodecs().callee);
  }

  /** Payload types for the recorder. */
  recordedCodecs(): RecordingRequest['codecs'] {
    const byType: Record<number, G711Codec> = {};
    for (const codec of this.#toCaller?.audio.codecs ?? []) {
      const name = codec.name.toUpperCase();
      if (name === 'PCMA' || name === 'PCMU') byType[codec.payloadType] = name;
    }
    return { caller: byType, callee: byType };
  }

  #permitted(): CodecSelection {
    const { codecs = [], telephoneEvents = [] } = this.#toCaller?.audio ?? this.#selection ?? {};
    return { codecs, telephoneEvents };
  }

  #describe(side: Side, local: LocalDescription): void {
    if (side === 'caller') this.#toCaller = local;
    else this.#toCallee = local;
  }

  #describeToCaller(answer: PeerDescription): Step {
    const local: MediaAddress | undefined = this.#session?.local('caller');
    if (local === undefined) return { ok: false, reason: 'no-audio' };
    const session = { id: this.#sessionId, version: 1 };
    if (this.#offer === null) {
      const first = answer.audio.codecs.slice(0, 1);
      const selection = { codecs: first, telephoneEvents: answer.audio.telephoneEvents };
      this.#toCaller = buildOffer({ session, local, selection, ptimeMs: answer.audio.ptimeMs });
      return { ok: true };
    }
    const negotiated = negotiateAnswer({ offer: this.#offer, gatewayAnswer: answer, session, local });
    if (!negotiated.ok) return negotiated;
    this.#toCaller = negotiated.local;
    return { ok: true };
  }

  #policies(more: readonly (readonly string[])[]): readonly (readonly string[])[] {
    return [this.#trunk.codecs, ...more, ...(this.#recorded ? [RECORDABLE] : [])];
  }

  #setRemote(side: Side, audio: AudioStream, accepted: Pick<AudioStream, 'codecs' | 'telephoneEvents'>): void {
    const peer = side === 'caller' ? this.#trunk : this.#gateway;
    this.#session?.setRemote(side, {
      address: audio.address,
      rtpPort: audio.rtpPort,
      rtcpPort: audio.rtcpPort,
      signallingAddress: side === 'caller' ? this.#signallingAddress : (this.#gateway?.signallingAddress ?? ''),
      nat: peer?.nat ?? 'off',
      sources: peer?.mediaSources ?? [],
      codecs: [...accepted.codecs, ...accepted.telephoneEvents],
      ...(audio.ptimeMs !== undefined && { ptimeMs: audio.ptimeMs }),
      sends: acceptsMedia(audio),
    });
  }
}
