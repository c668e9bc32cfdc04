// The config that a command works with: `--config FILE`, else the default one that is shipped; `--data DIR` moves its data.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';

export const DEFAULT_CONFIG = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'config', 'simtrunk.yaml');

/** Options of `parseArgs` that every command with a config takes. */
export const CONFIG_OPTIONS = { config: { type: 'string' }, data: { type: 'string' } } as const;

export function loadConfigArgument(values: {
  config?: string | undefined;
  data?: string | undefined;
}): Promise<Config> {
  return loadConfig(values.config ?? DEFAULT_CONFIG, { env: process.env, dataDir: values.data });
}
