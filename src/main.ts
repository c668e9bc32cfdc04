#!/usr/bin/env node
// The process entry: finds the command, says what went wrong in words, and sets the exit status.
// 0: done; 1: something was wrong, and was said; 2: the command line is not understood.
import { SimtrunkError } from './lib/errors.js';

interface Command {
  readonly help: string;
  load(): Promise<{ readonly USAGE: string; run(args: string[]): Promise<number> }>;
}

/** Loaded only when called for: `route` need not read the SIP server. */
const COMMANDS: Readonly<Record<string, Command>> = {
  start: { help: 'run the service', load: () => import('./cli/start.js') },
  demo: { help: 'place four calls on this machine, and tell what became of them', load: () => import('./cli/demo.js') },
  check: { help: 'validate a config', load: () => import('./cli/check.js') },
  route: { help: 'say which channel would carry a call, and why', load: () => import('./cli/route.js') },
  status: { help: 'say what the running service has and does', load: () => import('./cli/status.js') },
  channels: {
    help: 'list channels and their SIMs, and resume suspended ones',
    load: () => import('./cli/channels.js'),
  },
  calls: { help: 'list the live calls', load: () => import('./cli/calls.js') },
  hangup: { help: 'end a live call', load: () => import('./cli/hangup.js') },
  reload: { help: 'read the config again, and say what is different', load: () => import('./cli/reload.js') },
  drain: { help: 'take no new calls, and end when the last one does', load: () => import('./cli/drain.js') },
  resume: { help: 'take calls again after a drain', load: () => import('./cli/resume.js') },
  trace: { help: 'collect and show SIP messages', load: () => import('./cli/trace.js') },
  engines: { help: 'list rtpengines, drain them and take them into service', load: () => import('./cli/engines.js') },
  bans: { help: 'list, add and remove banned sources', load: () => import('./cli/bans.js') },
  dscp: { help: 'print nftables rules that mark media packets', load: () => import('./cli/dscp.js') },
  ledger: { help: 'verify usage from history, or correct it', load: () => import('./cli/ledger.js') },
  simulate: { help: 'run a month of calls in virtual time', load: () => import('./cli/simulate.js') },
  'sip-server': {
    help: 'run the SIP server alone, for any drachtio application',
    load: () => import('./cli/sip-server.js'),
  },
  'sip-tests': { help: 'run SIPp cases, or a load', load: () => import('./cli/sip-tests.js') },
  fuzz: { help: 'send the SIP server damaged messages', load: () => import('./cli/fuzz.js') },
  crash: { help: 'kill the ledger at any instant, and check what is left', load: () => import('./cli/crash.js') },
  bench: { help: 'measure', load: () => import('./cli/bench.js') },
};

const USAGE = `usage: simtrunk COMMAND [options]

${Object.entries(COMMANDS)
  .map(([name, { help }]) => `  ${name.padEnd(11)}${help}`)
  .join('\n')}
`;

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(USAGE);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new SimtrunkError('USAGE', `No command is called ${name}.\n\n${USAGE.trimEnd()}`);
  const { USAGE: usage, run } = await command.load();
  if (args.some((argument) => argument === '--help' || argument === '-h')) {
    process.stdout.write(`${usage.trimEnd()}\n`);
    return 0;
  }
  return run(args);
}

/** Errors of the catalogue are for the operator: their message says what to do. Any other is a defect of ours. */
function tell(error: unknown): number {
  if (!(error instanceof SimtrunkError)) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return 1;
  }
  process.stderr.write(`${error.message}\n`);
  return error.code === 'USAGE' ? 2 : 1;
}

// Who reads our output may stop before its end, as `head` does: that is no defect, and ends no service.
process.stdout.on('error', () => undefined);

// Set, not called: output that is still on its way to a pipe is not cut off.
process.exitCode = await main(process.argv.slice(2)).catch(tell);
