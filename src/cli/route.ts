// `simtrunk route NUMBER --trunk NAME`: which channel would carry a call, and why no other. Reads the config and the
// ledger's file; asks no running service, and says so. Gateways count as up: only a running service probes them.
import { parseArgs } from 'node:util';
import type { Config } from '../config/config.js';
import { readLedger } from '../ledgers/read-ledger.js';
import { SystemClock } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import { createPolicy } from '../policy/admit-call.js';
import { createRouting } from '../routing/routing.js';
import { CONFIG_OPTIONS, loadConfigArgument } from './config-argument.js';
import { type RouteReport, routeReportText } from './route-report.js';

const USAGE = 'usage: simtrunk route NUMBER --trunk NAME [--all] [--json] [--config FILE] [--data DIR]';

/** Status 0 when a channel would carry the call, 1 when none would. */
export async function run(args: string[]): Promise<number> {
  const { number, values } = read(args);
  const config = await loadConfigArgument(values);
  const report = await explain(config, number, trunkNamed(config, values.trunk), values.all);
  process.stdout.write(`${values.json ? JSON.stringify(report) : routeReportText(report, values.all)}\n`);
  return report.ranked.length > 0 ? 0 : 1;
}

function read(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...CONFIG_OPTIONS,
        trunk: { type: 'string' },
        all: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const [number, more] = positionals;
    if (number === undefined || more !== undefined) throw new Error('one number is needed');
    return { number, values };
  } catch (cause) {
    throw new SimtrunkError('USAGE', `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

function trunkNamed(config: Config, name: string | undefined) {
  const only = config.trunks.length === 1 ? config.trunks[0] : undefined;
  const trunk = name === undefined ? only : config.trunks.find((candidate) => candidate.name === name);
  if (trunk !== undefined) return trunk;
  const known = config.trunks.map((candidate) => candidate.name).join(', ');
  throw new SimtrunkError(
    'USAGE',
    `${name === undefined ? 'Say which --trunk' : `No trunk "${name}"`}; there are: ${known}`,
  );
}

/** Makes the decision that a service on this config and ledger would make now. */
async function explain(
  config: Config,
  dialled: string,
  trunk: Config['trunks'][number],
  all: boolean,
): Promise<RouteReport> {
  const clock = new SystemClock();
  const wallMs = clock.wallMs();
  const gaps = new Map(config.gateways.map((gateway) => [gateway.name, gateway.gapMs]));
  const channels = config.channels.map((channel) => ({ ...channel, gapMs: gaps.get(channel.gateway) ?? 0 }));
  const { plans, sims, ledger } = config;
  const stored = await readLedger(ledger.file, { plans, sims, channels, sliceSeconds: ledger.sliceSeconds }, clock);
  const gateways = config.gateways.map((gateway) => ({ ...gateway, probe: false as const, terms: gateway.name }));
  const routing = createRouting({ gateways, plans, sims, channels, view: stored.memory, clock });
  try {
    const spentBy = (name: string, since: number) => stored.memory.spending.since(name, since);
    const admission = createPolicy({ trunks: config.trunks, spentBy, clock }).admit({ trunk, dialled });
    const base = {
      dialled,
      trunk: { name: trunk.name, traffic: trunk.traffic },
      callee: admission.callee,
      source: { config: config.file, ledger: stored.found ? ledger.file : null, runningService: false as const },
      wallMs,
    };
    if (!admission.ok)
      return { ...base, policy: admission.reason, ranked: [], refused: {}, refusal: null, refusals: [] };
    const question = {
      trunk,
      callee: admission.callee,
      codecs: trunk.codecs,
      excludeChannels: [],
      excludeGateways: [],
      wallMs,
    };
    const { ranked, refusals, refused, refusal } = routing.explain(question);
    const uris = new Map(
      routing.decide(question).candidates.map((candidate) => [candidate.channelId, candidate.requestUri]),
    );
    const { e164, numberClass } = admission.callee;
    return {
      ...base,
      policy: 'admitted',
      ranked: (all ? ranked : ranked.slice(0, 8)).map(({ channel, terms }) => {
        const fit = stored.memory.fit(channel.simId, { callee: e164, numberClass, wallMs });
        return {
          channelId: channel.channelId,
          simId: channel.simId,
          simNumber: channel.simNumber,
          plan: channel.group.plan.name,
          requestUri: uris.get(channel.channelId) ?? null,
          terms: { ...terms },
          maxCallSeconds: fit.ok ? Math.min(fit.maxCallSeconds, config.call.maxCallSeconds) : 0,
          usage: stored.memory.bookOf(channel.simId)?.usage(wallMs) ?? [],
        };
      }),
      refused,
      refusal: ranked.length > 0 ? null : refusal,
      refusals: refusals.map(({ channel, refusal: { reason, allowanceId } }) => ({
        channelId: channel.channelId,
        simNumber: channel.simNumber,
        reason,
        ...(allowanceId !== undefined && { allowanceId }),
      })),
    };
  } finally {
    routing.close();
    stored.close();
  }
}
