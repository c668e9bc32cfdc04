// docs/messages.md is held to the schema of the record and to the catalogue of refusals.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { answerTo, MESSAGE_REFUSALS } from '../messages/message-refusal.js';
import { messageRecordSchema } from './message-record.js';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

function fieldsOf(schema: JsonSchema, path = ''): string[] {
  return (schema.anyOf ?? [schema]).flatMap((variant) => {
    if (variant.items !== undefined) return fieldsOf(variant.items, `${path}[]`);
    return Object.entries(variant.properties ?? {}).flatMap(([name, field]) => {
      const own = path === '' ? name : `${path}.${name}`;
      return [own, ...fieldsOf(field, own)];
    });
  });
}

function namesIn(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

describe('docs/messages.md', () => {
  const document = readFileSync(new URL('../../docs/messages.md', import.meta.url), 'utf8');
  const section = (title: string) => document.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';

  it('names every field of the record, and no other', () => {
    assert.deepEqual(
      namesIn(section('The record')).sort(),
      fieldsOf(z.toJSONSchema(messageRecordSchema) as JsonSchema).sort(),
    );
  });

  it('says of every refusal what it is answered', () => {
    const rows = section('Refusals')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    const said = Object.fromEntries(rows.slice(1).map(([, name = '', sip, q850, http]) => [name, [sip, q850, http]]));
    const expected = MESSAGE_REFUSALS.map((name) => {
      const { sip, q850, http } = answerTo(name);
      return [name, [String(sip), q850 === null ? '' : String(q850), String(http)]];
    });
    assert.deepEqual(said, Object.fromEntries(expected));
  });
});
