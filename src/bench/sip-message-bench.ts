// What one message costs the SIP server: read as on arrival (parsed, and checked as RFC 3261 §8.1.1 asks), and written.

import { checkMessage } from '../sip-server/message/check-message.js';
import { bodyPart, composeText } from '../sip-server/message/compose-text.js';
import { parseMessage } from '../sip-server/message/parse-message.js';
import { newBranch } from '../sip-server/message/random-tokens.js';
import { responseHeadOf, responseStart, stampedTopVia } from '../sip-server/message/response-head.js';
import type { Listener } from '../sip-server/transport/flow.js';

export interface SipMessageBenchResult {
  readonly benchmark: 'sip-message';
  readonly type: string;
  readonly bytes: number;
  /** Nanoseconds of CPU a message; medians of rounds. */
  readonly parseNs: number;
  readonly serialiseNs: number;
}

const SDP =
  'v=0\r\no=caller 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n' +
  'a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n';

const FROM = '"Alice" <sip:alice@pbx.example.com>;tag=9fxced76sl';
const TO = '<sip:01012345678@192.0.2.10:5060>';
const OTHERS =
  'User-Agent: bench\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\nSupported: replaces, timer\r\n';

const REQUESTS: readonly { method: string; to: string; hasContact: boolean; body: string }[] = [
  { method: 'INVITE', to: TO, hasContact: true, body: SDP },
  { method: 'ACK', to: `${TO};tag=8321234356`, hasContact: false, body: '' },
  { method: 'BYE', to: `${TO};tag=8321234356`, hasContact: false, body: '' },
  { method: 'OPTIONS', to: TO, hasContact: true, body: '' },
];

const RESPONSES: readonly { status: number; reason: string; body: string }[] = [
  { status: 180, reason: 'Ringing', body: '' },
  { status: 200, reason: 'OK', body: SDP },
];

const LISTENER = {
  protocol: 'udp',
  address: '192.0.2.1',
  port: 5060,
  advertise: '192.0.2.1',
  sentBy: '192.0.2.1',
  contactUri: 'sip:192.0.2.1:5060',
} as unknown as Listener;

/** The optimiser must not find that nobody reads the results. */
let sink = 0;

/** A first round over all types is thrown away: the compiler settles on code that serves them all. */
export function benchMessages(budgetMs: number): SipMessageBenchResult[] {
  measureAll(budgetMs / 4);
  return measureAll((budgetMs * 3) / 4);
}

function measureAll(budgetMs: number): SipMessageBenchResult[] {
  const eachMs = budgetMs / (REQUESTS.length + RESPONSES.length) / 2;
  const results: SipMessageBenchResult[] = [];
  for (const request of REQUESTS) {
    const write = (): string => requestText(request);
    results.push(measure(request.method, write, eachMs));
  }
  const invite = parseMessage(Buffer.from(requestText(REQUESTS[0] as (typeof REQUESTS)[number]), 'latin1'), {
    body: 'declared',
  });
  if (invite === null) throw new Error('The INVITE of the benchmark cannot be parsed');
  const head = responseHeadOf(invite, stampedTopVia(invite, '192.0.2.2', 5060));
  for (const { status, reason, body } of RESPONSES) {
    const write = (): string =>
      `${responseStart(head, status, reason, '8321234356')}Contact: <${LISTENER.contactUri}>\r\n${OTHERS}` +
      bodyPart('application/sdp', body);
    results.push(measure(`${status}`, write, eachMs));
  }
  return results;
}

function requestText({ method, to, hasContact, body }: (typeof REQUESTS)[number]): string {
  return composeText(
    {
      method,
      uri: 'sip:01012345678@192.0.2.10:5060',
      routes: [],
      branch: newBranch(),
      maxForwards: '70',
      from: FROM,
      to,
      callId: 'a84b4c76e66710@pbx.example.com',
      cseqNumber: 314159,
      contact: hasContact ? '<sip:alice@192.0.2.1:5060>' : undefined,
      others: OTHERS,
      contentType: body === '' ? undefined : 'application/sdp',
      body,
    },
    LISTENER,
  ).text;
}

function measure(type: string, write: () => string, eachMs: number): SipMessageBenchResult {
  const bytes = Buffer.from(write(), 'latin1');
  const parse = (): void => {
    const message = parseMessage(bytes, { body: 'declared' });
    if (message === null || checkMessage(message) !== null)
      throw new Error(`The ${type} of the benchmark is malformed`);
    sink += message.headerCount;
  };
  const serialise = (): void => {
    sink += Buffer.from(write(), 'latin1').length;
  };
  return {
    benchmark: 'sip-message',
    type,
    bytes: bytes.length,
    parseNs: nanosecondsOf(parse, eachMs),
    serialiseNs: nanosecondsOf(serialise, eachMs),
  };
}

/** CPU time of this process, not wall time, for the machine is shared: median of rounds of 1,000, after a fifth for warming up. */
function nanosecondsOf(work: () => void, budgetMs: number): number {
  const warmUntilMs = performance.now() + budgetMs / 5;
  while (performance.now() < warmUntilMs) for (let count = 0; count < 1000; count++) work();
  const rounds: number[] = [];
  const endMs = performance.now() + (budgetMs * 4) / 5;
  do {
    const before = process.cpuUsage();
    for (let count = 0; count < 1000; count++) work();
    const { user, system } = process.cpuUsage(before);
    // Microseconds for a thousand are nanoseconds each.
    rounds.push(user + system);
  } while (performance.now() < endMs);
  if (sink < 0) throw new Error('unreachable');
  return Math.round(median(rounds));
}

/** Of an even number, the mean of the middle two; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] ?? Number.NaN) + upper) / 2;
}
