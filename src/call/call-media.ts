// The media of one call: what is offered to each gateway, what the caller is answered, and what the relay is told.
// The first SDP that a caller gets stays its answer (semantics.md, "Early media and late offers"; RFC 3264).

import type { AudioStream, LocalDescription, PeerDescription, RtpTransport, SdpRefusal } from '../sdp/description.js';
import { readFax } from '../sdp/fax.js';
import { FAX_FORMAT, type MediaPolicy } from '../sdp/media-policy.js';
import { buildAnswer, buildOffer, type CheckedAnswer, checkAnswer, offerAgain } from '../sdp/negotiate.js';
import { packetTimes } from '../sdp/packet-times.js';
import { readOffer } from '../sdp/read-description.js';
import { type LegCodecs, UNREAD } from '../sdp/select-codecs.js';
import { passedTransport, restartsIce, type TransportUse, useOfTransport, usesIce } from '../sdp/srtp.js';
import { AgreedMedia, ANYTHING, type CodecNeeds, type CodecsInUse, type UsableOffer } from './agreed-media.js';
import { CallFax, type Reoffer } from './call-fax.js';
import type { GatewayTerms, TrunkTerms } from './call-request.js';
import { FaxStart } from './fax-start.js';
import { IceRestart, type RestartHost } from './ice-restart.js';
import { type RefreshHost, refreshAudio } from './media-refresh.js';
import type { MediaCapabilities, MediaSession, RecordingRequest, Renegotiation } from './ports.js';
import { RelayedSides, type SideAudio } from './relayed-sides.js';
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

/** An offer of ours to somebody who is to take a side's place: the side was not told it, and nothing has changed. */
export interface SuccessorOffer {
  readonly sdp: string;
  /** What his answer comes to, by `answerSuccessor`. */
  answered(sdp: string, signallingAddress: string | null): SuccessorAnswer | null;
}

interface CallTerms {
  readonly trunk: TrunkTerms;
  /** Decimal digits for our `o=` lines. */
  readonly sessionId: string;
  readonly copiesAsG711: boolean;
  readonly transport: TransportUse;
  /** The trunk has it so, and the media engine can; a caller whose SRTP we end would have its fax in the clear. */
  readonly passesFax: boolean;
}

/** Codecs that the recorder can decode; where recording applies nothing else is negotiated, for it would leave no evidence. */
const RECORDABLE: readonly string[] = ['PCMA', 'PCMU'];
const UNPROCESSABLE = 488;

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
  readonly #agreed: AgreedMedia;
  readonly #sides: RelayedSides;
  readonly #offer: PeerDescription | null;
  /** What the caller was sent first: an early UPDATE has an answer of its own and changes nothing of it (RFC 3261 §13.2.1). */
  #first: LocalDescription | null = null;
  #onCodecs: () => void = () => {};
  #reoffer: Reoffer = (_side, _sdp, answered) => answered({ status: 481, sdp: null });
  readonly #fax: CallFax;
  readonly #iceRestart = new IceRestart();
  /** Answers to successors that are neither adopted nor dropped. */
  #pledged = 0;
  /** Of a call that began with a fax, as long as it has had no audio. */
  #start: FaxStart | null;

  private constructor(
    terms: CallTerms,
    { agreed, sides }: { readonly agreed: AgreedMedia; readonly sides: RelayedSides },
    offer: PeerDescription | null,
    start: FaxStart | null,
  ) {
    this.#terms = terms;
    this.#agreed = agreed;
    this.#sides = sides;
    this.#start = start;
    this.isLateOffer = offer === null && start === null;
    this.#offer = offer;
    this.#fax = new CallFax({
      isPassed: () => terms.passesFax && agreed.policyOf('callee')?.t38 === 'pass',
      local: (side) => sides.session?.local(side) ?? null,
      described: (side) => agreed.told(side),
      inUse: (side, told) => ({ ...told, audio: { ...told.audio, ...agreed.inUseBy(side, told.audio) } }),
      offerable: (side, otherOffer) => agreed.offerableFor(side, otherOffer),
      setRemote: (side, fax) => sides.setFax(side, fax),
      describe: (side, local) => this.#describe(side, local),
      adopt: (side, local, checked) => this.#adoptAnswer(side, local, checked),
      canAnswer: (side, offerSdp) => this.#start !== null || agreed.usable(side, offerSdp) !== null,
      answerAudio: (side, previous, request) => this.#answerAgain(side, previous, request),
    });
  }

  /** Reads the caller's offer; `sessionId` is decimal digits for our `o=` lines. */
  static read(request: {
    readonly trunk: TrunkTerms;
    readonly signallingAddress: string | null;
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
    const agreed = new AgreedMedia({ policy: trunk.media, only, transcoder, transport }, offer?.audio ?? null);
    const sides = new RelayedSides(trunk, signallingAddress);
    const terms = { trunk, sessionId, transport, copiesAsG711, passesFax };
    const media = new CallMedia(terms, { agreed, sides }, offer, start);
    const { direct, transcoded } = media.codecNeeds;
    return direct.length + transcoded.length === 0 ? { ok: false, reason: 'no-common-codec' } : { ok: true, media };
  }

  get session(): MediaSession | null {
    return this.#sides.session;
  }

  /** What the relay is to end at the caller's side; null for plain RTP, and for what is passed. */
  get callerTransport(): RtpTransport | null {
    return this.#terms.transport === 'ended' ? (this.#offer?.audio.transport ?? null) : null;
  }

  /** What a channel has to allow: by what the caller was answered, else by what it and its trunk allow. */
  get codecNeeds(): CodecNeeds {
    return this.#start === null ? this.#agreed.needs : { direct: [FAX_FORMAT], transcoded: [], srtp: false };
  }

  /** The codecs in use, none before an answer. */
  get codecsInUse(): CodecsInUse {
    if (this.#start === null) return this.#agreed.inUse;
    const format = this.#start.told === null ? null : FAX_FORMAT;
    return { codec: format, calleeCodec: format, transcoded: false };
  }

  /** A side has said that it sends nothing for now. */
  get isHeld(): boolean {
    return this.#sides.isHeld;
  }

  use(session: MediaSession): void {
    this.#sides.use(session);
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
    const local = this.session?.local('callee');
    if (local === undefined) return { ok: false, reason: 'no-audio' };
    const { sessionId, trunk, transport } = this.#terms;
    const policy = gateway.channelMedia.get(channelId) ?? gateway.media;
    if (this.#start !== null) {
      if (policy.t38 !== 'pass') return { ok: false, reason: 'no-common-codec' };
      this.#attempt(gateway, policy);
      this.#sides.setFax('caller', this.#start.stream);
      return { ok: true, sdp: this.#start.offerFor(local) };
    }
    if (transport === 'passed' && policy.srtp !== 'pass') return { ok: false, reason: 'encrypted' };
    const offerable = this.#agreed.offerableTo(policy);
    if (offerable === null) return { ok: false, reason: 'no-common-codec' };
    const { held, selected } = offerable;
    this.#attempt(gateway, policy);
    const { callerAudio } = this.#agreed;
    const passed = transport === 'passed' && callerAudio !== null ? callerAudio.transport : undefined;
    const offer = buildOffer({
      session: { id: sessionId, version: 1 },
      local: {
        address: local.address,
        rtpPort: local.rtpPort,
        rtcpPort: local.rtcpPort,
        transport: passed === undefined ? local.transport : passedTransport(passed),
      },
      selection: selected.selection,
      packets: packetTimes(policy, trunk.media, callerAudio),
    });
    this.#agreed.tell('callee', offer);
    if (callerAudio !== null) {
      this.#relay('caller', { audio: callerAudio, sent: selected.transcoded ? held : selected.selection });
    }
    return { ok: true, sdp: offer.sdp };
  }

  #attempt(gateway: GatewayTerms, policy: MediaPolicy): void {
    this.#agreed.attempt(policy);
    this.#sides.attempt(gateway);
  }

  /** What the callee's side sends may come from there (null: from another session of ours alone). */
  hearCalleeFrom(address: string | null): void {
    this.#sides.hearFrom('callee', address);
  }

  /** The same of whoever takes a side's place; what is returned goes back. */
  hearSideFrom(side: Side, address: string | null): () => void {
    return this.#sides.hearFrom(side, address);
  }

  /** An answer of the gateway, early or final: sets the relay and makes the caller's description. */
  acceptAnswer(sdp: string): Step {
    if (this.#start !== null) return this.#acceptFax(this.#start, sdp);
    const offer = this.#agreed.told('callee');
    if (offer === null) return { ok: false, reason: 'not-an-answer' };
    const checked = checkAnswer(sdp, offer);
    if (!checked.ok) return checked;
    const { audio } = checked.answer;
    const leg = this.#agreed.codecForCaller(audio);
    if (leg === null) return { ok: false, reason: 'no-common-codec' };
    if (this.#agreed.told('caller') === null) {
      const described = this.#describeToCaller(checked.answer, leg);
      if (!described.ok) return described;
    }
    this.#agreed.hearCallee(checked);
    this.#relay('callee', { audio, sent: checked.offered, wanted: audio });
    this.#narrowCaller();
    return { ok: true };
  }

  /** From now on the caller may send what it was answered, and nothing else of its offer. */
  #narrowCaller(): void {
    const { callerAudio, callerFormats } = this.#agreed;
    if (this.#agreed.told('caller') === null || callerAudio === null) return;
    this.#relay('caller', { audio: callerAudio, sent: callerFormats });
  }

  /** What to offer whoever is to take the place of a side that is talking; null when no answer of his could be used. */
  offerForSuccessor(side: Side): SuccessorOffer | null {
    const previous = this.#toBeSucceeded(side);
    if (previous === null || this.#terms.transport === 'passed' || this.#endsIce(side)) return null;
    const offer = this.#offerAfter(side, previous);
    // What comes after it in his dialog goes on from it (RFC 3264 §8).
    return { sdp: offer.sdp, answered: (sdp, address) => this.#succession(side, sdp, address, offer) };
  }

  /**
   * Answers the offer of somebody who takes the place of a side that is talking; null when it cannot be used.
   * @param signallingAddress where its signalling comes from; null: it is another session of ours
   */
  answerSuccessor(side: Side, offerSdp: string, signallingAddress: string | null): SuccessorAnswer | null {
    return this.#succession(side, offerSdp, signallingAddress, null);
  }

  /** The same of somebody who answers in the place of a callee that has not answered. */
  answerForCallee(offerSdp: string, signallingAddress: string | null): SuccessorAnswer | null {
    const previous = this.#agreed.told('callee');
    const found = this.#agreed.usableForCallee(offerSdp);
    if (previous === null || found === null) return null;
    const { usable, forCaller } = found;
    const { sdp, adopt } = this.#answerTo('callee', previous, usable);
    return this.#pledge(sdp, () => {
      this.hearCalleeFrom(signallingAddress);
      if (this.#agreed.told('caller') === null) this.#describeToCaller(usable.offer, forCaller);
      adopt();
      this.#narrowCaller();
    });
  }

  /** The gateway of the attempt under way has answered our offer, early or finally. */
  get isCalleeAnswered(): boolean {
    return this.#agreed.callee !== null || this.#fax.toldOf('callee') !== null;
  }

  /** The offer for the gateway of the attempt under way. */
  get calleeSdp(): string | null {
    return this.#start?.calleeSdp ?? this.#agreed.told('callee')?.sdp ?? null;
  }

  /** What the caller is sent in its 183 or 200. */
  get callerSdp(): string | null {
    return this.#start?.callerSdp ?? this.#first?.sdp ?? null;
  }

  /** An UPDATE of the caller's, or its answer, has agreed on something else since. */
  get isCallerChanged(): boolean {
    return (this.#fax.toldOf('caller') ?? this.#agreed.told('caller'))?.sdp !== (this.callerSdp ?? undefined);
  }

  /** The SDP answer that the ACK of a late offer carries. */
  acceptLateAnswer(sdp: string | null): Step {
    const offer = this.#agreed.told('caller');
    if (offer === null || sdp === null) return { ok: false, reason: 'not-an-answer' };
    const checked = checkAnswer(sdp, offer);
    if (!checked.ok) return checked;
    const { audio } = checked.answer;
    this.#agreed.hearCaller(audio, checked.offered);
    this.#relay('caller', { audio, sent: checked.offered, wanted: audio });
    this.#onCodecs();
    return { ok: true };
  }

  /** The attempt is over: the next one starts unlearned. */
  forgetCallee(): void {
    this.#sides.forgetCallee();
    this.#agreed.forgetCallee();
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
    const previous = this.#agreed.told(side);
    if (previous === null) {
      // RFC 3311 §5.2: an offer before the first one is answered.
      request.refuse(500);
      return;
    }
    if (!this.#agreed.isSettled(side)) {
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
    const told = this.#agreed.told(side);
    // While a successor is answered the refresh waits; it will be due again.
    if (this.#pledged > 0 || this.#fax.refresh(side) || told === null) return;
    const host: RefreshHost = {
      reoffer: this.#reoffer,
      describe: (of, offer) => this.#describe(of, offer),
      usableOf: (of, { answer }) => this.#agreed.usableOf(of, answer.audio),
      adopt: (of, offer, checked) => this.#adoptAnswer(of, offer, checked),
      narrowed: (of) => offerAgain(told, this.#agreed.inUseBy(of, told.audio)),
    };
    refreshAudio(host, side, told);
  }

  /** Lays the warning tone over what a side hears. */
  warn(side: Side): void {
    if (this.#fax.toldOf(side) === null) this.#sides.warn(side);
  }

  /** What the config says of a side's media; undefined for the callee before a channel is chosen. */
  policyOf(side: Side): MediaPolicy | undefined {
    return this.#agreed.policyOf(side);
  }

  /** Payload types for the recorder. */
  recordedCodecs(): RecordingRequest['codecs'] {
    return this.#sides.recordedCodecs(this.#terms.copiesAsG711);
  }

  /** What a side was told last, whose place somebody else can take; null when nobody can now. */
  #toBeSucceeded(side: Side): LocalDescription | null {
    // A fax is between its two ends.
    const isElsewhere = this.#fax.isThere || this.#iceRestart.isUnderWay;
    return this.#agreed.isSettled(side) && !isElsewhere ? this.#agreed.told(side) : null;
  }

  /** @param ours what he was offered; null: the offer is his */
  #succession(
    side: Side,
    theirs: string,
    address: string | null,
    ours: LocalDescription | null,
  ): SuccessorAnswer | null {
    const previous = this.#toBeSucceeded(side);
    // His answer to an offer of ours is read as an offer in turn: what he may send is the same by both.
    const usable = this.#agreed.usable(side, theirs);
    // What ICE of somebody else's would be answered is known too late.
    if (previous === null || usable === null || this.#restartsIce(side, usable)) return null;
    const { sdp, adopt } = this.#answerTo(side, ours ?? previous, usable);
    return this.#pledge(sdp, () => {
      this.hearSideFrom(side, address);
      adopt();
    });
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

  /** What a side's leg uses, and what else goes with the other leg, which is not told to take another codec. */
  #offerAfter(side: Side, previous: LocalDescription): LocalDescription {
    return offerAgain(previous, this.#agreed.offerableAgain(side, previous.audio));
  }

  #offerAgain(side: Side, previous: LocalDescription, request: Renegotiation): void {
    const offer = this.#offerAfter(side, previous);
    this.#describe(side, offer);
    request.onAnswer((sdp) => {
      const checked = sdp === null ? undefined : checkAnswer(sdp, offer);
      if (checked?.ok) this.#adoptAnswer(side, offer, checked);
    });
    request.accept(offer.sdp);
  }

  /** An offer of ours in mid-call was answered. */
  #adoptAnswer(side: Side, offer: LocalDescription, checked: CheckedAnswer): void {
    this.#describe(side, offer);
    const { audio } = checked.answer;
    // Of what was offered, only what was agreed is used from now on.
    if (side === 'caller') this.#agreed.hearCaller(audio, checked.offered);
    else this.#agreed.hearCallee(checked);
    this.#relay(side, { audio, sent: checked.offered, wanted: audio });
    this.#onCodecs();
  }

  #answerAgain(side: Side, previous: LocalDescription, request: Renegotiation): void {
    const usable = this.#agreed.usable(side, request.offerSdp);
    if (usable === null) {
      request.refuse(UNPROCESSABLE);
      return;
    }
    const { sdp, adopt } = this.#answerTo(side, previous, usable);
    if (this.#restartsIce(side, usable)) {
      this.#iceRestart.answer(previous, this.#restartHost(this.#agreed.callerAudio, previous, usable), request);
      return;
    }
    adopt();
    request.accept(sdp);
  }

  /** The engine ends ICE of the caller's; the other leg has none. */
  #endsIce(side: Side): boolean {
    const transport = this.#agreed.callerAudio?.transport;
    return side === 'caller' && this.#terms.transport === 'ended' && transport !== undefined && usesIce(transport);
  }

  #restartsIce(side: Side, { offer }: UsableOffer): boolean {
    const before = this.#agreed.callerAudio?.transport;
    if (side === 'callee' || this.#terms.transport !== 'ended' || before === undefined) return false;
    return restartsIce(before, offer.audio.transport);
  }

  #restartHost(before: AudioStream | null, told: LocalDescription, usable: UsableOffer): RestartHost {
    const inUse = this.#agreed.callerFormats;
    return {
      session: this.session,
      take: (from) => {
        const { sdp, adopt } = this.#answerTo('caller', from, usable);
        adopt();
        return sdp;
      },
      goBack: () => {
        this.#agreed.tell('caller', told);
        if (before === null) return;
        this.#agreed.hearCaller(before, inUse);
        this.#relay('caller', { audio: before, sent: inUse });
      },
    };
  }

  #answerTo(side: Side, previous: LocalDescription, { offer, leg }: UsableOffer): OwnAnswer {
    const { ptimeMs, maxptimeMs } = previous.audio;
    const packets = { ptimeMs, maxptimeMs };
    const local = buildAnswer({ offer, selection: leg.selection, from: previous, packets });
    const adopt = () => {
      this.#describe(side, local);
      const audio = { ...offer.audio, ...leg.selection };
      if (side === 'caller') this.#agreed.hearCaller(offer.audio, leg.selection);
      else this.#agreed.hearCallee({ answer: { ...offer, audio }, offered: leg.selection });
      this.#relay(side, { audio: offer.audio, sent: leg.selection });
      this.#onCodecs();
    };
    return { sdp: local.sdp, adopt };
  }

  #describe(side: Side, local: LocalDescription): void {
    this.#agreed.tell(side, local);
    this.#start = null;
  }

  /** A gateway's answer to the fax with which the call begins. */
  #acceptFax(start: FaxStart, sdp: string): Step {
    const local = this.session?.local('caller');
    if (local === undefined) return { ok: false, reason: 'no-audio' };
    const accepted = start.acceptAnswer(sdp, local);
    if (!accepted.ok) return accepted;
    this.#fax.start(start.told);
    this.#sides.setFax('callee', accepted.fax);
    return { ok: true };
  }

  #describeToCaller(answer: PeerDescription, { selection }: LegCodecs): Step {
    const place = this.session?.local('caller');
    if (place === undefined) return { ok: false, reason: 'no-audio' };
    const { sessionId, trunk, transport } = this.#terms;
    const { address, rtpPort, rtcpPort } = place;
    const passed = transport === 'passed' ? passedTransport(answer.audio.transport) : undefined;
    const local = { address, rtpPort, rtcpPort, transport: passed ?? place.transport };
    const session = { id: sessionId, version: 1 };
    const packets = packetTimes(trunk.media, this.policyOf('callee') ?? ANYTHING, answer.audio);
    const described =
      this.#offer === null
        ? buildOffer({ session, local, selection, packets })
        : buildAnswer({ offer: this.#offer, selection, from: { session, local }, packets });
    this.#agreed.tellCallerFirst(described);
    this.#first = described;
    return { ok: true };
  }

  #relay(side: Side, agreed: Omit<SideAudio, 'takesRtcpMux'>): void {
    this.#sides.setAudio(side, { ...agreed, takesRtcpMux: this.#agreed.told(side)?.audio.rtcpMux === true });
  }
}
