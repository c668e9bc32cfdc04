// One SIPp case of the SIP server alone: SIPp, the relay and the application's part, then what was seen and told compared.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { differencesFrom, valueAt } from '../expectation.js';
import { freePort, freePortRange, isListening } from '../free-ports.js';
import type { CaseResult } from '../run-case.js';
import { type RunningSipp, startSipp } from '../sipp.js';
import { type MessageRelay, openTcpRelay, openUdpRelay } from './message-relay.js';
import { type Leg, RelayPlan, type SeenMessage } from './relay-plan.js';
import { peersFolder, type ServerCase } from './server-case.js';
import type { ServerUnderTest } from './server-under-test.js';

/** For a stalled machine; a case that needs it is not slow, it is stuck. */
const PATIENCE_MS = 15_000;
const POLL_MS = 20;
const TIMES = 64;

/** By how much the relay may see a message late or early, for it and the server share a busy machine. */
const LATE_MS = 2_000;
const EARLY_MS = 40;

let cases = 0;

export async function runServerCase(
  serverCase: ServerCase,
  server: ServerUnderTest,
  sipp: readonly string[],
): Promise<CaseResult> {
  const startedMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'simtrunk-server-case-'));
  let problems: string[];
  try {
    mkdirSync(join(folder, 'logs'));
    problems = await new Stage(serverCase, server, sipp, folder).perform();
  } catch (error) {
    problems = [error instanceof Error ? error.message : String(error)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const { name } = serverCase;
  return { name, isPassed: problems.length === 0, elapsedMs: performance.now() - startedMs, problems };
}

class Stage {
  readonly #case: ServerCase;
  readonly #server: ServerUnderTest;
  readonly #sipp: readonly string[];
  readonly #folder: string;
  readonly #number: number;
  readonly #plan: RelayPlan;
  readonly #relays: MessageRelay[] = [];
  readonly #runs: RunningSipp[] = [];

  constructor(serverCase: ServerCase, server: ServerUnderTest, sipp: readonly string[], folder: string) {
    cases++;
    this.#number = cases;
    this.#case = serverCase;
    this.#server = server;
    this.#sipp = sipp;
    this.#folder = folder;
    this.#plan = new RelayPlan(serverCase.relay);
  }

  async perform(): Promise<string[]> {
    const { caller, callee, starts, lastsT1 } = this.#case;
    const { application, t1Ms } = this.#server;
    try {
      const calleePort = callee === undefined ? 9 : await this.#startCallee(callee);
      const target = { port: calleePort, transport: callee?.transport ?? 'udp' };
      const startedMs = performance.now();
      if (caller !== undefined) {
        await this.#startCaller(caller, `${caller.does}.${this.#number}.${target.port}.${target.transport}`);
      }
      if (starts !== undefined) application.start(starts, this.#number, target);
      const outcomes = await Promise.all(this.#runs.map((run) => run.done));
      await delay(Math.max(0, startedMs + lastsT1 * t1Ms - performance.now()));
      await this.#waitUntilTold();
      const failed = outcomes.filter(({ exitCode }) => exitCode !== 0);
      const problems = [
        ...failed.map(
          ({ label, exitCode, errors }) => `SIPp ${label} ended with ${exitCode}: ${errors.trim().slice(0, 1500)}`,
        ),
        ...this.#toldProblems(),
        ...this.#plan.unmet(),
        ...this.#case.expect.sends.flatMap((line) => this.#sendProblems(line)),
        ...(await this.#counterProblems()),
      ];
      return problems.length === 0 ? [] : [...problems, ladderOf(this.#plan.seen, t1Ms)];
    } finally {
      for (const run of this.#runs) run.child.kill('SIGKILL');
      for (const relay of this.#relays) relay.close();
    }
  }

  /** Resolves to the port at which the server finds it. */
  async #startCallee(peer: NonNullable<ServerCase['callee']>): Promise<number> {
    const port = await freePort();
    const relay = await this.#openRelay('callee', peer.transport, port);
    const run = await this.#startSipp('callee', peer, port, relay);
    const endMs = performance.now() + PATIENCE_MS;
    while (!(await isListening(peer.transport, '127.0.0.1', port))) {
      if (performance.now() > endMs || run.child.exitCode !== null) {
        run.child.kill('SIGKILL');
        throw new Error(`SIPp does not listen: ${(await run.done).errors.slice(0, 1000)}`);
      }
      await delay(POLL_MS);
    }
    return relay.port;
  }

  async #startCaller(peer: NonNullable<ServerCase['caller']>, user: string): Promise<void> {
    const port = await freePort();
    const relay = await this.#openRelay('caller', peer.transport, port);
    await this.#startSipp('caller', peer, port, relay, user);
  }

  async #openRelay(leg: Leg, transport: 'udp' | 'tcp', port: number): Promise<MessageRelay> {
    const open = transport === 'udp' ? openUdpRelay : openTcpRelay;
    const { t1Ms } = this.#server;
    const server = this.#server.place(transport);
    const relay = await open({ leg, plan: this.#plan, t1Ms, server, peer: { address: '127.0.0.1', port } });
    this.#relays.push(relay);
    return relay;
  }

  async #startSipp(
    leg: Leg,
    peer: { scenario: string; transport: 'udp' | 'tcp' },
    port: number,
    relay: MessageRelay,
    user?: string,
  ): Promise<RunningSipp> {
    const { t1Ms } = this.#server;
    const scenarioFile = join(this.#folder, `${leg}.xml`);
    writeFileSync(scenarioFile, withTimes(readFileSync(join(peersFolder(), peer.scenario), 'utf8'), t1Ms));
    const run = startSipp(this.#sipp, {
      label: leg,
      scenarioFile,
      ...(user !== undefined && { remote: `127.0.0.1:${relay.peerPort}`, called: user }),
      address: '127.0.0.1',
      port,
      mediaPort: await freePortRange(4),
      controlPort: await freePort(),
      transport: peer.transport,
      calls: 1,
      timeoutSeconds: Math.ceil((2 * TIMES * t1Ms + PATIENCE_MS) / 1000),
      logFolder: join(this.#folder, 'logs'),
      isTraced: false,
      extra: [
        ...['-key', 'relay_port', String(peer.transport === 'udp' ? relay.port : port)],
        // SIPp ends a call that goes on too long by itself; how long is the scenario's business here.
        ...['-max_retrans', '20', '-max_invite_retrans', '20', '-nd'],
      ],
    });
    this.#runs.push(run);
    return run;
  }

  async #waitUntilTold(): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    while (this.#toldProblems().length > 0 && performance.now() < endMs) await delay(POLL_MS);
  }

  #toldProblems(): string[] {
    const { told } = this.#case.expect;
    return told === undefined ? [] : differencesFrom(told, this.#server.application.told(this.#number), 'told');
  }

  #sendProblems({ leg, message, atT1, times }: ServerCase['expect']['sends'][number]): string[] {
    const seen = this.#plan.seen.filter((one) => one.leg === leg && one.to === 'peer' && one.label === message);
    const what = `${message} to the ${leg}`;
    if (atT1 === undefined) return differencesFrom(times, seen.length, what);
    if (seen.length !== atT1.length) return [`${what}: expected ${atT1.length}, got ${seen.length}`];
    const { t1Ms } = this.#server;
    const firstMs = seen[0]?.atMs ?? 0;
    return seen.flatMap(({ atMs }, index) => {
      const offMs = atMs - firstMs - (atT1[index] ?? 0) * t1Ms;
      if (offMs > -EARLY_MS && offMs < LATE_MS) return [];
      return [`${what} number ${index + 1}: ${Math.abs(Math.round(offMs))} ms too ${offMs < 0 ? 'early' : 'late'}`];
    });
  }

  async #counterProblems(): Promise<string[]> {
    const counters = await this.#server.counters();
    return Object.entries(this.#case.expect.counters).flatMap(([path, expected]) =>
      differencesFrom(expected, valueAt(counters, path), `counter ${path}`),
    );
  }
}

/** Writes T1 into a scenario: `{3*T1}` becomes milliseconds. */
export function withTimes(scenario: string, t1Ms: number): string {
  return scenario.replace(/\{(?:(\d+)\*)?T1\}/g, (_match, factor: string | undefined) =>
    String(Number(factor ?? 1) * t1Ms),
  );
}

/** What went by, for a person. */
function ladderOf(seen: readonly SeenMessage[], t1Ms: number): string {
  const firstMs = seen[0]?.atMs ?? 0;
  const lines = seen.map(({ leg, to, label, atMs, isLost }) => {
    const at = ((atMs - firstMs) / t1Ms).toFixed(1).padStart(6);
    return `${at} T1  ${to === 'server' ? `${leg} → server` : `server → ${leg}`}  ${label}${isLost ? ' (lost)' : ''}`;
  });
  return ['what the relay saw:', ...lines].join('\n');
}
