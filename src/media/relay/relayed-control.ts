// RTCP of one side on its way to the other (RFC 3550 §6).
import type { MediaDropCause } from '../../call/reports.js';
import { isRtcp } from '../../rtp/rtcp-packet.js';
import type { MediaSocketListener } from './media-socket.js';
import type { RelayedSide } from './relayed-side.js';

export class RelayedControl implements MediaSocketListener {
  readonly #from: RelayedSide;
  readonly #to: RelayedSide;

  constructor(from: RelayedSide, to: RelayedSide) {
    this.#from = from;
    this.#to = to;
  }

  received(packet: Buffer, address: string, port: number, arrivalMs: number): void {
    const dropped = this.#relay(packet, address, port, arrivalMs);
    if (dropped !== null) this.#from.drop(dropped);
  }

  sendFailed(): void {
    this.#to.drop('send-error');
  }

  #relay(packet: Buffer, address: string, port: number, arrivalMs: number): MediaDropCause | null {
    if (!isRtcp(packet)) return 'malformed';
    if (!this.#from.acceptsRtcp(address, port, arrivalMs)) return 'source';
    this.#from.rtcpPackets += 1;
    return this.#to.sendRtcp(packet) ? null : 'no-destination';
  }
}
