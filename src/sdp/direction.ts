// Directions of a stream in an answer (RFC 3264 §6.1).
import type { Direction } from './description.js';

/** What is wanted, as far as the offer allows it. */
export function answerDirection(offered: Direction, wanted: Direction): Direction {
  const sends = receives(offered) && (wanted === 'sendrecv' || wanted === 'sendonly');
  const takes = (offered === 'sendrecv' || offered === 'sendonly') && receives(wanted);
  if (sends) return takes ? 'sendrecv' : 'sendonly';
  return takes ? 'recvonly' : 'inactive';
}

function receives(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}
