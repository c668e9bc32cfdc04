// Reads, parses and checks a config file; every problem of the file is reported in one exception.
import { resolve } from 'node:path';
import { type Config, resolveConfig } from './config.js';
import { findCrossProblems } from './cross-checks.js';
import type { Environment } from './read-secret.js';
import { configFileSchema } from './schema.js';
import { findSchemaProblems } from './schema-problems.js';
import { parseYamlFile, readYamlText } from './yaml-file.js';

export interface LoadConfigOptions {
  readonly env: Environment;
  /** Takes the place of the file's `dataDir`. */
  readonly dataDir?: string | undefined;
}

/** The lists are what has no default. */
const REQUIRED_KEYS = ['networks', 'trunks', 'gateways', 'plans', 'sims', 'channels'];

/** @throws SimtrunkError CONFIG_UNREADABLE, or CONFIG_INVALID whose message has one line for each problem. */
export async function loadConfig(file: string, options: LoadConfigOptions): Promise<Config> {
  const absolute = resolve(file);
  return parseConfig(await readYamlText(absolute, 'config file', file), absolute, options, file);
}

/** Checks a config's text; `file` is where relative paths start, `shownFile` the name that problems carry. */
export function parseConfig(text: string, file: string, options: LoadConfigOptions, shownFile = file): Config {
  const raw = parseYamlFile(text, shownFile, {
    what: 'config',
    requiredKeys: REQUIRED_KEYS,
    findProblems: (value) => [...findSchemaProblems(value), ...findCrossProblems(value, options.env)],
  });
  return resolveConfig(configFileSchema.parse(raw), file, options.env, options.dataDir);
}
