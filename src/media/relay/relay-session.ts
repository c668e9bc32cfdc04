// One relayed call: what either side sends goes to the other side and, while it is forked, to the taps.
import type { G711Codec, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import { isRtcp } from '../../rtp/rtcp-packet.js';
import type { SocketPair } from './media-socket.js';
import { RelayedSide } from './relayed-side.js';
import { ToneOverlay } from './tone-overlay.js';

/** Receives copies of forked packets. */
export interface ForkSink {
  add(fork: number, isCallee: boolean, arrivalMs: number, packet: Uint8Array): void;
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
    // What a side's sockets send came from the other side.
    const sendFailed = () => {
      to.dropped['send-error'] += 1;
    };
    sockets.rtp.listen({
      received: (packet, address, port, arrivalMs) => {
        if (!from.receivesRtp(packet, address, port, arrivalMs)) return;
        const sent = isCallee && this.#tone !== null ? this.#warned(packet, this.#tone) : packet;
        if (!to.sendRtp(sent)) from.dropped['no-destination'] += 1;
        if (this.#fork !== null) this.#sink.add(this.#fork, isCallee, arrivalMs, packet);
      },
      sendFailed,
    });
    sockets.rtcp.listen({
      received: (packet, address, port, arrivalMs) => {
        if (!from.receivesRtcp(packet, isRtcp(packet), address, port, arrivalMs)) return;
        if (!to.sendRtcp(packet)) from.dropped['no-destination'] += 1;
      },
      sendFailed,
    });
  }
}
