// Reads, parses and checks a config file and its plan files; every problem of them is reported in one exception.
import { dirname, resolve } from 'node:path';
import { type Config, resolveConfig } from './config.js';
import { findCrossProblems } from './cross-checks.js';
import { withPresets } from './gateway-presets.js';
import type { Environment } from './read-secret.js';
import { type ConfigFile, configFileSchema } from './schema.js';
import { findSchemaProblems } from './schema-problems.js';
import { readSharedPlans } from './shared-plans.js';
import { openYaml, readYamlText, refuseProblems } from './yaml-file.js';

export interface LoadConfigOptions {
  readonly env: Environment;
  /** Takes the place of the file's `dataDir`. */
  readonly dataDir?: string | undefined;
}

/** The lists are what has no default. */
const REQUIRED_KEYS = ['networks', 'trunks', 'gateways', 'plans', 'sims', 'channels'];

/** @throws SimtrunkError CONFIG_UNREADABLE, or CONFIG_INVALID whose message has one line for each problem. */
export async function loadConfig(file: string, options: LoadConfigOptions): Promise<Config> {
  return resolveConfig(await readConfigFile(file, options), resolve(file), options.env, options.dataDir);
}

/** What a file says, with its presets, its plan files and all defaults. @throws SimtrunkError as {@link loadConfig} */
export async function readConfigFile(file: string, options: LoadConfigOptions): Promise<ConfigFile> {
  const absolute = resolve(file);
  return checkConfig(await readYamlText(absolute, 'config file', file), absolute, options, file);
}

/** Checks a config's text; `file` is where relative paths start, `shownFile` the name that problems carry. */
export function parseConfig(text: string, file: string, options: LoadConfigOptions, shownFile = file): Config {
  return resolveConfig(checkConfig(text, file, options, shownFile), file, options.env, options.dataDir);
}

function checkConfig(text: string, file: string, options: LoadConfigOptions, shownFile: string): ConfigFile {
  const { raw, problems, locate } = openYaml(text, shownFile, REQUIRED_KEYS);
  refuseProblems('config', problems);
  const shared = readSharedPlans(raw, { folder: dirname(file), shownFolder: dirname(shownFile) });
  const merged = withPresets(shared.merged);
  const own = [
    ...findSchemaProblems(raw),
    ...shared.unreadFiles,
    // What is wrong with a plan of a file stands among the problems of that file, under its path there.
    ...findCrossProblems(merged, options.env, shared.isComplete).filter(({ path }) => !shared.holds(path)),
  ];
  refuseProblems('config', [...own.map(locate), ...shared.problemsBeside(locate)]);
  return configFileSchema.parse(merged);
}
