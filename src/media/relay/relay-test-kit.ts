// For tests of the relay: peers on loopback addresses that send and receive real packets, and free port ranges.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { MediaAddress, MediaCodec, MediaRemote } from '../../call/ports.js';
import type { StreamReport } from '../../call/reports.js';
import { claimPorts } from '../../lib/testing/claimed-ports.js';
import { writeRtpHeader } from '../../rtp/rtp-header.js';
import { DgramSockets } from './dgram-sockets.js';
import { bindPair } from './media-socket.js';
import { DEFAULT_STREAMS, type RelayNetwork, type RelayThreadSettings } from './relay-messages.js';

export interface ReceivedPacket {
  readonly bytes: Buffer;
  readonly port: number;
}

/** An RTP packet with a payload of `payload` bytes. */
export function rtpPacket(
  fields: { sequence: number; timestamp?: number; payloadType?: number; ssrc?: number },
  payload: Uint8Array = new Uint8Array(160).fill(0xd5),
): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  writeRtpHeader(packet, {
    payloadType: fields.payloadType ?? 8,
    marker: false,
    sequence: fields.sequence & 0xffff,
    timestamp: fields.timestamp ?? fields.sequence * 160,
    ssrc: fields.ssrc ?? 0x1234,
  });
  packet.set(payload, 12);
  return packet;
}

/** A minimal receiver report (RFC 3550 §6.4.2). */
export function rtcpPacket(ssrc = 0x1234): Buffer {
  const packet = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 0]);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

/** A UDP socket of a peer. Tests wait for packets, never for time. */
export class UdpPeer {
  readonly received: ReceivedPacket[] = [];
  readonly #socket: Socket;
  #wakeUp: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes, source) => {
      this.received.push({ bytes, port: source.port });
      for (const wakeUp of this.#wakeUp.splice(0)) wakeUp();
    });
  }

  static async open(address = '127.0.0.1', port = 0): Promise<UdpPeer> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(port, address);
    await once(socket, 'listening');
    return new UdpPeer(socket);
  }

  get address(): string {
    return this.#socket.address().address;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(packet: Uint8Array, to: { address: string; port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(packet, to.port, to.address, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  sendRtp(packet: Uint8Array, to: MediaAddress): Promise<void> {
    return this.send(packet, { address: to.address, port: to.rtpPort });
  }

  /** Resolves when `count` packets in all have been received. */
  async receivedCount(count: number): Promise<ReceivedPacket[]> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#wakeUp.push(resolve));
    return this.received;
  }

  close(): void {
    this.#socket.close();
  }
}

export const PCMA: MediaCodec = { payloadType: 8, name: 'PCMA', clockRateHz: 8_000 };
export const PCMU: MediaCodec = { payloadType: 0, name: 'PCMU', clockRateHz: 8_000 };
export const EVENTS: MediaCodec = { payloadType: 101, name: 'telephone-event', clockRateHz: 8_000 };

/** Settings of a relay thread that forks to nobody. */
export function relaySettings(networks: readonly RelayNetwork[]): RelayThreadSettings {
  return { networks, maxTapBatches: 1, streams: DEFAULT_STREAMS };
}

/** What call control sets for a peer that sends and receives at `peer`. */
export function remoteOf(peer: UdpPeer, changes: Partial<MediaRemote> = {}): MediaRemote {
  return {
    address: peer.address,
    rtpPort: peer.port,
    rtcpPort: peer.port + 1,
    signallingAddress: peer.address,
    nat: 'auto',
    sources: [],
    codecs: [PCMA, EVENTS],
    sends: true,
    ...changes,
  };
}

/** A range of `pairs` port pairs that no other run has, and that were free a moment ago. */
export async function freePortRange(pairs: number, address = '127.0.0.1'): Promise<{ from: number; to: number }> {
  const sockets = new DgramSockets(() => 0);
  for (let tries = 0; tries < 200; tries += 1) {
    const from = await claimPorts(2 * pairs);
    let free = 0;
    for (; free < pairs; free += 1) {
      const pair = bindPair(sockets, address, from + 2 * free);
      if (pair === null) break;
      pair.rtp.close();
      pair.rtcp.close();
    }
    if (free === pairs) return { from, to: from + 2 * pairs - 1 };
  }
  throw new Error(`no ${pairs} free port pairs on ${address}`);
}

/** Packets that the relay has counted on a side's ports, dropped ones included. */
export function countedOf({ packets, rtcpPackets, dropped }: StreamReport): number {
  return packets + rtcpPackets + dropped.source + dropped['payload-type'] + dropped.malformed;
}

export function hasIpv6Loopback(): boolean {
  try {
    new DgramSockets(() => 0).bind('::1', 0).close();
    return true;
  } catch {
    return false;
  }
}
