// What is different between two configs, in the words of their files: which element of a list came, went or changed, and in
// which of its keys. A change says whether the running service can take it (reload-rules.ts).
import { isMapping, isSameValue } from '../lib/same-value.js';
import { isSecretKey } from './hidden-secrets.js';
import { isReloadable } from './reload-rules.js';
import type { ConfigFile } from './schema.js';

export interface ConfigChange {
  /** As an operator would say it: `gateways.gw1.ringTimeoutMs`, `channels.gw1/3`. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** As text, cut when long; null for what is not there, and for secrets. */
  readonly before: string | null;
  readonly after: string | null;
  /** False: it takes a restart. */
  readonly isReloadable: boolean;
}

type Mapping = Readonly<Record<string, unknown>>;

const LONGEST_TEXT = 200;

export function configChanges(before: ConfigFile, after: ConfigFile): readonly ConfigChange[] {
  const changes: ConfigChange[] = [];
  compare([], before, after, (path, was, is) => changes.push(changeOf(path, was, is)));
  return changes;
}

type Found = (path: readonly string[], before: unknown, after: unknown) => void;

function compare(path: readonly string[], before: unknown, after: unknown, found: Found): void {
  if (isSameValue(before, after)) return;
  const [was, is] = [keyed(before), keyed(after)];
  if (was === null || is === null) {
    found(path, before, after);
    return;
  }
  for (const key of new Set([...Object.keys(was), ...Object.keys(is)]))
    compare([...path, key], was[key], is[key], found);
}

/** A mapping as it is, a list of elements that have names by their names; null for what is compared as a whole. */
function keyed(value: unknown): Mapping | null {
  if (!Array.isArray(value)) return isMapping(value) ? value : null;
  const named = value.map((element) => [nameOf(element), element] as const);
  const names = new Set(named.map(([name]) => name));
  return names.has(null) || names.size !== named.length ? null : Object.fromEntries(named);
}

function nameOf(element: unknown): string | null {
  if (!isMapping(element)) return null;
  const { name, id, gateway, port, iccid, number, agent } = element;
  if (typeof gateway === 'string' && typeof port === 'number') return `${gateway}/${port}`;
  for (const key of [name, id, iccid, number, agent]) if (typeof key === 'string') return key;
  return null;
}

function changeOf(path: readonly string[], before: unknown, after: unknown): ConfigChange {
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return {
    path: path.join('.'),
    kind,
    before: textOf(path, before),
    after: textOf(path, after),
    isReloadable: isReloadable(path),
  };
}

function textOf(path: readonly string[], value: unknown): string | null {
  const key = path.at(-1) ?? '';
  if (value === undefined || isSecretKey(key)) return null;
  const text = JSON.stringify(value, (inner, held) => (isSecretKey(inner) ? '…' : held));
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}
