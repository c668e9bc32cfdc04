// One problem of a config file, and how a person reads it: file:line:column, path, what is wrong, what is allowed.
import { type Document, isMap, isScalar, isSeq, type LineCounter } from 'yaml';

export type ConfigPath = readonly (string | number)[];

export interface ConfigProblem {
  readonly path: ConfigPath;
  readonly message: string;
  /** True when the problem is the key itself (unknown, duplicate), not its value. */
  readonly atKey?: boolean;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a path stands in the file; for a path that is not there, its nearest parent that is. */
export function positionOf(document: Document, lines: LineCounter, path: ConfigPath, atKey = false): Position {
  let node: unknown = document.contents;
  let offset = offsetOf(node) ?? 0;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) break;
      const target = last && atKey ? pair.key : (pair.value ?? pair.key);
      offset = offsetOf(target) ?? offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** `trunks[0].sources[1]`. */
export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

function offsetOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0];
}
