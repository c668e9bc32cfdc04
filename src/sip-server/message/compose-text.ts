// The serialiser of requests: fields in, the whole text out. RFC 3261 §7.1, §8.1.1.
import type { Listener } from '../transport/flow.js';
import { type OutgoingRequest, viaValue } from './outgoing-request.js';

export interface RequestFields {
  readonly method: string;
  readonly uri: string;
  readonly routes: readonly string[];
  readonly branch: string;
  readonly maxForwards: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseqNumber: number;
  readonly contact: string | undefined;
  /** Further headers as complete lines. */
  readonly others: string;
  readonly contentType: string | undefined;
  readonly body: string;
}

export function composeText(fields: RequestFields, listener: Listener): OutgoingRequest {
  const { method, uri, branch, from, to, callId, cseqNumber, routes } = fields;
  const via = viaValue(listener.protocol, listener.sentBy, branch);
  let routeLines = '';
  for (const route of routes) routeLines += `Route: ${route}\r\n`;
  const contact = fields.contact === undefined ? '' : `Contact: ${fields.contact}\r\n`;
  const text =
    `${method} ${uri} SIP/2.0\r\nVia: ${via}\r\n${routeLines}Max-Forwards: ${fields.maxForwards}\r\n` +
    `From: ${from}\r\nTo: ${to}\r\nCall-ID: ${callId}\r\nCSeq: ${cseqNumber} ${method}\r\n` +
    contact +
    fields.others +
    bodyPart(fields.contentType, fields.body);
  return { method, uri, via, branch, from, to, callId, cseqNumber, routes, hasBody: fields.body !== '', text };
}

/** Content-Type if needed, Content-Length, the empty line and the body. */
export function bodyPart(contentType: string | undefined, body: string): string {
  const type = contentType !== undefined && body !== '' ? `Content-Type: ${contentType}\r\n` : '';
  return `${type}Content-Length: ${body.length}\r\n\r\n${body}`;
}
