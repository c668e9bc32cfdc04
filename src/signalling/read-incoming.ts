// What a call needs of a gateway's INVITE: as of a trunk's, but that who calls and where it goes are known by other means.
import type { CallRequest } from '../call/call-request.js';
import type { IncomingTerms } from '../call/incoming-routes.js';
import { type InviteCircumstances, readInvite } from './read-invite.js';
import type { SipRequest } from './srf.js';

export function readIncoming(
  request: SipRequest,
  { trunk, agent, calling, incoming }: IncomingTerms,
  circumstances: InviteCircumstances,
): CallRequest {
  const read = readInvite(request, { ...trunk, agentFrom: 'none' }, circumstances);
  return { ...read, trunk, agent, calling, incoming };
}
