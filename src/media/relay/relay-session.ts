// One relayed call: what either side sends goes to the other side and, while it is forked, to the taps.
import { randomBytes } from 'node:crypto';
import type { MediaEvent, MediaRemote } from '../../call/ports.js';
import type { MediaReport, Side } from '../../call/reports.js';
import type { Pacer } from '../player/pacer.js';
import type { StartPlay } from '../player/session-plays.js';
import { soundOf } from '../player/sound.js';
import type { SocketPair } from './media-socket.js';
import type { StreamSettings } from './relay-messages.js';
import { RelayedControl } from './relayed-control.js';
import { RelayedSide } from './relayed-side.js';
import { type ForkSink, RelayedStream, type StreamContext } from './relayed-stream.js';
import type { StreamCounts } from './stream-totals.js';

export interface SessionContext {
  readonly settings: StreamSettings;
  readonly pacer: Pacer;
  readonly played: { packets: number };
  nowMs(): number;
  random32(): number;
  tell(event: MediaEvent): void;
}

export class RelaySession {
  readonly #nowMs: () => number;
  readonly #tell: (event: MediaEvent) => void;
  readonly #sides: Record<Side, RelayedSide>;
  /** By the side that sends. */
  readonly #streams: Record<Side, RelayedStream>;
  readonly #controls: Record<Side, RelayedControl>;

  constructor(sockets: Record<Side, SocketPair>, context: SessionContext) {
    this.#nowMs = context.nowMs;
    this.#tell = context.tell;
    const shared: StreamContext = {
      isContinuous: context.settings.continuity,
      keepsDigits: context.settings.keepDigits,
      comfortNoise: context.settings.comfortNoise,
      pacer: context.pacer,
      played: context.played,
      random32: context.random32,
      tell: context.tell,
    };
    const caller = new RelayedSide('caller', sockets.caller);
    const callee = new RelayedSide('callee', sockets.callee);
    this.#sides = { caller, callee };
    this.#streams = {
      caller: new RelayedStream(caller, callee, shared),
      callee: new RelayedStream(callee, caller, shared),
    };
    const { caller: ofCaller, callee: ofCallee } = this.#streams;
    const control = {
      wallOffsetMs: Date.now() - context.nowMs(),
      // RFC 7022 §4.2: 96 random bits for a session.
      cname: randomBytes(12).toString('base64'),
      isContinuous: context.settings.continuity,
      random32: context.random32,
    };
    this.#controls = {
      caller: new RelayedControl({ from: caller, to: callee }, { sent: ofCaller, received: ofCallee }, control),
      callee: new RelayedControl({ from: callee, to: caller }, { sent: ofCallee, received: ofCaller }, control),
    };
    this.#controls.caller.connect(this.#controls.callee);
    this.#controls.callee.connect(this.#controls.caller);
    ofCaller.control = this.#controls.caller;
    ofCallee.control = this.#controls.callee;
    this.#listen('caller', sockets.caller);
    this.#listen('callee', sockets.callee);
  }

  /** Copies of both directions go there from now on; null for nowhere. */
  forkTo(fork: ForkSink | null): void {
    this.#streams.caller.fork = fork;
    this.#streams.callee.fork = fork;
  }

  setRemote(side: Side, remote: MediaRemote): void {
    const isSet = this.#sides[side].setRemote(remote);
    this.#describe(side, isSet ? remote : null);
  }

  clearRemote(side: Side): void {
    this.#sides[side].clearRemote();
    this.#describe(side, null);
  }

  moveCallee(sockets: SocketPair): void {
    this.#sides.callee.moveTo(sockets);
    this.#describe('callee', null);
    this.#listen('callee', sockets);
  }

  /** Plays to a side; the stream that goes there does it. */
  play({ side, playId, source, loop, mode }: StartPlay): void {
    const stream = this.#streams[side === 'caller' ? 'callee' : 'caller'];
    if (source.kind === 'digit' && stream.playKey(playId, source, this.#nowMs())) return;
    const sound = soundOf(source);
    if (sound === null) this.#tell({ type: 'played', playId, end: 'failed' });
    else stream.play({ playId, sound, loop, mode }, this.#nowMs());
  }

  stopPlaying(playId: string): void {
    this.#streams.caller.stopPlaying(playId);
    this.#streams.callee.stopPlaying(playId);
  }

  /** From now on a side that should send and has not for so long is told by an event; null for never. */
  watchSilence(afterMs: number | null): void {
    const nowMs = this.#nowMs();
    this.#streams.caller.watchSilence(afterMs, nowMs);
    this.#streams.callee.watchSilence(afterMs, nowMs);
  }

  /** To be called a few times a second: everything that is due by time. */
  tick(nowMs: number): void {
    this.#streams.caller.tick(nowMs);
    this.#streams.callee.tick(nowMs);
    const { caller, callee } = this.#controls;
    caller.tick(nowMs, callee.isMute(nowMs));
    callee.tick(nowMs, caller.isMute(nowMs));
  }

  /** What is summed up over sessions: packets wait meanwhile, so nothing is rated for it. */
  counts(): Record<Side, StreamCounts> {
    const nowMs = this.#nowMs();
    const { caller, callee } = this.#streams;
    return {
      caller: caller.counts(nowMs, this.#controls.caller.generated),
      callee: callee.counts(nowMs, this.#controls.callee.generated),
    };
  }

  report(): MediaReport {
    const { caller, callee } = this.#sides;
    const nowMs = this.#nowMs();
    const lastMs = Math.max(caller.lastPacketMs ?? -1, callee.lastPacketMs ?? -1);
    return {
      caller: this.#streams.caller.report(nowMs, { from: this.#controls.caller, to: this.#controls.callee }),
      callee: this.#streams.callee.report(nowMs, { from: this.#controls.callee, to: this.#controls.caller }),
      lastPacketAgeMs: lastMs < 0 ? null : Math.max(0, nowMs - lastMs),
    };
  }

  /** The call is over: what is still to be told of its streams is. */
  end(): void {
    this.#streams.caller.end();
    this.#streams.callee.end();
  }

  #describe(side: Side, remote: MediaRemote | null): void {
    this.#streams[side].setFrom(remote, this.#nowMs());
    if (remote === null) this.#controls[side].forget();
    this.#streams[side === 'caller' ? 'callee' : 'caller'].setTo(remote);
  }

  #listen(side: Side, sockets: SocketPair): void {
    sockets.rtp.listen(this.#streams[side]);
    sockets.rtcp.listen(this.#controls[side]);
  }
}
