// RTCP of our own: a report with the CNAME, written byte by byte, for a relay of hundreds of calls sends some every few milliseconds
// while packets wait; rtp.js took a tenth of a millisecond for each (RFC 3550 §6.1, §6.4, §6.5).
import { middleOfNtp, type ReceptionBlock } from './rtcp-reports.js';

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const VERSION = 2 << 6;
const CNAME = 1;
/** Header and SSRC; what a sender says; a block. */
const HEAD_BYTES = 8;
const SENDER_BYTES = 20;
const BLOCK_BYTES = 24;
/** RFC 3550 §6.4.1: cumulative loss has 24 bits and a sign. */
const MAX_LOST = 0x7f_ffff;
/** From 1900, the era of NTP, to 1970. */
const NTP_ERA_SECONDS = 2_208_988_800;

export interface OwnReport {
  readonly ssrc: number;
  /** ASCII, 255 octets at most. */
  readonly cname: string;
  /** Null: a receiver report. */
  readonly sender: {
    readonly wallMs: number;
    readonly rtpTimestamp: number;
    readonly packets: number;
    readonly octets: number;
  } | null;
  readonly block: ReceptionBlock | null;
}

/** A compound packet: a sender or receiver report, and the CNAME. */
export function composeRtcp({ ssrc, cname, sender, block }: OwnReport): Uint8Array {
  const reportBytes = HEAD_BYTES + (sender === null ? 0 : SENDER_BYTES) + (block === null ? 0 : BLOCK_BYTES);
  // SSRC, type and length, the text, and noughts up to a word, at least one.
  const chunkBytes = (6 + cname.length + 4) & ~3;
  const packet = Buffer.alloc(reportBytes + 4 + chunkBytes);
  writeHead(packet, 0, sender === null ? RECEIVER_REPORT : SENDER_REPORT, block === null ? 0 : 1, reportBytes);
  packet.writeUInt32BE(ssrc, 4);
  let at = HEAD_BYTES;
  if (sender !== null) {
    const { seconds, fraction } = ntpOf(sender.wallMs);
    packet.writeUInt32BE(seconds, at);
    packet.writeUInt32BE(fraction, at + 4);
    packet.writeUInt32BE(sender.rtpTimestamp, at + 8);
    packet.writeUInt32BE(sender.packets >>> 0, at + 12);
    packet.writeUInt32BE(sender.octets >>> 0, at + 16);
    at += SENDER_BYTES;
  }
  if (block !== null) writeBlock(packet, at, block);
  writeHead(packet, reportBytes, SOURCE_DESCRIPTION, 1, 4 + chunkBytes);
  packet.writeUInt32BE(ssrc, reportBytes + 4);
  packet[reportBytes + 8] = CNAME;
  packet[reportBytes + 9] = cname.length;
  packet.write(cname, reportBytes + 10, 'latin1');
  return packet;
}

/** The length is told in words, less one. */
function writeHead(packet: Buffer, at: number, type: number, count: number, bytes: number): void {
  packet[at] = VERSION | count;
  packet[at + 1] = type;
  packet.writeUInt16BE(bytes / 4 - 1, at + 2);
}

function writeBlock(packet: Buffer, at: number, block: ReceptionBlock): void {
  const lost = Math.max(-MAX_LOST, Math.min(MAX_LOST, block.lost));
  packet.writeUInt32BE(block.ssrc, at);
  packet.writeUInt32BE(((block.fractionLost << 24) | (lost & 0xff_ffff)) >>> 0, at + 4);
  packet.writeUInt32BE(block.highestSequence >>> 0, at + 8);
  packet.writeUInt32BE(block.jitter >>> 0, at + 12);
  packet.writeUInt32BE(block.lastSr, at + 16);
  packet.writeUInt32BE(block.delaySinceLastSr >>> 0, at + 20);
}

/** Middle 32 bits of the NTP time, as reports repeat it (RFC 3550 §4). */
export function middleOfNtpAt(wallMs: number): number {
  const { seconds, fraction } = ntpOf(wallMs);
  return middleOfNtp(seconds, fraction);
}

function ntpOf(wallMs: number): { seconds: number; fraction: number } {
  const seconds = wallMs / 1_000 + NTP_ERA_SECONDS;
  return { seconds: Math.floor(seconds) >>> 0, fraction: Math.floor((seconds % 1) * 2 ** 32) >>> 0 };
}
