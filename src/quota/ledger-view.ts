// What routing reads of a ledger, and the events that keep its index current. Reading never changes usage.
import type { NumberClass } from '../numbers/number-class.js';
import type { FitRequest, FitResult, MessageFit, MessageRequest, QuotaStanding } from './usage.js';

export type ChannelState =
  | 'idle'
  /** In a call, or its last step is not committed yet. */
  | 'busy'
  /** In its gap after a call, or its SIM has moved there and is in a call where it was. */
  | 'resting';

export interface LedgerViewEvents {
  'channel:changed': readonly [channelId: string, state: ChannelState];
  /** Usage of a SIM moved: its place in the ranking may have changed. */
  'usage:changed': readonly [simId: string];
}

export interface LedgerView {
  /** Undefined for a channel that the ledger does not keep. */
  channelState(channelId: string): ChannelState | undefined;
  /** Whether the SIM's plan lets a call begin, and for how long. */
  fit(simId: string, request: FitRequest): FitResult;
  /** The same for a callee never called before, and for how long it holds. */
  standing(simId: string, numberClass: NumberClass, wallMs: number): QuotaStanding;
  /** What a call of so many seconds would cost beyond what is paid already: whole millionths. */
  quote(simId: string, numberClass: NumberClass, wallMs: number, seconds: number): number;
  /** Whether the SIM's plan lets text messages be sent, and what they would cost. */
  fitMessage(simId: string, request: MessageRequest): MessageFit;
  /** Until when time alone changes nothing about that, nor about {@link messagesToday}. */
  messageChangesAt(simId: string, request: MessageRequest): number;
  /** Text messages that the SIM sent in its day, in its plan's zone. */
  messagesToday(simId: string, wallMs: number): number;
  /** Answered calls and billed seconds of the SIM's day, in its plan's zone. */
  today(simId: string, wallMs: number): { readonly seconds: number; readonly calls: number };
  /** The SIMs that talked to a callee this month, the last one last. */
  simsOf(callee: string): readonly string[];
  readonly events: {
    on<K extends keyof LedgerViewEvents>(event: K, listener: (...args: LedgerViewEvents[K]) => void): () => void;
  };
}
