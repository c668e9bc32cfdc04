// What every response to a request repeats of it. RFC 3261 §8.2.6.2, §12.1.1.
import { HEADER_ID } from './header-names.js';
import { reasonPhrase } from './reason-phrases.js';
import type { SipMessage } from './sip-message.js';
import { stampVia } from './via.js';

/** The part of a request that its responses are made of; kept while the request itself may be forgotten. */
export interface ResponseHead {
  /** Via lines, the topmost with the packet's source. */
  readonly vias: string;
  /** Record-Route lines, for responses that make a dialog. */
  readonly recordRoutes: string;
  readonly from: string;
  readonly to: string;
  readonly hasToTag: boolean;
  readonly callId: string;
  readonly cseq: string;
}

/** The value of the topmost Via header with the packet's source written in. */
export function stampedTopVia(request: SipMessage, address: string, port: number): string {
  const value = request.value('via') ?? '';
  return request.via === null ? value : stampVia(value, request.via, address, port);
}

export function responseHeadOf(request: SipMessage, topVia: string): ResponseHead {
  let vias = `Via: ${topVia}\r\n`;
  let recordRoutes = '';
  let isTop = true;
  for (let index = 0; index < request.headerCount; index++) {
    const id = request.idAt(index);
    if (id === HEADER_ID.via) {
      if (!isTop) vias += `Via: ${request.valueAt(index)}\r\n`;
      isTop = false;
    } else if (id === HEADER_ID['record-route']) recordRoutes += `Record-Route: ${request.valueAt(index)}\r\n`;
  }
  return {
    vias,
    recordRoutes,
    from: request.value('from') ?? '',
    to: request.value('to') ?? '',
    hasToTag: request.to?.tag !== undefined,
    callId: request.callId,
    cseq: request.value('cseq') ?? '',
  };
}

/** The start of a response, up to and including CSeq. @param tag ours, added to To unless it has one; '' adds none */
export function responseStart(head: ResponseHead, status: number, reason: string, tag: string): string {
  const toTag = tag === '' || head.hasToTag ? '' : `;tag=${tag}`;
  const recordRoutes = status > 100 && status < 300 ? head.recordRoutes : '';
  // A malformed request may lack any of these.
  const from = head.from === '' ? '' : `From: ${head.from}\r\n`;
  const to = head.to === '' ? '' : `To: ${head.to}${toTag}\r\n`;
  const callId = head.callId === '' ? '' : `Call-ID: ${head.callId}\r\n`;
  const cseq = head.cseq === '' ? '' : `CSeq: ${head.cseq}\r\n`;
  return `SIP/2.0 ${status} ${reason}\r\n${head.vias}${recordRoutes}${from}${to}${callId}${cseq}`;
}

/** A whole response without a body. @param extraHeaders complete lines with CRLF */
export function bareResponse(
  head: ResponseHead,
  status: number,
  tag: string,
  reason = reasonPhrase(status),
  extraHeaders = '',
): string {
  return `${responseStart(head, status, reason, tag)}${extraHeaders}Content-Length: 0\r\n\r\n`;
}
