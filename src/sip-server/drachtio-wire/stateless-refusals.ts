// Requests that are refused without a transaction: a retransmission is answered anew (RFC 3261 §8.2.7).
import { newTag } from '../message/random-tokens.js';
import { bareResponse, responseHeadOf, stampedTopVia } from '../message/response-head.js';
import type { MessageProblem, SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';
import type { CoreContext } from './core-context.js';

export function refuseMalformed(context: CoreContext, request: SipMessage, flow: Flow, problem: MessageProblem): void {
  // 416 and 501 are said of messages without a fault.
  if (problem.status === 400 || problem.status === 505) {
    context.counters.drop('malformed');
    context.defence.offended(flow.address, 'malformed');
  }
  // Without any Via nothing could find its way back.
  if (request.method === 'ACK' || !request.has('via')) return;
  refuse(context, request, flow, problem.status, problem.reason);
}

export function refuseForOverload(context: CoreContext, request: SipMessage, flow: Flow): void {
  const { counters, overload } = context;
  counters.drop('overload');
  overload.refused();
  refuse(context, request, flow, 503, undefined, overload.retryAfter);
}

function refuse(
  context: CoreContext,
  request: SipMessage,
  flow: Flow,
  status: number,
  reason?: string,
  extraHeaders?: string,
): void {
  const head = responseHeadOf(request, stampedTopVia(request, flow.address, flow.port));
  context.counters.sentResponse(request.method, status);
  const text = bareResponse(head, status, newTag(), reason, extraHeaders);
  context.transport.send(Buffer.from(text, 'latin1'), flow);
}
