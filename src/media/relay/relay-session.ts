// One relayed call: what either side sends goes to the other side and, while it is forked, to the taps.
import type { RemoteInfo, Socket } from 'node:dgram';
import type { G711Codec, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { isRtcp } from '../../rtp/rtcp-packet.js';
import { RelayedSide } from './relayed-side.js';
import { ToneOverlay } from './tone-overlay.js';

/** Receives copies of forked packets. */
export interface ForkSink {
  add(fork: number, isCallee: boolean, arrivalMs: number, packet: Uint8Array): void;
}

export interface SocketPair {
  readonly rtp: Socket;
  readonly rtcp: Socket;
}

export class RelaySession {
  readonly #sides: Record<Side, RelayedSide>;
  readonly #nowMs: () => number;
  readonly #sink: ForkSink;
  #fork: number | null = null;
  /** Laid over what the callee says on its way to the caller. */
  #tone: ToneOverlay | null = null;

  constructor(sockets: Record<Side, SocketPair>, nowMs: () => number, sink: ForkSink) {
    this.#nowMs = nowMs;
    this.#sink = sink;
    this.#sides = {
      caller: new RelayedSide('caller', sockets.caller),
      callee: new RelayedSide('callee', sockets.callee),
    };
    this.#listen('caller', sockets.caller);
    this.#listen('callee', sockets.callee);
  }

  get fork(): number | null {
    return this.#fork;
  }

  set fork(fork: number | null) {
    this.#fork = fork;
  }

  setRemote(side: Side, remote: MediaRemote): void {
    this.#sides[side].setRemote(remote);
  }

  clearRemote(side: Side): void {
    this.#sides[side].clearRemote();
  }

  moveCallee(sockets: SocketPair): void {
    this.#sides.callee.moveTo(sockets);
    this.#listen('callee', sockets);
  }

  /** Begins the tone anew when one is under way. */
  warnCaller(codecs: Readonly<Record<number, G711Codec>>): void {
    this.#tone = new ToneOverlay(codecs);
  }

  report(): MediaReport {
    const { caller, callee } = this.#sides;
    const lastMs = Math.max(caller.lastPacketMs ?? -1, callee.lastPacketMs ?? -1);
    return {
      caller: caller.report(),
      callee: callee.report(),
      lastPacketAgeMs: lastMs < 0 ? null : Math.max(0, this.#nowMs() - lastMs),
    };
  }

  #warned(packet: Buffer, tone: ToneOverlay): Buffer {
    const warned = tone.over(packet);
    if (tone.isOver) this.#tone = null;
    return warned;
  }

  #listen(side: Side, sockets: SocketPair): void {
    const from = this.#sides[side];
    const to = this.#sides[side === 'caller' ? 'callee' : 'caller'];
    const isCallee = side === 'callee';
    // One callback for all packets of a direction: none is made on the hot path.
    const onSent = (error: Error | null) => {
      if (error !== null) from.dropped['send-error'] += 1;
    };
    sockets.rtp.on('message', (packet: Buffer, source: RemoteInfo) => {
      const nowMs = this.#nowMs();
      if (!from.receivesRtp(packet, source, nowMs)) return;
      const sent = isCallee && this.#tone !== null ? this.#warned(packet, this.#tone) : packet;
      if (!to.sendRtp(sent, onSent)) from.dropped['no-destination'] += 1;
      if (this.#fork !== null) this.#sink.add(this.#fork, isCallee, nowMs, packet);
    });
    sockets.rtcp.on('message', (packet: Buffer, source: RemoteInfo) => {
      if (!from.receivesRtcp(packet, isRtcp(packet), source, this.#nowMs())) return;
      if (!to.sendRtcp(packet, onSent)) from.dropped['no-destination'] += 1;
    });
  }
}
