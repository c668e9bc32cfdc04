// What can happen to a call (inputs) and what it wants done (effects). The machine maps one to the other.
import type { Grant } from '../quota/ledger.js';
import type { DecisionSummary, LimitReached } from './call-record.js';
import type { ChosenChannel } from './call-request.js';
import type { EndReason, FinalAnswer } from './end-reason.js';
import type { AttemptReport } from './ports.js';

export type CallInput =
  /** Admission refused the call before any channel was looked for. */
  | { readonly type: 'call:refused'; readonly reason: EndReason; readonly limit: LimitReached | null }
  | { readonly type: 'call:admitted'; readonly emergency: boolean }
  | { readonly type: 'channel:reserved'; readonly channel: ChosenChannel; readonly decision: DecisionSummary | null }
  | {
      readonly type: 'channel:none';
      readonly reason: EndReason;
      readonly decision: DecisionSummary | null;
      /** The cap that no channel would change, or null. */
      readonly limit: LimitReached | null;
    }
  /** The INVITE left us; its Call-ID names the leg. */
  | { readonly type: 'attempt:sent'; readonly attemptId: string; readonly sipCallId: string }
  /** 100 Trying: the gateway is alive, nothing more. */
  | { readonly type: 'attempt:trying'; readonly attemptId: string }
  | {
      readonly type: 'attempt:progressed';
      readonly attemptId: string;
      readonly status: number;
      /** True when it carries an SDP that the caller can be sent. */
      readonly media: boolean;
    }
  /** `lateMs`: how long the 200 waited here: the carrier's clock ran meanwhile. */
  | { readonly type: 'attempt:answered'; readonly attemptId: string; readonly lateMs?: number }
  /** One more branch of its forked INVITE had answered, and was ended: the carrier bills that answer too. */
  | { readonly type: 'attempt:answered-again'; readonly attemptId: string }
  /** A 200 whose SDP cannot be used by this caller. */
  | {
      readonly type: 'attempt:answered-unusable';
      readonly attemptId: string;
      readonly reason: 'no-common-codec' | 'encrypted-media' | 'gateway-failure';
      readonly lateMs?: number;
    }
  | {
      readonly type: 'attempt:failed';
      readonly attemptId: string;
      /** Final status; null when nothing could be sent or no response came. */
      readonly status: number | null;
      readonly reasons: readonly string[];
      /** True when the stack made the response itself: timeout or unreachable. */
      readonly local: boolean;
    }
  /** A call from a mobile has come in on its channel. */
  | { readonly type: 'attempt:crossed'; readonly attemptId: string }
  | {
      readonly type: 'attempt:hung-up';
      readonly attemptId: string;
      readonly reasons: readonly string[];
      /** How long the BYE waited here. */
      readonly lateMs?: number;
    }
  /** Final response to our BYE, or its timeout. */
  | { readonly type: 'attempt:cleared'; readonly attemptId: string }
  | {
      readonly type: 'attempt:confirmed';
      readonly attemptId: string;
      /** How long it may last; null when the ledger did not say in time. */
      readonly grant: Grant | null;
    }
  /** The ledger's word on a renewal; null when it had none in time. */
  | { readonly type: 'attempt:renewed'; readonly attemptId: string; readonly grant: Grant | null }
  /** One more answer of its INVITE was charged: how long it may last now. */
  | { readonly type: 'attempt:charged-further'; readonly attemptId: string; readonly grant: Grant | null }
  /** `no-prack`: it never acknowledged a provisional response, and has its final one. */
  | { readonly type: 'caller:cancelled'; readonly cause?: 'no-prack' | undefined }
  | { readonly type: 'caller:connected' }
  | { readonly type: 'caller:connect-failed' }
  /** The ACK's SDP answer to our late offer cannot be used. */
  | { readonly type: 'caller:mismatched' }
  | { readonly type: 'caller:hung-up'; readonly reason: EndReason }
  | { readonly type: 'timer:fired'; readonly timer: CallTimer; readonly attemptId: string | null }
  | { readonly type: 'call:end-wanted'; readonly reason: EndReason };

export type CallTimer =
  | 'first-response'
  | 'progress'
  | 'ring'
  | 'setup'
  /** The caller is told again how the call goes. */
  | 'repeat'
  | 'max-duration'
  /** The caller hears that the end is near. */
  | 'warning'
  /** What is held for the call is renewed. */
  | 'renewal'
  /** 64·T1 after giving up, for a server that never reports the end of the transaction. */
  | 'abandon';

export type CallEffect =
  | {
      readonly type: 'select-channel';
      readonly excludeChannels: readonly string[];
      /** Not tried again by this call: what they answered was meant for all of their channels. */
      readonly excludeGateways: readonly string[];
      /** Avoided while others have a channel: they did not respond. */
      readonly avoidGateways: readonly string[];
    }
  | { readonly type: 'send-invite'; readonly attemptId: string }
  | { readonly type: 'cancel-invite'; readonly attemptId: string; readonly reason: EndReason }
  | { readonly type: 'end-leg'; readonly attemptId: string; readonly reason: EndReason }
  | { readonly type: 'report-attempt'; readonly channelId: string; readonly report: AttemptReport }
  | { readonly type: 'forget-media'; readonly attemptId: string }
  | { readonly type: 'ring-caller'; readonly status: number }
  | { readonly type: 'progress-caller'; readonly status: number }
  | { readonly type: 'connect-caller'; readonly attemptId: string }
  | { readonly type: 'refuse-caller'; readonly reason: EndReason; readonly answer: FinalAnswer }
  | { readonly type: 'end-caller'; readonly reason: EndReason }
  | { readonly type: 'warn-caller' }
  | { readonly type: 'start-recording'; readonly attemptId: string }
  | { readonly type: 'close-media' }
  | { readonly type: 'confirm'; readonly attemptId: string }
  | { readonly type: 'renew'; readonly attemptId: string }
  /** Another branch of its INVITE has answered: so many have by now. */
  | { readonly type: 'charge-further'; readonly attemptId: string; readonly furtherAnswers: number }
  | { readonly type: 'release'; readonly attemptId: string; readonly invited: boolean }
  | { readonly type: 'settle'; readonly attemptId: string; readonly channelInUse: boolean }
  | { readonly type: 'vacate'; readonly attemptId: string }
  | { readonly type: 'arm'; readonly timer: CallTimer; readonly attemptId: string | null; readonly delayMs: number }
  | { readonly type: 'disarm'; readonly timer: CallTimer; readonly attemptId: string | null }
  /** The record as it stands is to be kept; `complete` when no attempt can change it any more. */
  | { readonly type: 'write-record'; readonly complete: boolean }
  | { readonly type: 'done' };

/** Both clocks at the instant of an input. */
export interface Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
}
