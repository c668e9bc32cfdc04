// The load of the media benchmark: G.711 packets of 20 ms, each with the time at which it was sent in its payload.
import { RTP_HEADER_BYTES, ssrcOf, writeRtpHeader } from '../rtp/rtp-header.js';

export const LOAD_PAYLOAD_TYPE = 8;
export const PACKET_MS = 20;
const PAYLOAD_BYTES = 160;
export const PACKET_BYTES = RTP_HEADER_BYTES + PAYLOAD_BYTES;
/** So many calls share a port of the load on each side: few sockets are cheaper for the generator, not for the relay. */
const CALLS_A_PORT = 16;

/** Ports that a load of so many calls takes, from its first one on. */
export function loadPortsOf(calls: number): number {
  return 4 * Math.ceil(calls / CALLS_A_PORT);
}

/** The RTP port that a stream comes from; even, as RTP wants. Stream 2n is the caller's of call n, 2n + 1 the callee's. */
export function loadPortOf(firstPort: number, stream: number): number {
  return firstPort + 4 * Math.floor(stream / 2 / CALLS_A_PORT) + 2 * (stream % 2);
}

/** One stream as it is being sent: one packet buffer that is written anew for each packet. */
export class SendingStream {
  readonly targetPort: number;
  readonly dueOffsetMs: number;
  readonly packet: Buffer = Buffer.alloc(PACKET_BYTES);
  /** One for all its packets: the generator is to make no garbage. */
  readonly #header: { payloadType: number; marker: boolean; ssrc: number; sequence: number; timestamp: number };

  constructor(targetPort: number, index: number, dueOffsetMs: number) {
    this.targetPort = targetPort;
    this.dueOffsetMs = dueOffsetMs;
    this.#header = {
      payloadType: LOAD_PAYLOAD_TYPE,
      marker: false,
      ssrc: index + 1,
      // Every stream passes the ends of both numbers early in the run.
      sequence: (0xff00 + index) & 0xffff,
      timestamp: (0xffff_0000 + index * 160) >>> 0,
    };
    for (let at = RTP_HEADER_BYTES; at < PACKET_BYTES; at += 1) this.packet[at] = (at * 37 + index * 11) & 0xff;
  }

  /** The next packet, stamped. */
  next(nowMs: number): Buffer {
    const header = this.#header;
    writeRtpHeader(this.packet, header);
    this.packet.writeDoubleLE(nowMs, RTP_HEADER_BYTES);
    header.sequence = (header.sequence + 1) & 0xffff;
    header.timestamp = (header.timestamp + PAYLOAD_BYTES) >>> 0;
    return this.packet;
  }
}

/** When a packet of the load was sent, by the generator's clock; NaN for any other packet. */
export function sentMsOf(packet: Buffer, streams: number): number {
  if (packet.length !== PACKET_BYTES) return Number.NaN;
  const ssrc = ssrcOf(packet);
  return ssrc >= 1 && ssrc <= streams ? packet.readDoubleLE(RTP_HEADER_BYTES) : Number.NaN;
}

/** Delays counted in steps of 10 µs up to 2 s; longer ones in the last step. */
export class DelayHistogram {
  readonly #counts = new Uint32Array(200_001);
  #total = 0;

  add(delayMs: number): void {
    const step = Math.max(0, Math.min(this.#counts.length - 1, Math.floor(delayMs * 100)));
    this.#counts[step] = (this.#counts[step] ?? 0) + 1;
    this.#total += 1;
  }

  /** The delay that so large a part of the packets did not exceed, in ms; NaN of none. */
  quantile(part: number): number {
    if (this.#total === 0) return Number.NaN;
    let left = Math.ceil(part * this.#total);
    for (let step = 0; step < this.#counts.length; step += 1) {
      left -= this.#counts[step] ?? 0;
      if (left <= 0) return (step + 1) / 100;
    }
    return Number.NaN;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
