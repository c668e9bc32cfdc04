// One side of a relayed call: its two sockets, who may send to them, where to send, and what was received.
import { isIPv6 } from 'node:net';
import type { MediaRemote } from '../../call/ports.js';
import type { MediaDropCause, Side, StreamReport } from '../../call/reports.js';
import { ReceptionStatistics } from '../../rtp/reception-statistics.js';
import { isRtp, payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from '../../rtp/rtp-header.js';
import { addressMatcher, canonicalAddress, isPrivateAddress } from '../addresses.js';
import type { MediaSocket, SocketPair } from './media-socket.js';
import { SourceLearner } from './source-learner.js';

const DEFAULT_CLOCK_RATE_HZ = 8_000;

export class RelayedSide {
  readonly side: Side;
  readonly dropped: Record<MediaDropCause, number> = {
    source: 0,
    'payload-type': 0,
    malformed: 0,
    'no-destination': 0,
    'send-error': 0,
  };
  rtcpPackets = 0;
  lastPacketMs: number | null = null;

  readonly #statistics = new ReceptionStatistics(DEFAULT_CLOCK_RATE_HZ);
  readonly #rtpSource = new SourceLearner();
  readonly #rtcpSource = new SourceLearner();
  readonly #payloadTypes = new Uint8Array(128);
  #remote: { address: string; rtpPort: number; rtcpPort: number; sends: boolean } | null = null;
  #firstSource: string | null = null;
  #firstPacketWallMs: number | null = null;
  #rtp: MediaSocket;
  #rtcp: MediaSocket;

  constructor(side: Side, sockets: SocketPair) {
    this.side = side;
    this.#rtp = sockets.rtp;
    this.#rtcp = sockets.rtcp;
  }

  /** Uses other sockets from now on; the old ones are the caller's to close. */
  moveTo(sockets: SocketPair): void {
    this.#rtp = sockets.rtp;
    this.#rtcp = sockets.rtcp;
    this.clearRemote();
  }

  setRemote(remote: MediaRemote): void {
    const address = canonicalAddress(remote.address);
    if (address === null) {
      this.clearRemote();
      return;
    }
    const signalling = canonicalAddress(remote.signallingAddress);
    const isNatPossible = remote.nat === 'auto' && (isPrivateAddress(address) || address !== signalling);
    const signallingAddress = isNatPossible ? signalling : null;
    const isListed = addressMatcher(remote.sources);
    this.#rtpSource.expect({ address, port: remote.rtpPort, signallingAddress, isListed });
    this.#rtcpSource.expect({ address, port: remote.rtcpPort, signallingAddress, isListed });
    this.#payloadTypes.fill(0);
    for (const { payloadType } of remote.codecs) this.#payloadTypes[payloadType & 0x7f] = 1;
    this.#statistics.setClockRate(remote.codecs[0]?.clockRateHz ?? DEFAULT_CLOCK_RATE_HZ);
    this.#remote = { address, rtpPort: remote.rtpPort, rtcpPort: remote.rtcpPort, sends: remote.sends };
  }

  clearRemote(): void {
    this.#remote = null;
    this.#rtpSource.expect(null);
    this.#rtcpSource.expect(null);
  }

  /** Whether the packet is this side's RTP; counts it either way. */
  receivesRtp(packet: Buffer, address: string, port: number, nowMs: number): boolean {
    if (!isRtp(packet)) return this.#drop('malformed');
    if (this.#remote === null) return this.#drop('source');
    if (this.#payloadTypes[payloadTypeOf(packet)] !== 1) return this.#drop('payload-type');
    if (!this.#rtpSource.accepts(address, port, nowMs)) return this.#drop('source');
    if (this.#firstPacketWallMs === null) {
      this.#firstPacketWallMs = Date.now();
      this.#firstSource = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
    }
    this.lastPacketMs = nowMs;
    this.#statistics.receive(ssrcOf(packet), sequenceOf(packet), timestampOf(packet), nowMs, packet.length);
    return true;
  }

  /** Whether the packet is this side's RTCP; counts it either way. */
  receivesRtcp(packet: Buffer, isWellFormed: boolean, address: string, port: number, nowMs: number): boolean {
    if (!isWellFormed) return this.#drop('malformed');
    if (!this.#rtcpSource.accepts(address, port, nowMs)) return this.#drop('source');
    this.rtcpPackets += 1;
    return packet.length > 0;
  }

  /** Sends to where this side is, or says that it is nowhere. */
  sendRtp(packet: Uint8Array): boolean {
    const remote = this.#remote;
    if (remote === null || !remote.sends) return false;
    const learned = this.#rtpSource;
    return learned.address === null
      ? this.#send(this.#rtp, packet, remote.address, remote.rtpPort)
      : this.#send(this.#rtp, packet, learned.address, learned.port);
  }

  sendRtcp(packet: Uint8Array): boolean {
    const remote = this.#remote;
    // RTCP goes on during hold (RFC 3264 §8.4), except to an address of zeros.
    if (remote === null || isUnset(remote.address)) return false;
    const learned = this.#rtcpSource;
    return learned.address === null
      ? this.#send(this.#rtcp, packet, remote.address, remote.rtcpPort)
      : this.#send(this.#rtcp, packet, learned.address, learned.port);
  }

  report(): StreamReport {
    const statistics = this.#statistics;
    return {
      packets: statistics.packets,
      bytes: statistics.bytes,
      lost: statistics.lost,
      jitterMs: Math.round(statistics.jitterMs * 1000) / 1000,
      outOfOrder: statistics.outOfOrder,
      duplicates: statistics.duplicates,
      rtcpPackets: this.rtcpPackets,
      rtcpGenerated: 0,
      transcoded: 0,
      roundTripMs: null,
      peerReport: null,
      mos: null,
      silentMs: 0,
      dtmfEvents: 0,
      dtmfDigits: null,
      dropped: { ...this.dropped },
      source: this.#firstSource,
      firstPacketWallMs: this.#firstPacketWallMs,
    };
  }

  #send(socket: MediaSocket, packet: Uint8Array, address: string, port: number): boolean {
    if (port === 0 || isUnset(address)) return false;
    socket.send(packet, address, port);
    return true;
  }

  #drop(cause: MediaDropCause): false {
    this.dropped[cause] += 1;
    return false;
  }
}

function isUnset(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
