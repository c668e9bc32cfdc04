// A plan file: plans by themselves, as they stand under a config's `plans`, so that configs and scenarios can share them.
import { z } from 'zod';
import type { Plan } from '../quota/plan.js';
import type { ConfigProblem } from './config-problem.js';
import { findPlanProblems } from './plan-checks.js';
import { resolvePlan } from './resolve-plan.js';
import { ELEMENT_SCHEMAS } from './schema.js';
import { findSchemaProblems } from './schema-problems.js';
import { duplicates, SoundParts } from './sound-parts.js';
import { openYaml, readYamlText, refuseProblems, type YamlFile } from './yaml-file.js';

const planFileSchema = z.strictObject({ plans: z.array(ELEMENT_SCHEMAS.plans).min(1) });

/** @throws SimtrunkError CONFIG_UNREADABLE, or CONFIG_INVALID with every problem; `shownFile` is the name that they carry. */
export async function loadPlanFile(file: string, shownFile = file): Promise<readonly Plan[]> {
  const { raw, problems } = openPlanFile(await readYamlText(file, 'plan file', shownFile), shownFile);
  refuseProblems('plan file', problems);
  return planFileSchema.parse(raw).plans.map(resolvePlan);
}

/** A plan file's text, with everything that is wrong with it by itself. */
export function openPlanFile(text: string, shownFile: string): YamlFile {
  const { raw, problems, locate } = openYaml(text, shownFile, ['plans']);
  if (problems.length > 0) return { raw, problems, locate };
  return { raw, problems: [...findSchemaProblems(raw, planFileSchema), ...planProblems(raw)].map(locate), locate };
}

/** What a list of plans can have wrong in itself: names given twice, and allowances. */
export function planProblems(raw: unknown): ConfigProblem[] {
  const parts = new SoundParts(raw);
  const twice = (name: string, first: string): string => `"${name}" is already the name of ${first}`;
  return [...duplicates(parts.texts('plans', 'name'), (name) => name, 'name', twice), ...findPlanProblems(parts)];
}
