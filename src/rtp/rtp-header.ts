// The fixed header of an RTP packet, read by hand and without allocation: the relay does this for every packet.
// RFC 3550 §5.1; the split between RTP and RTCP is RFC 5761 §4. Anything but the header is rtp.js's business.

export const RTP_HEADER_BYTES = 12;

/** Bytes of a packet, wherever they lie. */
export type PacketBytes = Uint8Array;

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                           timestamp                           |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |           synchronization source (SSRC) identifier            |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |            contributing source (CSRC) identifiers ...         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  defined by profile (if X)    |  length in 32-bit words ...   |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

/** Whether the bytes can be an RTP packet: version 2, a whole fixed header, and not RTCP by its second byte. */
export function isRtp(packet: PacketBytes): boolean {
  if (packet.length < RTP_HEADER_BYTES || byteAt(packet, 0) >> 6 !== 2) return false;
  const second = byteAt(packet, 1);
  return second < 192 || second > 223;
}

export function payloadTypeOf(packet: PacketBytes): number {
  return byteAt(packet, 1) & 0x7f;
}

export function hasMarker(packet: PacketBytes): boolean {
  return (byteAt(packet, 1) & 0x80) !== 0;
}

export function sequenceOf(packet: PacketBytes): number {
  return (byteAt(packet, 2) << 8) | byteAt(packet, 3);
}

/** The RTP timestamp, unsigned 32 bits. */
export function timestampOf(packet: PacketBytes): number {
  return wordAt(packet, 4);
}

export function ssrcOf(packet: PacketBytes): number {
  return wordAt(packet, 8);
}

/** Where the payload starts, past CSRCs and extension; -1 when the packet is cut short. */
export function payloadStartOf(packet: PacketBytes): number {
  const first = byteAt(packet, 0);
  let start = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) !== 0) {
    if (packet.length < start + 4) return -1;
    start += 4 + ((byteAt(packet, start + 2) << 8) | byteAt(packet, start + 3)) * 4;
  }
  return start <= packet.length ? start : -1;
}

/** Where the payload ends, before the padding; -1 when the padding cannot be right. */
export function payloadEndOf(packet: PacketBytes, payloadStart: number): number {
  if ((byteAt(packet, 0) & 0x20) === 0) return packet.length;
  const end = packet.length - byteAt(packet, packet.length - 1);
  return end >= payloadStart && end < packet.length ? end : -1;
}

/** Writes a fixed header without CSRC or extension into the first 12 bytes. */
export function writeRtpHeader(
  packet: PacketBytes,
  header: { payloadType: number; marker: boolean; sequence: number; timestamp: number; ssrc: number },
): void {
  packet[0] = 0x80;
  packet[1] = (header.marker ? 0x80 : 0) | (header.payloadType & 0x7f);
  packet[2] = (header.sequence >> 8) & 0xff;
  packet[3] = header.sequence & 0xff;
  writeWord(packet, 4, header.timestamp);
  writeWord(packet, 8, header.ssrc);
}

function byteAt(packet: PacketBytes, offset: number): number {
  return packet[offset] ?? 0;
}

function wordAt(packet: PacketBytes, offset: number): number {
  return (
    ((byteAt(packet, offset) << 24) |
      (byteAt(packet, offset + 1) << 16) |
      (byteAt(packet, offset + 2) << 8) |
      byteAt(packet, offset + 3)) >>>
    0
  );
}

function writeWord(packet: PacketBytes, offset: number, value: number): void {
  packet[offset] = (value >>> 24) & 0xff;
  packet[offset + 1] = (value >>> 16) & 0xff;
  packet[offset + 2] = (value >>> 8) & 0xff;
  packet[offset + 3] = value & 0xff;
}
