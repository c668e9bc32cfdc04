// Client transaction of every method but INVITE. RFC 3261 §17.1.2.
//
//               |request from TU
//      Timer E  V                 Timer F, transport error: inform TU
//      resend +->[ trying ]------------------------------+
//             +--|    |  200-699: to TU                  |
//             1xx|    +------------------+               |
//      Timer E   V                       V               V
//      resend +->[ proceeding ]-------->[ completed ]-K->[ terminated ]
//             +--   |200-699: to TU                      ^
//                   +---------Timer F: inform TU---------+
import type { OutgoingRequest } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { TimerOwner, WheelTimer } from '../timer-wheel.js';
import type { Flow } from '../transport/flow.js';
import type { ClientTransaction, ClientTransactionUser } from './client-transaction.js';
import { type MachineTable, stepFor, to } from './machine.js';
import type { TransactionContext } from './transaction-context.js';

type State = 'trying' | 'proceeding' | 'completed' | 'terminated';
type Input = '1xx' | '200-699' | 'timer-e' | 'timer-f' | 'timer-k' | 'transport-error';
type Action = 'resend' | 'pass-up' | 'stop-timers' | 'start-k' | 'inform-timeout' | 'inform-transport';

export const NON_INVITE_CLIENT_TABLE: MachineTable<State, Input, Action> = {
  trying: {
    '1xx': to('proceeding', 'pass-up'),
    '200-699': to('completed', 'stop-timers', 'start-k', 'pass-up'),
    'timer-e': to('trying', 'resend'),
    'timer-f': to('terminated', 'inform-timeout'),
    'transport-error': to('terminated', 'inform-transport'),
  },
  proceeding: {
    '1xx': to('proceeding', 'pass-up'),
    '200-699': to('completed', 'stop-timers', 'start-k', 'pass-up'),
    'timer-e': to('proceeding', 'resend'),
    'timer-f': to('terminated', 'inform-timeout'),
    'transport-error': to('terminated', 'inform-transport'),
  },
  completed: {
    'timer-k': to('terminated'),
  },
  terminated: {},
};

export class NonInviteClientTransaction implements ClientTransaction, TimerOwner {
  readonly key: string;
  readonly request: OutgoingRequest;
  readonly flow: Flow;
  readonly #context: TransactionContext;
  readonly #user: ClientTransactionUser;
  readonly #onTerminated: (transaction: ClientTransaction) => void;
  #state: State = 'trying';
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
    if (this.flow.listener.protocol === 'udp') this.#resendTimer = wheel.after(this.#resendMs, this, 'timer-e');
    this.#endTimer = wheel.after(64 * timers.t1Ms, this, 'timer-f');
  }

  receive(response: SipMessage, flow: Flow): void {
    this.#take(response.status < 200 ? '1xx' : '200-699', response, flow);
  }

  /** Timer F bounds it already. */
  expectFinal(): void {}

  failed(cause: Error): void {
    this.#failure = cause;
    this.#take('transport-error');
  }

  onTimer(name: string): void {
    this.#take(name as Input);
  }

  #take(input: Input, response?: SipMessage, flow?: Flow): void {
    const step = stepFor(NON_INVITE_CLIENT_TABLE, 'non-invite-client', this.#state, input, this.#context.log);
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
        // RFC 3261 §17.1.2.2: doubling up to T2 while trying, every T2 once a provisional response came.
        this.#resendMs = this.#state === 'trying' ? Math.min(this.#resendMs * 2, timers.t2Ms) : timers.t2Ms;
        counters.retransmissions++;
        this.#transmit(true);
        this.#resendTimer = wheel.next(this.#resendTimer, this.#resendMs, this, 'timer-e');
        break;
      case 'pass-up':
        if (response !== undefined && flow !== undefined) this.#user.onResponse(response, flow);
        break;
      case 'stop-timers':
        this.#stopTimers();
        this.#bytes = null;
        break;
      case 'start-k':
        this.#endTimer = wheel.after(this.flow.listener.protocol === 'udp' ? timers.t4Ms : 0, this, 'timer-k');
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

  #stopTimers(): void {
    this.#resendTimer?.cancel();
    this.#endTimer?.cancel();
    this.#resendTimer = null;
    this.#endTimer = null;
  }
}
