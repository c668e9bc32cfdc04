// `simtrunk route NUMBER --trunk NAME`: which channel would carry a call, and why no other. Asks the running service;
// without one it reads the config and the ledger's file, and says so. Gateways count as up then: nobody probes them.
import type { Config } from '../config/config.js';
import { ledgerParts } from '../config/ledger-parts.js';
import { transcoderOf } from '../config/resolve-media.js';
import { type RouteReport, type RouteSelection, reportRoute, selectTrunk } from '../control/route-report.js';
import { openDoNotCallLists } from '../do-not-call/open-lists.js';
import { readLedger } from '../ledgers/read-ledger.js';
import { SystemClock } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import { createLogger } from '../lib/logger.js';
import { createPolicy } from '../policy/admit-call.js';
import { createRouting } from '../routing/routing.js';
import { readSuspended } from '../sim-state/read-suspended.js';
import { askIfRunning, SERVICE_OPTIONS } from './ask-service.js';
import { misused, readCommandLine } from './command-line.js';
import { loadConfigArgument } from './config-argument.js';
import { routeReportText } from './route-report.js';

export const USAGE =
  'usage: simtrunk route NUMBER --trunk NAME [--agent USER] [--all] [--json] [--config FILE] [--data DIR]';

/** Status 0 when a channel would carry the call, 1 when none would. */
export async function run(args: string[]): Promise<number> {
  const { number, values } = read(args);
  const { trunk, agent, all } = values;
  const selection = { dialled: number, trunk, agent, all };
  const asked = await askIfRunning<RouteReport>(values, 'route', selection);
  const report = asked?.result ?? (await readFromFiles(await loadConfigArgument(values), selection));
  process.stdout.write(`${values.json ? JSON.stringify(report) : routeReportText(report, values.all)}\n`);
  return report.ranked.length > 0 ? 0 : 1;
}

function read(args: string[]) {
  const options = {
    ...SERVICE_OPTIONS,
    trunk: { type: 'string' },
    agent: { type: 'string' },
    all: { type: 'boolean', default: false },
  } as const;
  const { values, positionals } = readCommandLine({ args, options, allowPositionals: true }, USAGE);
  const [number, more] = positionals;
  if (number === undefined || more !== undefined) throw misused('one number is needed', USAGE);
  return { number, values };
}

/** Makes the decision that a service on this config and ledger would make now. */
async function readFromFiles(
  config: Config,
  { dialled, trunk: name, agent, all }: RouteSelection,
): Promise<RouteReport> {
  const selected = selectTrunk(config.trunks, name);
  if (!selected.ok) throw new SimtrunkError('USAGE', selected.message);
  const clock = new SystemClock();
  const { plans, sims, channels } = config;
  const { file } = config.ledger;
  const stored = await readLedger(file, ledgerParts(config), clock);
  const gateways = config.gateways.map((gateway) => ({ ...gateway, probe: false as const, terms: gateway.name }));
  const routing = createRouting({
    ...{ gateways, plans, sims, channels, trunks: config.trunks, ...config.routing },
    ...{ view: stored.memory, clock },
  });
  try {
    for (const channelId of readSuspended(file, channels)) routing.suspended(channelId, true);
    // What a running service last fetched is on the disk; nothing is fetched for a question.
    const { lists } = await openDoNotCallLists(config.doNotCall, {
      clock,
      // What is read is said by the answer.
      log: createLogger({ ...config.log, level: 'silent' }),
      watch: false,
    });
    const policy = createPolicy({ trunks: config.trunkPolicies, ledger: stored.memory, lists, clock });
    const planOf = new Map(sims.map(({ simId, plan }) => [simId, plan]));
    const parts = {
      source: {
        config: config.file,
        ledger: stored.found ? file : null,
        isPartOnly: config.ledger.kind === 'redis',
        isLedgerAway: false,
        runningService: false,
      },
      admit: policy.admit,
      routing,
      transcoder: transcoderOf(config),
      view: stored.memory,
      planOf: (simId: string) => planOf.get(simId) ?? '',
      usageOf: (simId: string, wallMs: number) => {
        return { simId, allowances: stored.memory.bookOf(simId)?.usage(wallMs) ?? [] };
      },
      caps: stored.memory,
      maxCallSeconds: config.call.maxCallSeconds,
    };
    return reportRoute(parts, { dialled, trunk: selected.trunk, agent: agent ?? null, all, wallMs: clock.wallMs() });
  } finally {
    routing.close();
    stored.close();
  }
}
