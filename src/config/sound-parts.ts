// What can be read of a file that may have problems, so that its parts are checked against each other all the same:
// of every list's elements the sound keys, of the rest what its raw value shows.
import { type ConfigPath, type ConfigProblem, formatPath } from './config-problem.js';
import { type ConfigFile, ELEMENT_SCHEMAS, type ListSection } from './schema.js';

export interface Entry<T> {
  readonly path: ConfigPath;
  readonly value: T;
}

/** An element with its defaults filled in; a key that is not sound is left out. */
export type SoundElement<S extends ListSection> = Partial<ConfigFile[S][number]>;

export class SoundParts {
  readonly #raw: unknown;
  readonly #entries = new Map<ListSection, readonly Entry<SoundElement<ListSection>>[]>();

  /** `raw` is the file as parsed from YAML. */
  constructor(raw: unknown) {
    this.#raw = raw;
  }

  /** Every element of a list, each with its sound keys. */
  entries<S extends ListSection>(section: S): readonly Entry<SoundElement<S>>[] {
    const entries = this.#entries.get(section) ?? this.#read(section);
    this.#entries.set(section, entries);
    return entries as readonly Entry<SoundElement<S>>[];
  }

  /** The text under `key` of every element that has one, whatever else is wrong with it. */
  texts(section: ListSection, key: string): readonly Entry<string>[] {
    return this.#elements(section).flatMap((element, index) => {
      const text = isRecord(element) ? element[key] : undefined;
      return typeof text === 'string' ? [{ path: [section, index], value: text }] : [];
    });
  }

  /** Whether an element holds a bare number under `key`. */
  hasNumber(section: ListSection, key: string): boolean {
    return this.#elements(section).some((element) => isRecord(element) && typeof element[key] === 'number');
  }

  /** What stands at a path, unchecked; undefined when there is nothing. */
  rawAt(...path: ConfigPath): unknown {
    return path.reduce<unknown>((value, step) => {
      if (typeof step === 'number') return Array.isArray(value) ? value[step] : undefined;
      return isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    }, this.#raw);
  }

  #elements(section: ListSection): readonly unknown[] {
    const list = this.rawAt(section);
    return Array.isArray(list) ? list : [];
  }

  #read(section: ListSection): readonly Entry<SoundElement<ListSection>>[] {
    const keys = Object.entries(ELEMENT_SCHEMAS[section].shape);
    return this.#elements(section).map((element, index) => {
      const value: Record<string, unknown> = {};
      for (const [key, schema] of isRecord(element) ? keys : []) {
        const result = schema.safeParse((element as Record<string, unknown>)[key]);
        if (result.success && result.data !== undefined) value[key] = result.data;
      }
      return { path: [section, index], value };
    });
  }
}

/** Every entry whose key was already seen, at its `field`. */
export function duplicates<T>(
  entries: readonly Entry<T>[],
  keyOf: (value: T) => string | undefined,
  field: string | undefined,
  message: (key: string, first: string) => string,
): ConfigProblem[] {
  const seen = new Map<string, ConfigPath>();
  const problems: ConfigProblem[] = [];
  for (const { path, value } of entries) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, path);
    else
      problems.push({ path: field === undefined ? path : [...path, field], message: message(key, formatPath(first)) });
  }
  return problems;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
