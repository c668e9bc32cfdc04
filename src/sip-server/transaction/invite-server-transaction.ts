// INVITE server transaction. RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.
//
//                        |INVITE: to TU, 100
//      INVITE: resend    V
//      1xx: send      [ proceeding ]--2xx: send-->[ accepted ]--L--+
//                        |300-699: send             INVITE: resend |
//      INVITE, Timer G:  V                          2xx: send      |
//      resend         [ completed ]--H---------------------------->|
//                        |ACK                                      V
//      ACK: absorb       V                                         |
//                     [ confirmed ]--I-----------------------> [ terminated ]
import type { SipMessage } from '../message/sip-message.js';
import type { TimerOwner, WheelTimer } from '../timer-wheel.js';
import type { Flow } from '../transport/flow.js';
import { type MachineTable, stepFor, to } from './machine.js';
import type { ServerTransaction, ServerTransactionUser } from './server-transaction.js';
import type { TransactionContext } from './transaction-context.js';

type State = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';
type Input =
  | 'invite'
  | 'ack'
  | 'send-1xx'
  | 'send-2xx'
  | 'send-300-699'
  | 'repeat-2xx'
  | 'timer-g'
  | 'timer-h'
  | 'timer-i'
  | 'timer-l';
type Action = 'send' | 'resend' | 'start-g-h' | 'again-g' | 'stop-timers' | 'start-i' | 'start-l' | 'pass-ack';

export const INVITE_SERVER_TABLE: MachineTable<State, Input, Action> = {
  proceeding: {
    invite: to('proceeding', 'resend'),
    'send-1xx': to('proceeding', 'send'),
    'send-2xx': to('accepted', 'send', 'start-l'),
    'send-300-699': to('completed', 'send', 'start-g-h'),
  },
  completed: {
    invite: to('completed', 'resend'),
    ack: to('confirmed', 'stop-timers', 'start-i'),
    'timer-g': to('completed', 'resend', 'again-g'),
    'timer-h': to('terminated'),
  },
  confirmed: {
    invite: to('confirmed'),
    ack: to('confirmed'),
    'timer-i': to('terminated'),
  },
  accepted: {
    // Deviation: RFC 6026 §7.1 absorbs it silently; repeating the 2xx is as harmless and spares the peer a wait.
    invite: to('accepted', 'resend'),
    ack: to('accepted', 'pass-ack'),
    'send-2xx': to('accepted', 'send'),
    'repeat-2xx': to('accepted', 'resend'),
    'timer-l': to('terminated'),
  },
  terminated: {},
};

export class InviteServerTransaction implements ServerTransaction, TimerOwner {
  readonly key: string;
  readonly request: SipMessage;
  readonly flow: Flow;
  readonly #context: TransactionContext;
  readonly user: ServerTransactionUser;
  readonly #onTerminated: (transaction: ServerTransaction) => void;
  #state: State = 'proceeding';
  #lastResponse: Buffer | null = null;
  #resendMs: number;
  #resendTimer: WheelTimer | null = null;
  #endTimer: WheelTimer | null = null;

  constructor(
    context: TransactionContext,
    key: string,
    request: SipMessage,
    flow: Flow,
    user: ServerTransactionUser,
    onTerminated: (transaction: ServerTransaction) => void,
  ) {
    this.key = key;
    this.request = request;
    this.flow = flow;
    this.#context = context;
    this.user = user;
    this.#onTerminated = onTerminated;
    this.#resendMs = context.timers.t1Ms;
  }

  get state(): State {
    return this.#state;
  }

  receive(request: SipMessage, flow: Flow): void {
    this.#take(request.method === 'ACK' ? 'ack' : 'invite', null, request, flow);
  }

  respond(status: number, text: string): boolean {
    return this.#take(status < 200 ? 'send-1xx' : status < 300 ? 'send-2xx' : 'send-300-699', text);
  }

  repeatAnswer(): void {
    this.#take('repeat-2xx', null);
  }

  onTimer(name: string): void {
    this.#take(name as Input, null);
  }

  #take(input: Input, text: string | null, request?: SipMessage, flow?: Flow): boolean {
    const step = stepFor(INVITE_SERVER_TABLE, 'invite-server', this.#state, input, this.#context.log);
    if (step === undefined) return false;
    const hasEnded = step.next === 'terminated' && this.#state !== 'terminated';
    this.#state = step.next;
    for (const action of step.actions) this.#act(action, text, request, flow);
    if (hasEnded) {
      this.#stopTimers();
      this.#lastResponse = null;
      this.#onTerminated(this);
      this.user.onEnded();
    }
    return true;
  }

  #act(action: Action, text: string | null, request?: SipMessage, flow?: Flow): void {
    const { wheel, timers, counters } = this.#context;
    const isUnreliable = this.flow.listener.protocol === 'udp';
    switch (action) {
      case 'send':
        if (text === null) break;
        this.#lastResponse = Buffer.from(text, 'latin1');
        this.#context.send(this.#lastResponse, this.flow);
        break;
      case 'resend':
        if (this.#lastResponse === null) break;
        counters.retransmissions++;
        this.#context.send(this.#lastResponse, this.flow);
        break;
      case 'start-g-h':
        if (isUnreliable) this.#resendTimer = wheel.after(this.#resendMs, this, 'timer-g');
        this.#endTimer = wheel.after(64 * timers.t1Ms, this, 'timer-h');
        break;
      case 'again-g':
        this.#resendMs = Math.min(this.#resendMs * 2, timers.t2Ms);
        this.#resendTimer = wheel.next(this.#resendTimer, this.#resendMs, this, 'timer-g');
        break;
      case 'stop-timers':
        this.#stopTimers();
        break;
      case 'start-i':
        this.#endTimer = wheel.after(isUnreliable ? timers.t4Ms : 0, this, 'timer-i');
        break;
      case 'start-l':
        this.#endTimer = wheel.after(64 * timers.t1Ms, this, 'timer-l');
        break;
      case 'pass-ack':
        if (request !== undefined && flow !== undefined) this.user.onAck(request, flow);
        break;
    }
  }

  #stopTimers(): void {
    this.#resendTimer?.cancel();
    this.#endTimer?.cancel();
    this.#resendTimer = null;
    this.#endTimer = null;
  }
}
