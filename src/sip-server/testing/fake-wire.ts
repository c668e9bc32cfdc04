// Transactions without sockets: what they send is kept, and time is a ManualClock.
import { ManualClock } from '../../lib/clock.js';
import { Counters } from '../counters.js';
import type { OutgoingRequest } from '../message/outgoing-request.js';
import { parseMessage } from '../message/parse-message.js';
import type { SipMessage } from '../message/sip-message.js';
import { SILENT_LOG } from '../server-log.js';
import { TimerWheel } from '../timer-wheel.js';
import type { ClientTransactionUser } from '../transaction/client-transaction.js';
import type { ServerTransactionUser } from '../transaction/server-transaction.js';
import type { TransactionContext } from '../transaction/transaction-context.js';
import type { Flow, Listener } from '../transport/flow.js';

export const TIMERS = { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 };

export interface FakeWire {
  readonly clock: ManualClock;
  readonly context: TransactionContext;
  /** First lines of what was sent, with the time of sending. */
  readonly sent: { readonly atMs: number; readonly line: string; readonly text: string }[];
  /** Fails the last sending that could fail. */
  fail(): void;
}

export function fakeWire(): FakeWire {
  const clock = new ManualClock();
  const sent: { atMs: number; line: string; text: string }[] = [];
  let onFailure: ((cause: Error) => void) | undefined;
  const context: TransactionContext = {
    timers: TIMERS,
    wheel: new TimerWheel(clock, (error) => {
      throw error;
    }),
    counters: new Counters(),
    log: SILENT_LOG,
    called: () => undefined,
    send: (message, _flow, failure) => {
      const text = message.toString('latin1');
      sent.push({ atMs: clock.monotonicMs(), line: text.slice(0, text.indexOf('\r\n')), text });
      if (failure !== undefined) onFailure = failure;
    },
  };
  return { clock, context, sent, fail: () => onFailure?.(new Error('refused')) };
}

export function fakeFlow(protocol: 'udp' | 'tcp' = 'udp'): Flow {
  const listener: Listener = {
    protocol,
    address: '192.0.2.1',
    port: 5060,
    advertise: '192.0.2.1',
    network: undefined,
    family: 4,
    sentBy: '192.0.2.1',
    contactUri: 'sip:192.0.2.1:5060',
    send: () => undefined,
  };
  return { listener, address: '192.0.2.2', port: 5060, connection: null };
}

export function fakeOutgoing(method: string): OutgoingRequest {
  return {
    method,
    uri: 'sip:b@192.0.2.2',
    via: 'SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKa',
    branch: 'z9hG4bKa',
    from: '<sip:a@192.0.2.1>;tag=f',
    to: '<sip:b@192.0.2.2>',
    callId: 'c',
    cseqNumber: 7,
    routes: ['<sip:p;lr>'],
    hasBody: false,
    text: `${method} sip:b@192.0.2.2 SIP/2.0\r\n\r\n`,
  };
}

export function fakeMessage(startLine: string, method: string, extra = ''): SipMessage {
  const message = parseMessage(
    Buffer.from(
      `${startLine}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:b@c>;tag=t\r\n` +
        `Call-ID: c\r\nCSeq: 7 ${method}\r\n${extra}\r\n`,
    ),
    { body: 'declared' },
  );
  if (message === null) throw new Error('The test wrote no message');
  return message;
}

export function fakeResponse(status: number, method: string): SipMessage {
  return fakeMessage(`SIP/2.0 ${status} Said`, method);
}

/** A user that writes down what it is told. */
export class RecordingUser implements ClientTransactionUser, ServerTransactionUser {
  readonly told: string[] = [];

  onResponse(response: SipMessage): void {
    this.told.push(String(response.status));
  }

  onTimeout(): void {
    this.told.push('timeout');
  }

  onTransportFailure(): void {
    this.told.push('transport failure');
  }

  onOverdue(): void {
    this.told.push('overdue');
  }

  onAck(): void {
    this.told.push('ack');
  }

  onEnded(): void {
    this.told.push('ended');
  }
}
