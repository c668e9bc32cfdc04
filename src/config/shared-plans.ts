// The plans of the files that a config names under `planFiles`: they join its own, as if they stood behind them.
import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { openPlanFile } from './plan-file.js';
import type { LocatedProblem, YamlFile } from './yaml-file.js';

interface Folders {
  /** Absolute; relative paths start here. */
  readonly folder: string;
  /** The same, as the operator named it. */
  readonly shownFolder: string;
}

export interface SharedPlans {
  /** The config's value with all plans under `plans`. */
  readonly merged: unknown;
  /** False when a file's plans are not known, because it cannot be read. */
  readonly isComplete: boolean;
  /** Of the config: files that cannot be read. */
  readonly unreadFiles: readonly ConfigProblem[];
  /** Whether a path of `merged` is that of a plan from a file. */
  readonly holds: (path: ConfigPath) => boolean;
  /** Those of the files, and names of theirs that are taken; `locate` finds the config's own plans. */
  readonly problemsBeside: (locate: (problem: ConfigProblem) => LocatedProblem) => readonly LocatedProblem[];
}

/** `raw` is the config as parsed from YAML. */
export function readSharedPlans(raw: unknown, folders: Folders): SharedPlans {
  const named = isRecord(raw) && Array.isArray(raw.planFiles) ? (raw.planFiles as unknown[]) : [];
  const ownPlans = isRecord(raw) ? (raw.plans ?? []) : [];
  const opened = named.map((path, index) =>
    typeof path === 'string' && path !== '' ? open(path, index, folders) : null,
  );
  const files = opened.filter((file): file is YamlFile => file !== null && 'locate' in file);
  const plans = files.flatMap(({ raw: value }) => plansOf(value) ?? []);
  const canMerge = isRecord(raw) && Array.isArray(ownPlans) && plans.length > 0;
  return {
    merged: canMerge ? { ...raw, plans: [...(ownPlans as unknown[]), ...plans] } : raw,
    isComplete: files.length === named.length && files.every(({ raw: value }) => plansOf(value) !== undefined),
    unreadFiles: opened.filter((file): file is ConfigProblem => file !== null && 'message' in file),
    holds: ([section, index]) =>
      section === 'plans' && Array.isArray(ownPlans) && typeof index === 'number' && index >= ownPlans.length,
    problemsBeside: (locate) => [
      ...files.flatMap(({ problems }) => problems),
      ...takenNames([{ raw, problems: [], locate }, ...files]),
    ],
  };
}

function open(path: string, index: number, { folder, shownFolder }: Folders): YamlFile | ConfigProblem {
  const shownFile = isAbsolute(path) ? path : join(shownFolder, path);
  try {
    return openPlanFile(readFileSync(resolve(folder, path), 'utf8'), shownFile);
  } catch (cause) {
    return {
      path: ['planFiles', index],
      message: `cannot read the plan file ${shownFile}: ${(cause as Error).message}`,
    };
  }
}

/** Names of plans that an earlier file has; one file's own are among its problems. */
function takenNames(files: readonly YamlFile[]): LocatedProblem[] {
  const places = new Map<string, LocatedProblem>();
  return files.flatMap(({ raw, locate }) => {
    const named = (plansOf(raw) ?? []).flatMap((plan, index) => {
      const name = isRecord(plan) ? plan.name : undefined;
      return typeof name === 'string' ? [{ name, path: ['plans', index, 'name'] }] : [];
    });
    const taken = named.flatMap(({ name, path }) => {
      const first = places.get(name);
      if (first === undefined) return [];
      const message = `"${name}" is already the name of a plan at ${first.file}:${first.line}:${first.column}`;
      return [locate({ path, message })];
    });
    for (const { name, path } of named) if (!places.has(name)) places.set(name, locate({ path, message: '' }));
    return taken;
  });
}

function plansOf(raw: unknown): readonly unknown[] | undefined {
  const plans = isRecord(raw) ? raw.plans : undefined;
  return Array.isArray(plans) ? plans : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
