// Who calls and is called, and how they prove it: trunks that nobody could be, user names that two have, passwords that are
// not set.
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { type Environment, readSecret } from './read-secret.js';
import { duplicates, type SoundParts } from './sound-parts.js';

export function findIntakeProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  return [...nameless(parts), ...sharedUsernames(parts), ...unsetPasswords(parts, env)];
}

/** A trunk is known by where it sends from, or by what it proves. */
function nameless(parts: SoundParts): ConfigProblem[] {
  return parts.entries('trunks').flatMap(({ path: [section = '', index = 0] }) => {
    const isThere = (key: string) => parts.rawAt(section, index, key) !== undefined;
    if (isThere('sources') || isThere('digest')) return [];
    return [{ path: [section, index], message: 'needs sources or digest: else no packet could be its' }];
  });
}

function sharedUsernames(parts: SoundParts): ConfigProblem[] {
  const usernames = parts
    .entries('trunks')
    .flatMap(({ path, value }) =>
      value.digest === undefined ? [] : [{ path: [...path, 'digest'], value: value.digest.username }],
    );
  return duplicates(
    usernames,
    (username) => username,
    'username',
    (username, first) => `"${username}" is already the name of ${first}; a trunk is told by it`,
  );
}

function unsetPasswords(parts: SoundParts, env: Environment): ConfigProblem[] {
  const accounts = (['trunks', 'gateways', 'channels'] as const).flatMap((section) =>
    parts
      .entries(section)
      .flatMap(({ path, value }) =>
        value.digest === undefined ? [] : [{ path: [...path, 'digest', 'password'], secret: value.digest.password }],
      ),
  );
  return accounts.flatMap(({ path, secret }) => unset(path, secret, env));
}

function unset(path: ConfigPath, secret: string | { readonly env: string }, env: Environment): ConfigProblem[] {
  if (typeof secret === 'string' || readSecret(secret, env) !== undefined) return [];
  return [{ path, message: `environment variable ${secret.env} is not set; set it to the password` }];
}
