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

/** A problem at its place in a file. */
export interface LocatedProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

export interface YamlFile {
  /** Undefined when the file is no YAML, or empty; `problems` says why. */
  readonly raw: unknown;
  readonly problems: readonly LocatedProblem[];
  readonly locate: (problem: ConfigProblem) => LocatedProblem;
}

export function openYaml(text: string, shownFile: string, requiredKeys: readonly string[]): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const locate = (problem: ConfigProblem): LocatedProblem => ({
    file: shownFile,
    ...positionOf(document, lines, problem.path, problem.atKey),
    text: describeProblem(problem),
  });
  const unread = (...problems: readonly Omit<LocatedProblem, 'file'>[]): YamlFile => ({
    raw: undefined,
    problems: problems.map((problem) => ({ file: shownFile, ...problem })),
    locate,
  });
  if (document.errors.length > 0) {
    return unread(
      ...document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return { line, column: col, text: `not valid YAML: ${error.message}` };
      }),
    );
  }
  if (isEmpty(document)) {
    return unread({ line: 1, column: 1, text: `the file is empty; it must have ${requiredKeys.join(', ')}` });
  }
  try {
    // A YAML bomb (aliases of aliases) is refused by the parser with an exception of its own.
    return { raw: document.toJS({ maxAliasCount: 100 }), problems: [], locate };
  } catch (cause) {
    return unread({ line: 1, column: 1, text: `not valid YAML: ${(cause as Error).message}` });
  }
}

/**
 * The value of a file without problems.
 * @throws SimtrunkError CONFIG_INVALID whose message has one line for each problem
 */
export function parseYamlFile(text: string, shownFile: string, kind: YamlFileKind): unknown {
  const { raw, problems, locate } = openYaml(text, shownFile, kind.requiredKeys);
  refuseProblems(kind.what, problems);
  refuseProblems(kind.what, kind.findProblems(raw).map(locate));
  return raw;
}

/** @throws SimtrunkError CONFIG_INVALID when there are any problems; files in the order in which they first appear. */
export function refuseProblems(what: string, problems: readonly LocatedProblem[]): void {
  if (problems.length === 0) return;
  const files = [...new Set(problems.map(({ file }) => file))];
  const sorted = [...problems].sort(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
  const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`;
  const list = sorted.map(({ file, line, column, text }) => `  ${file}:${line}:${column}  ${text}`);
  throw new SimtrunkError('CONFIG_INVALID', `The ${what} has ${count}:\n${list.join('\n')}`);
}

/** Nothing but comments, or a bare null. */
function isEmpty({ contents }: Document): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

function describeProblem(problem: ConfigProblem): string {
  const path = formatPath(problem.path);
  return path === '' ? `the file ${problem.message}` : `${path}: ${problem.message}`;
}
