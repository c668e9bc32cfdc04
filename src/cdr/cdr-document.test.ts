import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { END_REASONS, finalAnswerFor } from '../call/end-reason.js';
import { cdrSchema } from './cdr.js';

const DOCUMENT = new URL('../../docs/cdr.md', import.meta.url);

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly string[];
}

interface Field {
  readonly path: string;
  readonly isNullable: boolean;
  readonly choices: readonly string[];
}

/** Every field of the schema by its path, as the document writes it. */
function fieldsOf(schema: JsonSchema, path = ''): Field[] {
  const variants = schema.anyOf ?? [schema];
  return variants.flatMap((variant) => {
    if (variant.items !== undefined) return fieldsOf(variant.items, `${path}[]`);
    return Object.entries(variant.properties ?? {}).flatMap(([name, field]) => {
      const fieldPath = path === '' ? name : `${path}.${name}`;
      const isNullable = (field.anyOf ?? [field]).some(({ type }) => type === 'null' || type?.includes('null'));
      const choices = (field.anyOf ?? [field]).flatMap((choice) => choice.enum ?? []);
      return [{ path: fieldPath, isNullable, choices }, ...fieldsOf(field, fieldPath)];
    });
  });
}

function section(document: string, title: string): string {
  const from = document.indexOf(`\n## ${title}\n`);
  assert.notEqual(from, -1, `section ${title}`);
  const to = document.indexOf('\n## ', from + 1);
  return document.slice(from, to === -1 ? undefined : to);
}

/** Cells of the table rows whose first cell names something in code style, by each name. */
function rowsOf(text: string): Map<string, readonly string[]> {
  const rows = new Map<string, readonly string[]>();
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const isHead = lines[index + 1]?.startsWith('|---') === true;
    if (isHead || !line.startsWith('| `')) continue;
    const cells = line.split('|').map((cell) => cell.trim());
    for (const [, name = ''] of (cells[1] ?? '').matchAll(/`([^`]+)`/g)) rows.set(name, cells.slice(2, -1));
  }
  return rows;
}

describe('docs/cdr.md', () => {
  let document = '';
  const fields = fieldsOf(z.toJSONSchema(cdrSchema) as JsonSchema).map((field) => ({
    ...field,
    documented: field.path
      .replace(/^media\.(caller|callee)\./, 'media.*.')
      .replace(/^laterDecisions\[\]\./, 'decision.'),
  }));

  before(async () => {
    document = await readFile(DOCUMENT, 'utf8');
  });

  it('describes every field of the schema, and no other', () => {
    const rows = rowsOf(section(document, 'Fields'));
    assert.ok(fields.length > 70, `${fields.length} fields`);
    assert.deepEqual([...rows.keys()].sort(), [...new Set(fields.map((field) => field.documented))].sort());
  });

  it('says of each field that can be null, and of no other, that it can', () => {
    const rows = rowsOf(section(document, 'Fields'));
    const nullable = fields.filter((field) => field.isNullable).map((field) => field.documented);
    const said = [...rows].filter(([, [type = '']]) => type.includes('or null')).map(([path]) => path);
    assert.deepEqual([...new Set(said)].sort(), [...new Set(nullable)].sort());
  });

  it('names every end reason with the status and the cause that the caller is told', () => {
    const rows = rowsOf(section(document, 'End reasons'));
    assert.deepEqual([...rows.keys()].sort(), [...END_REASONS].sort());
    for (const reason of END_REASONS) {
      const { status, q850 } = finalAnswerFor(reason);
      assert.deepEqual(rows.get(reason)?.slice(0, 2), [String(status), q850 === null ? '–' : String(q850)], reason);
    }
  });

  it('names every outcome, recording state and other choice', () => {
    const choicesOf = (path: string) => [...(fields.find((field) => field.path === path)?.choices ?? [])].sort();
    assert.deepEqual([...rowsOf(section(document, 'Outcomes')).keys()].sort(), choicesOf('attempts[].outcome'));
    assert.deepEqual([...rowsOf(section(document, 'Recording states')).keys()].sort(), choicesOf('recording.state'));
    const rows = rowsOf(section(document, 'Fields'));
    for (const path of ['traffic', 'endedBy']) {
      for (const choice of choicesOf(path)) assert.ok(rows.get(path)?.[0]?.includes(`\`${choice}\``), choice);
    }
  });

  it('shows an example that the schema accepts, with no field left out', () => {
    const [, json = ''] = /```json\n(.*?)```/s.exec(document) ?? [];
    const example: unknown = JSON.parse(json);
    assert.deepEqual(cdrSchema.parse(example), example);
  });
});
