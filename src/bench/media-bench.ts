// `bench media`: two-way G.711 calls through the embedded relay with the real recorder, each in a process of its own and
// the generator in a third; with rtpengine, round by round in turn, and the ratio of what a packet costs.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { costOf, type ProcessCost, threadCpuMs } from '../lab/sip-tests/load/process-cost.js';
import { PortClaims } from '../lib/testing/claimed-ports.js';
import type { SocketsSetting } from '../media/relay/open-sockets.js';
import { startMeasured } from './child-process.js';
import { loadPortOf, loadPortsOf } from './media-load.js';
import type { MediaLoadOrder, MediaLoadReport } from './media-load-child.js';
import type { MediaRelayOrder, MediaRelayReady, MediaRelayReport } from './media-relay-child.js';
import { startRtpengine } from './rtpengine-process.js';
import { median } from './sip-message-bench.js';

/** `none`: the load sends to itself, which is what the generator and the kernel have of the delay. */
export type MediaEngine = 'simtrunk' | 'rtpengine' | 'none';

export interface MediaBenchResult {
  readonly benchmark: 'media';
  readonly engine: MediaEngine;
  readonly calls: number;
  readonly streams: number;
  readonly recorded: boolean;
  readonly seconds: number;
  readonly packetsSent: number;
  readonly packetsLost: number;
  /** From sending to receiving, the generator's own part included. */
  readonly delayMs: { readonly p50: number; readonly p99: number };
  /** How late the generator sent. */
  readonly pacingP99Ms: number;
  /** How long the generator stood still in all: it does not make up for that with a burst. */
  readonly stalledMs: number;
  /** User and system time of all threads of the process, by relayed packets. */
  readonly cpuUsPerPacket: number;
  /** The same of each thread that had a part in it, the largest first. */
  readonly cpuUsByThread: readonly number[];
  /** At 100 packets a second a call. */
  readonly callsPerCore: number;
  readonly memoryMb: number;
  /** What stands in the folder of recordings when all calls have ended. */
  readonly recordedMb: number;
  /** Of simtrunk: what the tap lost, and the recordings' state; null of rtpengine. */
  readonly forkLostPackets: number | null;
  readonly recordingsComplete: number | null;
}

export interface MediaBenchRatio {
  readonly benchmark: 'media-ratio';
  /** What a packet costs simtrunk, by what it costs rtpengine: median of rounds. */
  readonly cpuPerPacket: number;
  readonly rounds: readonly number[];
}

export interface MediaBenchSettings {
  readonly calls: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly isRecorded: boolean;
  readonly withRtpengine: boolean;
  readonly isDirectToo: boolean;
  readonly profileFolder: string | undefined;
  /** Of simtrunk's relay. */
  readonly sockets: SocketsSetting;
  readonly threads: number;
}

/** V8 goes on compiling for so long; calls last longer. */
const WARM_UP_MS = 10_000;
const PACKETS_PER_SECOND = 100;
/** Above what tests claim, for thousands are wanted: the relay and rtpengine pass over those that somebody has. */
const enginePorts = new PortClaims('simtrunk-bench-ports', 33_000, 270);
/** Above those that the kernel gives by itself. */
const loadPorts = new PortClaims('simtrunk-bench-load', 61_000, 45);

const START = { simtrunk: startRelay, rtpengine: startPeer, none: startNothing };

/** The part under measurement, ready for packets. */
interface Subject {
  readonly pid: number;
  readonly targetPorts: readonly number[];
  report(): Promise<MediaRelayReport | null>;
  stop(): Promise<void>;
}

export async function benchMedia(
  settings: MediaBenchSettings,
  print: (result: MediaBenchResult | MediaBenchRatio) => void,
): Promise<void> {
  const ratios: number[] = [];
  for (let round = 0; round < settings.rounds; round += 1) {
    const own = await measure('simtrunk', settings);
    print(own);
    if (settings.isDirectToo) print(await measure('none', settings));
    if (!settings.withRtpengine) continue;
    const peer = await measure('rtpengine', settings);
    print(peer);
    ratios.push(own.cpuUsPerPacket / peer.cpuUsPerPacket);
  }
  if (!settings.withRtpengine) return;
  print({
    benchmark: 'media-ratio',
    cpuPerPacket: rounded(median(ratios), 3),
    rounds: ratios.map((r) => rounded(r, 3)),
  });
}

async function measure(engine: MediaEngine, settings: MediaBenchSettings): Promise<MediaBenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'simtrunk-media-'));
  const loadPort = await loadPorts.claim(loadPortsOf(settings.calls));
  const subject = await START[engine](settings, folder, loadPort);
  try {
    const order: MediaLoadOrder = { loadPort, targetPorts: subject.targetPorts };
    const load = await startMeasured<object, MediaLoadReport>('./media-load-child.js', order);
    try {
      await pause(WARM_UP_MS);
      // To be asked takes the relay a moment, which is not to be in the delays.
      await subject.report();
      const [before, costBefore] = [await load.report(), costOf(subject.pid)];
      const threadsBefore = threadCpuMs(subject.pid);
      const startedMs = performance.now();
      await pause(settings.seconds * 1_000);
      const threadsAfter = threadCpuMs(subject.pid);
      const [costAfter, after] = [costOf(subject.pid), await load.report()];
      const seconds = (performance.now() - startedMs) / 1_000;
      await subject.report();
      const last = await load.report();
      const end = await subject.report();
      const cpuUs = cpuMsBetween(costBefore, costAfter) * 1_000;
      const packets = after.received - before.received;
      const cpuUsPerPacket = cpuUs / packets;
      return {
        benchmark: 'media',
        engine,
        calls: settings.calls,
        streams: subject.targetPorts.length,
        recorded: settings.isRecorded,
        seconds: rounded(seconds, 1),
        packetsSent: last.sent,
        packetsLost: last.sent - last.received,
        delayMs: { p50: rounded(after.delayP50Ms, 2), p99: rounded(after.delayP99Ms, 2) },
        pacingP99Ms: rounded(after.pacingP99Ms, 2),
        stalledMs: after.stalledMs,
        cpuUsPerPacket: rounded(cpuUsPerPacket, 2),
        cpuUsByThread: [...threadsAfter]
          .map(([thread, cpuMs]) => rounded(((cpuMs - (threadsBefore.get(thread) ?? 0)) * 1_000) / packets, 2))
          .filter((us) => us >= 0.05)
          .sort((a, b) => b - a),
        callsPerCore: Math.round(1e6 / PACKETS_PER_SECOND / cpuUsPerPacket),
        memoryMb: rounded(costAfter?.peakMemoryMb ?? Number.NaN, 0),
        recordedMb: rounded(bytesBelow(folder) / 2 ** 20, 1),
        forkLostPackets: end?.forkLostPackets ?? null,
        recordingsComplete: end?.recordings?.complete ?? null,
      };
    } finally {
      await load.stop();
    }
  } finally {
    await subject.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startRelay(settings: MediaBenchSettings, folder: string, loadPort: number): Promise<Subject> {
  const order: MediaRelayOrder = {
    calls: settings.calls,
    isRecorded: settings.isRecorded,
    folder,
    firstPort: await enginePorts.claim(4 * settings.calls + 100),
    loadPort,
    sockets: settings.sockets,
    threads: settings.threads,
  };
  const profiling =
    settings.profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${settings.profileFolder}`];
  const child = await startMeasured<MediaRelayReady, MediaRelayReport>('./media-relay-child.js', order, profiling);
  return {
    pid: child.pid,
    targetPorts: child.ready.targetPorts,
    report: () => child.report(),
    stop: () => child.stop(),
  };
}

async function startPeer(settings: MediaBenchSettings, folder: string, loadPort: number): Promise<Subject> {
  const { calls, isRecorded } = settings;
  const [firstPort, controlPort] = [await enginePorts.claim(4 * calls + 100), await loadPorts.claim(2)];
  const peer = await startRtpengine({ calls, isRecorded, folder, firstPort, controlPort, loadPort });
  return { pid: peer.pid, targetPorts: peer.targetPorts, report: async () => null, stop: () => peer.stop() };
}

/** Each side sends straight to the other. */
function startNothing({ calls }: MediaBenchSettings, _: string, loadPort: number): Promise<Subject> {
  const targetPorts = Array.from({ length: 2 * calls }, (_, stream) => loadPortOf(loadPort, stream ^ 1));
  return Promise.resolve({ pid: 0, targetPorts, report: async () => null, stop: async () => undefined });
}

function cpuMsBetween(before: ProcessCost | undefined, after: ProcessCost | undefined): number {
  return before === undefined || after === undefined ? Number.NaN : after.cpuMs - before.cpuMs;
}

function bytesBelow(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** A result as one line for a person. */
export function mediaLineOf(result: MediaBenchResult | MediaBenchRatio): string {
  if (result.benchmark === 'media-ratio') {
    return `ratio      simtrunk / rtpengine, CPU a packet: ${result.cpuPerPacket} (rounds: ${result.rounds.join(', ')})`;
  }
  const delay = `delay p50 ${result.delayMs.p50} ms, p99 ${result.delayMs.p99} ms`;
  if (result.engine === 'none') return `none       ${result.calls} calls sent straight to each other: ${delay}`;
  return (
    `${result.engine.padEnd(10)} ${result.calls} calls, ${result.streams} streams${result.recorded ? ', recorded' : ''}: ` +
    `${result.packetsSent} packets sent, ${result.packetsLost} lost; ${delay}; CPU ${result.cpuUsPerPacket} µs a packet, ${result.callsPerCore} calls a core; ` +
    `${result.memoryMb} MiB`
  );
}
