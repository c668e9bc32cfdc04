// Turns zod's issues into problems that say what is wrong and what is allowed, in an operator's words.
import type { z } from 'zod';
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { nearestName } from './nearest-name.js';
import { configFileSchema } from './schema.js';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** A parsed YAML value, and the schema that it is held to. */
interface Checked {
  readonly value: unknown;
  readonly schema: z.ZodType;
}

/** Checks a parsed YAML value against a schema. */
export function findSchemaProblems(value: unknown, schema: z.ZodType = configFileSchema): ConfigProblem[] {
  const result = schema.safeParse(value, { reportInput: true });
  return result.success ? [] : result.error.issues.flatMap((issue) => problemsOf(issue, [], { value, schema }));
}

function problemsOf(issue: Issue, base: ConfigPath, file: Checked): ConfigProblem[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, path, file), atKey: true }));
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? issue.message, atKey: true }];
    case 'invalid_union':
      return unionProblems(issue, path, file);
    default:
      return [{ path, message: describe(issue, path, file) }];
  }
}

/** Reports the branch that the value was meant for: the one whose problems lie deepest inside the value. */
function unionProblems(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: ConfigPath,
  file: Checked,
): ConfigProblem[] {
  const meant = issue.errors.filter((branch) =>
    branch.every((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'),
  );
  const inside = meant.find(
    (branch) => branch.length > 0 && branch.every((inner) => inner.code !== 'invalid_value' || inner.path.length > 0),
  );
  if (inside !== undefined) return inside.flatMap((inner) => problemsOf(inner, path, file));
  const { discriminator } = issue;
  if (discriminator === undefined) {
    return [{ path, message: `${shown(issue.input)}must be ${alternatives(path, file)}` }];
  }
  const holder = path.at(-1) === discriminator ? path.slice(0, -1) : path;
  const named = isRecord(issue.input) ? issue.input[discriminator] : issue.input;
  const allowed = kinds(holder, file, discriminator);
  return [{ path: [...holder, discriminator], message: `${shown(named)}must be ${allowed}` }];
}

function shown(value: unknown): string {
  if (value === undefined) return 'is missing; ';
  return typeof value === 'object' ? '' : `is ${wordFor(value)}; `;
}

function describe(issue: Issue, path: ConfigPath, file: Checked): string {
  switch (issue.code) {
    case 'invalid_type': {
      const isFraction = issue.expected === 'number' && schemaAt(path, file).some(mayBeFraction);
      const expected = isFraction ? 'a number' : (TYPE_WORDS[issue.expected] ?? issue.expected);
      if (issue.input === undefined || issue.input === null) return `is missing; must be ${expected}`;
      const hint = issue.expected === 'string' && typeof issue.input === 'number' ? ' (put it in quotes)' : '';
      return `is ${wordFor(issue.input)}; must be ${expected}${hint}`;
    }
    case 'invalid_value': {
      const allowed = issue.values.map((value) => JSON.stringify(value));
      const guess = nearestName(String(issue.input), issue.values.map(String));
      if (issue.input === undefined) return `is missing; must be ${oneOf(allowed)}`;
      return `is ${wordFor(issue.input)}; must be ${oneOf(allowed)}${guess === undefined ? '' : ` (did you mean ${guess}?)`}`;
    }
    case 'too_small':
      if (issue.origin === 'array') return 'is empty; must have at least one entry';
      if (issue.origin === 'string') return 'is empty; must have at least one character';
      return `is ${wordFor(issue.input)}; must be at least ${issue.minimum}`;
    case 'too_big':
      return `is ${wordFor(issue.input)}; must be at most ${issue.maximum}`;
    default:
      return `${issue.input === undefined ? '' : `is ${wordFor(issue.input)}; `}${issue.message}`;
  }
}

function unknownKey(key: string, path: ConfigPath, file: Checked): string {
  const allowed = allowedKeys(schemaAt(path, file));
  const guess = nearestName(key, allowed);
  return `unknown key${guess === undefined ? '' : `; did you mean "${guess}"?`}${guess === undefined ? ';' : ''} allowed: ${allowed.join(', ')}`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
};

function wordFor(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (isRecord(input)) return 'a group of keys';
  const text = typeof input === 'string' ? JSON.stringify(input) : String(input);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function oneOf(allowed: readonly string[]): string {
  return allowed.length === 1 ? (allowed[0] ?? '') : `one of ${allowed.join(', ')}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// ---- walking the schema ---------------------------------------------------------------------------------------------

interface SchemaDef {
  readonly type: string;
  readonly innerType?: Schema;
  readonly element?: Schema;
  readonly options?: readonly Schema[];
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly discriminator?: string;
  readonly values?: readonly unknown[];
  /** Of numbers: `safeint` for whole ones. */
  readonly format?: string;
}

function defOf(schema: Schema): SchemaDef {
  const def = schema._zod.def as unknown as SchemaDef;
  return def.innerType === undefined ? def : defOf(def.innerType);
}

/** The schemas of the value at a path, the branches of unions side by side. */
function schemaAt(path: ConfigPath, file: Checked): readonly SchemaDef[] {
  let defs: readonly SchemaDef[] = [defOf(file.schema)];
  let { value } = file;
  for (const step of path) {
    defs = expand(defs, value).flatMap((def) => {
      const next = typeof step === 'number' ? def.element : def.shape?.[step];
      return next === undefined ? [] : [defOf(next)];
    });
    value = isRecord(value) || Array.isArray(value) ? (value as Record<string | number, unknown>)[step] : undefined;
  }
  return expand(defs, value);
}

/** Opens unions; of a discriminated one, only the branch that the value names, if it names one. */
function expand(defs: readonly SchemaDef[], value: unknown): readonly SchemaDef[] {
  return defs.flatMap((def) => {
    if (def.options === undefined) return [def];
    const branches = def.options.map(defOf);
    const { discriminator } = def;
    if (discriminator === undefined || !isRecord(value)) return branches;
    const named = branches.filter((branch) => literalsOf(branch, discriminator).includes(value[discriminator]));
    return named.length > 0 ? named : branches;
  });
}

function mayBeFraction(def: SchemaDef): boolean {
  return def.type === 'number' && def.format === undefined;
}

function literalsOf(def: SchemaDef, key: string): readonly unknown[] {
  const schema = def.shape?.[key];
  return schema === undefined ? [] : (defOf(schema).values ?? []);
}

function allowedKeys(defs: readonly SchemaDef[]): string[] {
  return [...new Set(defs.flatMap((def) => Object.keys(def.shape ?? {})))];
}

function alternatives(path: ConfigPath, file: Checked): string {
  return schemaAt(path, file)
    .map((def) => {
      if (def.shape !== undefined) return `{ ${Object.keys(def.shape).join(', ')} }`;
      if (def.values !== undefined) return def.values.map(String).join(' or ');
      return TYPE_WORDS[def.type] ?? def.type;
    })
    .join(' or ');
}

function kinds(path: ConfigPath, file: Checked, discriminator: string): string {
  return schemaAt(path, file)
    .flatMap((def) => literalsOf(def, discriminator).map((kind) => JSON.stringify(kind)))
    .join(' or ');
}
