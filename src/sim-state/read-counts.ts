// Reads from a gateway's JSON how many calls each of its ports has had, and how long they lasted: from running totals, or by
// counting the calls that it lists.
import { type FieldTest, readEntries, test, textAt } from './read-reports.js';

export interface CounterTemplate {
  readonly list: string;
  readonly port: string;
  /** `totals`: an entry is a port, with its calls and seconds since some day. `calls`: an entry is a call. */
  readonly counts: 'totals' | 'calls';
  /** Of totals: the field with the calls. */
  readonly calls?: string | undefined;
  /** The field with the seconds. */
  readonly seconds?: string | undefined;
  /** Of calls: which of them count. */
  readonly only?: readonly FieldTest[] | undefined;
}

/** Each null when the gateway does not say. */
export interface GatewayCount {
  readonly calls: number | null;
  readonly seconds: number | null;
}

/** By the port's name; null when the answer is another one. */
export function readCounts(answer: unknown, template: CounterTemplate): ReadonlyMap<string, GatewayCount> | null {
  const entries = readEntries(answer, template.list, template.port);
  if (entries === null) return null;
  if (template.counts === 'totals') {
    return new Map(
      entries.map(({ port, value }) => {
        return [port, { calls: numberAt(value, template.calls), seconds: numberAt(value, template.seconds) }];
      }),
    );
  }
  const counts = new Map<string, { calls: number; seconds: number | null }>();
  for (const { port, value } of entries) {
    if (!(template.only ?? []).every((condition) => test(value, condition) === true)) continue;
    const count = counts.get(port) ?? { calls: 0, seconds: 0 };
    const seconds = numberAt(value, template.seconds);
    count.calls += 1;
    count.seconds = seconds === null || count.seconds === null ? null : count.seconds + seconds;
    counts.set(port, count);
  }
  return counts;
}

function numberAt(value: unknown, field: string | undefined): number | null {
  const text = field === undefined ? null : textAt(value, field);
  const number = Number(text ?? '');
  return text === null || text === '' || !Number.isFinite(number) || number < 0 ? null : number;
}
