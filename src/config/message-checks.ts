// Text messages between the parts of a file: who is told by which template, tokens that nobody could use, secrets not set.

import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { POLL_PRESETS } from './message-poll-presets.js';
import { SMS_PRESETS, type SmsPreset } from './message-presets.js';
import { sharedNames } from './named-channels.js';
import { nearestName } from './nearest-name.js';
import { type Environment, readSecret } from './read-secret.js';
import { duplicates, type SoundElement, type SoundParts } from './sound-parts.js';

type GatewayMessages = NonNullable<SoundElement<'gateways'>['messages']>;

export function findMessageProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  return [
    ...driverProblems(parts),
    ...pollProblems(parts),
    ...tokenProblems(parts),
    ...trunkProblems(parts),
    ...unsetSecrets(parts, env),
  ];
}

/** What is sent over HTTP needs to know where to. */
function driverProblems(parts: SoundParts): ConfigProblem[] {
  return parts.entries('gateways').flatMap(({ path, value: { messages, address } }): ConfigProblem[] => {
    if (messages === undefined) return [];
    const { via, http, dial, mms } = messages;
    const at = [...path, 'messages'];
    const problems = mms ? pictureProblems(at, messages) : [];
    if (via !== 'http') {
      if (http !== undefined) problems.push({ path: [...at, 'http'], message: `is for via: http, not for ${via}` });
      return problems;
    }
    if (dial !== undefined)
      problems.push({ path: [...at, 'dial'], message: 'is for via: sip: over HTTP templates say it' });
    const url = http?.url ?? (http?.preset && SMS_PRESETS[http.preset].url);
    if (http === undefined) problems.push({ path: at, message: 'needs http with a preset or a url' });
    else if (url === undefined) problems.push({ path: [...at, 'http'], message: 'needs a preset or a url' });
    else if (url.includes('{host}') && address === undefined)
      problems.push({ path: [...at, 'http'], message: 'has {host} in its url, and the gateway has no address' });
    if (http?.auth !== undefined && http.auth !== 'none' && http.account === undefined)
      problems.push({ path: [...at, 'http'], message: `needs an account for auth: ${http.auth}` });
    return problems;
  });
}

function pollProblems(parts: SoundParts): ConfigProblem[] {
  return parts.entries('gateways').flatMap(({ path, value: { name, messages } }): ConfigProblem[] => {
    const poll = messages?.poll;
    if (poll === undefined) return [];
    const at = [...path, 'messages', 'poll'];
    const { preset, ask, account } = poll;
    if ((preset === undefined) === (ask === undefined)) {
      return [{ path: at, message: 'needs a preset, or questions of its own in ask, and not both' }];
    }
    const asked = ask ?? (preset === undefined ? [] : POLL_PRESETS[preset].ask);
    const needsAccount = asked.some(({ path: where, body = '' }) => /\{(?:username|password)\}/.test(where + body));
    const problems: ConfigProblem[] = [];
    if (account === undefined && needsAccount) {
      problems.push({ path: at, message: 'needs account: user name and password stand in what is asked' });
    }
    const named = poll.portIs ?? (preset && POLL_PRESETS[preset].portIs) ?? [];
    problems.push(...sharedNames(parts, name, named, [...at, 'portIs']));
    const paths = (ask ?? []).map((question, index) => ({ path: [...at, 'ask', index], value: question }));
    problems.push(
      ...duplicates(
        paths,
        (question) => question.path,
        'path',
        (_, first) => `is the path of ${first} already: how far each was read is kept by its path`,
      ),
    );
    return problems;
  });
}

/** A gateway that is told nothing of pictures would send the text alone, and charge for an MMS. */
function pictureProblems(at: ConfigPath, { via, http }: GatewayMessages): ConfigProblem[] {
  const path = [...at, 'mms'];
  if (via === 'sip') return [{ path, message: 'needs via: http: a SIP MESSAGE carries text alone, no pictures' }];
  if (via === 'none') return [{ path, message: 'is for a gateway that sends, and via: none does not' }];
  if (http === undefined) return [];
  const preset: SmsPreset | undefined = http.preset && SMS_PRESETS[http.preset];
  const { url, body, headers } = { ...preset, ...given(http) };
  const templates = [url, body, ...Object.values(headers ?? {})];
  if (templates.some((template) => template?.includes('{pictures}'))) return [];
  return [{ path, message: 'needs {pictures} in the body of http: as it is, the gateway is told of no pictures' }];
}

function given({ url, body, headers }: NonNullable<GatewayMessages['http']>) {
  return { ...(url && { url }), ...(body && { body }), ...(headers && { headers }) };
}

interface RawToken {
  readonly name?: unknown;
  readonly trunk?: unknown;
  readonly gateway?: unknown;
  readonly account?: unknown;
  readonly secret?: unknown;
}

function tokenProblems(parts: SoundParts): ConfigProblem[] {
  const tokens = tokensOf(parts);
  const unknown = (['trunk', 'gateway', 'account'] as const).flatMap((key) => {
    const known = parts.texts(`${key}s`, 'name').map(({ value }) => value);
    return tokens.flatMap(({ path, value }) => noSuch([...path, key], value[key], known, `${key}s`));
  });
  return [
    ...unknown,
    ...duplicates(
      tokens,
      ({ name }) => (typeof name === 'string' ? name : undefined),
      'name',
      (name, first) => `"${name}" is already the name of ${first}`,
    ),
    ...duplicates(
      tokens,
      ({ secret }) => (typeof secret === 'string' ? secret : undefined),
      'secret',
      (_, first) => `is the secret of ${first}, too; whose a request is could not be told`,
    ),
  ];
}

function trunkProblems(parts: SoundParts): ConfigProblem[] {
  const known = parts.texts('trunks', 'name').map(({ value }) => value);
  return noSuch(['messages', 'defaultTrunk'], parts.rawAt('messages', 'defaultTrunk'), known, 'trunks');
}

function noSuch(path: ConfigPath, value: unknown, known: readonly string[], section: string): ConfigProblem[] {
  if (typeof value !== 'string' || known.includes(value)) return [];
  const guess = nearestName(value, [...known]);
  const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
  return [{ path, message: `no such entry in ${section}: "${value}"${hint}` }];
}

function tokensOf(parts: SoundParts): { readonly path: ConfigPath; readonly value: RawToken }[] {
  const tokens = parts.rawAt('api', 'tokens');
  if (!Array.isArray(tokens)) return [];
  return tokens.flatMap((value: unknown, index) =>
    typeof value === 'object' && value !== null ? [{ path: ['api', 'tokens', index], value }] : [],
  );
}

function unsetSecrets(parts: SoundParts, env: Environment): ConfigProblem[] {
  const found: { readonly path: ConfigPath; readonly secret: unknown }[] = [
    ...tokensOf(parts).map(({ path, value }) => ({ path: [...path, 'secret'], secret: value.secret })),
    ...parts.entries('trunks').map(({ path, value }) => ({
      path: [...path, 'messages', 'webhook', 'secret'],
      secret: value.messages?.webhook?.secret,
    })),
    ...parts.entries('gateways').map(({ path, value }) => ({
      path: [...path, 'messages', 'http', 'account', 'password'],
      secret: value.messages?.http?.account?.password,
    })),
    ...parts.entries('gateways').map(({ path, value }) => ({
      path: [...path, 'messages', 'poll', 'account', 'password'],
      secret: value.messages?.poll?.account?.password,
    })),
  ];
  return found.flatMap(({ path, secret }) => {
    if (typeof secret !== 'object' || secret === null || !('env' in secret)) return [];
    const { env: variable } = secret as { readonly env: unknown };
    if (typeof variable !== 'string' || variable === '' || readSecret({ env: variable }, env) !== undefined) return [];
    return [{ path, message: `environment variable ${variable} is not set` }];
  });
}
