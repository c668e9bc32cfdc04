// When the next RTCP packet is due (RFC 3550 §6.3.1) in a session of two: there the least interval decides, not bandwidth.

const MIN_INTERVAL_MS = 5_000;
/** §6.3.1: makes up for what timer reconsideration takes off the mean. */
const COMPENSATION = Math.E - 1.5;

/** Milliseconds to the next packet, half of it to the first; `random` is from 0 to 1. */
export function rtcpIntervalMs(isFirst: boolean, random: number): number {
  const leastMs = isFirst ? MIN_INTERVAL_MS / 2 : MIN_INTERVAL_MS;
  return (leastMs * (0.5 + random)) / COMPENSATION;
}

/** A peer that sends RTCP has sent its first packet, and after that another, within this: twice the longest interval. */
export const FIRST_RTCP_SILENCE_MS = 2 * rtcpIntervalMs(true, 1);
export const RTCP_SILENCE_MS = 2 * rtcpIntervalMs(false, 1);
