// What `simtrunk demo` runs: simtrunk with its config on free ports, the simulated gateway in place of the real one, and a
// softphone in place of the PBX; and the reading of what they leave behind.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from '../app.js';
import { type Cdr, cdrSchema } from '../cdr/cdr.js';
import type { Config } from '../config/config.js';
import type { SimUsage } from '../quota/ledger.js';
import { behaviourByNumber, type CalleeBehaviour } from './callee-behaviour.js';
import type { DemoCall } from './demo-calls.js';
import { type CallEvidence, matchVoices } from './demo-evidence.js';
import type { CallPlaces } from './demo-report.js';
import { SimulatedGateway } from './gateway.js';
import { readWav } from './read-wav.js';
import { freePort, isTaken } from './sip-tests/free-ports.js';
import { Softphone } from './softphone.js';

/** A CDR waits for its recording's hash; this is ample on a busy machine. */
const CDR_PATIENCE_MS = 15_000;

/** Nothing in the demo takes half as long; a call that hangs is hung up and shows as a problem. */
const LONGEST_CALL_MS = 20_000;

/** Somebody else's call that the gateway ended so shortly before ours began may still be on its way into the ledger. */
const SETTLING_MS = 1_000;

export interface PublishedCdr {
  readonly cdr: Cdr;
  readonly place: CallPlaces;
}

/** Makes `base`, or `base-2` and so on: two demos at once get a folder each. */
export async function newFolder(base: string): Promise<string> {
  await mkdir(resolve(base, '..'), { recursive: true });
  for (let n = 1; ; n++) {
    const folder = n === 1 ? base : `${base}-${n}`;
    try {
      await mkdir(folder);
      return resolve(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Behaviours of the callee that is called next, taken one for each INVITE; any other number behaves by its ending. */
class Script {
  #number = '';
  #behaviours: CalleeBehaviour[] = [];

  prepare(call: DemoCall): void {
    this.#number = call.number;
    this.#behaviours = [...call.attempts];
  }

  next(request: { port: number; number: string; ordinal: number }): CalleeBehaviour {
    const scripted = request.number === this.#number ? this.#behaviours.shift() : undefined;
    return scripted ?? behaviourByNumber(request);
  }
}

/** The config with free ports where its own are taken, and the simulated gateway as its first one. */
async function onFreePorts(config: Config, gateway: SimulatedGateway): Promise<{ config: Config; moved: string[] }> {
  const moved: string[] = [];
  const networks = await Promise.all(
    config.networks.map(async (network) => {
      const wanted = new Set(network.sip.map(({ port }) => port));
      const free = new Map<number, number>();
      for (const port of wanted) {
        const taken = await Promise.all(
          network.sip.map((sip) => sip.port === port && isTaken(sip.transport, network.bind, port)),
        );
        free.set(port, port !== 0 && taken.some(Boolean) ? await freePort(network.bind) : port);
        if (free.get(port) !== port) moved.push(`SIP port ${port} is taken: ${free.get(port)} is used`);
      }
      return { ...network, sip: network.sip.map((sip) => ({ ...sip, port: free.get(sip.port) ?? sip.port })) };
    }),
  );
  const [first, ...others] = config.gateways;
  if (first === undefined) throw new Error('the config has no gateway');
  if (gateway.port !== first.port) moved.push(`gateway port ${first.port} is taken: ${gateway.port} is used`);
  const address = `${gateway.address}:${gateway.port}`;
  const simulated = { ...first, address, host: gateway.address, port: gateway.port };
  return { config: { ...config, networks, gateways: [simulated, ...others] }, moved };
}

export class DemoLab {
  readonly #script: Script;
  /** Call-IDs at the gateway of the calls placed here: all others are somebody else's. */
  readonly #placed = new Set<string>();

  private constructor(
    readonly config: Config,
    readonly app: RunningApp,
    readonly gateway: SimulatedGateway,
    readonly phone: Softphone,
    /** Ports of the config that were taken, and what was used in their place. */
    readonly movedPorts: readonly string[],
    script: Script,
  ) {
    this.#script = script;
  }

  static async open(fileConfig: Config): Promise<DemoLab> {
    const script = new Script();
    const wanted = fileConfig.gateways[0];
    const port = wanted?.port ?? 0;
    const gateway = await SimulatedGateway.open({
      port: (await isTaken('udp', '127.0.0.1', port)) ? 0 : port,
      simPorts: fileConfig.channels.length,
      plan: (request) => script.next(request),
      logFile: join(fileConfig.dataDir, 'gateway.ndjson'),
    });
    let app: RunningApp | undefined;
    try {
      const { config, moved } = await onFreePorts(fileConfig, gateway);
      app = await startApp(config);
      const listener = app.listeners.find(({ transport }) => transport === 'udp');
      if (listener === undefined) throw new Error('the config has no UDP listener for SIP');
      const phone = await Softphone.open({ trunk: listener });
      return new DemoLab(config, app, gateway, phone, moved, script);
    } catch (error) {
      await app?.close();
      await gateway.close();
      throw error;
    }
  }

  /** Allowances of this SIM's plan that a call to a mobile number draws on. */
  allowanceIds(simId: string): ReadonlySet<string> {
    const sim = this.config.sims.find((candidate) => candidate.simId === simId);
    const plan = this.config.plans.find(({ name }) => name === sim?.plan);
    const drawn = plan?.allowances.filter(({ classes }) => classes.includes('mobile')) ?? [];
    return new Set(drawn.map(({ id }) => id));
  }

  /** Places one call of the demo, waits for its end and its CDR, and gathers what every side knows of it. */
  async place(call: DemoCall, stop: AbortSignal): Promise<{ evidence: CallEvidence; place: CallPlaces | undefined }> {
    this.#script.prepare(call);
    const usageBefore = this.usage();
    const begunWallMs = Date.now();
    const placed = await this.phone.call({ number: call.number, says: call.callerSays, from: 'agent7' });
    const end = AbortSignal.any([stop, AbortSignal.timeout(LONGEST_CALL_MS)]);
    const hangUp = (): void => placed.hangUp();
    end.addEventListener('abort', hangUp, { once: true });
    void call.act(placed);
    const outcome = await placed.ended;
    end.removeEventListener('abort', hangUp);
    const published = await this.publishedCdrs(outcome.sipCallId);
    const [cdr] = published.map((record) => record.cdr);
    const attempts = (cdr?.attempts ?? []).flatMap(({ sipCallId }) => sipCallId ?? []);
    for (const sipCallId of attempts) this.#placed.add(sipCallId);
    // The gateway's leg may end a moment after the PBX's; one that never ends is missing in its log.
    await Promise.race([this.gateway.over(attempts), sleep(CDR_PATIENCE_MS, undefined, { ref: false })]);
    const usageAfter = this.usage();
    const gatewayCalls = this.gateway.calls.filter(({ sipCallId }) => attempts.includes(sipCallId));
    const path = cdr?.recording?.path ?? null;
    const file = path !== null && existsSync(path) ? await readFile(path) : undefined;
    const recording = file && { audio: readWav(file), sha256: createHash('sha256').update(file).digest('hex') };
    const lastAttempt = attempts.at(-1);
    const evidence: CallEvidence = {
      call,
      outcome,
      cdrs: published.map((record) => record.cdr),
      gatewayCalls,
      violations: this.gateway.violations.filter(({ sipCallId }) => attempts.includes(sipCallId)),
      usageBefore,
      usageAfter,
      simsOfOthers: this.#simsOfOthers(begunWallMs - SETTLING_MS),
      recording,
      match:
        recording &&
        matchVoices(recording.audio, {
          callerSaid: call.callerSays,
          calleeSaid: call.attempts.at(-1)?.says ?? new Int16Array(0),
          callerHeard: placed.heard(),
          calleeHeard: lastAttempt ? this.gateway.heardIn(lastAttempt) : new Int16Array(0),
        }),
    };
    return { evidence, place: published[0]?.place };
  }

  /** SIMs in the ports on which the gateway saw calls since an instant that were not placed here. */
  #simsOfOthers(sinceWallMs: number): Set<string> {
    const others = this.gateway.callsSince(sinceWallMs).filter(({ sipCallId }) => !this.#placed.has(sipCallId));
    const ports = new Set(others.map(({ port }) => port));
    const gateway = this.config.gateways[0]?.name;
    const channels = this.config.channels.filter((channel) => channel.gateway === gateway && ports.has(channel.port));
    return new Set(channels.map(({ simId }) => simId));
  }

  /** Every SIM's usage now. */
  usage(): Map<string, SimUsage> {
    return new Map(
      this.config.sims.flatMap(({ simId }) => {
        const usage = this.app.usageOf(simId);
        return usage === undefined ? [] : [[simId, usage] as const];
      }),
    );
  }

  async close(): Promise<void> {
    await this.phone.close();
    // Else simtrunk would wait 64·T1 for a gateway that is silent by its plan.
    await this.gateway.hangUpAll();
    await this.app.close();
    await this.gateway.close();
  }

  /** Waits for the records of one INVITE; empty when none come in time. */
  async publishedCdrs(sipCallId: string, patience = AbortSignal.timeout(CDR_PATIENCE_MS)): Promise<PublishedCdr[]> {
    for (;;) {
      const found = await this.#cdrsOf(sipCallId);
      if (found.length > 0 || patience.aborted) return found;
      await sleep(50);
    }
  }

  /** The published records of one INVITE, the highest revision of each. */
  async #cdrsOf(sipCallId: string): Promise<PublishedCdr[]> {
    const records = new Map<string, PublishedCdr>();
    for (const sink of this.config.cdr.sinks) {
      for (const name of existsSync(sink.dir) ? await readdir(sink.dir) : []) {
        const cdrFile = join(sink.dir, name);
        const lines = (await readFile(cdrFile, 'utf8')).split('\n');
        lines.forEach((line, index) => {
          if (!line.includes(sipCallId) || !line.endsWith('}')) return;
          const cdr = cdrSchema.parse(JSON.parse(line));
          const known = records.get(cdr.callId);
          if (cdr.sipCallId !== sipCallId || (known !== undefined && known.cdr.revision >= cdr.revision)) return;
          records.set(cdr.callId, { cdr, place: { cdrFile, cdrLine: index + 1 } });
        });
      }
    }
    return [...records.values()];
  }
}
