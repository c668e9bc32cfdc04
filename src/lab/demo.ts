// `simtrunk demo`: four calls from a PBX through simtrunk to a simulated gateway, each told to a person (or as JSON) and
// each held against every witness; with `keep`, further calls until it is stopped.
import { join } from 'node:path';
import { loadConfig } from '../config/load-config.js';
import { DEMO_CALLS } from './demo-calls.js';
import { findProblems } from './demo-evidence.js';
import { keepCalling } from './demo-keep.js';
import { DemoLab, newFolder } from './demo-lab.js';
import { callAsJson, describeCall, quotaSteps, seconds, shownPath } from './demo-report.js';
import type { Ink } from './terminal.js';

export interface DemoOptions {
  readonly configFile: string;
  /** Default: a new folder below `var/` of the working directory. */
  readonly dataDir: string | undefined;
  readonly json: boolean;
  readonly keep: boolean;
  /** The answer: a block of text a call, or one JSON object a call. */
  readonly print: (text: string) => void;
  /** What goes on meanwhile; an empty text wipes it. */
  readonly progress: (text: string) => void;
  readonly ink: Ink;
  readonly columns: number;
  /** Ends the demo in good order. */
  readonly stop: AbortSignal;
}

/** Resolves to whether every call went as it should. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const { ink, print } = options;
  const startedMs = performance.now();
  const dataDir = options.dataDir ?? (await newFolder(join('var', 'demo')));
  const fileConfig = await loadConfig(options.configFile, { env: process.env, dataDir });
  const lab = await DemoLab.open({ ...fileConfig, log: { ...fileConfig.log, level: 'error' } });
  try {
    if (!options.json) print(introduction(lab, options));
    let failed = 0;
    let placed = 0;
    for (const call of DEMO_CALLS) {
      if (options.stop.aborted) break;
      options.progress(`   calling ${call.number} …`);
      const { evidence, place } = await lab.place(call, options.stop);
      if (options.stop.aborted) break;
      placed += 1;
      const problems = findProblems(evidence);
      if (problems.length > 0) failed += 1;
      const simId = evidence.cdrs[0]?.attempts.at(-1)?.sim ?? '';
      const steps = quotaSteps(evidence, simId, lab.allowanceIds(simId));
      options.progress('');
      if (options.json) print(`${JSON.stringify(callAsJson(evidence, problems, steps, place))}\n`);
      else print(`${describeCall(placed, evidence, problems, steps, place, ink, options.columns)}\n`);
    }
    if (!options.json && placed > 0) {
      const verdict =
        failed === 0
          ? ink.good(`All ${placed} calls went as they should`)
          : ink.bad(`${failed} of ${placed} calls did not go as they should`);
      print(`${verdict}, in ${seconds(performance.now() - startedMs)}. ${ink.dim(WITNESSES)}\n`);
    }
    if (options.keep && !options.stop.aborted) await keepCalling(lab, options);
    return failed === 0 && placed === DEMO_CALLS.length;
  } finally {
    options.progress('');
    await lab.close();
  }
}

const WITNESSES = 'PBX, CDR, gateway and ledger agree.';

function introduction(lab: DemoLab, { ink }: DemoOptions): string {
  const sip = lab.app.listeners.map(({ transport, address, port }) => `${address}:${port} ${transport}`).join(', ');
  const rows = [
    ['simtrunk', `SIP on ${sip}`],
    ['gateway', `simulated, ${lab.gateway.simPorts} SIMs, on ${lab.gateway.address}:${lab.gateway.port} udp`],
    ['PBX', `softphone on ${lab.phone.address}:${lab.phone.port} udp`],
    ['data', `${shownPath(lab.config.dataDir)}/`],
    ...lab.movedPorts.map((moved) => ['note', moved]),
  ];
  const title = `${ink.strong('simtrunk demo')}  four calls from a PBX to mobile phones, on this machine alone`;
  return `${title}\n\n${rows.map(([label = '', text]) => `   ${ink.dim(label.padEnd(11))}${text}`).join('\n')}\n\n`;
}
