// What a call needs from the outside: media, recording, signalling and storage, as roles. Adapters implement these.
import type { JournalEntry } from '../lib/journal-entry.js';
import type { RtpTransport, SdpCodec } from '../sdp/description.js';
import type { CallRecord, DecisionSummary, LimitReached } from './call-record.js';
import type {
  Callee,
  CallRequest,
  DialAddress,
  GatewayTerms,
  Reliability,
  SessionTerms,
  TrunkTerms,
} from './call-request.js';
import type { EndReason } from './end-reason.js';
import type { PassedHeaders } from './passed-headers.js';
import type { DialogMessage, DialogName, MessageAnswered, PeerMessage, Referral } from './ports-dialog.js';
import type { MediaReport, RecordingReport, Side } from './reports.js';

export type G711Codec = 'PCMU' | 'PCMA';

// ---- media ---------------------------------------------------------------------------------------------------------

/** One payload type of a side's stream, as negotiated; telephone-event and CN are among them. */
export type MediaCodec = SdpCodec;

/** How RTP travels on one side (RFC 3551, RFC 3711, RFC 4585, RFC 5764). */
export type MediaTransport = RtpTransport;

export interface MediaAddress {
  /** The address that the side's network advertises. */
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  /** What our description must say to this side beyond RTP/AVP; absent for plain RTP, and always on the embedded relay. */
  readonly transport?: MediaTransport;
}

/** Where a side's media is sent to and accepted from, as negotiated. */
export interface MediaRemote {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  /** Source address of the peer's signalling, for class (c) of the accepted senders. */
  readonly signallingAddress: string;
  readonly nat: 'auto' | 'off';
  /** It is a side of another session of ours, which sends from that very port: class (a) alone. Default: it is a peer's. */
  readonly isOurs?: boolean;
  /** Addresses or CIDR blocks of class (d). */
  readonly sources: readonly string[];
  /**
   * What the side may send, audio in order of preference: any other payload type is dropped and counted. Towards the other side
   * a packet gets that side's payload type of the same codec; PCMA and PCMU are transcoded where the other has only one of them;
   * what the other side does not have is dropped.
   */
  readonly codecs: readonly MediaCodec[];
  /** What is sent to the side, where its numbering differs from ours (RFC 3264 §5.1); `codecs` when absent. */
  readonly sentCodecs?: readonly MediaCodec[];
  /** Packet time in ms that the side wants to receive. */
  readonly ptimeMs?: number;
  /** RTCP shares the RTP port (RFC 5761). */
  readonly rtcpMux?: boolean;
  /** Absent for RTP/AVP. An embedded relay passes protected packets as they are, looking at nothing but their source. */
  readonly transport?: MediaTransport;
  /** A fax by T.38: no RTP, but datagrams that pass as they are, where the engine can do that. */
  readonly isUdptl?: boolean;
  /** False while the side is on hold towards us (sendonly from it, or inactive): nothing is sent to it. */
  readonly sends: boolean;
  /** The side said that it sends nothing (recvonly, inactive): that it is silent is no event. */
  readonly isSilent?: boolean;
}

export type MediaRefusal = 'no-media-ports' | 'relay-down';

/** What happens in the media of a call while it lives. */
export type MediaEvent =
  /** A telephone-event has ended (RFC 4733); `event` is a digit, `*`, `#` or A to D. Told once, however often it was sent. */
  | {
      readonly type: 'dtmf';
      readonly side: Side;
      readonly event: string;
      readonly durationMs: number;
      readonly by: 'rfc4733';
    }
  /** The side, which should send, has not for so long. One side: one-way media; both: none. */
  | { readonly type: 'silent'; readonly side: Side; readonly silentMs: number }
  /** It sends again, or need not any more. */
  | { readonly type: 'heard'; readonly side: Side }
  | { readonly type: 'played'; readonly playId: string; readonly end: 'finished' | 'stopped' | 'failed' };

/** What is played into a leg. */
export type PlaySource =
  /** A WAV file, mono at 8 kHz: 16-bit PCM, A-law or µ-law. */
  | { readonly kind: 'file'; readonly path: string }
  /** Whole frequencies in Hz that sound together, on and off by turns in ms (a cadence; none: on until stopped). */
  | {
      readonly kind: 'tone';
      readonly frequenciesHz: readonly number[];
      readonly cadenceMs?: readonly number[];
      readonly levelDbm0?: number;
    }
  /** A key: as a telephone-event (RFC 4733) where the leg has them, else as its tones. */
  | { readonly kind: 'digit'; readonly digit: string; readonly durationMs: number };

export interface PlayRequest {
  readonly source: PlaySource;
  /** From its end again, until stopped. */
  readonly loop?: boolean;
  /** In place of what the other side says, or laid over it. */
  readonly mode: 'replace' | 'mix';
}

export type MediaOpenResult =
  | { readonly ok: true; readonly session: MediaSession }
  | { readonly ok: false; readonly reason: MediaRefusal };

export interface MediaSession {
  readonly sessionId: string;
  local(side: Side): MediaAddress;
  /** Moves the callee side to another network for a later attempt; same address and ports when it is the same network. */
  placeCallee(network: string): Promise<{ ok: true } | { ok: false; reason: MediaRefusal }>;
  /** A changed address or port reopens learning of the source (semantics: "Who may send media"). */
  setRemote(side: Side, remote: MediaRemote): void;
  /**
   * Resolves when what was set is in force, to whether it is: `local` is then what the side has to be told. Absent where it always is
   * at once.
   */
  settled?(): Promise<boolean>;
  /** Forgets the side's remote: the next attempt starts unlearned. */
  clearRemote(side: Side): void;
  /** Copies both directions, as received, to the taps of these names: by default to the recorder, under this id. */
  fork(request: { readonly recordingId: string; readonly taps?: readonly string[] }): void;
  unfork(): void;
  /** From now on a side that should send, and has not for so long, is told by an event; null for never, as at first. */
  watchSilence(afterMs: number | null): void;
  /** Plays to `side`, at once; how it ended is told by an event. The fork keeps what the other side said, and nothing of this. */
  play(side: Side, request: PlayRequest): string;
  stopPlaying(playId: string): void;
  report(): Promise<MediaReport>;
  /** Frees the ports; the report is final. Idempotent. */
  close(): Promise<MediaReport>;
  /** Called once if the relay loses the session (its thread ended). */
  onLost(listener: () => void): void;
  onEvent(listener: (event: MediaEvent) => void): void;
}

/** What an engine can do, for negotiation to count on. */
export interface MediaCapabilities {
  /** Ends SDES and DTLS at itself, so that what is inside can be recorded. */
  readonly srtp: boolean;
  /** Passes UDPTL (T.38) from side to side. Default: not. */
  readonly udptl?: boolean;
  /** What it forks is G.711 whatever the codec: PCMA, as payload type 8, of a side that has none. Default: not. */
  readonly copiesAsG711?: boolean;
  /** Packets keep their payload types from side to side, so that both have to agree on them. Default: they are mapped. */
  readonly keepsPayloadTypes?: boolean;
  /** Whether it can send the second codec to one side for the first from the other; names as in SDP. */
  transcodes(from: string, to: string): boolean;
}

export interface MediaPort {
  readonly capabilities: MediaCapabilities;
  /** Allocates a port pair on each side's network. */
  open(request: {
    readonly sessionId: string;
    readonly callerNetwork: string;
    readonly calleeNetwork: string;
    /** How the caller's offer wants its RTP to travel; absent or null for RTP/AVP, or without an offer. */
    readonly caller?: MediaTransport | null;
  }): Promise<MediaOpenResult>;
}

// ---- recording -----------------------------------------------------------------------------------------------------

export interface RecordingRequest {
  readonly recordingId: string;
  readonly callId: string;
  readonly startedWallMs: number;
  /** Codec by payload type, for each side. A payload type not listed (telephone-event) is not audio. */
  readonly codecs: Readonly<Record<Side, Readonly<Record<number, G711Codec>>>>;
}

export interface RecordingHandle {
  readonly recordingId: string;
  readonly path: string;
  /** Adds payload types after a renegotiation. */
  setCodecs(codecs: RecordingRequest['codecs']): void;
  /** Ends, patches and hashes the file. Always resolves. */
  finish(): Promise<RecordingReport>;
  /** Called once when audio is being lost: disk full, write error, thread ended. */
  onLoss(listener: (cause: RecordingLossCause) => void): void;
}

export type RecordingLossCause = 'disk-full' | 'write-error' | 'recorder-down';

export interface RecordingPort {
  /** Whether a new call can be recorded now. */
  readiness(): { readonly ok: true } | { readonly ok: false; readonly cause: RecordingLossCause };
  begin(request: RecordingRequest): RecordingHandle;
}

// ---- signalling ----------------------------------------------------------------------------------------------------

/** What is needed to end a leg after its dialog was lost: RFC 3261 §12.2.1.1, kept in the journal. */
export interface LegIdentity {
  readonly callId: string;
  /** From and To of a request that we send: our URI with our tag, the peer's with its tag. */
  readonly local: string;
  readonly remote: string;
  /** Highest CSeq number that we have used. */
  readonly cseq: number;
  readonly remoteTarget: string;
  /** SIP URI that the packets go to. */
  readonly nextHop: string;
  /** Of a leg towards a gateway, which may ask for the channel's credentials. */
  readonly channelId?: string;
}

/** A re-INVITE or UPDATE: its offer (null without SDP) and the way to answer it. */
export interface Renegotiation {
  readonly offerSdp: string | null;
  /** Answers 200 with this SDP. */
  accept(sdp: string): void;
  refuse(status: number): void;
  /** The SDP of the ACK, when our 200 carried the offer. */
  onAnswer(listener: (sdp: string | null) => void): void;
}

export interface CallerLegListener {
  /** `no-prack`: it never acknowledged a provisional response that it wanted reliable, and has its final response. */
  cancelled(cause?: 'no-prack'): void;
  /** Our 200 has left; the identity is complete now. */
  connected(): void;
  connectFailed(): void;
  /** ACK of our 200, with its SDP if it had one. */
  acknowledged(sdp: string | null): void;
  /** PRACK of the provisional response that carried our offer, with its SDP if it had one. */
  answeredEarly?(sdp: string | null): void;
  /**
   * BYE from the caller, `lateMs` ago; or from the SIP server: no ACK of a 200 came, or a session timer of its own was over.
   * `passed`: what goes on.
   */
  hungUp(cause: 'bye' | 'no-ack' | 'session-expired', passed?: PassedHeaders, lateMs?: number): void;
  /** Final response to our BYE, or its timeout. */
  cleared?(): void;
  renegotiated(renegotiation: Renegotiation): void;
  /** Its session is to be refreshed by a re-INVITE of ours (RFC 4028 §7.4). */
  refreshDue(): void;
  /** It has not refreshed its session, or knows nothing of the dialog any more. */
  sessionOver(): void;
  /** The leg's identity is another one: the peer has moved, or much was sent. */
  identityChanged?(): void;
  messaged(message: PeerMessage): void;
  referred(referral: Referral): void;
}

/** The final response to a re-INVITE of ours: 491 also when an offer of the peer went before it, 481 also without a dialog. */
export interface ReofferAnswer {
  readonly status: number;
  readonly sdp: string | null;
}

export interface CallerLeg {
  readonly identity: LegIdentity | null;
  /** It made no offer, and ours can go with a provisional response: its PRACK answers then (RFC 3262 §5). */
  readonly mayOfferEarly?: boolean;
  /** Our description went with a provisional response that is acknowledged (RFC 3262), before the 200 is. */
  readonly isDescribed?: boolean;
  listen(listener: CallerLegListener): void;
  /** `passed`, here and below: headers of the gateway's that go with it. */
  ring(status: number, passed?: PassedHeaders): void;
  progress(status: number, sdp: string, passed?: PassedHeaders): void;
  /** Null when the caller has its description, and our offer its answer. */
  connect(sdp: string | null, passed?: PassedHeaders): void;
  refuse(status: number, reason: string | undefined, passed?: PassedHeaders): void;
  /** BYE, sent once the ACK has come (RFC 3261 §15). */
  hangUp(reason: string | undefined, passed?: PassedHeaders): void;
  /** A re-INVITE of ours with this offer. */
  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void;
  /** A request of ours in the dialog. */
  send(message: DialogMessage, answered: MessageAnswered): void;
}

export interface CalleeLegListener {
  sent(sipCallId: string): void;
  trying(): void;
  /** Before each answer: the address that it came from. */
  heardFrom(address: string): void;
  /** `passed`, here and below: what goes on to the caller. */
  progressed(status: number, sdp: string | null, passed?: PassedHeaders): void;
  /**
   * `sdp`: of the 200, else of what its branch of a forked INVITE said before; null: what was described last stays, empty: its
   * branch has described nothing. `lateMs`: how long the 200 waited here before it was told.
   */
  answered(sdp: string | null, lateMs?: number, passed?: PassedHeaders): void;
  /** One more branch of a forked INVITE had answered too, and has been hung up on. */
  answeredAgain?(): void;
  failed(failure: {
    readonly status: number | null;
    readonly reasons: readonly string[];
    readonly local: boolean;
    readonly passed?: PassedHeaders;
  }): void;
  /** `lateMs`: the same of the BYE. */
  hungUp(reasons: readonly string[], lateMs?: number, passed?: PassedHeaders): void;
  /** Final response to our BYE or its timeout. */
  cleared(): void;
  renegotiated(renegotiation: Renegotiation): void;
  /** As of a caller. */
  refreshDue(): void;
  sessionOver(): void;
  identityChanged?(): void;
  messaged(message: PeerMessage): void;
  referred(referral: Referral): void;
}

export interface CalleeLeg {
  readonly identity: LegIdentity | null;
  /** Whether a dialog with it that is not answered yet has this name. Left out: it has none. */
  hasEarlyDialog?(name: DialogName): boolean;
  cancel(reason: string | undefined): void;
  /** `passed`: headers of the caller's that go with the BYE. */
  hangUp(reason: string | undefined, passed?: PassedHeaders): void;
  /** A re-INVITE of ours with this offer. */
  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void;
  /** A request of ours in the dialog. */
  send(message: DialogMessage, answered: MessageAnswered): void;
}

export interface DialRequest {
  readonly attemptId: string;
  readonly gateway: string;
  readonly channelId: string;
  readonly address: DialAddress;
  readonly offerSdp: string;
  readonly maxForwards: number;
  readonly sessionTimer?: SessionTerms | undefined;
  readonly passedHeaders: PassedHeaders;
  /** Left out: `supported`. */
  readonly prack?: Reliability | undefined;
}

/** Why the dialog of a leg is not ours any more: told to the peer in the BYE's Reason. */
export type OrphanCause = 'restarted' | 'signalling-lost';

export interface DialPort {
  dial(request: DialRequest, listener: CalleeLegListener): CalleeLeg;
  /** Sends a BYE for a leg whose dialog this process does not have; resolves with its final status, null for none. */
  endOrphan(identity: LegIdentity, cause: OrphanCause): Promise<number | null>;
  /** Called with the attempt of an earlier process that was answered just now, and ended at once. */
  onUnclaimedAnswer(listener: (attemptId: string) => void): void;
}

// ---- policy and routing ----------------------------------------------------------------------------------------------

export type AdmissionResult =
  | { readonly ok: true; readonly callee: Callee }
  | {
      readonly ok: false;
      readonly reason: EndReason;
      readonly callee: Callee | null;
      /** The cap behind `cap-exhausted`. */
      readonly limit?: LimitReached;
      /** Which limit, list or zone it is, for the log. */
      readonly detail: string;
    };

/** Whom a trunk wants to call. */
export type AdmissionRequest = Pick<CallRequest, 'trunk' | 'agent' | 'account' | 'dialled'> & {
  /** Null for a question that no call follows: nothing is counted. */
  readonly callId: string | null;
};

export interface AdmissionPort {
  /** Canonical callee and policy, once a call, before routing. */
  admit(request: AdmissionRequest): AdmissionResult;
  /** The call has reserved a channel: the ledger knows of it from now on. Idempotent. */
  placed(callId: string): void;
  /** The call has ended for its caller, admitted or not. Idempotent. */
  ended(callId: string): void;
}

export interface RouteRequest {
  readonly callId: string;
  readonly trunk: TrunkTerms;
  readonly agent: string | null;
  readonly callee: Callee;
  /** Names of codecs, of which a channel has to allow one. */
  readonly codecs: readonly string[];
  /** SRTP passes as it is: a channel has to take it. */
  readonly passesSrtp: boolean;
  readonly excludeChannels: readonly string[];
  readonly excludeGateways: readonly string[];
  /** This channel or none: of a probe call. */
  readonly onlyChannel?: string | undefined;
  readonly wallMs: number;
}

export interface RouteCandidate {
  readonly channelId: string;
  /** Place among the channels of the config. */
  readonly channelNumber: number;
  readonly simId: string;
  readonly simNumber: string;
  readonly gateway: GatewayTerms;
  readonly address: DialAddress;
}

export interface RouteDecision {
  /** The one to take; undefined when there is none. */
  readonly best: RouteCandidate | undefined;
  /** Best first; to be asked for before anything changes. */
  readonly candidates: readonly RouteCandidate[];
  readonly summary: DecisionSummary;
  /** What the caller is told when there is no candidate (semantics.md, "What failure means"). */
  readonly refusal: 'no-channel' | 'refused-for-this-call';
}

/** How an attempt went, for the health of its channel. */
export interface AttemptReport {
  /**
   * `answered`: the gateway's 200. `callee`: the callee's side ended it (busy, declined, rang out), or the caller did.
   * `failed`: the channel or its gateway did not do its part.
   */
  readonly outcome: 'answered' | 'callee' | 'failed';
  /** From the INVITE to ringing, or to an answer without it; null when there was neither. */
  readonly postDialDelayMs: number | null;
  /** How long the channel, or its whole gateway, is to be left alone for the response that ended the attempt. */
  readonly coolDown?: { readonly of: 'channel' | 'gateway'; readonly ms: number } | undefined;
}

export interface RoutePort {
  /** Told once of each attempt whose INVITE left, as soon as its outcome is known. */
  attemptReported(channelId: string, report: AttemptReport): void;
  /** A call from a mobile has come in by the channel: if it has just failed, it was for that. */
  callReceived?(channelId: string): void;
  decide(request: RouteRequest): RouteDecision;
}

// ---- records -----------------------------------------------------------------------------------------------------------

/** What the journal keeps of a live call, to end it after a crash. */
export interface LiveCall {
  readonly record: CallRecord;
  readonly caller: LegIdentity | null;
  readonly callees: readonly { readonly attemptId: string; readonly identity: LegIdentity }[];
}

export interface CallBooks {
  /** Entries that keep the live call's row; to be committed alongside a ledger step. */
  keepLive(call: LiveCall): readonly JournalEntry[];
  /**
   * Entries that keep the record of an ended call. A revision (1, then higher) releases it for publication and forgets
   * the live row; with null the record still waits for an attempt, the media report or the recording.
   */
  keepRecord(record: CallRecord, revision: number | null): readonly JournalEntry[];
  /** Resolves when they have committed, however often it takes; rejects when the journal closed before. */
  commit(entries: readonly JournalEntry[]): Promise<void>;
  /** A ready record has committed: it may be published. */
  announce(): void;
}
