// One target of a proxied request: its client transaction and the clocks on it. RFC 3261 §16.6, §16.8 (Timer C).
import { cancelText, type OutgoingRequest } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { TimerOwner, TimerWheel, WheelTimer } from '../timer-wheel.js';
import type { ClientTransaction, ClientTransactionUser } from '../transaction/client-transaction.js';
import type { TransactionLayer } from '../transaction/transaction-layer.js';
import type { Flow } from '../transport/flow.js';

/** RFC 3261 §16.6 step 11: more than three minutes. */
const TIMER_C_MS = 200_000;

export interface ProxyBranchEvents {
  provisional(branch: ProxyBranch, response: SipMessage): void;
  final(branch: ProxyBranch, response: SipMessage, flow: Flow): void;
  /** It will not answer, or not in time. */
  failed(branch: ProxyBranch, status: 408 | 503): void;
}

export interface BranchClocks {
  readonly provisionalTimeoutMs: number | null;
  readonly finalTimeoutMs: number | null;
}

const INDIFFERENT: ClientTransactionUser = {
  onResponse: () => undefined,
  onTimeout: () => undefined,
  onTransportFailure: () => undefined,
  onEnded: () => undefined,
};

export class ProxyBranch implements ClientTransactionUser, TimerOwner {
  readonly target: string;
  readonly request: OutgoingRequest;
  readonly flow: Flow;
  readonly #wheel: TimerWheel;
  readonly #transactions: TransactionLayer;
  readonly #events: ProxyBranchEvents;
  readonly #clocks: BranchClocks;
  #transaction: ClientTransaction | null = null;
  #hasProvisional = false;
  #wantsCancel = false;
  #hasSentCancel = false;
  #provisionalTimer: WheelTimer | null = null;
  #finalTimer: WheelTimer | null = null;
  /** No more is waited for: it has answered, failed, or taken too long. */
  isOver = false;

  constructor(
    target: string,
    request: OutgoingRequest,
    flow: Flow,
    wheel: TimerWheel,
    transactions: TransactionLayer,
    clocks: BranchClocks,
    events: ProxyBranchEvents,
  ) {
    this.target = target;
    this.request = request;
    this.flow = flow;
    this.#wheel = wheel;
    this.#transactions = transactions;
    this.#clocks = clocks;
    this.#events = events;
  }

  /** No further target of this branch is tried. */
  get isCancelled(): boolean {
    return this.#wantsCancel || this.isOver;
  }

  /** What the target before has said is void. */
  onRetargeted(): void {
    this.#hasProvisional = false;
  }

  start(): void {
    const { provisionalTimeoutMs, finalTimeoutMs } = this.#clocks;
    if (provisionalTimeoutMs !== null) {
      this.#provisionalTimer = this.#wheel.after(provisionalTimeoutMs, this, 'provisional');
    }
    if (this.request.method === 'INVITE') this.#restartFinalTimer();
    else if (finalTimeoutMs !== null) this.#finalTimer = this.#wheel.after(finalTimeoutMs, this, 'final');
    this.#transaction = this.#transactions.startClient(this.request, this.flow, this);
  }

  /** INVITE only; held back until a provisional response has come. RFC 3261 §9.1. */
  cancel(): void {
    this.#wantsCancel = true;
    if (this.request.method !== 'INVITE' || !this.#hasProvisional || this.#hasSentCancel) return;
    const { request } = this.#transaction ?? this;
    this.#hasSentCancel = true;
    this.#transactions.startClient(
      { ...request, method: 'CANCEL', text: cancelText(request, '') },
      this.#transaction?.flow ?? this.flow,
      INDIFFERENT,
    );
    this.#transaction?.expectFinal();
  }

  onResponse(response: SipMessage, flow: Flow): void {
    this.#provisionalTimer?.cancel();
    this.#provisionalTimer = null;
    const { status } = response;
    if (status < 200) {
      this.#hasProvisional = true;
      if (this.#wantsCancel) this.cancel();
      else if (status > 100) {
        if (this.#clocks.finalTimeoutMs === null && this.request.method === 'INVITE') this.#restartFinalTimer();
        if (!this.isOver) this.#events.provisional(this, response);
      }
      return;
    }
    // A 2xx is sent on however late it is: somebody has answered.
    if (this.isOver && status >= 300) return;
    this.#end();
    this.#events.final(this, response, flow);
  }

  onTimeout(): void {
    this.#fail(408);
  }

  onTransportFailure(): void {
    this.#fail(503);
  }

  onEnded(): void {
    this.#stopTimers();
  }

  onTimer(name: string): void {
    if (this.isOver) return;
    this.cancel();
    // Where no CANCEL could be sent no 487 will come.
    if (name === 'provisional' || !this.#hasSentCancel) this.#fail(408);
  }

  #restartFinalTimer(): void {
    this.#finalTimer?.cancel();
    this.#finalTimer = this.#wheel.after(this.#clocks.finalTimeoutMs ?? TIMER_C_MS, this, 'final');
  }

  #fail(status: 408 | 503): void {
    if (this.isOver) return;
    this.#end();
    this.#events.failed(this, status);
  }

  #end(): void {
    this.isOver = true;
    this.#stopTimers();
  }

  #stopTimers(): void {
    this.#provisionalTimer?.cancel();
    this.#finalTimer?.cancel();
    this.#provisionalTimer = null;
    this.#finalTimer = null;
  }
}
