// What no single key can show, gathered from the subjects' checks: names and references here, the network's part in
// network-checks.ts, who calls whom in peer-checks.ts and intake-checks.ts, how a SIM is addressed in addressing-checks.ts, codecs in
// media-checks.ts, plans and SIMs in plan-checks.ts, routing in routing-checks.ts, text messages in message-checks.ts.
import { posix } from 'node:path';
import { findAddressingProblems } from './addressing-checks.js';
import type { ConfigProblem } from './config-problem.js';
import { findInboundProblems } from './inbound-checks.js';
import { findIntakeProblems } from './intake-checks.js';
import { findLedgerProblems } from './ledger-checks.js';
import { findMediaProblems } from './media-checks.js';
import { findMessageProblems } from './message-checks.js';
import { nearestName } from './nearest-name.js';
import { findNetworkProblems } from './network-checks.js';
import { findPeerProblems } from './peer-checks.js';
import { findPlanProblems } from './plan-checks.js';
import { findPolicyProblems } from './policy-checks.js';
import { type Environment, readSecret } from './read-secret.js';
import { findResponseProblems } from './response-checks.js';
import { findRoutingProblems } from './routing-checks.js';
import { findRtpengineProblems } from './rtpengine-checks.js';
import { DEFAULT_SLICE_SECONDS, type ListSection } from './schema.js';
import { findSimProblems } from './sim-checks.js';
import { findSimStatusProblems } from './sim-status-checks.js';
import { duplicates, SoundParts } from './sound-parts.js';

/**
 * Problems between the parts of a file; `raw` is the file as parsed from YAML, with the plans of its plan files. Without
 * `arePlansKnown`, when one of those cannot be read, a plan that is not there is no problem.
 */
export function findCrossProblems(raw: unknown, env: Environment, arePlansKnown = true): ConfigProblem[] {
  const parts = new SoundParts(raw);
  return [
    ...duplicateNames(parts),
    ...unknownReferences(parts).filter(({ path }) => arePlansKnown || path.at(-1) !== 'plan'),
    ...(arePlansKnown ? missingPlans(parts) : []),
    ...findNetworkProblems(parts),
    ...findPeerProblems(parts),
    ...findAddressingProblems(parts),
    ...findResponseProblems(parts),
    ...findIntakeProblems(parts, env),
    ...findInboundProblems(parts),
    ...findMediaProblems(parts),
    ...findRtpengineProblems(parts),
    ...findPlanProblems(parts),
    ...findSimProblems(parts),
    ...findSimStatusProblems(parts, env),
    ...findRoutingProblems(parts),
    ...findLedgerProblems(parts, env),
    ...findPolicyProblems(parts, env),
    ...findMessageProblems(parts, env),
    ...secretProblems(parts, env),
    ...sinkProblems(parts),
    ...warningToneProblems(parts),
  ];
}

function duplicateNames(parts: SoundParts): ConfigProblem[] {
  return (['networks', 'trunks', 'gateways', 'registrations', 'plans', 'accounts'] as const).flatMap((section) =>
    duplicates(
      parts.texts(section, 'name'),
      (name) => name,
      'name',
      (name, first) => `"${name}" is already the name of ${first}`,
    ),
  );
}

/** Which key of which section names an entry of which other section, found there under one of `keys`. */
const REFERENCES: readonly { from: ListSection; key: string; to: ListSection; keys: readonly string[] }[] = [
  { from: 'trunks', key: 'network', to: 'networks', keys: ['name'] },
  { from: 'trunks', key: 'account', to: 'accounts', keys: ['name'] },
  { from: 'gateways', key: 'network', to: 'networks', keys: ['name'] },
  { from: 'registrations', key: 'network', to: 'networks', keys: ['name'] },
  { from: 'sims', key: 'plan', to: 'plans', keys: ['name'] },
  { from: 'channels', key: 'gateway', to: 'gateways', keys: ['name'] },
  { from: 'channels', key: 'sim', to: 'sims', keys: ['iccid', 'number'] },
];

function unknownReferences(parts: SoundParts): ConfigProblem[] {
  return REFERENCES.flatMap(({ from, key, to, keys }) => {
    // An unquoted ICCID or number has its own problem already; what it is referred to by cannot be told.
    if (keys.some((name) => parts.hasNumber(to, name))) return [];
    const known = new Set(keys.flatMap((name) => parts.texts(to, name).map(({ value }) => value)));
    return parts
      .texts(from, key)
      .filter(({ value }) => !known.has(value))
      .map(({ path, value }) => {
        const guess = nearestName(value, [...known]);
        const hint = guess === undefined ? `; known: ${listed(known)}` : `; did you mean "${guess}"?`;
        return { path: [...path, key], message: `no such entry in ${to}: "${value}"${hint}` };
      });
  });
}

function missingPlans(parts: SoundParts): ConfigProblem[] {
  const plans = parts.rawAt('plans') ?? [];
  if (!Array.isArray(plans) || plans.length > 0) return [];
  return [
    { path: ['plans'], message: 'is missing; must be a list of at least one, or planFiles must name files with plans' },
  ];
}

/** Secrets that may be read from the environment, and whose they are. */
const SECRETS: readonly { readonly path: readonly string[]; readonly of: string }[] = [
  { path: ['sip', 'drachtio', 'secret'], of: 'the secret of the drachtio-server' },
  { path: ['sip', 'homer', 'password'], of: 'the password of the Homer collector' },
  { path: ['sip', 'digest', 'nonceSecret'], of: 'a text that only your nodes of simtrunk know' },
];

function secretProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  return SECRETS.flatMap(({ path, of }) => {
    const variable = parts.rawAt(...path, 'env');
    if (typeof variable !== 'string' || variable === '' || readSecret({ env: variable }, env) !== undefined) return [];
    return [{ path, message: `environment variable ${variable} is not set; set it to ${of}` }];
  });
}

/** Two sinks in one folder would write every record twice into one file, and share their acknowledgements. */
function sinkProblems(parts: SoundParts): ConfigProblem[] {
  const sinks = parts.rawAt('cdr', 'sinks');
  if (!Array.isArray(sinks)) return [];
  return duplicates(
    sinks.map((_, index) => ({
      path: ['cdr', 'sinks', index],
      value: parts.rawAt('cdr', 'sinks', index, 'dir') ?? 'cdr',
    })),
    (dir) => (typeof dir === 'string' ? posix.normalize(`${dir}/`) : undefined),
    'dir',
    (dir, first) => `${dir} is already the folder of ${first}; each sink needs its own`,
  );
}

/** How long a call may last is known half a slice before its end at the latest, and not sooner. */
function warningToneProblems(parts: SoundParts): ConfigProblem[] {
  const warning = parts.rawAt('call', 'warningToneSeconds') ?? 0;
  const slice = parts.rawAt('ledger', 'sliceSeconds') ?? DEFAULT_SLICE_SECONDS;
  if (typeof warning !== 'number' || typeof slice !== 'number' || warning <= slice / 2) return [];
  const message = `must be at most half of ledger.sliceSeconds, which is ${slice}: sooner the end of a call is not known`;
  return [{ path: ['call', 'warningToneSeconds'], message }];
}

function listed(names: ReadonlySet<string>): string {
  const shown = [...names].slice(0, 8);
  return shown.length === 0 ? 'none' : `${shown.join(', ')}${names.size > shown.length ? ', …' : ''}`;
}
