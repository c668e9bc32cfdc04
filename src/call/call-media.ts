// The media of one call: what is offered to each gateway, what the caller is answered, and what the relay is told.
// The first SDP that a caller gets stays its answer (semantics.md, "Early media and late offers"; RFC 3264).

import {
  type AudioStream,
  type CodecSelection,
  type FaxStream,
  isEncrypted,
  type LocalDescription,
  type PeerDescription,
  type RtpTransport,
  type SdpCodec,
  type SdpRefusal,
} from '../sdp/description.js';
import { readFax } from '../sdp/fax.js';
import { codecPolicy, FAX_FORMAT, type MediaPolicy } from '../sdp/media-policy.js';
import { buildAnswer, buildOffer, type CheckedAnswer, checkAnswer, offerAgain } from '../sdp/negotiate.js';
import { packetTimes } from '../sdp/packet-times.js';
import { readOffer } from '../sdp/read-description.js';
import {
  allowedFormats,
  codecFor,
  type LegCodecs,
  selectForChannel,
  type Transcoder,
  UNREAD,
  usableNames,
} from '../sdp/select-codecs.js';
import { passedTransport, restartsIce, type TransportUse, useOfTransport, usesIce } from '../sdp/srtp.js';
import { widened } from '../sdp/widened-offer.js';
import { CallFax, type Reoffer } from './call-fax.js';
import type { GatewayTerms, TrunkTerms } from './call-request.js';
import { withDigitsOf, withOwnEvents } from './dtmf-formats.js';
import { FaxStart } from './fax-start.js';
import { IceRestart, type RestartHost } from './ice-restart.js';
import { type RefreshHost, refreshAudio } from './media-refresh.js';
import { audioRemote, faxRemote, type MediaPeer, recordedOf } from './media-remote.js';
import type { MediaCapabilities, MediaSession, PlayRequest, RecordingRequest, Renegotiation } from './ports.js';
import type { Side } from './reports.js';

type Step = { readonly ok: true } | { readonly ok: false; readonly reason: SdpRefusal };

/** An answer that says which codecs go with the other leg: nothing has changed until it is adopted. */
interface OwnAnswer {
  readonly sdp: string;
  adopt(): void;
}

/** The same to somebody who is to take a side's place. As long as he has it not, no side agrees on anything else. */
export interface SuccessorAnswer extends OwnAnswer {
  /** He does not take it. */
  drop(): void;
}

/** What a channel has to allow so that the call can be answered there. */
export interface CodecNeeds {
  /** Codecs that pass as they are. */
  readonly direct: readonly string[];
  /** Those that the caller's audio can be transcoded to and from: for want of the others. */
  readonly transcoded: readonly string[];
  /** SRTP goes to the channel as the caller sends it. */
  readonly srtp: boolean;
}

/** What the record says of the codecs in use. */
export interface CodecsInUse {
  readonly codec: string | null;
  readonly calleeCodec: string | null;
  readonly transcoded: boolean;
}

interface UsableOffer {
  readonly offer: PeerDescription;
  /** What goes with the other leg. */
  readonly leg: LegCodecs;
}

interface CallTerms {
  readonly trunk: TrunkTerms;
  readonly signallingAddress: string;
  /** Decimal digits for our `o=` lines. */
  readonly sessionId: string;
  /** Names of the codecs that may be used at all; null: any. */
  readonly only: readonly string[] | null;
  readonly copiesAsG711: boolean;
  readonly transcoder: Transcoder;
  readonly transport: TransportUse;
  /** The trunk has it so, and the media engine can; a caller whose SRTP we end would have its fax in the clear. */
  readonly passesFax: boolean;
}

/** Codecs that the recorder can decode; where recording applies nothing else is negotiated, for it would leave no evidence. */
const RECORDABLE: readonly string[] = ['PCMA', 'PCMU'];
const ANYTHING = codecPolicy([]);
const NOBODY: MediaPeer = { signallingAddress: '', nat: 'off', mediaSources: [] };
const UNPROCESSABLE = 488;
/** Two beeps of 200 ms; ITU-T E.180 has 1,400 Hz at -10 dBm0 for warnings. */
const WARNING: PlayRequest = {
  source: { kind: 'tone', frequenciesHz: [1_400], cadenceMs: [200, 200, 200], levelDbm0: -10 },
  mode: 'mix',
};

/** The fax that an offer has in place of audio, where one may begin a call. */
function startOf(
  offerSdp: string,
  { trunk, capabilities, sessionId }: { trunk: TrunkTerms; capabilities: MediaCapabilities; sessionId: string },
): FaxStart | null {
  const read = readFax(offerSdp);
  return read.ok && capabilities.udptl && trunk.media.t38 === 'pass' ? new FaxStart(read.description, sessionId) : null;
}

export class CallMedia {
  /** The caller was asked, not answered: its SDP comes in the ACK. */
  readonly isLateOffer: boolean;
  readonly #terms: CallTerms;
  /** Where the signalling of the caller, or of who is in its place, comes from. */
  #callerAddress: string;
  readonly #offer: PeerDescription | null;
  /** What the caller's offer, or an offer to it, may hold. */
  readonly #callerFormats: CodecSelection;
  #session: MediaSession | null = null;
  /** The stream of the caller's last offer; null while a late offer is not answered. */
  #callerAudio: AudioStream | null;
  #gateway: { readonly terms: GatewayTerms; readonly policy: MediaPolicy } | null = null;
  /** What we sent to the caller, offer or answer. */
  #toCaller: LocalDescription | null = null;
  #toCallee: LocalDescription | null = null;
  /** What the caller was sent first: an early UPDATE has an answer of its own and changes nothing of it (RFC 3261 §13.2.1). */
  #first: LocalDescription | null = null;
  /** Where the gateway of the attempt under way answers from; the config does not know it of a line that registers. */
  #calleeAddress: string | null = null;
  /** What the gateway of the attempt under way agreed to; null before its answer. */
  #callee: CheckedAnswer | null = null;
  /** What each side may send. */
  readonly #sent: Record<Side, readonly SdpCodec[]> = { caller: [], callee: [] };
  readonly #silent: Record<Side, boolean> = { caller: false, callee: false };
  #onCodecs: () => void = () => {};
  #reoffer: Reoffer = (_side, _sdp, answered) => answered({ status: 481, sdp: null });
  readonly #fax: CallFax;
  readonly #iceRestart = new IceRestart();
  /** Answers to successors that are neither adopted nor dropped. */
  #pledged = 0;
  /** Of a call that began with a fax, as long as it has had no audio. */
  #start: FaxStart | null;

  private constructor(terms: CallTerms, offer: PeerDescription | null, start: FaxStart | null) {
    this.#terms = terms;
    this.#start = start;
    this.isLateOffer = offer === null && start === null;
    this.#callerAddress = terms.signallingAddress;
    this.#offer = offer;
    this.#callerAudio = offer?.audio ?? null;
    this.#callerFormats = allowedFormats(offer?.audio ?? null, terms.trunk.media, terms.only);
    this.#fax = new CallFax({
      isPassed: () => terms.passesFax && this.#gateway?.policy.t38 === 'pass',
      local: (side) => this.#session?.local(side) ?? null,
      described: (side) => this.#described(side),
      offerable: (side, otherOffer) => this.#offerable(side, otherOffer),
      setRemote: (side, fax) => this.#setFaxRemote(side, fax),
      describe: (side, local) => this.#describe(side, local),
      adopt: (side, local, checked) => this.#adoptAnswer(side, local, checked),
      canAnswer: (side, offerSdp) => this.#start !== null || this.#usable(side, offerSdp) !== null,
      answerAudio: (side, previous, request) => this.#answerAgain(side, previous, request),
    });
  }

  /** Reads the caller's offer; `sessionId` is decimal digits for our `o=` lines. */
  static read(request: {
    readonly trunk: TrunkTerms;
    readonly signallingAddress: string;
    readonly offerSdp: string | null;
    readonly recorded: boolean;
    readonly sessionId: string;
    readonly capabilities: MediaCapabilities;
  }): { readonly ok: true; readonly media: CallMedia } | { readonly ok: false; readonly reason: SdpRefusal } {
    const { trunk, signallingAddress, recorded, sessionId, capabilities } = request;
    let offer: PeerDescription | null = null;
    let start: FaxStart | null = null;
    if (request.offerSdp !== null) {
      const read = readOffer(request.offerSdp);
      start = read.ok ? null : startOf(request.offerSdp, request);
      if (!read.ok && start === null) return read;
      offer = read.ok ? read.offer : null;
    }
    const isEnded = capabilities.srtp;
    const transport = useOfTransport(offer?.audio.transport ?? null, { isEnded, recorded, policy: trunk.media });
    if (transport === null) return { ok: false, reason: 'encrypted' };
    // Of SRTP not a byte can be changed: a payload type is under its seal (RFC 3711 §3.1).
    const transcoder = transport === 'passed' ? UNREAD : capabilities;
    const { copiesAsG711 = false, udptl = false } = capabilities;
    const only = recorded && !copiesAsG711 ? RECORDABLE : null;
    const passesFax = udptl && trunk.media.t38 === 'pass' && transport !== 'ended';
    const terms = { trunk, signallingAddress, sessionId, only, transcoder, transport, copiesAsG711, passesFax };
    const media = new CallMedia(terms, offer, start);
    const { direct, transcoded } = media.codecNeeds;
    return direct.length + transcoded.length === 0 ? { ok: false, reason: 'no-common-codec' } : { ok: true, media };
  }

  get session(): MediaSession | null {
    return this.#session;
  }

  /** What the relay is to end at the caller's side; null for plain RTP, and for what is passed. */
  get callerTransport(): RtpTransport | null {
    return this.#terms.transport === 'ended' ? (this.#offer?.audio.transport ?? null) : null;
  }

  /** What a channel has to allow: by what the caller was answered, else by what it and its trunk allow. */
  get codecNeeds(): CodecNeeds {
    const { only, transcoder, transport } = this.#terms;
    if (this.#start !== null) return { direct: [FAX_FORMAT], transcoded: [], srtp: false };
    const names = usableNames(this.#toCaller?.audio ?? this.#callerFormats, only, transcoder);
    return { direct: names.direct, transcoded: names.transcoded, srtp: transport === 'passed' };
  }

  /** The codecs in use, none before an answer. */
  get codecsInUse(): CodecsInUse {
    if (this.#start !== null) {
      const format = this.#start.told === null ? null : FAX_FORMAT;
      return { codec: format, calleeCodec: format, transcoded: false };
    }
    const codec = this.#toCaller?.audio.codecs[0]?.name ?? null;
    const leg = codec === null ? null : this.#codecForCaller();
    const inUse = this.#callee?.answer.audio.codecs;
    const calleeCodec = leg?.transcoded === false ? codec : (inUse?.[0]?.name ?? null);
    return { codec, calleeCodec, transcoded: leg?.transcoded === true };
  }

  /** A side has said that it sends nothing for now. */
  get isHeld(): boolean {
    return this.#silent.caller || this.#silent.callee;
  }

  use(session: MediaSession): void {
    this.#session = session;
  }

  /** Called when what the sides may send has changed after the answer. */
  onCodecsChanged(listener: () => void): void {
    this.#onCodecs = listener;
  }

  /** By which a side is sent a re-INVITE of ours. */
  onReoffer(reoffer: Reoffer): void {
    this.#reoffer = reoffer;
    this.#fax.onReoffer(reoffer);
  }

  /** The offer for a channel; refused when it has nothing in common with what the caller holds. */
  offerFor(
    gateway: GatewayTerms,
    channelId: string,
  ): { readonly ok: true; readonly sdp: string } | { readonly ok: false; readonly reason: SdpRefusal } {
    const local = this.#session?.local('callee');
    if (local === undefined) return { ok: false, reason: 'no-audio' };
    const { sessionId, trunk, only, transcoder, transport } = this.#terms;
    const policy = gateway.channelMedia.get(channelId) ?? gateway.media;
    if (this.#start !== null) {
      if (policy.t38 !== 'pass') return { ok: false, reason: 'no-common-codec' };
      this.#gateway = { terms: gateway, policy };
      this.#calleeAddress = null;
      this.#setFaxRemote('caller', this.#start.stream);
      return { ok: true, sdp: this.#start.offerFor(local) };
    }
    if (transport === 'passed' && policy.srtp !== 'pass') return { ok: false, reason: 'encrypted' };
    const held = withOwnEvents(this.#toCaller?.audio ?? this.#callerFormats, trunk.media);
    const selected = selectForChannel(held, policy, only, transcoder);
    if (selected === null) return { ok: false, reason: 'no-common-codec' };
    this.#gateway = { terms: gateway, policy };
    this.#calleeAddress = null;
    const passed = transport === 'passed' && this.#callerAudio !== null ? this.#callerAudio.transport : undefined;
    this.#toCallee = buildOffer({
      session: { id: sessionId, version: 1 },
      local: {
        address: local.address,
        rtpPort: local.rtpPort,
        rtcpPort: local.rtcpPort,
        transport: passed === undefined ? local.transport : passedTransport(passed),
      },
      selection: selected.selection,
      packets: packetTimes(policy, trunk.media, this.#callerAudio),
    });
    if (this.#callerAudio !== null) {
      this.#setRemote('caller', this.#callerAudio, selected.transcoded ? held : selected.selection);
    }
    return { ok: true, sdp: this.#toCallee.sdp };
  }

  /** What the callee's side sends may come from there. */
  hearCalleeFrom(address: string): void {
    this.#calleeAddress = address;
  }

  /** The same of whoever takes a side's place; what is returned goes back. */
  hearSideFrom(side: Side, address: string): () => void {
    const [caller, callee] = [this.#callerAddress, this.#calleeAddress];
    if (side === 'caller') this.#callerAddress = address;
    else this.#calleeAddress = address;
    return () => {
      this.#callerAddress = caller;
      this.#calleeAddress = callee;
    };
  }

  /** An answer of the gateway, early or final: sets the relay and makes the caller's description. */
  acceptAnswer(sdp: string): Step {
    if (this.#start !== null) return this.#acceptFax(this.#start, sdp);
    if (this.#toCallee === null) return { ok: false, reason: 'not-an-answer' };
    const checked = checkAnswer(sdp, this.#toCallee);
    if (!checked.ok) return checked;
    const { audio } = checked.answer;
    const leg = this.#codecForCaller(audio);
    if (leg === null) return { ok: false, reason: 'no-common-codec' };
    if (this.#toCaller === null) {
      const described = this.#describeToCaller(checked.answer, leg);
      if (!described.ok) return described;
    }
    this.#callee = checked;
    this.#setRemote('callee', audio, checked.offered, audio);
    // From now on the caller may send what it was answered, and nothing else of its offer.
    if (this.#callerAudio !== null && this.#toCaller !== null) {
      this.#setRemote('caller', this.#callerAudio, this.#toCaller.audio);
    }
    return { ok: true };
  }

  /** What to offer whoever is to take the place of a side that is talking; null when no answer of his could be used. */
  offerForSuccessor(side: Side): string | null {
    const previous = this.#toBeSucceeded(side);
    if (previous === null || this.#terms.transport === 'passed' || this.#endsIce(side)) return null;
    return this.#describeAgain(side, previous).sdp;
  }

  /**
   * Answers the offer of somebody who takes the place of a side that is talking; null when it cannot be used.
   * @param signallingAddress where its signalling comes from
   */
  answerSuccessor(side: Side, offerSdp: string, signallingAddress: string): SuccessorAnswer | null {
    const previous = this.#toBeSucceeded(side);
    const usable = this.#usable(side, offerSdp);
    // What ICE of somebody else's would be answered is known too late.
    if (previous === null || usable === null || this.#restartsIce(side, usable)) return null;
    const { sdp, adopt } = this.#answerTo(side, previous, usable);
    return this.#pledge(sdp, () => {
      this.hearSideFrom(side, signallingAddress);
      adopt();
    });
  }

  /** The same of somebody who answers in the place of a callee that has not answered. */
  answerForCallee(offerSdp: string, signallingAddress: string): SuccessorAnswer | null {
    const previous = this.#toCallee;
    const { only, transcoder, transport } = this.#terms;
    const read = readOffer(offerSdp);
    if (previous === null || !read.ok || transport === 'passed') return null;
    const { audio } = read.offer;
    if (isEncrypted(audio.transport) !== isEncrypted(previous.audio.transport)) return null;
    const own = allowedFormats(audio, this.#gateway?.policy ?? ANYTHING, only);
    // Unlike in mid-call the caller may have been told nothing yet: then each of its codecs will do.
    const held = this.#toCaller?.audio ?? this.#callerFormats;
    const leg = codecFor(own, withDigitsOf(own, held, this.policyOf('caller')), transcoder);
    const forCaller = leg && this.#codecForCaller(leg.selection);
    if (leg === null || forCaller === null) return null;
    const { sdp, adopt } = this.#answerTo('callee', previous, { offer: read.offer, leg });
    return this.#pledge(sdp, () => {
      this.hearCalleeFrom(signallingAddress);
      if (this.#toCaller === null) this.#describeToCaller(read.offer, forCaller);
      adopt();
      if (this.#callerAudio !== null && this.#toCaller !== null) {
        this.#setRemote('caller', this.#callerAudio, this.#toCaller.audio);
      }
    });
  }

  /** The gateway of the attempt under way has answered our offer, early or finally. */
  get isCalleeAnswered(): boolean {
    return this.#callee !== null || this.#fax.toldOf('callee') !== null;
  }

  /** The offer for the gateway of the attempt under way. */
  get calleeSdp(): string | null {
    return this.#start?.calleeSdp ?? this.#toCallee?.sdp ?? null;
  }

  /** What the caller is sent in its 183 or 200. */
  get callerSdp(): string | null {
    return this.#start?.callerSdp ?? this.#first?.sdp ?? null;
  }

  /** An UPDATE of the caller's, or its answer, has agreed on something else since. */
  get isCallerChanged(): boolean {
    return (this.#fax.toldOf('caller') ?? this.#toCaller)?.sdp !== (this.callerSdp ?? undefined);
  }

  /** The SDP answer that the ACK of a late offer carries. */
  acceptLateAnswer(sdp: string | null): Step {
    if (this.#toCaller === null || sdp === null) return { ok: false, reason: 'not-an-answer' };
    const checked = checkAnswer(sdp, this.#toCaller);
    if (!checked.ok) return checked;
    this.#callerAudio = checked.answer.audio;
    this.#setRemote('caller', checked.answer.audio, checked.offered, checked.answer.audio);
    this.#onCodecs();
    return { ok: true };
  }

  /** The attempt is over: the next one starts unlearned. */
  forgetCallee(): void {
    this.#session?.clearRemote('callee');
    this.#toCallee = null;
    this.#callee = null;
    this.#start?.forgetCallee();
    if (this.#start !== null) this.#fax.start(null);
  }

  /**
   * Answers a re-INVITE or UPDATE for its own offer (RFC 3264 §8): hold, resume, a new address, other codecs. The other leg is
   * not asked (docs/decisions/each-leg-for-itself.md): the relay follows both.
   */
  renegotiate(side: Side, request: Renegotiation): void {
    if (this.#start !== null && this.#fax.toldOf(side) !== null) {
      this.#fax.take(side, request);
      return;
    }
    const previous = this.#described(side);
    if (previous === null) {
      // RFC 3311 §5.2: an offer before the first one is answered.
      request.refuse(500);
      return;
    }
    if (side === 'caller' ? this.#callerAudio === null : this.#callee === null) {
      // The same: an offer of ours is not answered yet.
      request.refuse(491);
      return;
    }
    if (this.#iceRestart.isUnderWay || this.#pledged > 0) {
      request.refuse(491);
      return;
    }
    if (this.#fax.take(side, request)) return;
    if (request.offerSdp === null) this.#offerAgain(side, previous, request);
    else this.#answerAgain(side, previous, request);
  }

  /** Repeats to a side what it was told last, so that its session lives on (RFC 4028 §7.4). */
  refresh(side: Side): void {
    const told = this.#described(side);
    // While a successor is answered the refresh waits; it will be due again.
    if (this.#pledged > 0 || this.#fax.refresh(side) || told === null) return;
    const host: RefreshHost = {
      reoffer: this.#reoffer,
      describe: (of, offer) => this.#describe(of, offer),
      usableOf: (of, { answer }) => this.#usableOf(of, answer.audio),
      adopt: (of, offer, checked) => this.#adoptAnswer(of, offer, checked),
      narrowed: (of) => offerAgain(told, of === 'caller' ? told.audio : this.#inUseTowardsCallee(told.audio)),
    };
    refreshAudio(host, side, told);
  }

  #usableOf(side: Side, { codecs, companions }: CodecSelection): 'all' | 'some' | 'none' {
    const other = this.#otherFormats(side, { codecs, companions });
    const usable = codecs.filter((codec) => codecFor({ codecs: [codec], companions }, other, this.#terms.transcoder));
    if (usable.length === 0) return 'none';
    return usable.length === codecs.length ? 'all' : 'some';
  }

  /** Lays the warning tone over what a side hears. */
  warn(side: Side): void {
    if (this.#fax.toldOf(side) === null) this.#session?.play(side, WARNING);
  }

  /** What the config says of a side's media; undefined for the callee before a channel is chosen. */
  policyOf(side: Side): MediaPolicy | undefined {
    return side === 'caller' ? this.#terms.trunk.media : this.#gateway?.policy;
  }

  /** Payload types for the recorder. */
  recordedCodecs(): RecordingRequest['codecs'] {
    const { copiesAsG711 } = this.#terms;
    return { caller: recordedOf(this.#sent.caller, copiesAsG711), callee: recordedOf(this.#sent.callee, copiesAsG711) };
  }

  /** What a side was told last, whose place somebody else can take; null when nobody can now. */
  #toBeSucceeded(side: Side): LocalDescription | null {
    const isSettled = side === 'caller' ? this.#callerAudio !== null : this.#callee !== null;
    // A fax is between its two ends.
    const isElsewhere = this.#fax.isThere || this.#iceRestart.isUnderWay;
    return isSettled && !isElsewhere ? this.#described(side) : null;
  }

  #pledge(sdp: string, adopt: () => void): SuccessorAnswer {
    this.#pledged += 1;
    return {
      sdp,
      adopt: () => {
        this.#pledged -= 1;
        adopt();
      },
      drop: () => {
        this.#pledged -= 1;
      },
    };
  }

  /** Offers a side what its leg uses, and what else goes with the other leg, which is not told to take another codec. */
  #describeAgain(side: Side, previous: LocalDescription): LocalDescription {
    const inUse = side === 'caller' ? previous.audio : this.#inUseTowardsCallee(previous.audio);
    const offer = offerAgain(previous, this.#widened(side, inUse));
    this.#describe(side, offer);
    return offer;
  }

  #offerAgain(side: Side, previous: LocalDescription, request: Renegotiation): void {
    const offer = this.#describeAgain(side, previous);
    request.onAnswer((sdp) => {
      const checked = sdp === null ? undefined : checkAnswer(sdp, offer);
      if (checked?.ok) this.#adoptAnswer(side, offer, checked);
    });
    request.accept(offer.sdp);
  }

  #widened(side: Side, inUse: CodecSelection): CodecSelection {
    const { trunk, only, transcoder, transport } = this.#terms;
    if (transport === 'passed') return inUse;
    const policy = side === 'caller' ? trunk.media : (this.#gateway?.policy ?? ANYTHING);
    return widened(inUse, { policy, only, transcoder, other: this.#otherFormats(side, inUse) });
  }

  /** An offer of ours in mid-call was answered. */
  #adoptAnswer(side: Side, offer: LocalDescription, checked: CheckedAnswer): void {
    // Of what was offered, only what was agreed is used from now on.
    this.#describe(side, side === 'caller' ? { ...offer, audio: { ...offer.audio, ...checked.offered } } : offer);
    if (side === 'caller') this.#callerAudio = checked.answer.audio;
    else this.#callee = checked;
    this.#setRemote(side, checked.answer.audio, checked.offered, checked.answer.audio);
    this.#onCodecs();
  }

  /** A side's offer in mid-call, and the codec that goes with what the other leg uses; null when there is none. */
  #usable(side: Side, offerSdp: string | null): UsableOffer | null {
    const { trunk, only, transcoder } = this.#terms;
    const read = readOffer(offerSdp ?? '');
    if (!read.ok || !this.#isSameWay(side, read.offer.audio.transport)) return null;
    const policy = side === 'caller' ? trunk.media : (this.#gateway?.policy ?? ANYTHING);
    const own = allowedFormats(read.offer.audio, policy, only);
    const leg = codecFor(own, this.#otherFormats(side, own), transcoder);
    return leg && { offer: read.offer, leg };
  }

  #answerAgain(side: Side, previous: LocalDescription, request: Renegotiation): void {
    const usable = this.#usable(side, request.offerSdp);
    if (usable === null) {
      request.refuse(UNPROCESSABLE);
      return;
    }
    const { sdp, adopt } = this.#answerTo(side, previous, usable);
    if (this.#restartsIce(side, usable)) {
      this.#iceRestart.answer(previous, this.#restartHost(this.#callerAudio, previous, usable), request);
      return;
    }
    adopt();
    request.accept(sdp);
  }

  /** The engine ends ICE of the caller's; the other leg has none. */
  #endsIce(side: Side): boolean {
    const transport = this.#callerAudio?.transport;
    return side === 'caller' && this.#terms.transport === 'ended' && transport !== undefined && usesIce(transport);
  }

  #restartsIce(side: Side, { offer }: UsableOffer): boolean {
    const before = this.#callerAudio?.transport;
    if (side === 'callee' || this.#terms.transport !== 'ended' || before === undefined) return false;
    return restartsIce(before, offer.audio.transport);
  }

  #restartHost(before: AudioStream | null, told: LocalDescription, usable: UsableOffer): RestartHost {
    return {
      session: this.#session,
      take: (from) => {
        const { sdp, adopt } = this.#answerTo('caller', from, usable);
        adopt();
        return sdp;
      },
      goBack: () => {
        this.#toCaller = told;
        this.#callerAudio = before;
        if (before !== null) this.#setRemote('caller', before, told.audio);
      },
    };
  }

  #answerTo(side: Side, previous: LocalDescription, { offer, leg }: UsableOffer): OwnAnswer {
    const { ptimeMs, maxptimeMs } = previous.audio;
    const packets = { ptimeMs, maxptimeMs };
    const local = buildAnswer({ offer, selection: leg.selection, from: previous, packets });
    const adopt = () => {
      this.#describe(side, local);
      if (side === 'caller') this.#callerAudio = offer.audio;
      else this.#callee = { answer: { ...offer, audio: { ...offer.audio, ...leg.selection } }, offered: leg.selection };
      this.#setRemote(side, offer.audio, leg.selection);
      this.#onCodecs();
    };
    return { sdp: local.sdp, adopt };
  }

  /** What the leg of the other side uses, for an answer on this one: its first codec, for it is not told to take another. */
  #otherFormats(side: Side, own: CodecSelection): CodecSelection {
    const held = this.#toCaller?.audio ?? this.#callerFormats;
    const { codecs, companions } = side === 'callee' ? held : (this.#callee?.answer.audio ?? held);
    const other = { codecs: codecs.slice(0, 1), companions };
    return withDigitsOf(own, other, this.policyOf(side === 'callee' ? 'caller' : 'callee'));
  }

  /** The one codec towards the callee that goes with the caller's, under the payload types of our offer. */
  #inUseTowardsCallee(offered: CodecSelection): CodecSelection {
    const own = this.#callee?.offered ?? offered;
    return codecFor(own, this.#otherFormats('callee', own), this.#terms.transcoder)?.selection ?? offered;
  }

  /** A leg keeps its way: plain stays plain; SRTP that is passed keeps its keys, for the other side would have to know new ones. */
  #isSameWay(side: Side, transport: RtpTransport): boolean {
    const audio = side === 'caller' ? this.#callerAudio : this.#callee?.answer.audio;
    if (audio === undefined || audio === null) return true;
    if (isEncrypted(audio.transport) !== isEncrypted(transport)) return false;
    if (this.#terms.transport !== 'passed') return true;
    return passedTransport(audio.transport).attributes.join() === passedTransport(transport).attributes.join();
  }

  #codecForCaller(callee: CodecSelection | undefined = this.#callee?.answer.audio): LegCodecs | null {
    if (callee === undefined) return null;
    const own = this.#toCaller?.audio ?? this.#callerFormats;
    return codecFor(own, withDigitsOf(own, callee, this.#gateway?.policy), this.#terms.transcoder);
  }

  #described(side: Side): LocalDescription | null {
    return side === 'caller' ? this.#toCaller : this.#toCallee;
  }

  #describe(side: Side, local: LocalDescription): void {
    if (side === 'caller') this.#toCaller = local;
    else this.#toCallee = local;
    this.#start = null;
  }

  /** A gateway's answer to the fax with which the call begins. */
  #acceptFax(start: FaxStart, sdp: string): Step {
    const local = this.#session?.local('caller');
    if (local === undefined) return { ok: false, reason: 'no-audio' };
    const accepted = start.acceptAnswer(sdp, local);
    if (!accepted.ok) return accepted;
    this.#fax.start(start.told);
    this.#setFaxRemote('callee', accepted.fax);
    return { ok: true };
  }

  /** What a side that has had no audio can be offered for the other one's offer of it. */
  #offerable(side: Side, otherOffer: string | null): CodecSelection | null {
    const { only, transcoder } = this.#terms;
    const read = readOffer(otherOffer ?? '');
    if (!read.ok || isEncrypted(read.offer.audio.transport)) return null;
    const [caller, callee] = [this.policyOf('caller') ?? ANYTHING, this.policyOf('callee') ?? ANYTHING];
    const [from, to] = side === 'callee' ? [caller, callee] : [callee, caller];
    return selectForChannel(allowedFormats(read.offer.audio, from, only), to, only, transcoder)?.selection ?? null;
  }

  #describeToCaller(answer: PeerDescription, { selection }: LegCodecs): Step {
    const place = this.#session?.local('caller');
    if (place === undefined) return { ok: false, reason: 'no-audio' };
    const { sessionId, trunk, transport } = this.#terms;
    const { address, rtpPort, rtcpPort } = place;
    const passed = transport === 'passed' ? passedTransport(answer.audio.transport) : undefined;
    const local = { address, rtpPort, rtcpPort, transport: passed ?? place.transport };
    const session = { id: sessionId, version: 1 };
    const packets = packetTimes(trunk.media, this.#gateway?.policy ?? ANYTHING, answer.audio);
    this.#toCaller =
      this.#offer === null
        ? buildOffer({ session, local, selection, packets })
        : buildAnswer({ offer: this.#offer, selection, from: { session, local }, packets });
    this.#first = this.#toCaller;
    return { ok: true };
  }

  #setFaxRemote(side: Side, fax: FaxStream): void {
    this.#silent[side] = true;
    this.#session?.setRemote(side, faxRemote(fax, this.#peer(side)));
  }

  #setRemote(side: Side, audio: AudioStream, sent: CodecSelection, wanted: CodecSelection = sent): void {
    const rtcpMux = audio.rtcpMux && this.#described(side)?.audio.rtcpMux === true;
    const remote = audioRemote({ audio, sent, wanted, rtcpMux }, this.#peer(side));
    this.#sent[side] = remote.codecs;
    this.#silent[side] = remote.isSilent === true;
    this.#session?.setRemote(side, remote);
  }

  #peer(side: Side): MediaPeer {
    const { trunk } = this.#terms;
    if (side === 'callee') {
      const { signallingAddress: configured, nat, mediaSources } = this.#gateway?.terms ?? NOBODY;
      return { signallingAddress: this.#calleeAddress ?? configured, nat, mediaSources };
    }
    return { signallingAddress: this.#callerAddress, nat: trunk.nat, mediaSources: trunk.mediaSources };
  }
}
