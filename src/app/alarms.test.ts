import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

describe("the operator's guide", () => {
  it('says of every alarm that the log can have what it means, and of no other', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .map((path) => readFileSync(join(ROOT, 'src', path), 'utf8'));
    const logged = new Set(
      sources.flatMap((source) => [...source.matchAll(/alarm: '([a-z-]+)'/g)].map(([, name]) => name)),
    );
    const guide = readFileSync(join(ROOT, 'docs', 'operators-guide.md'), 'utf8');
    const section = guide.slice(guide.indexOf('## Alarms'), guide.indexOf('## When a part ends'));
    const described = [...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    assert.deepEqual(described.filter((name) => name !== 'alarm').sort(), [...logged].sort());
  });
});
