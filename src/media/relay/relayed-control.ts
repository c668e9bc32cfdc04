// RTCP between the relay and one side (RFC 3550 §6): what the side sends goes to the other one, in the other's numbers; where
// the other side sends none, the relay reports in its place. Round trip and loss at the side are read on the way.
import type { MediaDropCause } from '../../call/reports.js';
import { FIRST_RTCP_SILENCE_MS, RTCP_SILENCE_MS, rtcpIntervalMs } from '../../rtp/rtcp-interval.js';
import { composeRtcp, middleOfNtpAt } from '../../rtp/rtcp-own-reports.js';
import { isRtcp } from '../../rtp/rtcp-packet.js';
import { ReadRtcp, type ReceptionBlock, type RtcpTranslation } from '../../rtp/rtcp-reports.js';
import type { MediaSocketListener } from './media-socket.js';
import type { RelayedSide } from './relayed-side.js';
import type { RelayedStream } from './relayed-stream.js';
import { SentReports } from './sent-reports.js';

export interface ControlContext {
  /** Wall time less the relay's monotonic time, for NTP times. */
  readonly wallOffsetMs: number;
  /** Canonical name of the relay in this session (RFC 7022 §4.2). */
  readonly cname: string;
  readonly isContinuous: boolean;
  random32(): number;
}

const FRACTION = 65_536;

export class RelayedControl implements MediaSocketListener {
  /** Packets of our own that were sent to this side. */
  generated = 0;
  /** What the side last said of what it receives. */
  lastBlock: { readonly lost: number; readonly jitterMs: number } | null = null;

  readonly #from: RelayedSide;
  readonly #to: RelayedSide;
  readonly #sent: RelayedStream;
  readonly #received: RelayedStream;
  readonly #context: ControlContext;
  readonly #reports = new SentReports();
  #other: RelayedControl | null = null;
  /** The side's last sender report, to be repeated in ours. */
  #senderTime = 0;
  #senderTimeMs = 0;
  /** When the side was last heard in RTCP, or began to be expected. */
  #heardMs: number | null = null;
  #dueMs: number | null = null;
  #isFirst = true;
  /** In reports of a side that sends no RTP. */
  #receiverSsrc: number | null = null;
  /** What the block before said of the side's stream (RFC 3550 §A.3). */
  #expectedBefore = 0;
  #lostBefore = 0;
  #blockSsrc = -1;

  /** @param sent What the side sends. @param received What is sent to it. */
  constructor(
    sides: { readonly from: RelayedSide; readonly to: RelayedSide },
    streams: { readonly sent: RelayedStream; readonly received: RelayedStream },
    context: ControlContext,
  ) {
    this.#from = sides.from;
    this.#to = sides.to;
    this.#sent = streams.sent;
    this.#received = streams.received;
    this.#context = context;
  }

  /** The control of the other side. */
  connect(other: RelayedControl): void {
    this.#other = other;
  }

  /** Milliseconds between the relay and the side, mean; null while no report told. */
  get roundTripMs(): number | null {
    return this.#reports.roundTripMs;
  }

  received(packet: Buffer, address: string, port: number, arrivalMs: number): void {
    const from = this.#from;
    if (!this.#isControl(packet)) from.drop('malformed');
    else if (!from.acceptsRtcp(address, port, arrivalMs)) from.drop('source');
    else {
      const dropped = this.#pass(packet, arrivalMs);
      if (dropped !== null) from.drop(dropped);
    }
  }

  /** RTCP that came on the RTP port, which the side shares; null, or why it was dropped. */
  relayMuxed(packet: Buffer, address: string, port: number, arrivalMs: number): MediaDropCause | null {
    if (!this.#isControl(packet)) return 'malformed';
    return this.#from.acceptsMuxed(address, port, arrivalMs) ? this.#pass(packet, arrivalMs) : 'source';
  }

  sendFailed(): void {
    this.#to.drop('send-error');
  }

  /** Somebody else will be this side: what its peer said and when is over. */
  forget(): void {
    this.#heardMs = null;
    this.#senderTime = 0;
  }

  /** A report that goes to this side: what the side says of it tells the round trip. */
  passed(senderTime: number, nowMs: number): void {
    this.#reports.add(senderTime, nowMs);
  }

  /** Whether the side, though it is there, sends no RTCP. */
  isMute(nowMs: number): boolean {
    if (!this.#from.isKnown || this.#heardMs === null) return false;
    const patienceMs = this.#from.rtcpPackets === 0 ? FIRST_RTCP_SILENCE_MS : RTCP_SILENCE_MS;
    return nowMs - this.#heardMs > patienceMs;
  }

  /** To be called a few times a second: reports to this side in place of the other one, while that is mute. */
  tick(nowMs: number, isOtherMute: boolean): void {
    if (!this.#from.isKnown) this.#heardMs = null;
    else this.#heardMs ??= nowMs;
    if (!isOtherMute || !this.#from.isKnown || this.#isProtected) {
      this.#dueMs = null;
      return;
    }
    this.#dueMs ??= nowMs;
    if (nowMs < this.#dueMs) return;
    this.#generate(nowMs);
    this.#dueMs = nowMs + rtcpIntervalMs(this.#isFirst, this.#context.random32() / 2 ** 32);
    this.#isFirst = false;
  }

  #isControl(packet: Buffer): boolean {
    return this.#isProtected ? isSrtcp(packet) : isRtcp(packet);
  }

  get #isProtected(): boolean {
    return this.#from.isProtected || this.#to.isProtected;
  }

  #pass(packet: Buffer, arrivalMs: number): MediaDropCause | null {
    this.#from.rtcpPackets += 1;
    this.#heardMs = arrivalMs;
    const sent = this.#isProtected ? packet : this.#read(packet, arrivalMs);
    if (sent === null) return null;
    return this.#to.sendRtcp(sent) ? null : 'no-destination';
  }

  /** What goes to the other side; null when nothing does. */
  #read(packet: Buffer, arrivalMs: number): Uint8Array | null {
    const read = ReadRtcp.read(packet);
    const translation = this.#translation();
    // What rtp.js does not take may still mean something to the other side, as long as no number in it is wrong there.
    if (read === null) return translation === null ? packet : null;
    const { senderTime, blocks, hasBye } = read.reports();
    for (const block of blocks) this.#learn(block, arrivalMs);
    if (senderTime !== null) {
      this.#senderTime = senderTime;
      this.#senderTimeMs = arrivalMs;
      this.#other?.passed(senderTime, arrivalMs);
    }
    if (translation !== null) return read.translated(translation);
    return hasBye && this.#context.isContinuous ? read.translated({ sent: null, received: null }) : packet;
  }

  /** What the side says of what it receives. */
  #learn(block: ReceptionBlock, arrivalMs: number): void {
    const { outgoing, clockRateHz } = this.#received;
    if (block.ssrc !== outgoing.ssrc) return;
    this.lastBlock = { lost: block.lost, jitterMs: (block.jitter * 1_000) / clockRateHz };
    if (block.lastSr === 0) return;
    this.#reports.answered(block.lastSr, (block.delaySinceLastSr * 1_000) / FRACTION, arrivalMs);
  }

  /** Null while both streams keep their own numbers. */
  #translation(): RtcpTranslation | null {
    const sent = this.#sent.outgoing;
    const received = this.#received.outgoing;
    if (!sent.isRenumbered && !received.isRenumbered) return null;
    const { packets, octets, timestampOffset } = sent;
    return {
      sent:
        sent.isRenumbered && sent.ssrc !== null && sent.sourceSsrc !== null
          ? { ssrc: sent.sourceSsrc, as: sent.ssrc, timestampOffset, packets, octets }
          : null,
      received:
        received.isRenumbered && received.ssrc !== null
          ? { ssrc: received.ssrc, as: received.sourceSsrc, sequenceOffset: received.sequenceOffset }
          : null,
    };
  }

  #generate(nowMs: number): void {
    const { outgoing } = this.#received;
    const { cname, wallOffsetMs, random32 } = this.#context;
    this.#receiverSsrc ??= random32();
    const wallMs = nowMs + wallOffsetMs;
    // RFC 3550 §6.4: who has sent since the report before the last one is a sender.
    const isSender = outgoing.ssrc !== null && nowMs - outgoing.sentMs < RTCP_SILENCE_MS;
    const { packets, octets } = outgoing;
    const report = composeRtcp({
      ssrc: outgoing.ssrc ?? this.#receiverSsrc,
      cname,
      sender: isSender ? { wallMs, rtpTimestamp: outgoing.timestampAt(nowMs), packets, octets } : null,
      block: this.#block(nowMs),
    });
    if (!this.#from.sendRtcp(report)) return;
    this.generated += 1;
    if (isSender) this.#reports.add(middleOfNtpAt(wallMs), nowMs);
  }

  /** What we received of the side's stream (RFC 3550 §A.3); null before its first packet. */
  #block(nowMs: number): ReceptionBlock | null {
    const { statistics, clockRateHz } = this.#sent;
    const { ssrc, expectedInRun: expected, lostInRun: lost } = statistics;
    if (ssrc === null) return null;
    if (ssrc !== this.#blockSsrc) {
      this.#blockSsrc = ssrc;
      this.#expectedBefore = 0;
      this.#lostBefore = 0;
    }
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = lost - this.#lostBefore;
    this.#expectedBefore = expected;
    this.#lostBefore = lost;
    return {
      ssrc,
      fractionLost: expectedNow > 0 && lostNow > 0 ? Math.min(255, Math.floor((lostNow * 256) / expectedNow)) : 0,
      lost,
      highestSequence: statistics.highestSequence,
      jitter: Math.round((statistics.jitterMs * clockRateHz) / 1_000),
      lastSr: this.#senderTime,
      delaySinceLastSr: this.#senderTime === 0 ? 0 : Math.round(((nowMs - this.#senderTimeMs) * FRACTION) / 1_000),
    };
  }
}

/** SRTCP hides all but its first packet's header (RFC 3711 §3.4); DTLS comes to the same port (RFC 7983 §7). */
function isSrtcp(packet: Uint8Array): boolean {
  const [first = 0, type = 0] = packet;
  const isHandshake = first >= 20 && first <= 63;
  return isHandshake || (packet.length >= 8 && first >> 6 === 2 && type >= 192 && type <= 223);
}
