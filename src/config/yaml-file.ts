// Reads a YAML file (a config, a plan file, a scenario) and checks it; every problem of it is reported in one exception,
// each with file, line and column.
import { readFile } from 'node:fs/promises';
import { type Document, isScalar, LineCounter, parseDocument } from 'yaml';
import { SimtrunkError } from '../lib/errors.js';
import { type ConfigProblem, formatPath, positionOf } from './config-problem.js';

export interface YamlFileKind {
  /** As messages call it: "config file". */
  readonly what: string;
  /** What an empty file lacks. */
  readonly requiredKeys: readonly string[];
  readonly findProblems: (raw: unknown) => readonly ConfigProblem[];
}

/** @throws SimtrunkError CONFIG_UNREADABLE */
export async function readYamlText(file: string, what: string, shownFile = file): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const message = `Cannot read the ${what} ${shownFile}: ${(cause as Error).message}`;
    throw new SimtrunkError('CONFIG_UNREADABLE', message, { cause });
  }
}

/**
 * The value of a file without problems.
 * @throws SimtrunkError CONFIG_INVALID whose message has one line for each problem
 */
export function parseYamlFile(text: string, shownFile: string, kind: YamlFileKind): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const found = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { line, column: col, text: `not valid YAML: ${error.message}` };
    });
    throw invalid(kind, shownFile, found);
  }
  if (isEmpty(document)) {
    const required = kind.requiredKeys.join(', ');
    throw invalid(kind, shownFile, [{ line: 1, column: 1, text: `the file is empty; it must have ${required}` }]);
  }
  const raw = toPlainValue(document, kind, shownFile);
  const problems = kind.findProblems(raw);
  if (problems.length === 0) return raw;
  const found = problems.map((problem) => ({
    ...positionOf(document, lines, problem.path, problem.atKey),
    text: describeProblem(problem),
  }));
  throw invalid(kind, shownFile, found);
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
function toPlainValue(document: Document, kind: YamlFileKind, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw invalid(kind, file, [{ line: 1, column: 1, text: `not valid YAML: ${(cause as Error).message}` }]);
  }
}

function invalid(
  { what }: YamlFileKind,
  file: string,
  problems: readonly { readonly line: number; readonly column: number; readonly text: string }[],
): SimtrunkError {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`;
  const list = sorted.map(({ line, column, text }) => `  ${file}:${line}:${column}  ${text}`);
  return new SimtrunkError('CONFIG_INVALID', `The ${what} has ${count}:\n${list.join('\n')}`);
}
