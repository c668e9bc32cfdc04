// What a relay must know of RTCP: whether bytes are a compound packet that may be passed on (RFC 3550 §6.1, §A.2).

const RTCP_HEADER_BYTES = 4;
const SENDER_REPORT = 200;
const LAST_TYPE = 207;

/** Whether the bytes are a well-formed compound packet: known types and lengths that add up. */
export function isRtcp(packet: Uint8Array): boolean {
  if (packet.length < 8 || packet.length % 4 !== 0) return false;
  let offset = 0;
  while (offset < packet.length) {
    if (packet.length - offset < RTCP_HEADER_BYTES) return false;
    const type = packet[offset + 1] ?? 0;
    // RFC 5506 lets the first packet be other than a report, so its type is not asked for more than the others'.
    if ((packet[offset] ?? 0) >> 6 !== 2 || type < SENDER_REPORT || type > LAST_TYPE) return false;
    offset += 4 * (1 + (((packet[offset + 2] ?? 0) << 8) | (packet[offset + 3] ?? 0)));
  }
  return offset === packet.length;
}
