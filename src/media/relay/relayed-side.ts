// One side of a relayed call: its two sockets, who may send to them, and where to send.
import { isIPv6 } from 'node:net';
import type { MediaRemote } from '../../call/ports.js';
import type { MediaDropCause, Side } from '../../call/reports.js';
import { addressMatcher, canonicalAddress, isPrivateAddress } from '../addresses.js';
import type { MediaSocket, SocketPair } from './media-socket.js';
import { SourceLearner } from './source-learner.js';

export class RelayedSide {
  readonly side: Side;
  readonly dropped: Record<MediaDropCause, number> = {
    source: 0,
    ssrc: 0,
    'payload-type': 0,
    malformed: 0,
    'no-destination': 0,
    'send-error': 0,
  };
  rtcpPackets = 0;
  /** Where the first accepted packet came from, and when. */
  firstSource: string | null = null;
  firstPacketWallMs: number | null = null;
  /** Its packets are SRTP of two ends that agreed without us: nothing in them can be read or changed. */
  isProtected = false;
  /** RTCP shares the RTP port (RFC 5761). */
  isMuxed = false;
  /** Its packets are a fax's (T.38), and no RTP. */
  isUdptl = false;
  /** RTP can be sent to it: what is asked for each packet is worked out when it changes. */
  isSendable = false;

  /** Never null, with which each packet would make a number of its own. */
  #lastPacketMs = Number.NaN;
  readonly #rtpSource = new SourceLearner();
  readonly #rtcpSource = new SourceLearner();
  #remote: { address: string; rtpPort: number; rtcpPort: number } | null = null;
  /** What came from elsewhere may have told where it is, even where its description does not. */
  #sendsRtp = false;
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

  /** False when the address is none: the side then has no remote. */
  setRemote(remote: MediaRemote): boolean {
    const address = canonicalAddress(remote.address);
    if (address === null) {
      this.clearRemote();
      return false;
    }
    const signalling = canonicalAddress(remote.signallingAddress);
    const isNatPossible = remote.nat === 'auto' && (isPrivateAddress(address) || address !== signalling);
    const signallingAddress = isNatPossible ? signalling : null;
    const isListed = addressMatcher(remote.sources);
    const accepted = { address, signallingAddress, isListed, isExact: remote.isOurs === true };
    this.#rtpSource.expect({ ...accepted, port: remote.rtpPort });
    this.#rtcpSource.expect({ ...accepted, port: remote.rtcpPort });
    this.isProtected = remote.transport?.protocol.includes('SAVP') ?? false;
    this.isMuxed = remote.rtcpMux === true;
    this.isUdptl = remote.isUdptl === true;
    this.#remote = { address, rtpPort: remote.rtpPort, rtcpPort: remote.rtcpPort };
    this.#sendsRtp = remote.sends;
    this.isSendable = remote.sends && remote.rtpPort !== 0 && !isUnset(address);
    return true;
  }

  clearRemote(): void {
    this.#remote = null;
    this.#sendsRtp = false;
    this.isSendable = false;
    this.isProtected = false;
    this.isMuxed = false;
    this.isUdptl = false;
    this.#rtpSource.expect(null);
    this.#rtcpSource.expect(null);
  }

  /** When it sent last, by the clock of arrival times; null for never. */
  get lastPacketMs(): number | null {
    return Number.isNaN(this.#lastPacketMs) ? null : this.#lastPacketMs;
  }

  /** A packet of it came and was accepted. */
  heard(arrivalMs: number): void {
    this.#lastPacketMs = arrivalMs;
  }

  /** It has a remote: somebody may send. */
  get isKnown(): boolean {
    return this.#remote !== null;
  }

  /** Whether RTP from there is this side's; learns from it. */
  acceptsRtp(address: string, port: number, nowMs: number): boolean {
    if (!this.#rtpSource.accepts(address, port, nowMs)) return false;
    if (this.firstPacketWallMs === null) {
      this.firstPacketWallMs = Date.now();
      this.firstSource = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
    }
    return true;
  }

  /** Whether RTCP from there is this side's, on a port of its own: it is learned apart from RTP. */
  acceptsRtcp(address: string, port: number, nowMs: number): boolean {
    return this.#rtcpSource.accepts(address, port, nowMs);
  }

  /** The same for RTCP on the RTP port. */
  acceptsMuxed(address: string, port: number, nowMs: number): boolean {
    return this.#rtpSource.accepts(address, port, nowMs);
  }

  drop(cause: MediaDropCause): void {
    this.dropped[cause] += 1;
  }

  /** Sends to where this side is, or says that it is nowhere. */
  sendRtp(packet: Uint8Array): boolean {
    if (!this.#sendsRtp) return false;
    const { address, port } = this.#rtpSource;
    if (address === null) return this.#sendUnlearned(packet);
    if (port === 0) return false;
    this.#rtp.send(packet, address, port);
    return true;
  }

  sendRtcp(packet: Uint8Array): boolean {
    const remote = this.#remote;
    // RTCP goes on during hold (RFC 3264 §8.4), except to an address of zeros.
    if (remote === null || isUnset(remote.address)) return false;
    const learned = this.isMuxed ? this.#rtpSource : this.#rtcpSource;
    const socket = this.isMuxed ? this.#rtp : this.#rtcp;
    return learned.address === null
      ? this.#send(socket, packet, remote.address, this.isMuxed ? remote.rtpPort : remote.rtcpPort)
      : this.#send(socket, packet, learned.address, learned.port);
  }

  #sendUnlearned(packet: Uint8Array): boolean {
    const remote = this.#remote;
    return remote !== null && this.#send(this.#rtp, packet, remote.address, remote.rtpPort);
  }

  #send(socket: MediaSocket, packet: Uint8Array, address: string, port: number): boolean {
    if (port === 0 || isUnset(address)) return false;
    socket.send(packet, address, port);
    return true;
  }
}

function isUnset(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
