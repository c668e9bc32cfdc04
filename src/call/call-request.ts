// A call as a trunk asks for it, and the facts that the call needs of trunk and gateway. No SIP words beyond URIs.
import type { NumberClass } from '../numbers/number-class.js';
import type { MediaPolicy } from '../sdp/media-policy.js';
import type { PassedHeaders } from './passed-headers.js';
import type { ResponseTerms } from './response-meaning.js';

/** What the signalling adapter read from an INVITE of a known trunk. */
export interface CallRequest {
  readonly callId: string;
  readonly sipCallId: string;
  readonly trunk: TrunkTerms;
  readonly calling: string;
  /** The PBX user of the call, by the trunk's `agentFrom` rule; null when it has none, or the INVITE does not say. */
  readonly agent: string | null;
  /** The trunk's, or that of the API's caller; null when nobody pays besides trunk and agent. */
  readonly account: string | null;
  readonly dialled: string;
  /** Null for an INVITE without SDP (late offer). */
  readonly offerSdp: string | null;
  /** Null when the header is absent: RFC 3261 §8.1.1.6 then counts as 70. */
  readonly maxForwards: number | null;
  readonly looped: boolean;
  readonly hasContact: boolean;
  /** Where the caller's signalling comes from; null: the caller is another session of ours. */
  readonly signallingAddress: string | null;
  /** How long its INVITE waited here for its turn; left out: not known. */
  readonly waitedMs?: number;
  /** Headers that the allow list lets through to the outbound leg. */
  readonly passedHeaders: PassedHeaders;
  /** The call that it was placed for, whose trunk has transferred it. */
  readonly transferOf?: string;
  /** A probe call goes to this channel or to none, though it is suspended. Left out: any channel. */
  readonly onlyChannel?: string;
  /** Of a call from a mobile: `trunk` is then where it goes, with the gateway's own ways of media. Left out: a trunk calls. */
  readonly incoming?: IncomingCall | undefined;
}

/** A call from a mobile: the channel that it came in by, and where it may go. */
export interface IncomingCall {
  /** The channel's, for as long as the call lasts. */
  readonly reservationId: string;
  readonly channelId: string;
  readonly gateway: string;
  readonly simId: string;
  readonly simNumber: string;
  /** Who calls: E.164, or `anonymous`. */
  readonly caller: string;
  /** The caller's. */
  readonly numberClass: NumberClass;
  /** The call to the caller that this one may answer; null when none is known. */
  readonly lastCall: { readonly agent: string | null; readonly wallMs: number } | null;
  /** The trunk that is called, as it would call itself; left out: as the request has it. */
  readonly trunk?: TrunkTerms;
  /** To be tried in this order. */
  readonly destinations: readonly Destination[];
}

export type DestinationKind = 'agent' | 'default' | 'announcement';

/** Where a call from a mobile may go. */
export interface Destination {
  readonly kind: DestinationKind;
  /** How it is called: its clocks, its media. The name is `trunk:NAME`, or `announcement`. */
  readonly peer: GatewayTerms;
  readonly address: DialAddress;
}

/** How the dialogs with a peer are kept alive (RFC 4028). */
export interface SessionTerms {
  /** Session timers are unknown to us, agreed to where the peer wants them, or asked for in every call. */
  readonly mode: 'off' | 'accept' | 'request';
  /** What is asked for, and the longest that is agreed to then. */
  readonly intervalSeconds: number;
  /** Shorter ones are refused with 422. */
  readonly minSeconds: number;
}

/**
 * Whether provisional responses are reliable (RFC 3262). Of a trunk: never, for callers that require it, or for all that can do
 * it. Of a gateway: whether it is told that it may send them so, or has to.
 */
export type Reliability = 'off' | 'required' | 'supported';

export interface TrunkTerms {
  readonly name: string;
  readonly network: string;
  readonly traffic: 'commercial' | 'personal';
  /** Who pays for its calls besides the trunk itself. */
  readonly account?: string | undefined;
  readonly media: MediaPolicy;
  /** Absent: off. */
  readonly sessionTimer?: SessionTerms | undefined;
  /** Absent: `required`. */
  readonly prack?: Reliability | undefined;
  /** What a gateway says of the call before its answer without media, a plain 180 whatever it was. Absent: as it was said. */
  readonly plainRinging?: boolean | undefined;
  readonly nat: 'auto' | 'off';
  readonly mediaSources: readonly string[];
  /** Who does the transfers that it asks for: simtrunk, or the gateway, where it can; left out: nobody. */
  readonly transfers?: 'simtrunk' | 'gateway' | 'refuse';
}

export interface GatewayTerms extends ResponseTerms {
  readonly name: string;
  readonly network: string;
  /** Where its packets come from, as far as the config tells. */
  readonly signallingAddress: string;
  readonly media: MediaPolicy;
  /** Of its channels that have a policy of their own, by channel id. */
  readonly channelMedia: ReadonlyMap<string, MediaPolicy>;
  readonly firstResponseTimeoutMs: number;
  readonly progressTimeoutMs: number;
  readonly ringTimeoutMs: number;
  /** Absent: off. */
  readonly sessionTimer?: SessionTerms | undefined;
  /** Absent: `supported`. */
  readonly prack?: Reliability | undefined;
  readonly nat: 'auto' | 'off';
  readonly mediaSources: readonly string[];
}

/** What an INVITE to a channel says of it: by which number, line, parameters and headers its gateway knows it. */
export interface DialAddress {
  readonly requestUri: string;
  /** The SIM's own number, or the line's account. */
  readonly fromUser: string;
  /** The caller ID, where it stands in a header of its own, is the SIM's own number. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The called number, canonical. */
export interface Callee {
  /** E.164, or the short code itself. */
  readonly e164: string;
  /** As dialled inside the SIM's country. */
  readonly national: string;
  readonly numberClass: NumberClass;
}

/** One channel chosen for an attempt, reserved in the ledger. */
export interface ChosenChannel {
  readonly attemptId: string;
  readonly channelId: string;
  readonly simId: string;
  readonly simNumber: string;
  readonly gateway: GatewayTerms;
  readonly address: DialAddress;
  /** Longest call that the plan still allowed at the reservation, seconds from answer. */
  readonly maxCallSeconds: number;
}
