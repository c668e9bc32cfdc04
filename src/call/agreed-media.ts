// What the two sides of a call were told and have said of their audio so far, and which codecs follow from it: those of one leg that
// go with the other's, as they are or transcoded. It decides nothing and sends nothing.
import {
  type AudioStream,
  type CodecSelection,
  isEncrypted,
  type LocalDescription,
  type PeerDescription,
  type RtpTransport,
  type SdpCodec,
} from '../sdp/description.js';
import { codecPolicy, type MediaPolicy } from '../sdp/media-policy.js';
import type { CheckedAnswer } from '../sdp/negotiate.js';
import { readOffer } from '../sdp/read-description.js';
import {
  allowedFormats,
  codecFor,
  type LegCodecs,
  selectForChannel,
  type Transcoder,
  usableNames,
} from '../sdp/select-codecs.js';
import { passedTransport, type TransportUse } from '../sdp/srtp.js';
import { widened } from '../sdp/widened-offer.js';
import { withDigitsOf, withOwnEvents } from './dtmf-formats.js';
import type { Side } from './reports.js';

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

export interface UsableOffer {
  readonly offer: PeerDescription;
  /** What goes with the other leg. */
  readonly leg: LegCodecs;
}

export interface CodecTerms {
  /** The trunk's. */
  readonly policy: MediaPolicy;
  /** Names of the codecs that may be used at all; null: any. */
  readonly only: readonly string[] | null;
  readonly transcoder: Transcoder;
  readonly transport: TransportUse;
}

export const ANYTHING = codecPolicy([]);

export class AgreedMedia {
  readonly #terms: CodecTerms;
  /** What the caller's offer, or an offer to it, may hold. */
  readonly #callerFormats: CodecSelection;
  /** The stream of the caller's last offer; null while a late offer is not answered. */
  #callerAudio: AudioStream | null;
  /** Of the channel of the attempt under way. */
  #channelPolicy: MediaPolicy | undefined;
  /** What we sent to each, offer or answer. */
  readonly #told: Record<Side, LocalDescription | null> = { caller: null, callee: null };
  /** What the caller uses of it: of our answer all, of an offer what it took; an offer without a usable answer changes nothing. */
  #callerInUse: CodecSelection | null = null;
  /** What the gateway of the attempt under way agreed to; null before its answer. */
  #callee: CheckedAnswer | null = null;

  /** @param offered the audio that the caller offers; null: it was asked, and did not say yet */
  constructor(terms: CodecTerms, offered: AudioStream | null) {
    this.#terms = terms;
    this.#callerAudio = offered;
    this.#callerFormats = allowedFormats(offered, terms.policy, terms.only);
  }

  // ---- what was said ---------------------------------------------------------------------------------------------------

  get callerAudio(): AudioStream | null {
    return this.#callerAudio;
  }

  get callee(): CheckedAnswer | null {
    return this.#callee;
  }

  /** What a side was told last. */
  told(side: Side): LocalDescription | null {
    return this.#told[side];
  }

  tell(side: Side, local: LocalDescription): void {
    this.#told[side] = local;
  }

  /** What the caller is told first; whether it is our answer or an offer, nothing else of the caller's is used from now on. */
  tellCallerFirst(local: LocalDescription): void {
    this.#told.caller = local;
    this.#callerInUse = local.audio;
  }

  /** @param inUse what it takes of what it was told, by our numbers */
  hearCaller(audio: AudioStream, inUse: CodecSelection): void {
    this.#callerAudio = audio;
    this.#callerInUse = inUse;
  }

  hearCallee(answer: CheckedAnswer): void {
    this.#callee = answer;
  }

  /** Whether a side has answered our offer, or we its. */
  isSettled(side: Side): boolean {
    return (side === 'caller' ? this.#callerAudio : this.#callee) !== null;
  }

  attempt(channelPolicy: MediaPolicy): void {
    this.#channelPolicy = channelPolicy;
  }

  forgetCallee(): void {
    this.#told.callee = null;
    this.#callee = null;
  }

  /** What the config says of a side's media; undefined for the callee before a channel is chosen. */
  policyOf(side: Side): MediaPolicy | undefined {
    return side === 'caller' ? this.#terms.policy : this.#channelPolicy;
  }

  // ---- what follows ----------------------------------------------------------------------------------------------------

  /** What the caller uses; before it is told anything, what it and its trunk allow. */
  get callerFormats(): CodecSelection {
    return this.#callerInUse ?? this.#callerFormats;
  }

  get needs(): CodecNeeds {
    const { only, transcoder, transport } = this.#terms;
    const names = usableNames(this.callerFormats, only, transcoder);
    return { direct: names.direct, transcoded: names.transcoded, srtp: transport === 'passed' };
  }

  /** None before an answer. */
  get inUse(): CodecsInUse {
    const codec = this.#callerInUse?.codecs[0]?.name ?? null;
    const leg = codec === null ? null : this.codecForCaller();
    const codecs = this.#callee?.answer.audio.codecs;
    const calleeCodec = leg?.transcoded === false ? codec : (codecs?.[0]?.name ?? null);
    return { codec, calleeCodec, transcoded: leg?.transcoded === true };
  }

  /** For an offer to a channel; `held` is what the caller may send for it. */
  offerableTo(channelPolicy: MediaPolicy): { readonly held: CodecSelection; readonly selected: LegCodecs } | null {
    const { policy, only, transcoder } = this.#terms;
    const held = withOwnEvents(this.callerFormats, policy);
    const selected = selectForChannel(held, channelPolicy, only, transcoder);
    return selected && { held, selected };
  }

  codecForCaller(callee: CodecSelection | undefined = this.#callee?.answer.audio): LegCodecs | null {
    if (callee === undefined) return null;
    const own = this.callerFormats;
    return codecFor(own, withDigitsOf(own, callee, this.#channelPolicy), this.#terms.transcoder);
  }

  /** A side's offer in mid-call, and the codec that goes with what the other leg uses; null when there is none. */
  usable(side: Side, offerSdp: string | null): UsableOffer | null {
    const { only, transcoder } = this.#terms;
    const read = readOffer(offerSdp ?? '');
    if (!read.ok || !this.#isSameWay(side, read.offer.audio.transport)) return null;
    const own = allowedFormats(read.offer.audio, this.policyOf(side) ?? ANYTHING, only);
    const leg = codecFor(own, this.#otherFormats(side, own), transcoder);
    return leg && { offer: read.offer, leg };
  }

  /** The offer of somebody in the place of a callee that has not answered, and what the caller is told for it. */
  usableForCallee(offerSdp: string): { readonly usable: UsableOffer; readonly forCaller: LegCodecs } | null {
    const previous = this.#told.callee;
    const { only, transcoder, transport } = this.#terms;
    const read = readOffer(offerSdp);
    if (previous === null || !read.ok || transport === 'passed') return null;
    const { audio } = read.offer;
    if (isEncrypted(audio.transport) !== isEncrypted(previous.audio.transport)) return null;
    const own = allowedFormats(audio, this.#channelPolicy ?? ANYTHING, only);
    // Unlike in mid-call the caller may have been told nothing yet: then each of its codecs will do.
    const leg = codecFor(own, withDigitsOf(own, this.callerFormats, this.policyOf('caller')), transcoder);
    const forCaller = leg && this.codecForCaller(leg.selection);
    return leg && forCaller && { usable: { offer: read.offer, leg }, forCaller };
  }

  /** How many of an answer's codecs go with the other leg's. */
  usableOf(side: Side, answered: CodecSelection): 'all' | 'some' | 'none' {
    const usable = this.#usableCodecs(side, answered);
    if (usable.length === 0) return 'none';
    return usable.length === answered.codecs.length ? 'all' : 'some';
  }

  /** What a leg uses that goes with the other one, for a further offer to it. */
  inUseBy(side: Side, told: CodecSelection): CodecSelection {
    return side === 'caller' ? this.#inUseTowardsCaller(this.callerFormats) : this.#inUseTowardsCallee(told);
  }

  /** The same, and what else goes with the other leg, which is not told to take another codec. */
  offerableAgain(side: Side, told: CodecSelection): CodecSelection {
    const inUse = this.inUseBy(side, told);
    const { only, transcoder, transport } = this.#terms;
    if (transport === 'passed') return inUse;
    const policy = this.policyOf(side) ?? ANYTHING;
    return widened(inUse, { policy, only, transcoder, other: this.#otherFormats(side, inUse) });
  }

  /** What a side that has had no audio can be offered for the other one's offer of it. */
  offerableFor(side: Side, otherOffer: string | null): CodecSelection | null {
    const { only, transcoder } = this.#terms;
    const read = readOffer(otherOffer ?? '');
    if (!read.ok || isEncrypted(read.offer.audio.transport)) return null;
    const [caller, callee] = [this.policyOf('caller') ?? ANYTHING, this.policyOf('callee') ?? ANYTHING];
    const [from, to] = side === 'callee' ? [caller, callee] : [callee, caller];
    return selectForChannel(allowedFormats(read.offer.audio, from, only), to, only, transcoder)?.selection ?? null;
  }

  /** What the leg of the other side uses, for an answer on this one: its first codec, for it is not told to take another. */
  #otherFormats(side: Side, own: CodecSelection): CodecSelection {
    const held = this.callerFormats;
    const { codecs, companions } = side === 'callee' ? held : (this.#callee?.answer.audio ?? held);
    const other = { codecs: codecs.slice(0, 1), companions };
    return withDigitsOf(own, other, this.policyOf(side === 'callee' ? 'caller' : 'callee'));
  }

  /** Those of a leg's codecs that go with the other leg's. */
  #usableCodecs(side: Side, { codecs, companions }: CodecSelection): readonly SdpCodec[] {
    const other = this.#otherFormats(side, { codecs, companions });
    return codecs.filter((codec) => codecFor({ codecs: [codec], companions }, other, this.#terms.transcoder));
  }

  /** It may have taken several, of which the callee uses no longer each. */
  #inUseTowardsCaller(inUse: CodecSelection): CodecSelection {
    const codecs = this.#usableCodecs('caller', inUse);
    return codecs.length === 0 ? inUse : { codecs, companions: inUse.companions };
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
}
