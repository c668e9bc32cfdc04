// The agent of a call: who of the trunk's users calls, by the trunk's `agentFrom`. The peer's word, so that it may be anything:
// what is no plain name is nobody.
import { agentNameOf } from '../policy/agent-name.js';
import { userOf } from './message-parts.js';
import type { SipRequest } from './srf.js';

/** `none`, `from-user`, or `header:` and a header's name. */
export type AgentSource = string;

const HEADER_PREFIX = 'header:';
/** A longer header is not looked at: no name-addr of a PBX is. */
const MAX_HEADER_CHARACTERS = 1024;

/** Null when the trunk has no agents, or the INVITE does not name one that can be read. */
export function readAgent(request: SipRequest, source: AgentSource): string | null {
  const text = source === 'from-user' ? request.get('From') : headerOf(request, source);
  if (text === undefined || text.length > MAX_HEADER_CHARACTERS) return null;
  const isAddress = source === 'from-user' || /^[^,]*<|^\s*(?:sips?|tel):/i.test(text);
  const name = isAddress ? userOf(text) : text.trim();
  // Who withholds a name has this one (RFC 3323 §4.1.1.3): whoever they are, they are no one agent.
  return isAddress && name.toLowerCase() === 'anonymous' ? null : agentNameOf(name);
}

function headerOf(request: SipRequest, source: AgentSource): string | undefined {
  return source.startsWith(HEADER_PREFIX) ? request.get(source.slice(HEADER_PREFIX.length)) : undefined;
}
