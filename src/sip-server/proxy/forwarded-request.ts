// A request as a proxy sends it on: as it came, but for what RFC 3261 §16.6 changes.
import { createHash } from 'node:crypto';
import { HEADER_ID } from '../message/header-names.js';
import { type OutgoingRequest, viaValue } from '../message/outgoing-request.js';
import { newBranch } from '../message/random-tokens.js';
import { stampedTopVia } from '../message/response-head.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';

export interface ForwardingChanges {
  readonly uri: string;
  readonly routes: readonly string[];
  /** Complete lines that go on top, our Record-Route among them. */
  readonly added: string;
  /** Complete lines that go to the end. */
  readonly extra: string;
}

/** Max-Forwards of the request that goes on; a request without one gets 70. RFC 3261 §16.6 step 3. */
function maxForwardsAfter(request: SipMessage): number {
  const value = request.value('max-forwards');
  return value === undefined ? 70 : Number(value) - 1;
}

/** @param arrival where the request came from @param departure where it goes */
export function forwardedRequest(
  request: SipMessage,
  arrival: Flow,
  departure: Flow,
  { uri, routes, added, extra }: ForwardingChanges,
): OutgoingRequest {
  const { listener } = departure;
  const branch = `${newBranch()}.${loopMark(request)}`;
  const via = viaValue(listener.protocol, listener.sentBy, branch);
  let lines = `Via: ${via}\r\n${added}`;
  for (const route of routes) lines += `Route: ${route}\r\n`;
  let isTopVia = true;
  for (let index = 0; index < request.headerCount; index++) {
    const id = request.idAt(index);
    if (id === HEADER_ID.route || id === HEADER_ID['max-forwards']) continue;
    const [start, end] = request.valueSpanAt(index);
    const value =
      id === HEADER_ID.via && isTopVia
        ? stampedTopVia(request, arrival.address, arrival.port)
        : request.head.slice(start, end);
    if (id === HEADER_ID.via) isTopVia = false;
    lines += `${request.nameAt(index)}: ${value}\r\n`;
  }
  const { method, body } = request;
  // A datagram may leave its length to its end, a stream may not.
  if (!request.has('content-length')) lines += `Content-Length: ${body.length}\r\n`;
  const maxForwards = `Max-Forwards: ${maxForwardsAfter(request)}\r\n`;
  return {
    method,
    uri,
    via,
    branch,
    from: request.value('from') ?? '',
    to: request.value('to') ?? '',
    callId: request.callId,
    cseqNumber: request.cseq?.number ?? 0,
    routes,
    hasBody: request.hasBody,
    text: `${method} ${uri} SIP/2.0\r\n${lines}${maxForwards}${extra}\r\n${body}`,
  };
}

/** What tells a loop from a spiral: everything that decides where the request goes. RFC 3261 §16.6 step 8, RFC 5393 §4.2.1. */
function loopMark(request: SipMessage): string {
  const parts = [
    request.uri,
    request.callId,
    request.from?.tag ?? '',
    request.to?.tag ?? '',
    String(request.cseq?.number ?? 0),
    request.values('route').join(','),
    request.value('proxy-authorization') ?? '',
  ];
  return createHash('sha256').update(parts.join('\n'), 'latin1').digest('hex').slice(0, 12);
}

/** Whether we have sent just this request on before. RFC 3261 §16.3 step 4. */
export function isLoop(request: SipMessage, sentBys: readonly string[]): boolean {
  const vias = request.values('via').join(',');
  return sentBys.some((sentBy) => vias.includes(` ${sentBy};`)) && vias.includes(`.${loopMark(request)}`);
}
