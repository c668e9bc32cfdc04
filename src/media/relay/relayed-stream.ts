// One direction of a relayed call: what one side sends, on its way to the other. Each packet is counted, forked as it came,
// then given the other side's payload type and codec, and numbered on as one stream.
import type { MediaEvent, MediaRemote } from '../../call/ports.js';
import type { MediaDropCause, StreamReport } from '../../call/reports.js';
import { AmrWbModes } from '../../rtp/amr-wb-modes.js';
import { A_LAW_TO_MU_LAW, MU_LAW_TO_A_LAW, transcodeOctets } from '../../rtp/g711-transcoding.js';
import { ReceptionStatistics } from '../../rtp/reception-statistics.js';
import {
  isRtp,
  payloadEndOf,
  payloadStartOf,
  payloadTypeOf,
  sequenceOf,
  ssrcOf,
  timestampOf,
} from '../../rtp/rtp-header.js';
import { TelephoneEvents } from '../../rtp/telephone-events.js';
import { isTelephoneEvent } from '../../sdp/codecs.js';
import { type Key, type KeyedLeg, KeyPlayer } from '../player/key-player.js';
import { LegPlayer, type Play } from '../player/leg-player.js';
import type { Pacer } from '../player/pacer.js';
import { SAMPLE_RATE_HZ } from '../player/sound.js';
import type { MediaSocketListener } from './media-socket.js';
import { OutgoingStream } from './outgoing-stream.js';
import {
  AUDIO,
  COMFORT_NOISE,
  EVENT,
  NOT_NEGOTIATED,
  NOWHERE,
  PayloadMap,
  TO_MU_LAW,
  UNCHANGED,
} from './payload-map.js';
import type { ComfortNoiseSettings } from './relay-messages.js';
import type { RelayedSide } from './relayed-side.js';
import { SilenceMeter } from './silence-meter.js';
import { scoreOf } from './stream-quality.js';
import type { StreamCounts } from './stream-totals.js';

/** Receives copies of the packets of a forked call. */
export interface ForkSink {
  add(isCallee: boolean, arrivalMs: number, packet: Uint8Array): void;
}

/** What both streams of a session share. */
export interface StreamContext {
  readonly isContinuous: boolean;
  readonly keepsDigits: boolean;
  readonly comfortNoise: ComfortNoiseSettings;
  readonly pacer: Pacer;
  /** Packets of our own that were sent, of the whole thread. */
  readonly played: { packets: number };
  random32(): number;
  tell(event: MediaEvent): void;
}

/** RTCP that came on the RTP port (RFC 5761). */
export interface MuxedControl {
  /** Null, or why the packet was dropped. */
  relayMuxed(packet: Buffer, address: string, port: number, arrivalMs: number): MediaDropCause | null;
}

/** What a side's RTCP told. */
export interface ControlReport {
  /** Packets of our own that were sent to the side. */
  readonly generated: number;
  readonly roundTripMs: number | null;
  /** Of what the side receives. */
  readonly lastBlock: { readonly lost: number; readonly jitterMs: number } | null;
}

const DEFAULT_CLOCK_RATE_HZ = 8_000;
const DEFAULT_PACKET_MS = 20;
const NO_PAYLOAD_TYPE = -1;
/** Whoever sends more keys nothing in by hand. */
const MAX_KEPT_DIGITS = 256;

export class RelayedStream implements MediaSocketListener {
  /** Gets copies; null for nobody. */
  fork: ForkSink | null = null;
  /** RTCP of the side, when it shares the port. */
  control: MuxedControl | null = null;
  readonly outgoing: OutgoingStream;
  readonly statistics = new ReceptionStatistics(DEFAULT_CLOCK_RATE_HZ);
  /** Clock rate of the audio that came last. */
  clockRateHz = DEFAULT_CLOCK_RATE_HZ;

  readonly #from: RelayedSide;
  readonly #to: RelayedSide;
  readonly #context: StreamContext;
  readonly #isCallee: boolean;
  readonly #map = new PayloadMap();
  readonly #events: TelephoneEvents;
  readonly #silence: SilenceMeter;
  #isSilenceAnnounced = false;
  /** Plays to the side that this stream goes to; null while nothing ever was. */
  #player: LegPlayer | null = null;
  /** The same of keys. */
  #keys: KeyPlayer | null = null;
  #toRemote: MediaRemote | null = null;
  #audioType = NO_PAYLOAD_TYPE;
  /** Name of the codec of the audio that came last. */
  #audioName = '';
  /** Of that codec, while it is AMR-WB and can be read. */
  #amrWb: AmrWbModes | null = null;
  #packetMs = DEFAULT_PACKET_MS;
  #transcoded = 0;
  #digits = '';

  constructor(from: RelayedSide, to: RelayedSide, context: StreamContext) {
    this.#from = from;
    this.#to = to;
    this.#context = context;
    this.#isCallee = from.side === 'callee';
    this.outgoing = new OutgoingStream(context.isContinuous, context.random32);
    const { side } = from;
    this.#events = new TelephoneEvents((event, durationMs) => {
      if (context.keepsDigits && this.#digits.length < MAX_KEPT_DIGITS) this.#digits += event;
      context.tell({ type: 'dtmf', side, event, durationMs, by: 'rfc4733' });
    });
    this.#silence = new SilenceMeter({
      silent: (silentMs) => context.tell({ type: 'silent', side, silentMs }),
      heard: () => context.tell({ type: 'heard', side }),
    });
  }

  /** A packet on the RTP port of the side that sends. */
  received(packet: Buffer, address: string, port: number, arrivalMs: number): void {
    const dropped =
      isRtp(packet) && !this.#from.isUdptl
        ? this.#relay(packet, address, port, arrivalMs)
        : this.#relayOther(packet, address, port, arrivalMs);
    if (dropped !== null) this.#from.drop(dropped);
  }

  /** What the sockets of this side could not send came from the other side. */
  sendFailed(): void {
    this.#to.drop('send-error');
  }

  /** What this side may send from now on; null when that is not known any more. */
  setFrom(remote: MediaRemote | null, nowMs: number): void {
    this.#map.setSent(remote?.codecs ?? []);
    this.#isSilenceAnnounced = false;
    this.#audioType = NO_PAYLOAD_TYPE;
    // What it had is rated, where it has no audio any more.
    if (remote !== null && remote.isUdptl !== true) this.#packetMs = remote.ptimeMs ?? DEFAULT_PACKET_MS;
    if (remote === null) this.#events.end();
    this.#silence.expect(remote !== null && remote.isSilent !== true, nowMs);
    const { whenSilent: fill, afterMs } = this.#context.comfortNoise;
    if (fill !== null) this.#playing().fillWhenSilent(remote === null ? null : { fill, afterMs }, nowMs);
    this.#adaptPlayer();
  }

  /** What the other side may be sent. */
  setTo(remote: MediaRemote | null): void {
    this.#map.setReceived(remote === null ? null : (remote.sentCodecs ?? remote.codecs));
    this.#toRemote = remote;
    this.#adaptPlayer();
  }

  /** Plays to the side that this stream goes to. */
  play(play: Play, nowMs: number): void {
    const player = this.#playing();
    player.play(play, this.#from.lastPacketMs, nowMs);
    this.#context.pacer.watch(player);
  }

  /** Plays a key as a telephone-event; false when the side has none at the clock rate of its audio. */
  playKey(playId: string, { digit, durationMs }: Pick<Key, 'digit' | 'durationMs'>, nowMs: number): boolean {
    const remote = this.#toRemote;
    const formats = remote === null ? [] : (remote.sentCodecs ?? remote.codecs);
    const clockRateHz = formats[0]?.clockRateHz;
    const event = formats.find((format) => isTelephoneEvent(format) && format.clockRateHz === clockRateHz);
    if (event === undefined || this.#from.isProtected || this.#to.isProtected) return false;
    this.#keys ??= new KeyPlayer({ sendEvent: this.#sendEvent }, (id, end) =>
      this.#context.tell({ type: 'played', playId: id, end }),
    );
    const { payloadType } = event;
    this.#keys.play({ playId, digit, durationMs, payloadType, clockRateHz: event.clockRateHz }, nowMs);
    this.#context.pacer.watch(this.#keys);
    return true;
  }

  stopPlaying(playId: string): void {
    this.#player?.stop(playId);
  }

  watchSilence(afterMs: number | null, nowMs: number): void {
    this.#silence.watch(afterMs, nowMs);
  }

  tick(nowMs: number): void {
    this.#events.tick(nowMs);
    if (!this.#isSilenceAnnounced) this.#silence.tick(nowMs);
  }

  /** The call is over: an event under way is told. */
  end(): void {
    this.#events.end();
    if (this.#keys !== null) {
      this.#keys.close();
      this.#context.pacer.forget(this.#keys);
    }
    if (this.#player === null) return;
    this.#player.close();
    this.#context.pacer.forget(this.#player);
  }

  /** @param rtcpGenerated To the side that sends. */
  counts(nowMs: number, rtcpGenerated: number): StreamCounts {
    const { statistics } = this;
    return {
      packets: statistics.packets,
      lost: statistics.lost,
      outOfOrder: statistics.outOfOrder,
      duplicates: statistics.duplicates,
      transcoded: this.#transcoded,
      rtcpPackets: this.#from.rtcpPackets,
      rtcpGenerated,
      dtmfEvents: this.#events.count,
      silentMs: Math.round(this.#silence.silentMs(nowMs)),
      dropped: this.#from.dropped,
    };
  }

  /** @param told What RTCP says: of the side that sends, and of the one that receives. */
  report(nowMs: number, told: { readonly from: ControlReport; readonly to: ControlReport }): StreamReport {
    const { statistics } = this;
    const from = this.#from;
    return {
      packets: statistics.packets,
      bytes: statistics.bytes,
      lost: statistics.lost,
      jitterMs: Math.round(statistics.jitterMs * 1000) / 1000,
      outOfOrder: statistics.outOfOrder,
      duplicates: statistics.duplicates,
      rtcpPackets: from.rtcpPackets,
      rtcpGenerated: told.from.generated,
      transcoded: this.#transcoded,
      roundTripMs: told.from.roundTripMs === null ? null : Math.round(told.from.roundTripMs * 10) / 10,
      peerReport: told.to.lastBlock,
      mos: scoreOf(statistics, {
        codecName: this.#audioName,
        mode: this.#amrWb?.prevailing ?? null,
        packetMs: this.#packetMs,
        roundTripsMs: [told.from.roundTripMs, told.to.roundTripMs],
      }),
      silentMs: Math.round(this.#silence.silentMs(nowMs)),
      dtmfEvents: this.#events.count,
      dtmfDigits: this.#context.keepsDigits ? this.#digits : null,
      dropped: { ...from.dropped },
      source: from.firstSource,
      firstPacketWallMs: from.firstPacketWallMs,
    };
  }

  /** Null, or why the packet was dropped. */
  #relay(packet: Buffer, address: string, port: number, arrivalMs: number): MediaDropCause | null {
    const from = this.#from;
    if (!from.isKnown) return 'source';
    const payloadType = payloadTypeOf(packet);
    const map = this.#map;
    map.look(payloadType);
    const { kind, clockRateHz } = map;
    if (kind === NOT_NEGOTIATED) return 'payload-type';
    if (!from.acceptsRtp(address, port, arrivalMs)) return 'source';
    this.#measure(packet, payloadType, kind, clockRateHz, arrivalMs);
    if (from.isProtected || this.#to.isProtected) return this.#send(packet);
    if (kind === EVENT) this.#events.receive(packet, clockRateHz, arrivalMs);
    // The copy is of what came: the recorder knows the codecs of this side.
    if (this.fork !== null) this.fork.add(this.#isCallee, arrivalMs, packet);
    return this.#pass(packet, payloadType, kind, clockRateHz, arrivalMs);
  }

  #pass(
    packet: Buffer,
    payloadType: number,
    kind: number,
    clockRateHz: number,
    arrivalMs: number,
  ): MediaDropCause | null {
    const { type, change } = this.#map;
    const dropped = !this.#to.isSendable ? 'no-destination' : type === NOWHERE ? 'payload-type' : null;
    if (dropped !== null) {
      this.outgoing.skip(packet);
      return kind === COMFORT_NOISE && dropped === 'payload-type' && this.#makeNoise(packet, arrivalMs)
        ? null
        : dropped;
    }
    if (change !== UNCHANGED) this.#transcode(packet, change);
    if (type !== payloadType) packet[1] = ((packet[1] ?? 0) & 0x80) | type;
    // Digits pass even where what is said is replaced.
    const isReplaced = (this.#player?.isReplacing === true || this.#keys?.isPlaying === true) && kind !== EVENT;
    if (isReplaced) this.outgoing.skip(packet);
    else if (!this.outgoing.pass(packet, clockRateHz, arrivalMs)) return 'ssrc';
    if (this.#player !== null && kind !== EVENT) this.#playOver(packet, kind, arrivalMs, this.#player);
    return isReplaced ? null : this.#send(packet);
  }

  #sendEvent: KeyedLeg['sendEvent'] = (payloadType, packet, isFirst, ticks, nowMs) => {
    if (!this.#to.isSendable) return;
    if (isFirst) {
      this.outgoing.compose(packet, payloadType, ticks, this.clockRateHz, nowMs);
      // RFC 4733 §2.5.1.2.
      packet[1] = payloadType | 0x80;
    } else {
      this.outgoing.composeAgain(packet, payloadType);
    }
    if (this.#to.sendRtp(packet)) this.#context.played.packets += 1;
  };

  #playOver(packet: Buffer, kind: number, arrivalMs: number, player: LegPlayer): void {
    player.over(packet, kind === COMFORT_NOISE, arrivalMs);
    this.#context.pacer.watch(player);
  }

  /** Comfort noise for a side that has no CN becomes noise until the next packet; false when it is left out by setting. */
  #makeNoise(packet: Buffer, arrivalMs: number): boolean {
    const level = packet[payloadStartOf(packet)];
    if (this.#context.comfortNoise.received === 'drop' || level === undefined) return false;
    const player = this.#playing();
    player.fill({ noiseDbov: level & 0x7f }, arrivalMs);
    this.#context.pacer.watch(player);
    return true;
  }

  #playing(): LegPlayer {
    if (this.#player !== null) return this.#player;
    const to = this.#to;
    const send = (payloadType: number, packet: Uint8Array, ticks: number, dueMs: number): void => {
      if (!to.isSendable) return;
      this.outgoing.compose(packet, payloadType, ticks, SAMPLE_RATE_HZ, dueMs);
      if (to.sendRtp(packet)) this.#context.played.packets += 1;
    };
    this.#player = new LegPlayer({ send }, (playId, end) => this.#context.tell({ type: 'played', playId, end }));
    this.#adaptPlayer();
    return this.#player;
  }

  /** Nothing can be played into what passes unread. */
  #adaptPlayer(): void {
    if (this.#player === null) return;
    const remote = this.#toRemote;
    const isRead = remote !== null && !this.#from.isProtected && !this.#to.isProtected;
    this.#player.setCodecs(isRead ? (remote.sentCodecs ?? remote.codecs) : [], remote?.ptimeMs);
    this.#context.pacer.watch(this.#player);
  }

  #relayOther(packet: Buffer, address: string, port: number, arrivalMs: number): MediaDropCause | null {
    const from = this.#from;
    if (from.isUdptl) return this.#relayFax(packet, address, port, arrivalMs);
    const first = packet[0] ?? 0;
    // RFC 5761 §4: what has RTP's version and is no RTP by its second byte.
    if (from.isMuxed && first >> 6 === 2) {
      return this.control?.relayMuxed(packet, address, port, arrivalMs) ?? null;
    }
    // RFC 7983 §7: DTLS shares the port of the SRTP that it is for, and passes with it.
    const isHandshake = first >= 20 && first <= 63 && (from.isProtected || this.#to.isProtected);
    if (!isHandshake) return 'malformed';
    if (!from.acceptsRtp(address, port, arrivalMs)) return 'source';
    from.rtcpPackets += 1;
    return this.#send(packet);
  }

  /** Byte for byte, and only from fax to fax: while one side still has audio nobody there could read it. */
  #relayFax(packet: Buffer, address: string, port: number, arrivalMs: number): MediaDropCause | null {
    const from = this.#from;
    if (!from.acceptsRtp(address, port, arrivalMs)) return 'source';
    from.heard(arrivalMs);
    from.rtcpPackets += 1;
    return this.#to.isUdptl ? this.#send(packet) : 'no-destination';
  }

  #measure(packet: Buffer, payloadType: number, kind: number, clockRateHz: number, arrivalMs: number): void {
    this.#from.heard(arrivalMs);
    this.#isSilenceAnnounced = kind === COMFORT_NOISE;
    this.#silence.heard(arrivalMs);
    if (kind === AUDIO && payloadType !== this.#audioType) {
      this.#audioType = payloadType;
      this.clockRateHz = clockRateHz;
      const codec = this.#map.codecOf(payloadType);
      this.#audioName = codec?.name ?? '';
      const isRead = /^amr-wb$/i.test(this.#audioName) && !this.#from.isProtected;
      this.#amrWb = isRead ? (this.#amrWb ?? new AmrWbModes()) : null;
      this.#amrWb?.setFormat(codec?.fmtp);
      this.statistics.setClockRate(clockRateHz);
    }
    if (this.#amrWb !== null && kind === AUDIO) this.#amrWb.count(packet);
    this.statistics.receive(ssrcOf(packet), sequenceOf(packet), timestampOf(packet), arrivalMs, packet.length);
  }

  /** In place; a packet whose header promises more than there is has no payload to change. */
  #transcode(packet: Uint8Array, change: number): void {
    const from = payloadStartOf(packet);
    const to = from < 0 ? -1 : payloadEndOf(packet, from);
    transcodeOctets(packet, from, to, change === TO_MU_LAW ? A_LAW_TO_MU_LAW : MU_LAW_TO_A_LAW);
    this.#transcoded += 1;
  }

  #send(packet: Uint8Array): MediaDropCause | null {
    return this.#to.sendRtp(packet) ? null : 'no-destination';
  }
}
