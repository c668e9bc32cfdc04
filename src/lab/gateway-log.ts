// A simulated gateway's own account of its calls, as the other side of simtrunk's: in memory, and as NDJSON in a file.
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

export interface GatewayCallRecord {
  readonly sipCallId: string;
  readonly port: number;
  /** As dialled. */
  readonly number: string;
  /** Wall times, milliseconds since the Unix epoch. */
  readonly invitedMs: number;
  readonly ringingMs: number | null;
  readonly answeredMs: number | null;
  readonly endedMs: number;
  /** Final response to the INVITE; null when there was none. */
  readonly status: number | null;
  readonly endedBy: 'gateway' | 'peer' | null;
  /** From the 200 to the BYE, on a monotonic clock. */
  readonly talkedMs: number;
  /** Talked time in begun seconds: what a carrier that bills by the second would charge. */
  readonly billedSeconds: number;
  readonly packetsHeard: number;
  readonly packetsSent: number;
}

export type GatewayViolationKind =
  /** A second call on a port that has one. */
  | 'port-in-use'
  /** A user part that names no port of this gateway. */
  | 'no-such-port'
  /** Our 200 was never acknowledged. */
  | 'no-ack';

export interface GatewayViolation {
  readonly kind: GatewayViolationKind;
  readonly atMs: number;
  readonly sipCallId: string;
  readonly user: string;
}

export class GatewayLog {
  readonly #file: WriteStream | undefined;
  readonly calls: GatewayCallRecord[] = [];
  readonly violations: GatewayViolation[] = [];

  constructor(path: string | undefined) {
    if (path === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    this.#file = createWriteStream(path, { flags: 'a' });
  }

  call(record: GatewayCallRecord): void {
    this.calls.push(record);
    this.#file?.write(`${JSON.stringify({ event: 'call', ...record })}\n`);
  }

  violation(violation: GatewayViolation): void {
    this.violations.push(violation);
    this.#file?.write(`${JSON.stringify({ event: 'violation', ...violation })}\n`);
  }

  /** Billed seconds of each port that had an answered call. */
  secondsByPort(): Map<number, number> {
    const seconds = new Map<number, number>();
    for (const { port, billedSeconds, answeredMs } of this.calls) {
      if (answeredMs !== null) seconds.set(port, (seconds.get(port) ?? 0) + billedSeconds);
    }
    return seconds;
  }

  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined || file.closed) return;
    await new Promise<void>((resolve) => file.end(resolve));
  }
}
