// Reads a gateway's JSON by a template: where its ports are listed, which field names the port, and what the others mean.
// The answer is a stranger's: whatever it holds, reading it says something or nothing, and never throws.
import { iccidOf, type SimReport, signalOf } from './sim-report.js';

/** What a field says: true when it is one of `is` (or none of `isNot`), unknown when it is missing or one of `unknown`. */
export interface FieldTest {
  readonly field: string;
  readonly is?: readonly string[] | undefined;
  readonly isNot?: readonly string[] | undefined;
  readonly unknown?: readonly string[] | undefined;
}

export interface ReportTemplate {
  /** Where the ports are, as names with dots between; empty: the answer itself is the list. */
  readonly list: string;
  /** Field of an entry that names its port; entries of an object may be named by their key. */
  readonly port: string;
  readonly present?: FieldTest | undefined;
  readonly registered?: FieldTest | undefined;
  readonly inCall?: FieldTest | undefined;
  readonly signal?: string | undefined;
  readonly balance?: string | undefined;
  readonly iccid?: string | undefined;
}

/** More ports no gateway has. */
const MAX_ENTRIES = 4_096;
const MAX_TEXT = 200;

/** An entry of the list, by its port's name. */
export interface PortEntry {
  readonly port: string;
  readonly value: unknown;
}

/** Null when there is no such list: that is not the answer that the template is for. */
export function readEntries(answer: unknown, list: string, port: string): readonly PortEntry[] | null {
  const found = at(answer, list);
  if (Array.isArray(found)) {
    return found.slice(0, MAX_ENTRIES).flatMap((value: unknown) => {
      const name = textAt(value, port);
      return name === null ? [] : [{ port: name, value }];
    });
  }
  if (typeof found !== 'object' || found === null) return null;
  return Object.entries(found)
    .slice(0, MAX_ENTRIES)
    .map(([key, value]) => ({ port: textAt(value, port) ?? key, value: value as unknown }));
}

/** By the port's name in the answer; null when the answer is another one. */
export function readReports(answer: unknown, template: ReportTemplate): ReadonlyMap<string, SimReport> | null {
  const entries = readEntries(answer, template.list, template.port);
  if (entries === null) return null;
  return new Map(entries.map(({ port, value }) => [port, reportOf(value, template)]));
}

function reportOf(entry: unknown, template: ReportTemplate): SimReport {
  const text = (field: string | undefined) => (field === undefined ? null : textAt(entry, field));
  const signal = text(template.signal);
  const iccid = text(template.iccid);
  return {
    present: test(entry, template.present),
    registered: test(entry, template.registered),
    inCall: test(entry, template.inCall),
    signal: signal === null ? null : signalOf(signal),
    balance: text(template.balance) || null,
    iccid: iccid === null ? null : iccidOf(iccid),
  };
}

/** Null: it does not say. */
export function test(entry: unknown, condition: FieldTest | undefined): boolean | null {
  if (condition === undefined) return null;
  const { field, is, isNot = [], unknown = [] } = condition;
  const text = textAt(entry, field);
  if (text === null || holds(unknown, text)) return null;
  return is === undefined ? !holds(isNot, text) : holds(is, text);
}

/** Some gateways put a second word behind a state, as in "3 1": the first one counts by itself too. */
function holds(values: readonly string[], text: string): boolean {
  const said = text.toLowerCase();
  const [first] = said.split(/\s/);
  return values.some((value) => value.toLowerCase() === said || value.toLowerCase() === first);
}

/** A text, number or truth value as text; null for anything else, and for what is not there. */
export function textAt(value: unknown, path: string): string | null {
  const found = at(value, path);
  if (typeof found === 'string') return found.trim().slice(0, MAX_TEXT);
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : null;
}

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const step of path === '' ? [] : path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}
