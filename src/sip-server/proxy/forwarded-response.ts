// A response as a proxy sends it back: as it came, but for our Via. RFC 3261 §16.7 steps 3, 6 and 7.
import { HEADER_ID } from '../message/header-names.js';
import { endOfElement } from '../message/name-address.js';
import { reasonPhrase } from '../message/reason-phrases.js';
import type { SipMessage } from '../message/sip-message.js';

/**
 * @param status given instead of its own, for a 503, which would tell the peer that it was ours
 * @param challenges of the other branches, complete lines
 */
export function forwardedResponse(response: SipMessage, status = response.status, challenges = ''): string {
  const { head } = response;
  let text =
    status === response.status
      ? head.slice(0, head.indexOf('\r\n') + 2)
      : `SIP/2.0 ${status} ${reasonPhrase(status)}\r\n`;
  let isTopVia = true;
  for (let index = 0; index < response.headerCount; index++) {
    const [start, end] = response.valueSpanAt(index);
    let value = head.slice(start, end);
    if (isTopVia && response.idAt(index) === HEADER_ID.via) {
      isTopVia = false;
      const length = endOfElement(value, 0);
      if (length === value.length) continue;
      value = value.slice(length + 1).trimStart();
    }
    text += `${response.nameAt(index)}: ${value}\r\n`;
  }
  // A datagram may leave its length to its end, a stream may not.
  if (!response.has('content-length')) text += `Content-Length: ${response.body.length}\r\n`;
  return `${text}${challenges}\r\n${response.body}`;
}
