// A trace as a pcap file (draft-ietf-opsawg-pcap): link type RAW, each message in IP and UDP or TCP headers made up for it.
// What came over TLS is written as if over TCP, in the clear. RFC 791, RFC 8200, RFC 768, RFC 9293.
import { addressBytes } from './address-bytes.js';
import { type CapturedMessage, endpointText } from './captured-message.js';

const LINKTYPE_RAW = 101;
const SNAP_BYTES = 262_144;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
/** Of a TCP segment: with its headers it must fit into an IP packet. */
const SEGMENT_BYTES = 65_000;
const PUSH_AND_ACK = 0x18;

export function writePcap(messages: readonly CapturedMessage[]): Buffer {
  const parts = [fileHeader()];
  const sequences = new Map<string, number>();
  let packetId = 0;
  for (const message of messages) {
    for (const packet of packetsOf(message, sequences)) {
      packetId = (packetId + 1) & 0xffff;
      const ip = ipPacket(message, packet.protocol, packet.bytes, packetId);
      parts.push(recordHeader(message.wallMs, ip.length), ip);
    }
  }
  return Buffer.concat(parts);
}

function fileHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(SNAP_BYTES, 16);
  header.writeUInt32LE(LINKTYPE_RAW, 20);
  return header;
}

function recordHeader(wallMs: number, length: number): Buffer {
  const header = Buffer.alloc(16);
  const micros = Math.floor(wallMs * 1_000);
  header.writeUInt32LE(Math.floor(micros / 1_000_000), 0);
  header.writeUInt32LE(micros % 1_000_000, 4);
  header.writeUInt32LE(length, 8);
  header.writeUInt32LE(length, 12);
  return header;
}

interface TransportPacket {
  readonly protocol: number;
  readonly bytes: Buffer;
}

/** @param sequences next sequence number of each direction of each connection */
function packetsOf(message: CapturedMessage, sequences: Map<string, number>): TransportPacket[] {
  const { source, destination, bytes } = message;
  if (message.protocol === 'udp') {
    const header = Buffer.alloc(8);
    header.writeUInt16BE(source.port, 0);
    header.writeUInt16BE(destination.port, 2);
    header.writeUInt16BE(8 + bytes.length, 4);
    return [{ protocol: PROTOCOL_UDP, bytes: checked(message, PROTOCOL_UDP, Buffer.concat([header, bytes]), 6) }];
  }
  const way = `${endpointText(source)} ${endpointText(destination)}`;
  const back = `${endpointText(destination)} ${endpointText(source)}`;
  const packets: TransportPacket[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += SEGMENT_BYTES) {
    const payload = bytes.subarray(at, at + SEGMENT_BYTES);
    const sequence = sequences.get(way) ?? 1;
    sequences.set(way, (sequence + payload.length) >>> 0);
    const header = Buffer.alloc(20);
    header.writeUInt16BE(source.port, 0);
    header.writeUInt16BE(destination.port, 2);
    header.writeUInt32BE(sequence, 4);
    header.writeUInt32BE(sequences.get(back) ?? 1, 8);
    header[12] = 5 << 4;
    header[13] = PUSH_AND_ACK;
    header.writeUInt16BE(0xffff, 14);
    packets.push({
      protocol: PROTOCOL_TCP,
      bytes: checked(message, PROTOCOL_TCP, Buffer.concat([header, payload]), 16),
    });
  }
  return packets;
}

/** Writes the checksum over the pseudo-header and the packet into it. */
function checked({ source, destination }: CapturedMessage, protocol: number, packet: Buffer, at: number): Buffer {
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(packet.length, 0);
  tail[7] = protocol;
  const sum = checksum(Buffer.concat([addressBytes(source.address), addressBytes(destination.address), tail, packet]));
  // RFC 768: zero would say that there is none.
  packet.writeUInt16BE(sum === 0 && protocol === PROTOCOL_UDP ? 0xffff : sum, at);
  return packet;
}

function ipPacket(message: CapturedMessage, protocol: number, payload: Buffer, packetId: number): Buffer {
  const source = addressBytes(message.source.address);
  const destination = addressBytes(message.destination.address);
  if (source.length === 4) {
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    header.writeUInt16BE(20 + payload.length, 2);
    header.writeUInt16BE(packetId, 4);
    header[8] = 64;
    header[9] = protocol;
    source.copy(header, 12);
    destination.copy(header, 16);
    header.writeUInt16BE(checksum(header), 10);
    return Buffer.concat([header, payload]);
  }
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payload.length, 4);
  header[6] = protocol;
  header[7] = 64;
  source.copy(header, 8);
  destination.copy(header, 24);
  return Buffer.concat([header, payload]);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
