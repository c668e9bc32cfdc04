import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { casesFolder, listCaseNames, loadCase } from './case-file.js';

describe('the cases of sip-tests/', () => {
  const names = listCaseNames(casesFolder());

  it('are all sound, each with the scenarios that it names and no other', () => {
    assert.ok(names.length >= 15);
    for (const name of names) {
      const { callers, gateways, folder } = loadCase(casesFolder(), name);
      const named = [
        ...callers.flatMap(({ uac, incoming }) => [uac, ...(incoming === undefined ? [] : [incoming])]),
        ...gateways.flatMap(({ uas }) => uas ?? []),
      ];
      const present = readdirSync(folder).filter((file) => file.endsWith('.xml'));
      assert.deepEqual([...new Set(named)].sort(), present.sort(), name);
    }
  });

  it('are all told in the README, with the sentence of their own file', () => {
    const readme = readFileSync(join(casesFolder(), 'README.md'), 'utf8');
    for (const name of names) {
      const { shows } = loadCase(casesFolder(), name);
      assert.ok(readme.includes(`| [\`${name}\`](${name}/case.yaml) | ${shows.trim()} |`), name);
    }
  });
});

describe('a case file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'simtrunk-case-file-'));
    mkdirSync(join(folder, 'one'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('names every unknown key', () => {
    writeFileSync(
      join(folder, 'one', 'case.yaml'),
      'title: t\nshows: s\nexpected: {}\nexpect: { cdrs: [], cdr: [] }\n',
    );
    assert.throws(() => loadCase(folder, 'one'), /"cdr"[\s\S]*"expected"|"expected"[\s\S]*"cdr"/);
  });

  it('names the scenarios that are missing', () => {
    writeFileSync(join(folder, 'one', 'case.yaml'), 'title: t\nshows: s\nexpect: { cdrs: [] }\n');
    writeFileSync(join(folder, 'one', 'uac.xml'), '');
    assert.throws(() => loadCase(folder, 'one'), /no such scenario beside it: uas\.xml/);
  });
});
