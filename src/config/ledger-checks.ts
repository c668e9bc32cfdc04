// Problems of the shared ledger's settings: what its keys say together, and what they name.
import type { ConfigProblem } from './config-problem.js';
import { type Environment, readSecret } from './read-secret.js';
import type { SoundParts } from './sound-parts.js';

const DEFAULTS = { leaseMs: 15_000, guardMs: 3_000, timeoutMs: 1_000 };

export function findLedgerProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  const redis = parts.rawAt('ledger', 'redis');
  const isShared = parts.rawAt('ledger', 'kind') === 'redis';
  if (redis === undefined) {
    return isShared ? [{ path: ['ledger', 'kind'], message: 'redis needs a section ledger.redis with its url' }] : [];
  }
  return [...urlProblems(parts, env), ...timeProblems(parts), ...heldBackProblems(parts)];
}

function urlProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  const secret = parts.rawAt('ledger', 'redis', 'url');
  const path = ['ledger', 'redis', 'url'];
  if (typeof secret === 'object' && secret !== null) {
    const name = (secret as { env?: unknown }).env;
    if (typeof name !== 'string') return [];
    const url = readSecret({ env: name }, env);
    if (url === undefined) return [{ path, message: `the environment variable ${name} is not set` }];
    return isRedisUrl(url)
      ? []
      : [{ path, message: `the environment variable ${name} holds no redis:// or rediss:// URL` }];
  }
  if (typeof secret !== 'string' || isRedisUrl(secret)) return [];
  return [{ path, message: 'must be a redis:// or rediss:// URL, such as redis://127.0.0.1:6379' }];
}

function isRedisUrl(text: string): boolean {
  return /^rediss?:\/\/\S+$/.test(text) && URL.canParse(text);
}

/** A node must be able to miss a renewal, and to end its calls in the guard, before its lease runs out. */
function timeProblems(parts: SoundParts): ConfigProblem[] {
  const at = (key: keyof typeof DEFAULTS) => parts.rawAt('ledger', 'redis', key) ?? DEFAULTS[key];
  const [leaseMs, guardMs, timeoutMs] = [at('leaseMs'), at('guardMs'), at('timeoutMs')];
  if (typeof leaseMs !== 'number' || typeof guardMs !== 'number' || typeof timeoutMs !== 'number') return [];
  if (guardMs + 2 * timeoutMs <= leaseMs / 2) return [];
  const message = `guardMs and twice timeoutMs must be at most half of leaseMs, which is ${leaseMs}: else a short pause ends calls`;
  return [{ path: ['ledger', 'redis', 'guardMs'], message }];
}

function heldBackProblems(parts: SoundParts): ConfigProblem[] {
  const names = parts.rawAt('ledger', 'redis', 'heldBack') ?? [];
  if (!Array.isArray(names)) return [];
  const known = new Set<unknown>(parts.texts('gateways', 'name').map(({ value }) => value));
  for (const { value } of parts.entries('channels')) {
    if (value.gateway !== undefined && value.port !== undefined) known.add(`${value.gateway}/${value.port}`);
  }
  const unknown = names.flatMap((name: unknown, index): ConfigProblem[] => {
    if (typeof name !== 'string' || known.has(name)) return [];
    const message = `"${name}" is neither a gateway nor a channel such as gw1/1`;
    return [{ path: ['ledger', 'redis', 'heldBack', index], message }];
  });
  if (parts.rawAt('ledger', 'redis', 'whenAway') === 'local-share' && names.length === 0) {
    const message = 'local-share goes on with the channels of ledger.redis.heldBack, and there are none';
    unknown.push({ path: ['ledger', 'redis', 'whenAway'], message });
  }
  return unknown;
}
