// A request from a peer as applications see it.
import { stampedTopVia } from '../message/response-head.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';

/** As received, the packet's source written into the topmost Via. */
export function requestText(request: SipMessage, flow: Flow): string {
  const index = request.indexOf('via');
  const [start, end] = request.valueSpanAt(index);
  const { head } = request;
  return head.slice(0, start) + stampedTopVia(request, flow.address, flow.port) + head.slice(end) + request.body;
}
