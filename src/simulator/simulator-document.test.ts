// Holds docs/simulator.md to the scenario's schema and to the result's fields.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { parseScenario } from './scenario.js';
import { scenarioFileSchema } from './scenario-schema.js';
import { simulate } from './simulate.js';

const TEXT = readFileSync(
  join(dirname(fileURLToPath(import.meta.url)), ...['..', '..', 'docs', 'simulator.md']),
  'utf8',
);

/** Keys of groups that the document describes one by one; of the others the whole is described in its row. */
const GROUPS = new Set(['calendar', 'agents', 'recorded', 'compare']);

interface Def {
  readonly innerType?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
}

function shapeOf(schema: z.core.$ZodType): Def['shape'] {
  const def = schema._zod.def as unknown as Def;
  return def.innerType === undefined ? def.shape : shapeOf(def.innerType);
}

function keysOf(schema: z.core.$ZodType): string[] {
  return Object.entries(shapeOf(schema) ?? {}).flatMap(([key, value]) =>
    GROUPS.has(key) ? Object.keys(shapeOf(value) ?? {}).map((inner) => `${key}.${inner}`) : [key],
  );
}

describe('docs/simulator.md', () => {
  it('describes every key of a scenario, and none that there is not', () => {
    const rows = [...TEXT.matchAll(/^\| `([a-zA-Z.]+)` \| [^|]*\| [^|]+\|$/gm)].map(([, key]) => key);
    assert.deepEqual(rows.filter((key) => key !== 'agents').sort(), keysOf(scenarioFileSchema).sort());
  });

  it('describes every field of the result', async () => {
    const text = [
      'title: A day',
      'period: { from: 2026-12-07, to: 2026-12-07 }',
      'agents: { count: 1, callsPerDay: 3, talk: { kind: fixed, seconds: 60 } }',
      'plans: [ { name: office, commercialUse: allowed } ]',
      'sims: [ { plan: office, count: 1 } ]',
    ].join('\n');
    const result = await simulate(await parseScenario(text, 'day.yaml'));
    for (const field of Object.keys(result)) assert.ok(TEXT.includes(`\`${field}\``), field);
  });
});
