// INVITE client transaction. RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.
//
//               |INVITE from TU
//     Timer A   V                 Timer B, transport error: inform TU
//     resend +->[ calling ]-----------------------------------+
//            +--|   |   |  300-699: ACK                       |
//               |1xx|   +------------------+                  |
//            2xx|   V                      V                  |
//               | [ proceeding ]-300-699->[ completed ]-D---> |
//               |   |2xx  |64·T1 after CANCEL: inform TU      |
//               V   V     +---------------------------------> V
//             [ accepted ]------------------M-----------> [ terminated ]
//               2xx again: to TU
import { failureAckText, type OutgoingRequest } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { TimerOwner, WheelTimer } from '../timer-wheel.js';
import type { Flow } from '../transport/flow.js';
import type { ClientTransaction, ClientTransactionUser } from './client-transaction.js';
import { type MachineTable, stepFor, to } from './machine.js';
import type { TransactionContext } from './transaction-context.js';

type State = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';
type Input =
  | '1xx'
  | '2xx'
  | '300-699'
  | 'timer-a'
  | 'timer-b'
  | 'timer-cancel'
  | 'timer-d'
  | 'timer-m'
  | 'transport-error';
type Action =
  | 'resend'
  | 'pass-up'
  | 'ack'
  | 'stop-timers'
  | 'start-d'
  | 'start-m'
  | 'inform-timeout'
  | 'inform-transport';

export const INVITE_CLIENT_TABLE: MachineTable<State, Input, Action> = {
  calling: {
    '1xx': to('proceeding', 'stop-timers', 'pass-up'),
    '2xx': to('accepted', 'stop-timers', 'start-m', 'pass-up'),
    '300-699': to('completed', 'stop-timers', 'ack', 'start-d', 'pass-up'),
    'timer-a': to('calling', 'resend'),
    'timer-b': to('terminated', 'inform-timeout'),
    'transport-error': to('terminated', 'inform-transport'),
  },
  proceeding: {
    '1xx': to('proceeding', 'pass-up'),
    '2xx': to('accepted', 'stop-timers', 'start-m', 'pass-up'),
    '300-699': to('completed', 'stop-timers', 'ack', 'start-d', 'pass-up'),
    'timer-cancel': to('terminated', 'inform-timeout'),
  },
  completed: {
    '300-699': to('completed', 'ack'),
    'timer-d': to('terminated'),
  },
  accepted: {
    '2xx': to('accepted', 'pass-up'),
    'timer-m': to('terminated'),
  },
  terminated: {},
};

export class InviteClientTransaction implements ClientTransaction, TimerOwner {
  readonly key: string;
  readonly request: OutgoingRequest;
  readonly flow: Flow;
  readonly #context: TransactionContext;
  readonly #user: ClientTransactionUser;
  readonly #onTerminated: (transaction: ClientTransaction) => void;
  #state: State = 'calling';
  #bytes: Buffer | null;
  #resendMs: number;
  #resendTimer: WheelTimer | null = null;
  #endTimer: WheelTimer | null = null;
  #failure: Error | null = null;

  constructor(
    context: TransactionContext,
    key: string,
    request: OutgoingRequest,
    flow: Flow,
    user: ClientTransactionUser,
    onTerminated: (transaction: ClientTransaction) => void,
  ) {
    this.key = key;
    this.request = request;
    this.flow = flow;
    this.#context = context;
    this.#user = user;
    this.#onTerminated = onTerminated;
    this.#bytes = Buffer.from(request.text, 'latin1');
    this.#resendMs = context.timers.t1Ms;
  }

  get state(): State {
    return this.#state;
  }

  start(): void {
    const { wheel, timers } = this.#context;
    this.#transmit(false);
    if (this.flow.listener.protocol === 'udp') this.#resendTimer = wheel.after(this.#resendMs, this, 'timer-a');
    this.#endTimer = wheel.after(64 * timers.t1Ms, this, 'timer-b');
  }

  receive(response: SipMessage, flow: Flow): void {
    const { status } = response;
    this.#take(status < 200 ? '1xx' : status < 300 ? '2xx' : '300-699', response, flow);
  }

  /** RFC 3261 §9.1: after a CANCEL the final response is waited for no longer than 64·T1. */
  expectFinal(): void {
    if (this.#state !== 'proceeding' || this.#endTimer !== null) return;
    this.#endTimer = this.#context.wheel.after(64 * this.#context.timers.t1Ms, this, 'timer-cancel');
  }

  failed(cause: Error): void {
    this.#failure = cause;
    this.#take('transport-error');
  }

  onTimer(name: string): void {
    this.#take(name as Input);
  }

  #take(input: Input, response?: SipMessage, flow?: Flow): void {
    const step = stepFor(INVITE_CLIENT_TABLE, 'invite-client', this.#state, input, this.#context.log);
    if (step === undefined) return;
    const hasEnded = step.next === 'terminated' && this.#state !== 'terminated';
    this.#state = step.next;
    for (const action of step.actions) this.#act(action, response, flow);
    if (hasEnded) {
      this.#stopTimers();
      this.#bytes = null;
      this.#onTerminated(this);
      this.#user.onEnded();
    }
  }

  #act(action: Action, response?: SipMessage, flow?: Flow): void {
    const { wheel, timers, counters } = this.#context;
    switch (action) {
      case 'resend':
        // Timer A doubles without limit (RFC 3261 §17.1.1.2); Timer B ends it.
        this.#resendMs *= 2;
        counters.retransmissions++;
        this.#transmit(true);
        this.#resendTimer = wheel.next(this.#resendTimer, this.#resendMs, this, 'timer-a');
        break;
      case 'pass-up':
        if (response !== undefined && flow !== undefined) this.#user.onResponse(response, flow);
        break;
      case 'ack':
        this.#sendAck(response);
        break;
      case 'stop-timers':
        this.#stopTimers();
        this.#bytes = null;
        break;
      case 'start-d':
        // 32 s for unreliable transports at the default T1, nothing to wait for on the others.
        this.#endTimer = wheel.after(this.flow.listener.protocol === 'udp' ? 64 * timers.t1Ms : 0, this, 'timer-d');
        break;
      case 'start-m':
        this.#endTimer = wheel.after(64 * timers.t1Ms, this, 'timer-m');
        break;
      case 'inform-timeout':
        this.#user.onTimeout();
        break;
      case 'inform-transport':
        this.#user.onTransportFailure(this.#failure ?? new Error('The request could not be sent'));
        break;
    }
  }

  #transmit(isRepeated: boolean): void {
    if (this.#bytes === null) return;
    this.#context.send(this.#bytes, this.flow, (cause) => this.failed(cause), isRepeated);
  }

  #sendAck(response: SipMessage | undefined): void {
    const toValue = response?.value('to');
    if (toValue === undefined) return;
    this.#context.counters.sentRequest('ACK');
    this.#context.send(Buffer.from(failureAckText(this.request, toValue), 'latin1'), this.flow);
  }

  #stopTimers(): void {
    this.#resendTimer?.cancel();
    this.#endTimer?.cancel();
    this.#resendTimer = null;
    this.#endTimer = null;
  }
}
