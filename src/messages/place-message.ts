// From a message to a reserved channel: what it is on each gateway, the router's decision, the ledger's one atomic step with the
// message's row in the same transaction. A lost race is a value, and the next best is tried.
import { randomUUID } from 'node:crypto';
import type { ReserveFirstResult, ReserveRequest } from '../quota/ledger.js';
import { payersOf } from '../quota/payers.js';
import type { MessageLoad } from '../quota/usage.js';
import type { Message, MessageAttempt, MessageDecision, MessageParty } from './message.js';
import type { MessageGateway, MessagePorts, MessageRoutes } from './message-ports.js';
import type { MessageRefusal } from './message-refusal.js';
import { type MeasuredText, measureText, type TextLimits } from './message-text.js';

export type Placing =
  | { readonly kind: 'sending'; readonly message: Message }
  /** No channel now, but one may come free. */
  | { readonly kind: 'wait'; readonly decision: MessageDecision }
  | {
      readonly kind: 'refused';
      readonly reason: MessageRefusal;
      readonly detail: string | null;
      readonly decision: MessageDecision | null;
    };

type Answer = ReturnType<MessageRoutes['decideMessage']>;
type Candidate = NonNullable<Answer['best']>;

/** What time, or the end of a call, may change. */
const PASSING: ReadonlySet<string> = new Set([
  ...['channel-busy', 'channel-resting', 'channel-cooling', 'message-gap', 'paced', 'weak-signal', 'not-registered'],
  ...['gateway-down', 'gateway-cooling', 'gateway-full', 'gateway-rate'],
]);
/** Candidates that the ledger refused; beyond these rounds the system is full in every sense. */
const MAX_ROUNDS = 16;

export async function placeMessage(
  ports: Pick<MessagePorts, 'routes' | 'ledger' | 'books' | 'clock'>,
  message: Message,
  callee: MessageParty,
  options: {
    readonly gateways: readonly MessageGateway[];
    readonly resting: ReadonlySet<string>;
    readonly key: string | null;
  },
): Promise<Placing> {
  const { gateways, resting, key } = options;
  const { trunk, traffic } = message;
  if (trunk === null || traffic === null) return refused('internal-error', null);
  const measured = measureOn(gateways, message);
  if (measured.size === 0) return refused('too-long', null);
  const loads = new Map([...measured].map(([name, { load }]) => [name, load]));
  const lost: string[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const answer = ports.routes.decideMessage({
      ...{ callee, trunk: { name: trunk, traffic }, agent: message.agent, loads, resting },
      ...exclusionsOf(message, lost),
      wallMs: ports.clock.wallMs(),
    });
    const decision = decisionOf(answer);
    if (answer.best === undefined) return withoutChannel(answer, decision, message);
    const tried = ports.ledger.reserveFirst === undefined ? [answer.best] : alike(answer.candidates, loads);
    const attemptId = randomUUID();
    const sending = new Map(
      tried.map((candidate) => {
        const text = measured.get(candidate.gateway.name) as MeasuredText;
        return [candidate.channelId, sendingOver(candidate, attemptId, text, decision, message, ports.clock.wallMs())];
      }),
    );
    const requests = tried.map((candidate) =>
      requestFor(message, trunk, callee, attemptId, candidate, loads.get(candidate.gateway.name) as MessageLoad, ports),
    );
    const reserved = await reserveOneOf(ports, requests, sending, key);
    if (reserved.ok) return { kind: 'sending', message: sending.get(reserved.channelId) as Message };
    const { reason, payer, allowanceId } = reserved;
    if (reason === 'cap-exhausted') return refused(reason, decision, `${allowanceId} of ${payer}`);
    if (reason === 'journal-stalled' || reason === 'ledger-away') return refused(reason, decision);
    lost.push(...tried.map(({ channelId }) => channelId));
  }
  return refused('no-channel', null);
}

/** One step of the ledger books the same of each candidate. */
function alike(candidates: readonly Candidate[], loads: ReadonlyMap<string, MessageLoad>): readonly Candidate[] {
  const loadOf = (candidate: Candidate | undefined) => loads.get(candidate?.gateway.name ?? '');
  const first = loadOf(candidates[0]);
  return candidates.filter((candidate) => {
    const load = loadOf(candidate);
    return load?.kind === first?.kind && load?.count === first?.count;
  });
}

/** What it is on each gateway that can send it: measured once for all that have the same limits. */
function measureOn(
  gateways: readonly MessageGateway[],
  { text, pictures }: Message,
): ReadonlyMap<string, MeasuredText> {
  const byLimits = new Map<TextLimits, MeasuredText | null>();
  const byGateway = new Map<string, MeasuredText>();
  for (const { name, limits } of gateways) {
    let measured = byLimits.get(limits);
    if (measured === undefined) {
      measured = measureText(text, pictures.length > 0, limits);
      byLimits.set(limits, measured);
    }
    if (measured !== null) byGateway.set(name, measured);
  }
  return byGateway;
}

/** Channels that failed it, and gateways that failed it as a whole. */
function exclusionsOf({ attempts }: Message, lost: readonly string[]) {
  return {
    excludeChannels: [...attempts.map(({ channelId }) => channelId), ...lost],
    excludeGateways: attempts.filter(({ means }) => means === 'gateway').map(({ gateway }) => gateway),
  };
}

function withoutChannel({ refusal, summary }: Answer, decision: MessageDecision, { attempts }: Message): Placing {
  const reasons = Object.keys(summary.refused);
  if (reasons.some((reason) => PASSING.has(reason))) return { kind: 'wait', decision };
  if (attempts.length > 0) return refused('every-attempt-failed', decision);
  return refused(refusal === 'no-channel' ? 'no-channel' : 'refused-for-this-message', decision, reasons.join(', '));
}

function refused(reason: MessageRefusal, decision: MessageDecision | null, detail: string | null = null): Placing {
  return { kind: 'refused', reason, detail, decision };
}

function decisionOf({ summary }: Answer): MessageDecision {
  const { considered, refused: counts, winner } = summary;
  return { considered, refused: counts, winner };
}

function sendingOver(
  { channelId, simId, simNumber, gateway }: Candidate,
  attemptId: string,
  { load, encoding }: MeasuredText,
  decision: MessageDecision,
  message: Message,
  nowMs: number,
): Message {
  const attempt: MessageAttempt = {
    ...{ attemptId, channelId, gateway: gateway.name, simId, simNumber },
    ...{ startedAtMs: nowMs, endedAtMs: null, outcome: null, means: null, status: null, detail: null },
    ...{ cost: '0', currency: null, estimated: false },
  };
  const attempts = [...message.attempts, attempt];
  return { ...message, state: 'sending', kind: load.kind, parts: load.count, encoding, attempts, decision };
}

function requestFor(
  { messageId, agent, account }: Message,
  trunk: string,
  { e164, numberClass }: MessageParty,
  attemptId: string,
  { channelId, simId }: Candidate,
  load: MessageLoad,
  { clock }: Pick<MessagePorts, 'clock'>,
): ReserveRequest {
  return {
    reservationId: attemptId,
    callId: messageId,
    trunk,
    direction: 'out',
    payers: payersOf({ trunk: { name: trunk }, agent, account }),
    channelId,
    simId,
    callee: e164,
    numberClass,
    wallMs: clock.wallMs(),
    message: load,
  };
}

async function reserveOneOf(
  { ledger, books }: Pick<MessagePorts, 'ledger' | 'books'>,
  requests: readonly ReserveRequest[],
  sending: ReadonlyMap<string, Message>,
  key: string | null,
): Promise<ReserveFirstResult> {
  const [best] = requests;
  if (best === undefined) return { ok: false, reason: 'unknown-channel' };
  const rowOf = ({ channelId }: ReserveRequest) => books.keep(sending.get(channelId) as Message, { key });
  if (ledger.reserveFirst !== undefined) return ledger.reserveFirst(requests, rowOf);
  const reserved = await ledger.reserve(best, rowOf(best));
  return reserved.ok ? { ...reserved, channelId: best.channelId } : reserved;
}
