// For tests of the whole application: a folder, a simulated gateway, a PBX and a config that joins them on free ports.
// Threads are what Node says was started, so a test can end one as a crash does without a way into the service.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { RunningApp } from '../../app.js';
import { type Cdr, cdrSchema } from '../../cdr/cdr.js';
import type { Config } from '../../config/config.js';
import { parseConfig } from '../../config/load-config.js';
import type { BehaviourPlan } from '../../lab/callee-behaviour.js';
import { SimulatedGateway } from '../../lab/gateway.js';
import { BASE_PLAN, iccidOf, mergeOver, simNumberOf } from '../../lab/sip-tests/case-config.js';
import { freePort, freePortRange } from '../../lab/sip-tests/free-ports.js';
import { readCdrLines } from '../../lab/sip-tests/read-cdrs.js';
import { Softphone } from '../../lab/softphone.js';

/** 64·T1, the longest wait of a transaction, is 3.2 s. */
export const TIMING = { t1Ms: 50, t2Ms: 200 } as const;

const CHANNELS = 4;
const MEDIA_PORTS = 40;
const PATIENCE_MS = 10_000;

/** Waits for what has to come true by itself; how long that takes is nobody's business but the patience's. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`in vain: waited until ${what}`);
    await delay(10);
  }
}

export class Arena {
  readonly folder: string;
  readonly sipPort: number;
  readonly mediaPorts: { readonly from: number; readonly to: number };
  readonly gateway: SimulatedGateway;
  readonly phone: Softphone;

  private constructor(folder: string, sipPort: number, mediaFrom: number, gateway: SimulatedGateway, phone: Softphone) {
    this.folder = folder;
    this.sipPort = sipPort;
    this.mediaPorts = { from: mediaFrom, to: mediaFrom + MEDIA_PORTS - 1 };
    this.gateway = gateway;
    this.phone = phone;
  }

  static async open(plan: BehaviourPlan): Promise<Arena> {
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-app-'));
    const sipPort = await freePort();
    const mediaFrom = await freePortRange(MEDIA_PORTS);
    const gateway = await SimulatedGateway.open({ plan, simPorts: CHANNELS, timing: TIMING });
    const phone = await Softphone.open({ trunk: { address: '127.0.0.1', port: sipPort }, timing: TIMING });
    return new Arena(folder, sipPort, mediaFrom, gateway, phone);
  }

  /** What a config file would say, `over` merged over it. */
  configValue(over: Record<string, unknown> = {}): Record<string, unknown> {
    const channels = Array.from({ length: CHANNELS }, (_, i) => i + 1);
    const base = {
      dataDir: join(this.folder, 'var'),
      networks: [
        {
          name: 'lan',
          bind: '127.0.0.1',
          mediaPorts: this.mediaPorts,
          sip: [
            { transport: 'udp', port: this.sipPort },
            { transport: 'tcp', port: this.sipPort },
          ],
        },
      ],
      sip: { t1Ms: TIMING.t1Ms, t2Ms: TIMING.t2Ms, t4Ms: 250 },
      trunks: [{ name: 'pbx', network: 'lan', sources: ['127.0.0.1'] }],
      gateways: [{ name: 'gw1', network: 'lan', address: `127.0.0.1:${this.gateway.port}`, gapMs: 0, probe: false }],
      plans: [BASE_PLAN],
      sims: channels.map((n) => ({ iccid: iccidOf(n), number: simNumberOf(n), plan: BASE_PLAN.name })),
      channels: channels.map((port) => ({ gateway: 'gw1', port, sim: iccidOf(port) })),
      // One thread of each kind, whatever the machine has: `ThreadWatch` knows them by their order.
      media: { threads: 1 },
      recording: { minFreeBytes: 0 },
      call: { recoverHoldSeconds: 2 },
      log: { level: process.env.SIMTRUNK_TEST_LOG ?? 'silent' },
    };
    return mergeOver(base, over) as Record<string, unknown>;
  }

  config(over: Record<string, unknown> = {}): Config {
    return parseConfig(JSON.stringify(this.configValue(over)), join(this.folder, 'simtrunk.yaml'), { env: {} });
  }

  /** Every line that the sink has, revisions included. */
  cdrLines(): Cdr[] {
    return readCdrLines(join(this.folder, 'var', 'cdr')).map((line) => cdrSchema.parse(line));
  }

  /** The one record of the call with this Call-ID, as soon as it is published. */
  async cdrOf(sipCallId: string): Promise<Cdr> {
    await until('the CDR is published', () => this.cdrLines().some((cdr) => cdr.sipCallId === sipCallId));
    const [cdr, ...further] = this.cdrLines().filter((line) => line.sipCallId === sipCallId);
    if (cdr === undefined || further.length > 0) throw new Error(`${further.length + 1} CDRs of one call`);
    return cdr;
  }

  /** Seconds that the ledger has for a SIM today. */
  usedSeconds(app: RunningApp, port: number): number | undefined {
    const allowances = app.usageOf(iccidOf(port))?.allowances ?? [];
    return allowances.find(({ allowanceId }) => allowanceId === 'seconds-day')?.used;
  }

  subfolder(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path);
    return path;
  }

  async close(): Promise<void> {
    // Calls that simtrunk could not tell of their end are not waited for.
    await this.phone.close(0);
    await this.gateway.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

type ThreadName = 'journal' | 'recorder' | 'relay' | 'SIP server';

/** Threads in the order in which the application starts them. */
const THREADS: readonly ThreadName[] = ['journal', 'recorder', 'relay', 'SIP server'];

/** The threads of one application, to be made before it is started. */
export class ThreadWatch {
  readonly #started: Worker[] = [];
  readonly #note = (worker: Worker): void => {
    this.#started.push(worker);
  };

  constructor() {
    process.on('worker', this.#note);
  }

  /** Ends the thread at once, as running out of memory does; what it had bound is free when this resolves. */
  async kill(name: ThreadName): Promise<void> {
    await this.#started[THREADS.indexOf(name)]?.terminate();
  }

  close(): void {
    process.off('worker', this.#note);
  }
}
