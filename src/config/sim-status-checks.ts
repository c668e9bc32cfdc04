// Where the state of SIMs comes from, against the gateways and channels that it is told of.
import { fillTemplate, partsOfTemplate } from '../routing/dial-template.js';
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { sharedNames } from './named-channels.js';
import { type Environment, readSecret } from './read-secret.js';
import { SIM_STATUS_PRESETS } from './sim-status-presets.js';
import type { SimStatusKeys } from './sim-status-schema.js';
import { duplicates, type Entry, type SoundElement, type SoundParts } from './sound-parts.js';

type Told = Entry<SoundElement<'gateways'>> & { readonly keys: SimStatusKeys };

export function findSimStatusProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  const told = parts.entries('gateways').flatMap((gateway): Told[] => {
    const keys = gateway.value.simStatus;
    return keys === undefined || keys === false ? [] : [{ ...gateway, keys }];
  });
  return [
    ...told.flatMap((gateway) => [
      ...httpProblems(gateway),
      ...nameProblems(parts, gateway),
      ...unsetSecret(gateway, env),
    ]),
    ...sharedIds(parts, told),
  ];
}

function httpProblems({ path, keys }: Told): ConfigProblem[] {
  if (keys.kind !== 'http') return [];
  const at = [...path, 'simStatus'];
  const problems: ConfigProblem[] = [];
  const { preset, template, account, intervalSeconds, maxAgeSeconds } = keys;
  if ((preset === undefined) === (template === undefined)) {
    problems.push({ path: at, message: 'needs a preset or a template of its own, and not both' });
  }
  const asked = template ?? (preset === undefined ? undefined : SIM_STATUS_PRESETS[preset]);
  if (account === undefined && partsOfTemplate(asked?.path ?? '').placeholders.length > 0) {
    problems.push({ path: at, message: 'needs account: user name and password stand in the path that is asked for' });
  }
  if (asked?.body !== undefined && asked.method !== 'POST') {
    problems.push({ path: [...at, 'template', 'body'], message: 'needs method: POST' });
  }
  problems.push(...counterProblems(at, keys));
  if (maxAgeSeconds < intervalSeconds) {
    const message = `is less than intervalSeconds (${intervalSeconds}): a SIM’s state would be unknown before it is asked for again`;
    problems.push({ path: [...at, 'maxAgeSeconds'], message });
  }
  return problems;
}

function nameProblems(parts: SoundParts, { path, value: { name }, keys }: Told): ConfigProblem[] {
  if (keys.kind !== 'http') return [];
  const { preset, template, counter } = keys;
  const at = [...path, 'simStatus'];
  const asked = template ?? (preset && SIM_STATUS_PRESETS[preset]);
  const problems = sharedNames(parts, name, asked?.portIs ?? [], [...at, 'template', 'portIs']);
  const counted = counter === false ? undefined : counter.template?.portIs;
  return [...problems, ...sharedNames(parts, name, counted ?? [], [...at, 'counter', 'template', 'portIs'])];
}

function counterProblems(
  at: ConfigPath,
  { preset, counter, account }: Extract<SimStatusKeys, { kind: 'http' }>,
): ConfigProblem[] {
  if (counter === false) return [];
  const path = [...at, 'counter'];
  if ((preset === undefined) === (counter.template === undefined)) {
    return [{ path, message: 'needs a template when simStatus has one, and none when it has a preset' }];
  }
  const problems: ConfigProblem[] = [];
  const { template } = counter;
  const named = partsOfTemplate(template?.path ?? '').placeholders.map(({ name }) => name);
  if (account === undefined && named.some((name) => name === 'username' || name === 'password')) {
    problems.push({ path, message: 'needs account: user name and password stand in the path that is asked for' });
  }
  if (template?.body !== undefined && template.method !== 'POST') {
    problems.push({ path: [...path, 'template', 'body'], message: 'needs method: POST' });
  }
  return problems;
}

/** Lines of one listener are told apart by their ids. */
function sharedIds(parts: SoundParts, told: readonly Told[]): ConfigProblem[] {
  const ids = told.flatMap(({ path, value: { name, network }, keys }) => {
    if (keys.kind !== 'goip') return [];
    const channels = parts.entries('channels').filter(({ value }) => value.gateway === name);
    return channels.map(({ value: { port, line = String(port) } }) => {
      const id = fillTemplate(keys.id, { port: String(port), line, sim: '', number: '', e164: '' });
      return { path: [...path, 'simStatus'], value: { id, key: `${id} at ${network} port ${keys.port}` } };
    });
  });
  return duplicates(
    ids,
    ({ key }) => key,
    'id',
    (key, first) => `gives the id ${key}, which a line of ${first} has already; each line needs its own`,
  );
}

function unsetSecret({ path, keys }: Told, env: Environment): ConfigProblem[] {
  const [given, at] =
    keys.kind === 'goip' ? [keys.password, ['password']] : [keys.account?.password, ['account', 'password']];
  if (given === undefined || typeof given === 'string' || readSecret(given, env) !== undefined) return [];
  const message = `environment variable ${given.env} is not set; set it to the password`;
  return [{ path: [...path, 'simStatus', ...at], message }];
}
