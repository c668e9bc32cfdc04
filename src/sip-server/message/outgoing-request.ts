// A request of ours as sent, and the two that RFC 3261 derives from it: the ACK of a failure (§17.1.1.3) and the CANCEL (§9.1).
import type { TransportProtocol } from '../transport/flow.js';

export interface OutgoingRequest {
  readonly method: string;
  readonly uri: string;
  /** Value of our Via. */
  readonly via: string;
  readonly branch: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseqNumber: number;
  /** Route values in order. */
  readonly routes: readonly string[];
  readonly hasBody: boolean;
  /** The whole message, one character a byte. */
  readonly text: string;
}

export const MAGIC_COOKIE = 'z9hG4bK';

export function viaValue(protocol: TransportProtocol, sentBy: string, branch: string): string {
  // RFC 5923 §6: where our certificate can be verified, the peer may send its requests over our connection.
  const alias = protocol === 'tls' ? ';alias' : '';
  return `SIP/2.0/${protocol.toUpperCase()} ${sentBy};rport${alias};branch=${branch}`;
}

/** The fields that a derived request shares with its original. */
function derivedHead(request: OutgoingRequest, method: string, to: string): string {
  let head = `${method} ${request.uri} SIP/2.0\r\nVia: ${request.via}\r\nMax-Forwards: 70\r\n`;
  for (const route of request.routes) head += `Route: ${route}\r\n`;
  return `${head}From: ${request.from}\r\nTo: ${to}\r\nCall-ID: ${request.callId}\r\nCSeq: ${request.cseqNumber} ${method}\r\n`;
}

/** RFC 3261 §17.1.1.3. @param to the To of the response, with its tag */
export function failureAckText(invite: OutgoingRequest, to: string): string {
  return `${derivedHead(invite, 'ACK', to)}Content-Length: 0\r\n\r\n`;
}

/** RFC 3261 §9.1. @param extraHeaders complete lines with CRLF, e.g. a Reason */
export function cancelText(invite: OutgoingRequest, extraHeaders: string): string {
  return `${derivedHead(invite, 'CANCEL', invite.to)}${extraHeaders}Content-Length: 0\r\n\r\n`;
}
