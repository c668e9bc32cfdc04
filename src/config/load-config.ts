// Reads, parses and checks a config file; every problem of the file is reported in one exception.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Document, isScalar, LineCounter, parseDocument } from 'yaml';
import { SimtrunkError } from '../lib/errors.js';
import { type Config, type Environment, resolveConfig } from './config.js';
import { type ConfigProblem, formatPath, positionOf } from './config-problem.js';
import { findCrossProblems } from './cross-checks.js';
import { configFileSchema, ELEMENT_SCHEMAS } from './schema.js';
import { findSchemaProblems } from './schema-problems.js';

export interface LoadConfigOptions {
  readonly env: Environment;
  /** Takes the place of the file's `dataDir`. */
  readonly dataDir?: string | undefined;
}

/** The lists are what has no default. */
const REQUIRED_KEYS = Object.keys(ELEMENT_SCHEMAS);

/** @throws SimtrunkError CONFIG_UNREADABLE, or CONFIG_INVALID whose message has one line for each problem. */
export async function loadConfig(file: string, options: LoadConfigOptions): Promise<Config> {
  const absolute = resolve(file);
  let text: string;
  try {
    text = await readFile(absolute, 'utf8');
  } catch (cause) {
    throw new SimtrunkError('CONFIG_UNREADABLE', `Cannot read the config file ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  return parseConfig(text, absolute, options, file);
}

/** Checks a config's text; `file` is where relative paths start, `shownFile` the name that problems carry. */
export function parseConfig(text: string, file: string, options: LoadConfigOptions, shownFile = file): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw invalid(
      shownFile,
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return { line, column: col, text: `not valid YAML: ${error.message}` };
      }),
    );
  }
  if (isEmpty(document)) {
    const required = REQUIRED_KEYS.join(', ');
    throw invalid(shownFile, [{ line: 1, column: 1, text: `the file is empty; it must have ${required}` }]);
  }
  const raw = toPlainValue(() => document.toJS({ maxAliasCount: 100 }), shownFile);
  const problems = [...findSchemaProblems(raw), ...findCrossProblems(raw, options.env)];
  if (problems.length > 0) {
    throw invalid(
      shownFile,
      problems.map((problem) => ({
        ...positionOf(document, lines, problem.path, problem.atKey),
        text: describeProblem(problem),
      })),
    );
  }
  return resolveConfig(configFileSchema.parse(raw), file, options.env, options.dataDir);
}

/** Nothing but comments, or a bare null. */
function isEmpty({ contents }: Document): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

function describeProblem(problem: ConfigProblem): string {
  const path = formatPath(problem.path);
  return path === '' ? `the file ${problem.message}` : `${path}: ${problem.message}`;
}

/** A YAML bomb (aliases of aliases) is refused by the parser with an exception of its own. */
function toPlainValue(read: () => unknown, file: string): unknown {
  try {
    return read();
  } catch (cause) {
    throw invalid(file, [{ line: 1, column: 1, text: `not valid YAML: ${(cause as Error).message}` }]);
  }
}

function invalid(
  file: string,
  problems: readonly { readonly line: number; readonly column: number; readonly text: string }[],
): SimtrunkError {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`;
  const list = sorted.map(({ line, column, text }) => `  ${file}:${line}:${column}  ${text}`);
  return new SimtrunkError('CONFIG_INVALID', `The config has ${count}:\n${list.join('\n')}`);
}
