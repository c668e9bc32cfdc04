// Server transaction of every method but INVITE and ACK. RFC 3261 §17.2.2.
//
//              |request: to TU
//              V
//           [ trying ]--200-699: send----------+
//              |1xx: send                      |
//      1xx:    V                               V
//      send [ proceeding ]--200-699: send-->[ completed ]--J-->[ terminated ]
//      request: resend                      request: resend
//
// A request that its user never answers ends after 64·T1 too (RFC 4320 §4.2: a late answer helps nobody); when the peer's
// Timer E has grown to T2 the user may say 100 (§4.1).
import type { SipTimers } from '../control.js';
import type { SipMessage } from '../message/sip-message.js';
import type { TimerOwner, WheelTimer } from '../timer-wheel.js';
import type { Flow } from '../transport/flow.js';
import { type MachineTable, stepFor, to } from './machine.js';
import type { ServerTransaction, ServerTransactionUser } from './server-transaction.js';
import type { TransactionContext } from './transaction-context.js';

type State = 'trying' | 'proceeding' | 'completed' | 'terminated';
type Input = 'request' | 'send-1xx' | 'send-200-699' | 'timer-j' | 'timer-overdue' | 'timer-unanswered';
type Action = 'send' | 'resend' | 'start-j' | 'start-unanswered' | 'inform-overdue';

export const NON_INVITE_SERVER_TABLE: MachineTable<State, Input, Action> = {
  trying: {
    request: to('trying'),
    'timer-unanswered': to('terminated'),
    'send-1xx': to('proceeding', 'send'),
    'send-200-699': to('completed', 'send', 'start-j'),
    'timer-overdue': to('trying', 'start-unanswered', 'inform-overdue'),
  },
  proceeding: {
    request: to('proceeding', 'resend'),
    'send-1xx': to('proceeding', 'send'),
    'send-200-699': to('completed', 'send', 'start-j'),
    'timer-overdue': to('proceeding', 'start-unanswered'),
    'timer-unanswered': to('terminated'),
  },
  completed: {
    request: to('completed', 'resend'),
    'timer-j': to('terminated'),
  },
  terminated: {},
};

export class NonInviteServerTransaction implements ServerTransaction, TimerOwner {
  readonly key: string;
  readonly request: SipMessage;
  readonly flow: Flow;
  readonly user: ServerTransactionUser;
  readonly #context: TransactionContext;
  readonly #onTerminated: (transaction: ServerTransaction) => void;
  #state: State = 'trying';
  #lastResponse: Buffer | null = null;
  #endTimer: WheelTimer | null;

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
    this.user = user;
    this.#context = context;
    this.#onTerminated = onTerminated;
    this.#endTimer = context.wheel.after(overdueMs(context.timers), this, 'timer-overdue');
  }

  get state(): State {
    return this.#state;
  }

  receive(): void {
    this.#take('request', null);
  }

  respond(status: number, text: string): boolean {
    return this.#take(status < 200 ? 'send-1xx' : 'send-200-699', text);
  }

  /** Only an INVITE is answered until acknowledged. */
  repeatAnswer(): void {}

  onTimer(name: string): void {
    this.#take(name as Input, null);
  }

  #take(input: Input, text: string | null): boolean {
    const step = stepFor(NON_INVITE_SERVER_TABLE, 'non-invite-server', this.#state, input, this.#context.log);
    if (step === undefined) return false;
    const hasEnded = step.next === 'terminated' && this.#state !== 'terminated';
    this.#state = step.next;
    for (const action of step.actions) this.#act(action, text);
    if (hasEnded) {
      this.#endTimer?.cancel();
      this.#lastResponse = null;
      this.#onTerminated(this);
      this.user.onEnded();
    }
    return true;
  }

  #act(action: Action, text: string | null): void {
    const { wheel, timers, counters } = this.#context;
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
      case 'start-unanswered':
        this.#endTimer = wheel.next(this.#endTimer, 64 * timers.t1Ms - overdueMs(timers), this, 'timer-unanswered');
        break;
      case 'inform-overdue':
        this.user.onOverdue();
        break;
      case 'start-j':
        this.#endTimer?.cancel();
        this.#endTimer = wheel.after(this.flow.listener.protocol === 'udp' ? 64 * timers.t1Ms : 0, this, 'timer-j');
        break;
    }
  }
}

/** RFC 4320 §4.1: how long until the Timer E of a client has been reset to T2. */
function overdueMs({ t1Ms, t2Ms }: SipTimers): number {
  let sumMs = 0;
  for (let resendMs = t1Ms; resendMs < t2Ms; resendMs *= 2) sumMs += resendMs;
  return sumMs;
}
