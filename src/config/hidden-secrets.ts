// What a config file says, fit to be kept and compared: in place of each secret stands what tells only whether it is another one.
import { createHmac, randomBytes } from 'node:crypto';
import { isMapping } from '../lib/same-value.js';

/** Keys whose values nobody sees; a URL may hold a password. */
const SECRETS: ReadonlySet<string> = new Set(['password', 'secret', 'nonceSecret', 'authorization', 'token', 'url']);

/** Of this process, so that nothing can be learned from what is kept. */
const key = randomBytes(32);

export function isSecretKey(name: string): boolean {
  return SECRETS.has(name);
}

export function withHiddenSecrets<T>(value: T): T {
  return hide(value) as T;
}

function hide(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hide);
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isHidden = SECRETS.has(name) && typeof inner === 'string';
      return [name, isHidden ? createHmac('sha256', key).update(inner).digest('hex') : hide(inner)];
    }),
  );
}
