// Takes the copies that rtpengine sends, all on one port, tells by their source which call and side they are of, and hands
// them with their arrival time to the taps, just as the relay does with packets of its own.
import type { MessagePort } from 'node:worker_threads';
import type { Side } from '../../call/reports.js';
import { ReceptionStatistics } from '../../rtp/reception-statistics.js';
import { isRtp, payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from '../../rtp/rtp-header.js';
import { TelephoneEvents } from '../../rtp/telephone-events.js';
import { type ForkedCall, ForkTaps } from '../relay/fork-taps.js';
import type { ForkOrigin } from './fork-description.js';
import type { ForkCounters, ForkedDtmf, ForkedStream, ForkReport } from './fork-messages.js';

/** Copies are G.711. */
const CLOCK_RATE_HZ = 8_000;

class Stream {
  readonly fork: ForkedCall;
  readonly isCallee: boolean;
  readonly statistics = new ReceptionStatistics(CLOCK_RATE_HZ);
  readonly events: TelephoneEvents;
  /** Null before it was said. */
  source: ForkOrigin | null = null;
  engineAddress: string | null = null;
  firstPacketWallMs: number | null = null;
  lastPacketMs: number | null = null;

  constructor(fork: ForkedCall, side: Side, tell: (dtmf: Omit<ForkedDtmf, 'fork'>) => void) {
    this.fork = fork;
    this.isCallee = side === 'callee';
    this.events = new TelephoneEvents((event, durationMs) => tell({ side, event, durationMs }));
  }

  report(nowMs: number): ForkedStream {
    const { packets, lost, gaps, jitterMs, outOfOrder, duplicates } = this.statistics;
    return {
      isOriginal: this.source?.isOriginal ?? true,
      packets,
      lost,
      gaps,
      jitterMs: Math.round(jitterMs * 1000) / 1000,
      outOfOrder,
      duplicates,
      firstPacketWallMs: this.firstPacketWallMs,
      lastPacketAgeMs: this.lastPacketMs === null ? null : Math.max(0, nowMs - this.lastPacketMs),
    };
  }
}

interface Fork {
  readonly tapped: ForkedCall;
  readonly streams: Readonly<Record<Side, Stream>>;
}

export class ForkCore {
  readonly #forks = new Map<number, Fork>();
  /** Two rtpengines may use one port number. */
  readonly #byPort = new Map<number, Stream[]>();
  readonly #taps = new ForkTaps();
  readonly #maxTapBatches: number;
  readonly #nowMs: () => number;
  readonly #tell: (dtmf: ForkedDtmf) => void;
  #strays = 0;

  constructor(maxTapBatches: number, nowMs: () => number, tell: (dtmf: ForkedDtmf) => void) {
    this.#maxTapBatches = maxTapBatches;
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  /** Nothing comes before it is said whence. */
  begin(id: number, recordingId: string, taps: readonly string[] | undefined): void {
    if (this.#forks.has(id)) return;
    const tapped = this.#taps.begin(recordingId, taps);
    const tell = (dtmf: Omit<ForkedDtmf, 'fork'>) => this.#tell(Object.assign({ fork: id }, dtmf));
    const streams = { caller: new Stream(tapped, 'caller', tell), callee: new Stream(tapped, 'callee', tell) };
    this.#forks.set(id, { tapped, streams });
  }

  expect(id: number, sources: Readonly<Record<Side, ForkOrigin>>, engineAddress: string | null): void {
    const fork = this.#forks.get(id);
    if (fork === undefined) return;
    for (const side of ['caller', 'callee'] as const) {
      const stream = fork.streams[side];
      this.#forget(stream);
      stream.statistics.interrupt();
      stream.source = sources[side];
      stream.engineAddress = engineAddress;
      const others = this.#byPort.get(stream.source.port);
      if (others === undefined) this.#byPort.set(stream.source.port, [stream]);
      else others.push(stream);
    }
  }

  /** Nothing of a side was copied for a while: that is no loss of the side's. */
  interrupt(id: number, side: Side): void {
    this.#forks.get(id)?.streams[side].statistics.interrupt();
  }

  end(id: number): void {
    const fork = this.#forks.get(id);
    if (fork === undefined) return;
    this.#forks.delete(id);
    for (const stream of [fork.streams.caller, fork.streams.callee]) {
      stream.events.end();
      this.#forget(stream);
    }
    this.#taps.end(fork.tapped);
  }

  /** Connects a tap by its name; calls that are forked to it already go to it from now on. */
  connectTap(name: string, port: MessagePort, flushMs: number | undefined): void {
    const maxBatches = this.#maxTapBatches;
    this.#taps.connect(name, port, flushMs === undefined ? { maxBatches } : { maxBatches, flushMs });
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
    if (payloadTypeOf(packet) === stream.source?.eventType) stream.events.receive(packet, CLOCK_RATE_HZ, nowMs);
    else stream.events.tick(nowMs);
    stream.fork.add(stream.isCallee, nowMs, packet);
  }

  report(id: number): ForkReport | null {
    const fork = this.#forks.get(id);
    if (fork === undefined) return null;
    const nowMs = this.#nowMs();
    return { caller: fork.streams.caller.report(nowMs), callee: fork.streams.callee.report(nowMs) };
  }

  counters(): ForkCounters {
    return { forks: this.#forks.size, taps: this.#taps.counters(), strayPackets: this.#strays };
  }

  shutdown(): void {
    for (const id of [...this.#forks.keys()]) this.end(id);
    this.#taps.close();
  }

  #streamOf(address: string, port: number): Stream | undefined {
    const streams = this.#byPort.get(port);
    if (streams === undefined) return undefined;
    for (const stream of streams) {
      if (stream.source?.address === address || stream.engineAddress === address) return stream;
    }
    return undefined;
  }

  #forget(stream: Stream): void {
    if (stream.source === null) return;
    const { port } = stream.source;
    const others = this.#byPort.get(port)?.filter((other) => other !== stream) ?? [];
    if (others.length === 0) this.#byPort.delete(port);
    else this.#byPort.set(port, others);
  }
}
