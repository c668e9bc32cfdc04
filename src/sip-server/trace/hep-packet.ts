// One message in the Homer Encapsulation Protocol, version 3 (HEP3 Network Protocol Specification, rev. 37):
//
//   "HEP3" | total length, 16 bits | chunks: vendor, 16 | type, 16 | length with this header, 16 | payload
import { addressBytes } from './address-bytes.js';
import type { CapturedMessage } from './captured-message.js';

const CHUNK = {
  ipFamily: 0x0001,
  ipProtocol: 0x0002,
  ipv4Source: 0x0003,
  ipv4Destination: 0x0004,
  ipv6Source: 0x0005,
  ipv6Destination: 0x0006,
  sourcePort: 0x0007,
  destinationPort: 0x0008,
  seconds: 0x0009,
  microseconds: 0x000a,
  protocolType: 0x000b,
  captureId: 0x000c,
  authenticateKey: 0x000e,
  payload: 0x000f,
} as const;

const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 10;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const TYPE_SIP = 1;

/** What fits into a UDP datagram over IPv4. */
export const MAX_HEP_BYTES = 65_507;

export interface HepIdentity {
  readonly captureId: number;
  /** Empty for none. */
  readonly password: string;
}

/** Null when the message is too large for a datagram. */
export function encodeHep(message: CapturedMessage, { captureId, password }: HepIdentity): Buffer | null {
  const source = addressBytes(message.source.address);
  const destination = addressBytes(message.destination.address);
  const isV4 = source.length === 4;
  const micros = Math.floor(message.wallMs * 1_000);
  const chunks: Buffer[] = [
    chunk8(CHUNK.ipFamily, isV4 ? FAMILY_IPV4 : FAMILY_IPV6),
    chunk8(CHUNK.ipProtocol, message.protocol === 'udp' ? PROTOCOL_UDP : PROTOCOL_TCP),
    chunk(isV4 ? CHUNK.ipv4Source : CHUNK.ipv6Source, source),
    chunk(isV4 ? CHUNK.ipv4Destination : CHUNK.ipv6Destination, destination),
    chunk16(CHUNK.sourcePort, message.source.port),
    chunk16(CHUNK.destinationPort, message.destination.port),
    chunk32(CHUNK.seconds, Math.floor(micros / 1_000_000)),
    chunk32(CHUNK.microseconds, micros % 1_000_000),
    chunk8(CHUNK.protocolType, TYPE_SIP),
    chunk32(CHUNK.captureId, captureId),
  ];
  if (password !== '') chunks.push(chunk(CHUNK.authenticateKey, Buffer.from(password)));
  const head = Buffer.alloc(6, 'HEP3', 'latin1');
  const length = chunks.reduce((sum, { length: bytes }) => sum + bytes, head.length) + 6 + message.bytes.length;
  if (length > MAX_HEP_BYTES) return null;
  head.writeUInt16BE(length, 4);
  return Buffer.concat([head, ...chunks, chunkHeader(CHUNK.payload, message.bytes.length), message.bytes], length);
}

function chunkHeader(type: number, payloadBytes: number): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt16BE(type, 2);
  header.writeUInt16BE(6 + payloadBytes, 4);
  return header;
}

function chunk(type: number, payload: Buffer): Buffer {
  return Buffer.concat([chunkHeader(type, payload.length), payload]);
}

function chunk8(type: number, value: number): Buffer {
  return chunk(type, Buffer.of(value));
}

function chunk16(type: number, value: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(value);
  return chunk(type, payload);
}

function chunk32(type: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value >>> 0);
  return chunk(type, payload);
}
