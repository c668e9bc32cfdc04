// The table of allowed imports, executed (architecture, "Direction"). A folder may import only what its row names.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const FORMATS = ['numbers', 'sdp', 'rtp', 'digest', 'lib'] as const;
const DOMAIN = ['call', 'messages', 'policy', 'routing', 'quota', ...FORMATS] as const;

const ADAPTERS = [
  'signalling',
  'do-not-call',
  'journal',
  'ledgers',
  'media',
  'recording',
  'cdr',
  'config',
  'control',
  'sip-server',
  'registrar',
  'sim-state',
  'messaging',
  'http-api',
] as const;

/** Rows: a folder of src, or a file directly in it; what stands in the row may be imported. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  lib: ['lib'],
  numbers: ['numbers', 'lib'],
  sdp: ['sdp', 'lib'],
  rtp: ['rtp', 'lib'],
  digest: ['digest', 'lib'],
  quota: ['quota', ...FORMATS],
  routing: ['routing', 'quota', ...FORMATS],
  policy: ['policy', 'quota', ...FORMATS],
  messages: ['messages', 'policy', 'routing', 'quota', ...FORMATS],
  call: ['call', 'policy', 'routing', 'quota', ...FORMATS],
  signalling: ['signalling', ...DOMAIN],
  journal: ['journal', ...DOMAIN],
  ledgers: ['ledgers', 'journal', ...DOMAIN],
  media: ['media', ...DOMAIN],
  recording: ['recording', ...DOMAIN],
  cdr: ['cdr', 'journal', ...DOMAIN],
  'do-not-call': ['do-not-call', ...DOMAIN],
  config: ['config', ...DOMAIN],
  control: ['control', ...DOMAIN],
  registrar: ['registrar', ...DOMAIN],
  'sim-state': ['sim-state', 'journal', ...DOMAIN],
  messaging: ['messaging', ...DOMAIN],
  'http-api': ['http-api', ...DOMAIN],
  'sip-server': ['sip-server', 'lib'],
  // Composition roots: they build the parts, nothing imports them.
  simulator: ['simulator', 'config', 'cdr', 'ledgers', 'journal', ...DOMAIN],
  lab: ['lab', 'app.ts', 'sip-server', 'config', 'cdr', 'ledgers', 'journal', ...DOMAIN],
  bench: ['bench', 'lab', 'app', 'media', 'sip-server', 'ledgers', 'journal', 'config', ...DOMAIN],
  cli: [
    'cli',
    'app.ts',
    'lab',
    'bench',
    'media',
    'simulator',
    'sip-server',
    'do-not-call',
    'sim-state',
    'config',
    'control',
    'cdr',
    'ledgers',
    'journal',
    ...DOMAIN,
  ],
  'main.ts': ['cli', 'lib'],
  'app.ts': ['app', ...ADAPTERS, ...DOMAIN],
  app: ['app', ...ADAPTERS, ...DOMAIN],
};

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '..', 'src');
const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

function roomOf(path: string): string {
  return relative(SRC, path).split(sep)[0] ?? '';
}

function importsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(IMPORT)].map((match) =>
    resolve(dirname(path), (match[1] ?? '').replace(/\.js$/, '.ts')),
  );
}

/** Every cycle's entry, by depth-first search over files. */
function findCycle(files: readonly string[]): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  function visit(file: string): string[] | undefined {
    if (done.has(file)) return undefined;
    const seen = path.indexOf(file);
    if (seen !== -1) return [...path.slice(seen), file];
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  }
  const graph = new Map(files.map((file) => [file, importsOf(file).filter((target) => target.startsWith(SRC))]));
  for (const file of files) {
    const cycle = visit(file);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe('layers', () => {
  const files = sourceFiles(SRC);
  const production = files.filter((file) => !/\.(test|contract)\.ts$|\/testing\//.test(file));

  it('has a row for every folder', () => {
    const rooms = new Set(files.filter((file) => !/\.test\.ts$/.test(file)).map(roomOf));
    assert.deepEqual(
      [...rooms].filter((room) => !(room in ALLOWED)),
      [],
    );
  });

  it('imports only along the arrows', () => {
    const forbidden = production.flatMap((file) => {
      const room = roomOf(file);
      return importsOf(file)
        .filter((target) => !(ALLOWED[room] ?? []).includes(roomOf(target)))
        .map((target) => `${relative(SRC, file)} → ${relative(SRC, target)}`);
    });
    assert.deepEqual(forbidden, []);
  });

  it('has no import cycle', () => {
    const cycle = findCycle(production)?.map((file) => relative(SRC, file));
    assert.equal(cycle, undefined);
  });

  it('never reaches drachtio-srf outside signalling and tests', () => {
    const users = production.filter((file) => readFileSync(file, 'utf8').includes("'drachtio-srf"));
    assert.deepEqual(
      users.map(roomOf).filter((room) => room !== 'signalling'),
      [],
    );
  });
});
