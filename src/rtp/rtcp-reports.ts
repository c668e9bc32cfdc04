// RTCP that peers send, over rtp.js: what reports say, and reports translated for a stream that was numbered anew on its way
// (RFC 3550 §6.4, §7.2).
import { packets } from 'rtp.js';

const { ByePacket, CompoundPacket, FeedbackPacket, ReceiverReportPacket, SdesPacket, SenderReportPacket } = packets;

type Rtcp = packets.RtcpPacket;
type Compound = packets.CompoundPacket;
type Block = packets.ReceptionReport;

/** What a report says of a stream that its sender receives. */
export interface ReceptionBlock {
  readonly ssrc: number;
  /** Of the packets since the last report, in 1/256. */
  readonly fractionLost: number;
  readonly lost: number;
  /** Extended by the count of cycles. */
  readonly highestSequence: number;
  /** In timestamp units. */
  readonly jitter: number;
  /** Middle bits of the NTP time in the last sender report, 0 for none; and the time since it came, in 1/65536 s. */
  readonly lastSr: number;
  readonly delaySinceLastSr: number;
}

export interface RtcpReports {
  /** Middle bits of the NTP time of a sender report; null without one. */
  readonly senderTime: number | null;
  readonly blocks: readonly ReceptionBlock[];
  readonly hasBye: boolean;
}

/** An RTCP packet that rtp.js has read. */
export class ReadRtcp {
  readonly #compound: Compound;

  private constructor(compound: Compound) {
    this.#compound = compound;
  }

  /** Null for bytes that rtp.js does not take; they are used, not copied. */
  static read(packet: Uint8Array): ReadRtcp | null {
    try {
      return new ReadRtcp(new CompoundPacket(new DataView(packet.buffer, packet.byteOffset, packet.byteLength)));
    } catch {
      return null;
    }
  }

  reports(): RtcpReports {
    let senderTime: number | null = null;
    let hasBye = false;
    const blocks: ReceptionBlock[] = [];
    for (const part of this.#compound.getPackets()) {
      if (part instanceof SenderReportPacket) {
        senderTime = middleOfNtp(part.getNtpSeconds(), part.getNtpFraction());
        blocks.push(...part.getReports().map(readBlock));
      } else if (part instanceof ReceiverReportPacket) {
        blocks.push(...part.getReports().map(readBlock));
      } else if (part instanceof ByePacket) {
        hasBye = true;
      }
    }
    return { senderTime, blocks, hasBye };
  }

  /** As it must leave for the other side; null when nothing of it is left. The bytes that were read are changed. */
  translated(translation: RtcpTranslation): Uint8Array | null {
    const kept = this.#compound.getPackets().filter((part) => translate(part, translation));
    if (kept.length === 0) return null;
    this.#compound.setPackets(kept);
    return bytesOf(this.#compound);
  }
}

/** What a stream is called on either side of the relay, and what was added to its numbers. */
export interface RtcpTranslation {
  /** The stream that the report's sender sends; null while it sends none. */
  readonly sent: {
    readonly ssrc: number;
    readonly as: number;
    readonly timestampOffset: number;
    readonly packets: number;
    readonly octets: number;
  } | null;
  /** The stream that it receives, and what its source calls it: null for a source that is gone. */
  readonly received: { readonly ssrc: number; readonly as: number | null; readonly sequenceOffset: number } | null;
}

/** False for a part that does not go on: a goodbye of a source whose stream lives on, extended reports about other numbers. */
function translate(part: Rtcp, { sent, received }: RtcpTranslation): boolean {
  const ownSsrc = (ssrc: number) => (ssrc === sent?.ssrc ? sent.as : ssrc);
  if (part instanceof SenderReportPacket || part instanceof ReceiverReportPacket) {
    if (part instanceof SenderReportPacket && part.getSsrc() === sent?.ssrc) {
      part.setRtpTimestamp((part.getRtpTimestamp() + sent.timestampOffset) >>> 0);
      part.setPacketCount(sent.packets >>> 0);
      part.setOctetCount(sent.octets >>> 0);
    }
    part.setSsrc(ownSsrc(part.getSsrc()));
    part.setReports(part.getReports().filter((block) => translateBlock(block, received)));
    return true;
  }
  if (part instanceof SdesPacket) {
    for (const chunk of part.getChunks()) chunk.setSsrc(ownSsrc(chunk.getSsrc()));
    return true;
  }
  if (part instanceof FeedbackPacket) {
    part.setSenderSsrc(ownSsrc(part.getSenderSsrc()));
    if (part.getMediaSsrc() === received?.ssrc) part.setMediaSsrc(received.as ?? 0);
    return true;
  }
  return false;
}

/** False for a block about a source that is gone. */
function translateBlock(block: Block, received: RtcpTranslation['received']): boolean {
  if (received === null || block.getSsrc() !== received.ssrc) return true;
  if (received.as === null) return false;
  block.setSsrc(received.as);
  const highest = block.getHighestSeqNumber();
  const low = ((highest & 0xffff) - received.sequenceOffset) & 0xffff;
  // The cycle begins elsewhere in the numbers of the source.
  const cycles = Math.max(0, (highest >>> 16) - (low > (highest & 0xffff) ? 1 : 0));
  block.setHighestSeqNumber(((cycles << 16) | low) >>> 0);
  return true;
}

/** The middle 32 bits of an NTP time, by its two words (RFC 3550 §4). */
export function middleOfNtp(seconds: number, fraction: number): number {
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}

function readBlock(block: Block): ReceptionBlock {
  return {
    ssrc: block.getSsrc(),
    fractionLost: block.getFractionLost(),
    lost: readLost(block),
    highestSequence: block.getHighestSeqNumber(),
    jitter: block.getJitter(),
    lastSr: block.getLastSRTimestamp(),
    delaySinceLastSr: block.getDelaySinceLastSR(),
  };
}

/** rtp.js 0.15 reads 12 of the 24 bits of cumulative loss, and takes their sign for a flag; it is two's complement. */
function readLost(block: Block): number {
  return (block.getView().getInt32(4) << 8) >> 8;
}

function bytesOf(compound: Compound): Uint8Array {
  compound.serialize();
  const view = compound.getView();
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
