// Values that must be unique and hard to guess. RFC 3261 §8.1.1.4, §8.1.1.7, §19.3.
import { randomInt, randomUUID } from 'node:crypto';
import { MAGIC_COOKIE } from './outgoing-request.js';

export function newBranch(): string {
  return MAGIC_COOKIE + randomUUID();
}

/** 48 random bits; RFC 3261 §19.3 asks for 32. */
export function newTag(): string {
  const uuid = randomUUID();
  return uuid.slice(0, 8) + uuid.slice(9, 13);
}

export function newCallId(): string {
  return randomUUID();
}

/** Id of a wire message or of a transaction as the application sees it. */
export function newId(): string {
  return randomUUID();
}

let cseq = randomInt(1 << 16, 1 << 24);

/** RFC 3261 §8.1.1.5: below 2**31, with room for a long dialog above it. */
export function newCSeqNumber(): number {
  cseq = cseq >= 1 << 28 ? 1 << 16 : cseq + 1;
  return cseq;
}
