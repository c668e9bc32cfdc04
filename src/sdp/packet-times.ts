// How long the packets of a leg are asked to be: nothing repacketises, so that each leg is told what the other one needs.
import type { AudioStream } from './description.js';
import type { MediaPolicy } from './media-policy.js';
import type { PacketTimes } from './negotiate.js';

/** For a description to the side of `own`; `peer` is the stream of the other side, which will get its packets. */
export function packetTimes(
  own: MediaPolicy,
  other: MediaPolicy,
  peer: Pick<AudioStream, 'ptimeMs' | 'maxptimeMs'> | null,
): PacketTimes {
  const ptimeMs = own.ptimeMs ?? other.ptimeMs ?? peer?.ptimeMs;
  return { ptimeMs, maxptimeMs: peer?.maxptimeMs };
}
