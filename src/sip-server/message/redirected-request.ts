// A request of ours once more, to another target. RFC 3263 §4.3.
import type { Listener } from '../transport/flow.js';
import { type OutgoingRequest, viaValue } from './outgoing-request.js';
import { newBranch } from './random-tokens.js';
import { hostPort } from './uri.js';

/**
 * The same request as a new one: a branch of its own, our Via there, and where our address is another
 * there, our Contact.
 */
export function redirectedRequest(request: OutgoingRequest, from: Listener, to: Listener): OutgoingRequest {
  // A proxy's branch ends in the mark by which it knows loops (RFC 3261 §16.6 step 8).
  const mark = request.branch.indexOf('.');
  const branch = newBranch() + (mark === -1 ? '' : request.branch.slice(mark));
  const via = viaValue(to.protocol, to.sentBy, branch);
  let text = request.text.replace(`Via: ${request.via}\r\n`, () => `Via: ${via}\r\n`);
  if (from.advertise !== to.advertise) {
    text = text.replace(/\r\nContact: [^\r]*/, (line) =>
      line.replace(hostPort(from.advertise, from.port), () => hostPort(to.advertise, to.port)),
    );
  }
  return { ...request, via, branch, text };
}
