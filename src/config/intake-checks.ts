// Who calls and is called, and how they prove it: trunks that nobody could be, user names that two have, passwords that are
// not set.
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { type Environment, readSecret } from './read-secret.js';
import { duplicates, type SoundParts } from './sound-parts.js';

export function findIntakeProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  return [
    ...nameless(parts),
    ...sharedUsernames(parts),
    ...certificateProblems(parts),
    ...gatewaysWithoutPlace(parts),
    ...linesWithoutAccount(parts),
    ...unsetPasswords(parts, env),
  ];
}

/** A trunk is known by where it sends from, or by what it proves. */
function nameless(parts: SoundParts): ConfigProblem[] {
  return parts.entries('trunks').flatMap(({ path: [section = '', index = 0] }) => {
    const isThere = (key: string) => parts.rawAt(section, index, key) !== undefined;
    if (isThere('sources') || isThere('digest') || isThere('certificate')) return [];
    return [{ path: [section, index], message: 'needs sources, digest or certificate: else no packet could be its' }];
  });
}

/** A certificate is asked for by a TLS listener that says so, and told of by the embedded server alone. */
function certificateProblems(parts: SoundParts): ConfigProblem[] {
  const networks = new Map(parts.entries('networks').map(({ value }) => [value.name, value]));
  const certified = parts.entries('trunks').filter(({ value }) => value.certificate !== undefined);
  const isForeign = parts.rawAt('sip', 'drachtio') !== undefined;
  const problems = certified.flatMap(({ path, value }): ConfigProblem[] => {
    const at = [...path, 'certificate'];
    if (isForeign)
      return [{ path: at, message: 'needs the embedded SIP server: a drachtio-server does not tell of certificates' }];
    const listeners = networks.get(value.network)?.sip;
    if (listeners?.some((listener) => listener.transport === 'tls' && listener.requestClientCertificate) !== false)
      return [];
    return [
      { path: at, message: `needs a tls listener with requestClientCertificate: true in network "${value.network}"` },
    ];
  });
  return [
    ...problems,
    ...duplicates(
      certified.map(({ path, value }) => ({ path, value: value.certificate?.toLowerCase() })),
      (certificate) => certificate,
      'certificate',
      (name, first) => `"${name}" is already the certificate of ${first}; a trunk is told by it`,
    ),
  ];
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

function gatewaysWithoutPlace(parts: SoundParts): ConfigProblem[] {
  return parts.entries('gateways').flatMap(({ path: [section = '', index = 0], value }): ConfigProblem[] => {
    const isThere = (key: string) => parts.rawAt(section, index, key) !== undefined;
    if (!isThere('address') && !isThere('registers')) {
      return [{ path: [section, index], message: 'needs an address, or registers when its lines register here' }];
    }
    const { registers } = value;
    if (registers !== undefined && parts.rawAt('sip', 'drachtio', 'shared') === true) {
      const message = 'cannot be with sip.drachtio.shared: a line is known to the node alone that hears its REGISTER';
      return [{ path: [section, index, 'registers'], message }];
    }
    if (registers === undefined || registers.minExpiresSeconds <= registers.maxExpiresSeconds) return [];
    const message = `is more than maxExpiresSeconds (${registers.maxExpiresSeconds})`;
    return [{ path: [section, index, 'registers', 'minExpiresSeconds'], message }];
  });
}

/** Lines of gateways that register: each needs a name of its own to register by. */
function linesWithoutAccount(parts: SoundParts): ConfigProblem[] {
  const gateways = parts.entries('gateways').filter(({ value }) => value.registers !== undefined);
  const names = new Set(gateways.map(({ value }) => value.name));
  const whole = new Set(gateways.flatMap(({ value }) => (value.digest === undefined ? [] : [value.name])));
  const channels = parts.entries('channels').filter(({ value }) => names.has(value.gateway));
  const nobody = channels.flatMap(({ path, value }) =>
    value.digest === undefined && !whole.has(value.gateway)
      ? [{ path, message: `needs digest: its gateway "${value.gateway}" has none for all its channels, and registers` }]
      : [],
  );
  const usernames = [...gateways, ...channels].flatMap(({ path, value }) =>
    value.digest === undefined ? [] : [{ path: [...path, 'digest'], value: value.digest.username }],
  );
  return [
    ...nobody,
    ...duplicates(
      usernames,
      (username) => username,
      'username',
      (username, first) => `"${username}" is already the name of ${first}; a line is told by it`,
    ),
  ];
}

function unsetPasswords(parts: SoundParts, env: Environment): ConfigProblem[] {
  const accounts = (['trunks', 'gateways', 'channels', 'registrations'] as const).flatMap((section) =>
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
