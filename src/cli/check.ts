// `simtrunk check`: validates a config and says what it describes; every problem is listed, each with its place.
import type { Config, TrunkConfig } from '../config/config.js';
import { openDoNotCallLists } from '../do-not-call/open-lists.js';
import { SystemClock } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import { createLogger } from '../lib/logger.js';
import { SERVICE_OPTIONS } from './ask-service.js';
import { readCommandLine } from './command-line.js';
import { loadConfigArgument } from './config-argument.js';
import { inboundRows, inboundWarnings } from './inbound-text.js';
import { messagesRows, messagesWarnings } from './messages-text.js';
import { rejectedText } from './status-text.js';
import { allowancesText, planText } from './terms-text.js';

export const USAGE = 'usage: simtrunk check [--config FILE] [--data DIR] [--json]';

/** Status 0 for a sound config, 1 for one with problems. */
export async function run(args: string[]): Promise<number> {
  const { values } = readCommandLine({ args, options: SERVICE_OPTIONS }, USAGE);
  let config: Config;
  try {
    config = await loadConfigArgument(values);
  } catch (error) {
    if (!(error instanceof SimtrunkError)) throw error;
    const { code, message } = error;
    if (values.json) process.stdout.write(`${JSON.stringify({ ok: false, code, message })}\n`);
    else process.stderr.write(`${message}\n`);
    return 1;
  }
  const warnings = [...findWarnings(config), ...(await listWarnings(config))];
  const text = values.json ? JSON.stringify({ ok: true, file: config.file, warnings }) : summary(config, warnings);
  process.stdout.write(`${text}\n`);
  return 0;
}

/** What is allowed, but hardly meant. */
function findWarnings(config: Config): string[] {
  const inUse = new Set(config.channels.filter((channel) => channel.enabled).map((channel) => channel.simId));
  const plansInUse = new Set(config.sims.filter((sim) => inUse.has(sim.simId)).map((sim) => sim.plan));
  const plans = config.plans.filter((plan) => plansInUse.has(plan.name));
  const installed = new Set(config.channels.map((channel) => channel.simId));
  const idleSims = config.sims.filter((sim) => !installed.has(sim.simId)).length;
  return [
    ...config.trunks.flatMap((trunk) => trunkWarnings(trunk, plans)),
    ...(idleSims > 0 ? [`${counted(idleSims, 'SIM')} in no channel`] : []),
    ...(inUse.size === 0 ? ['no channel is enabled'] : []),
    ...inboundWarnings(config),
    ...messagesWarnings(config),
  ];
}

/** Lists are not a part of the config, but without them no call is placed. */
async function listWarnings({ doNotCall, log }: Config): Promise<string[]> {
  const silent = createLogger({ ...log, level: 'silent' });
  const { counters } = await openDoNotCallLists(doNotCall, { clock: new SystemClock(), log: silent, watch: false });
  return counters.flatMap((list, index) => {
    const { name, isStale, trouble } = list;
    if (trouble !== null) return [`do-not-call list ${name} cannot be read: ${trouble}`];
    const rejected = rejectedText(list);
    const unread = rejected === null ? [] : [`do-not-call list ${name} does not protect everybody in it: ${rejected}`];
    if (!isStale) return unread;
    const isFetched = doNotCall[index]?.source.kind === 'url';
    const fetched = isFetched ? ', or was never fetched' : '';
    return [`do-not-call list ${name} is too old${fetched}: calls are refused by it`, ...unread];
  });
}

function trunkWarnings(trunk: TrunkConfig, plans: Config['plans']): string[] {
  if (plans.length === 0) return [];
  const usable = plans.filter((plan) => trunk.traffic === 'personal' || plan.commercialUse === 'allowed');
  if (usable.length === 0) {
    return [`trunk ${trunk.name} is commercial, but every plan in use forbids commercial use: it can place no call`];
  }
  const uncovered = trunk.classes.filter(
    (numberClass) => numberClass !== 'emergency' && !usable.some((plan) => plan.classes.includes(numberClass)),
  );
  return uncovered.length === 0
    ? []
    : [`trunk ${trunk.name} may call ${uncovered.join(', ')}, but no plan in use covers that`];
}

function placesOf({ name, sources, certificate }: TrunkConfig, { credentials }: Config): string {
  const proof = credentials.trunks.has(name) ? ' with credentials' : '';
  const shown = certificate === undefined ? '' : ` with the certificate of ${certificate}`;
  return `${sources.length === 0 ? 'anywhere' : sources.join(', ')}${shown}${proof}`;
}

function summary(config: Config, warnings: readonly string[]): string {
  const channelsOf = (gateway: string) => config.channels.filter((channel) => channel.gateway === gateway);
  const rows: [string, string][] = [
    ...config.networks.map((network): [string, string] => {
      const { from, to } = network.mediaPorts;
      const listeners = network.sip.map(({ transport, port }) => `${transport} ${port === 0 ? 'any port' : port}`);
      const advertised = network.advertise === network.bind ? '' : ` as ${network.advertise}`;
      const calls = Math.floor((to - from + 1) / 4);
      return [
        'network',
        `${network.name}: ${network.bind}${advertised}, ${listeners.join(', ')}, media ${from}–${to} (${counted(calls, 'call')})`,
      ];
    }),
    ...config.trunks.map((trunk): [string, string] => {
      const cap =
        trunk.spendCap === false ? 'no spend cap' : `at most ${trunk.spendCap.perDay} ${trunk.spendCap.currency} a day`;
      return [
        'trunk',
        `${trunk.name}: from ${placesOf(trunk, config)}; ${trunk.traffic}; ${trunk.classes.join(', ')}; ${cap}`,
      ];
    }),
    ...config.gateways.map((gateway): [string, string] => {
      const channels = channelsOf(gateway.name);
      const enabled = channels.filter((channel) => channel.enabled).length;
      const off = enabled === channels.length ? '' : `, ${channels.length - enabled} of them disabled`;
      return [
        'gateway',
        `${gateway.name}: ${gateway.transport} ${gateway.address}, ${counted(channels.length, 'channel')}${off}`,
      ];
    }),
    ...[...inboundRows(config), ...messagesRows(config)].map(([what, text]): [string, string] => [what, text]),
    ...config.plans.map((plan): [string, string] => {
      const sims = config.sims.filter((sim) => sim.plan === plan.name).length;
      return ['plan', `${plan.name}: ${counted(sims, 'SIM')}, ${planText(plan)}`];
    }),
    ...payersOf(config).flatMap((payer): [string, string][] => {
      const caps = config.capsOf(payer);
      return caps === undefined ? [] : [['caps', `${payer}: ${allowancesText(caps)}`]];
    }),
    ['ledger', ledgerText(config)],
    ['data', config.dataDir],
    ...warnings.map((warning): [string, string] => ['warning', warning]),
  ];
  return [`${config.file} is sound.`, ...rows.map(([what, text]) => `  ${what.padEnd(8)} ${text}`)].join('\n');
}

function ledgerText({ ledger: { kind, redis, durability } }: Config): string {
  const journal = `journal that survives ${durability === 'power' ? 'a power cut' : 'a killed process'}`;
  if (kind === 'memory' || redis === undefined) return `in memory, with a ${journal}`;
  // A URL may hold a password.
  return `shared through Redis at ${new URL(redis.url).host}, with a ${journal}; while Redis is away: ${redis.whenAway}`;
}

/** Everybody whose caps the file names, and any other agent. */
function payersOf({ trunks, agents, accounts }: Config): string[] {
  return [
    // A spend cap alone stands beside its trunk.
    ...trunks.filter(({ caps }) => caps !== undefined).map(({ name }) => `trunk:${name}`),
    ...agents.named.map(({ trunk, agent }) => `agent:${trunk}/${agent}`),
    'agent:*',
    ...accounts.map(({ name }) => `account:${name}`),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
