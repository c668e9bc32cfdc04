// Takes the copies that rtpengine sends, all on one port, tells by their source which call and side they are of, and hands
// them with their arrival time to the taps, just as the relay does with packets of its own.
import type { MessagePort } from 'node:worker_threads';
import type { Side } from '../../call/reports.js';
import { ReceptionStatistics } from '../../rtp/reception-statistics.js';
import { isRtp, payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from '../../rtp/rtp-header.js';
import { TelephoneEvents } from '../../rtp/telephone-events.js';
import { TapQueue } from '../relay/tap-queue.js';
import type { ForkOrigin } from './fork-description.js';
import type { ForkCounters, ForkedDtmf, ForkedStream, ForkReport } from './fork-messages.js';

/** Copies are G.711. */
const CLOCK_RATE_HZ = 8_000;

class Stream {
  readonly fork: number;
  readonly isCallee: boolean;
  readonly statistics = new ReceptionStatistics(CLOCK_RATE_HZ);
  readonly events: TelephoneEvents;
  source: ForkOrigin;
  engineAddress: string | null = null;
  firstPacketWallMs: number | null = null;
  lastPacketMs: number | null = null;

  constructor(fork: number, side: Side, source: ForkOrigin, tell: (dtmf: ForkedDtmf) => void) {
    this.fork = fork;
    this.isCallee = side === 'callee';
    this.source = source;
    this.events = new TelephoneEvents((event, durationMs) => tell({ fork, side, event, durationMs }));
  }

  report(nowMs: number): ForkedStream {
    const { packets, lost, jitterMs, outOfOrder, duplicates } = this.statistics;
    return {
      packets,
      lost,
      jitterMs: Math.round(jitterMs * 1000) / 1000,
      outOfOrder,
      duplicates,
      firstPacketWallMs: this.firstPacketWallMs,
      lastPacketAgeMs: this.lastPacketMs === null ? null : Math.max(0, nowMs - this.lastPacketMs),
    };
  }
}

interface Fork {
  readonly recordingId: string;
  readonly streams: Readonly<Record<Side, Stream>>;
}

export class ForkCore {
  readonly #forks = new Map<number, Fork>();
  /** Two rtpengines may use one port number. */
  readonly #byPort = new Map<number, Stream[]>();
  readonly #taps = new Set<TapQueue>();
  readonly #maxTapBatches: number;
  readonly #nowMs: () => number;
  readonly #tell: (dtmf: ForkedDtmf) => void;
  #endedForked = 0;
  #endedLost = 0;
  #strays = 0;

  constructor(maxTapBatches: number, nowMs: () => number, tell: (dtmf: ForkedDtmf) => void) {
    this.#maxTapBatches = maxTapBatches;
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  fork(
    id: number,
    recordingId: string,
    sources: Readonly<Record<Side, ForkOrigin>>,
    engineAddress: string | null,
  ): void {
    let fork = this.#forks.get(id);
    if (fork === undefined) {
      const streams = {
        caller: new Stream(id, 'caller', sources.caller, this.#tell),
        callee: new Stream(id, 'callee', sources.callee, this.#tell),
      };
      fork = { recordingId, streams };
      this.#forks.set(id, fork);
      for (const tap of this.#taps) tap.begin(id, recordingId);
    }
    for (const side of ['caller', 'callee'] as const) {
      const stream = fork.streams[side];
      this.#forget(stream);
      stream.source = sources[side];
      stream.engineAddress = engineAddress;
      const others = this.#byPort.get(stream.source.port);
      if (others === undefined) this.#byPort.set(stream.source.port, [stream]);
      else others.push(stream);
    }
  }

  unfork(id: number): void {
    const fork = this.#forks.get(id);
    if (fork === undefined) return;
    this.#forks.delete(id);
    for (const stream of [fork.streams.caller, fork.streams.callee]) {
      stream.events.end();
      this.#forget(stream);
    }
    for (const tap of this.#taps) tap.end(id);
  }

  /** Sends copies to one more tap, those of calls that are forked already included. */
  connectTap(port: MessagePort): void {
    const tap = new TapQueue(port, { maxBatches: this.#maxTapBatches }, () => {
      if (!this.#taps.delete(tap)) return;
      this.#endedForked += tap.counters.forkedPackets;
      this.#endedLost += tap.counters.lostPackets;
    });
    this.#taps.add(tap);
    for (const [id, { recordingId }] of this.#forks) tap.begin(id, recordingId);
  }

  receive(packet: Buffer, address: string, port: number): void {
    const stream = this.#streamOf(address, port);
    if (stream === undefined) {
      this.#strays += 1;
      return;
    }
    // RTCP comes to the same port.
    if (!isRtp(packet)) return;
    const nowMs = this.#nowMs();
    stream.firstPacketWallMs ??= Date.now();
    stream.lastPacketMs = nowMs;
    stream.statistics.receive(ssrcOf(packet), sequenceOf(packet), timestampOf(packet), nowMs, packet.length);
    if (payloadTypeOf(packet) === stream.source.eventType) stream.events.receive(packet, CLOCK_RATE_HZ, nowMs);
    else stream.events.tick(nowMs);
    for (const tap of this.#taps) tap.add(stream.fork, stream.isCallee, nowMs, packet);
  }

  report(id: number): ForkReport | null {
    const fork = this.#forks.get(id);
    if (fork === undefined) return null;
    const nowMs = this.#nowMs();
    return { caller: fork.streams.caller.report(nowMs), callee: fork.streams.callee.report(nowMs) };
  }

  counters(): ForkCounters {
    let forkedPackets = this.#endedForked;
    let forkLostPackets = this.#endedLost;
    for (const { counters } of this.#taps) {
      forkedPackets += counters.forkedPackets;
      forkLostPackets += counters.lostPackets;
    }
    return { forks: this.#forks.size, forkedPackets, forkLostPackets, strayPackets: this.#strays };
  }

  shutdown(): void {
    for (const id of [...this.#forks.keys()]) this.unfork(id);
    for (const tap of [...this.#taps]) tap.close();
    this.#taps.clear();
  }

  #streamOf(address: string, port: number): Stream | undefined {
    const streams = this.#byPort.get(port);
    if (streams === undefined) return undefined;
    for (const stream of streams) {
      if (stream.source.address === address || stream.engineAddress === address) return stream;
    }
    return undefined;
  }

  #forget(stream: Stream): void {
    const { port } = stream.source;
    const others = this.#byPort.get(port)?.filter((other) => other !== stream) ?? [];
    if (others.length === 0) this.#byPort.delete(port);
    else this.#byPort.set(port, others);
  }
}
