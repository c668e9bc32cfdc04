// CPU a call of a bare drachtio-srf B2BUA: on the embedded server, and in turn with it on an external drachtio-server.
// Each side gets a burst of calls, then the other. A call's transactions linger for 32 s (64·T1) and cost CPU when they end,
// so nothing is counted before the bursts of 36 s have gone by: from then on each round carries the end of earlier ones.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { costOf } from '../lab/sip-tests/load/process-cost.js';
import { type PlacedCalls, placeCalls, startCallees } from './sip-load.js';
import { median } from './sip-message-bench.js';
import { type DrachtioAddress, type SipParts, startEmbedded, startExternal } from './sip-parts.js';

export interface SipB2buaBenchResult {
  readonly benchmark: 'sip-b2bua';
  readonly server: string;
  readonly callsPerSecond: number;
  readonly calls: number;
  readonly failed: number;
  readonly retransmissions: number;
  /** User and system time of the whole process a call, medians of rounds. Null when it cannot be seen. */
  readonly serverCpuMsPerCall: number | null;
  readonly applicationCpuMsPerCall: number;
  /** The most memory that the server's process held. */
  readonly serverMemoryMb: number | null;
}

export interface SipB2buaRatio {
  readonly benchmark: 'sip-b2bua-ratio';
  /** Embedded divided by external, medians of the rounds; below 1 the embedded server costs less. */
  readonly serverCpu: number | null;
  readonly serverAndApplicationCpu: number | null;
  readonly rounds: readonly (number | null)[];
}

export interface SipB2buaSettings {
  readonly sipp: readonly string[];
  readonly callsPerSecond: number;
  readonly rounds: number;
  readonly drachtio: DrachtioAddress | null;
  readonly profileFolder: string | undefined;
  readonly say: (line: string) => void;
}

/** One side's share of one round. */
interface Burst extends PlacedCalls {
  readonly serverCpuMs: number;
  readonly applicationCpuMs: number;
}

const BURST_MS = 6_000;
const TALK_MS = 500;
const LINGER_MS = 36_000;

export async function benchB2bua(settings: SipB2buaSettings): Promise<(SipB2buaBenchResult | SipB2buaRatio)[]> {
  const logFolder = mkdtempSync(join(tmpdir(), 'simtrunk-bench-'));
  const world = { sipp: settings.sipp, logFolder };
  const callees = await startCallees(world);
  const sides: SipParts[] = [];
  try {
    sides.push(await startEmbedded({ calleePort: callees.port, profileFolder: settings.profileFolder }));
    if (settings.drachtio !== null) sides.push(await startExternal(settings.drachtio, callees.port));
    const warmUpRounds = Math.ceil(LINGER_MS / (BURST_MS * sides.length));
    const bursts = sides.map((): Burst[] => []);
    const calls = Math.round((settings.callsPerSecond * BURST_MS) / 1000);
    let marks = sides.map(markOf);
    for (let round = 1; round <= warmUpRounds + settings.rounds; round++) {
      const isMeasured = round > warmUpRounds;
      settings.say(
        isMeasured ? `round ${round - warmUpRounds} of ${settings.rounds}` : `warming up, ${round} of ${warmUpRounds}`,
      );
      const placed: PlacedCalls[] = [];
      for (const side of sides) {
        placed.push(await placeCalls(world, side.sipAddress, calls, settings.callsPerSecond, TALK_MS));
      }
      const now = sides.map(markOf);
      if (isMeasured)
        placed.forEach((result, index) => void bursts[index]?.push(burstOf(result, marks[index], now[index])));
      marks = now;
    }
    const results = sides.map((side, index) => summarise(side, bursts[index] ?? [], settings.callsPerSecond));
    const [embedded, external] = bursts;
    return embedded === undefined || external === undefined ? results : [...results, ratioOf(embedded, external)];
  } finally {
    for (const side of sides) await side.stop();
    await callees.stop();
    rmSync(logFolder, { recursive: true, force: true });
  }
}

interface Mark {
  readonly serverCpuMs: number;
  readonly applicationCpuMs: number;
}

function markOf({ serverPid, application }: SipParts): Mark {
  const server = serverPid === undefined ? undefined : costOf(serverPid);
  return {
    serverCpuMs: server?.cpuMs ?? Number.NaN,
    applicationCpuMs: costOf(application.pid)?.cpuMs ?? Number.NaN,
  };
}

function burstOf(placed: PlacedCalls, before: Mark | undefined, after: Mark | undefined): Burst {
  return {
    ...placed,
    serverCpuMs: (after?.serverCpuMs ?? Number.NaN) - (before?.serverCpuMs ?? Number.NaN),
    applicationCpuMs: (after?.applicationCpuMs ?? Number.NaN) - (before?.applicationCpuMs ?? Number.NaN),
  };
}

function summarise(side: SipParts, bursts: readonly Burst[], callsPerSecond: number): SipB2buaBenchResult {
  const sum = (pick: (burst: Burst) => number): number => bursts.reduce((total, burst) => total + pick(burst), 0);
  const server = median(bursts.map((burst) => burst.serverCpuMs / burst.placed));
  const memory = side.serverPid === undefined ? undefined : costOf(side.serverPid)?.peakMemoryMb;
  return {
    benchmark: 'sip-b2bua',
    server: side.name,
    callsPerSecond,
    calls: sum((burst) => burst.placed),
    failed: sum((burst) => burst.failed),
    retransmissions: sum((burst) => burst.retransmissions),
    serverCpuMsPerCall: rounded(server),
    applicationCpuMsPerCall:
      rounded(median(bursts.map((burst) => burst.applicationCpuMs / burst.placed))) ?? Number.NaN,
    serverMemoryMb: memory === undefined ? null : Math.round(memory),
  };
}

function ratioOf(embedded: readonly Burst[], external: readonly Burst[]): SipB2buaRatio {
  const ratios = (costOfBurst: (burst: Burst) => number): number[] =>
    embedded.map((burst, index) => {
      const other = external[index];
      return other === undefined ? Number.NaN : costOfBurst(burst) / burst.placed / (costOfBurst(other) / other.placed);
    });
  const byServer = ratios((burst) => burst.serverCpuMs);
  return {
    benchmark: 'sip-b2bua-ratio',
    serverCpu: rounded(median(byServer)),
    serverAndApplicationCpu: rounded(median(ratios((burst) => burst.serverCpuMs + burst.applicationCpuMs))),
    rounds: byServer.map(rounded),
  };
}

/** To 0.01; null for what could not be seen. */
function rounded(value: number): number | null {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : null;
}
