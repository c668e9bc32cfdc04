// Recorded CDRs (NDJSON, as the sink writes them) as calls to be placed again, at the instants at which they were placed.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { SimtrunkError } from '../lib/errors.js';
import type { CallStream, PlannedCall } from './call-stream.js';
import { Random } from './random.js';

/** What is needed of a record; records of other versions of simtrunk have more or less besides. */
const recordSchema = z.object({
  callId: z.string().min(1),
  revision: z.int().default(1),
  direction: z.enum(['out', 'in']).default('out'),
  agent: z.string().nullish(),
  calling: z.string().default(''),
  dialled: z.string(),
  callee: z.string().nullish(),
  offeredAt: z.iso.datetime({ offset: true }),
  answeredAt: z.iso.datetime({ offset: true }).nullish(),
  endedAt: z.iso.datetime({ offset: true }),
  attempts: z.array(z.unknown()).default([]),
  probe: z.boolean().default(false),
});

type CallRecord = z.infer<typeof recordSchema>;

/** The sink writes what became of text messages beside the calls. */
const MESSAGE_FILES = 'messages-';

/** How many problems are told at once. */
const MAX_PROBLEMS = 20;

/** Calls that came in it are read. */
export interface RecordedSpan {
  readonly fromWallMs: number;
  readonly untilWallMs: number;
}

const ALL_TIME: RecordedSpan = { fromWallMs: 0, untilWallMs: Number.POSITIVE_INFINITY };

export interface RecordedCalls {
  /** In order of their instants. */
  readonly calls: readonly PlannedCall[];
  /** Who called: users of the PBX. */
  readonly agents: readonly string[];
  /** Calls that reached no channel then: whether and how long they would have talked is drawn from the others. */
  readonly drawn: number;
  /** Calls from mobiles, and simtrunk's own probe calls: nobody here would place them again. */
  readonly leftOut: number;
}

/**
 * Reads files, and the `.ndjson` files of folders but those of text messages; of each call its highest revision.
 * @throws SimtrunkError CONFIG_UNREADABLE, or CONFIG_INVALID with file and line of each record that cannot be read
 */
export async function readRecordedCalls(
  paths: readonly string[],
  seed: number,
  span: RecordedSpan = ALL_TIME,
): Promise<RecordedCalls> {
  const byCall = new Map<string, CallRecord>();
  const problems: string[] = [];
  for (const file of await filesOf(paths)) {
    for (const record of readRecords(file, await readText(file), problems)) {
      const known = byCall.get(record.callId);
      if (known === undefined || known.revision <= record.revision) byCall.set(record.callId, record);
    }
  }
  if (problems.length > 0) throw tooMany(problems);
  const within = [...byCall.values()].filter(({ offeredAt }) => {
    const wallMs = Date.parse(offeredAt);
    return wallMs >= span.fromWallMs && wallMs < span.untilWallMs;
  });
  const records = within.filter(({ direction, probe }) => direction === 'out' && !probe);
  if (records.length === 0) {
    const which = within.length < byCall.size ? ' within the period' : '';
    const what = byCall.size === 0 ? 'record' : `record of a call that a trunk placed${which}`;
    throw new SimtrunkError('CONFIG_INVALID', `There is no ${what} in ${paths.join(', ')}`);
  }
  const outcomes = records.filter(({ attempts }) => attempts.length > 0).map(outcomeOf);
  const random = new Random(seed);
  const calls = records.map((record) => {
    const { agent, calling, callee, dialled, offeredAt, attempts } = record;
    const drawn = outcomes[random.below(Math.max(1, outcomes.length))] ?? NOBODY_ANSWERS;
    const outcome = attempts.length > 0 ? outcomeOf(record) : drawn;
    return {
      plannedWallMs: Date.parse(offeredAt),
      agent: agent ?? (calling === '' ? null : calling),
      dialled: callee ?? dialled,
      ...outcome,
    };
  });
  calls.sort((a, b) => a.plannedWallMs - b.plannedWallMs);
  return {
    calls,
    agents: [...new Set(calls.flatMap(({ agent }) => agent ?? []))],
    drawn: records.filter(({ attempts }) => attempts.length === 0).length,
    leftOut: within.length - records.length,
  };
}

/** Calls that overlap as they did. */
export class RecordedStream implements CallStream {
  readonly pauseMs = null;
  readonly #calls: readonly PlannedCall[];
  #index = 0;

  constructor(calls: readonly PlannedCall[]) {
    this.#calls = calls;
  }

  next(): PlannedCall | undefined {
    return this.#calls[this.#index++];
  }
}

const NOBODY_ANSWERS = { ringMs: 30_000, talkMs: null };

function outcomeOf({ offeredAt, answeredAt, endedAt }: CallRecord): { ringMs: number; talkMs: number | null } {
  const from = Date.parse(offeredAt);
  if (answeredAt == null) return { ringMs: Math.max(0, Date.parse(endedAt) - from), talkMs: null };
  const answered = Date.parse(answeredAt);
  return { ringMs: Math.max(0, answered - from), talkMs: Math.max(0, Date.parse(endedAt) - answered) };
}

async function filesOf(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const names = await readable(path, async () => ((await stat(path)).isDirectory() ? await readdir(path) : null));
    if (names === null) found.push(path);
    else
      found.push(
        ...names
          .filter((name) => name.endsWith('.ndjson') && !name.startsWith(MESSAGE_FILES))
          .sort()
          .map((name) => join(path, name)),
      );
  }
  return found;
}

function readText(file: string): Promise<string> {
  return readable(file, () => readFile(file, 'utf8'));
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new SimtrunkError('CONFIG_UNREADABLE', `Cannot read the records in ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function readRecords(file: string, text: string, problems: string[]): CallRecord[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    // A crash, or the service at this moment, may have cut the last line.
    const isCut = index === lines.length - 1;
    const parsed = recordSchema.safeParse(parseJson(line));
    if (parsed.success) return [parsed.data];
    const [issue] = parsed.error.issues;
    const isOther = issue === undefined || issue.path.length === 0 || issue.path[0] === 'callId';
    const what = isOther ? 'is no call detail record' : `${issue.path.join('.')}: ${issue.message}`;
    if (!isCut) problems.push(`  ${basename(file)}:${index + 1}  ${what}`);
    return [];
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function tooMany(problems: readonly string[]): SimtrunkError {
  const shown = problems.slice(0, MAX_PROBLEMS);
  const more = problems.length > shown.length ? [`  … and ${problems.length - shown.length} more`] : [];
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new SimtrunkError('CONFIG_INVALID', `The records have ${count}:\n${[...shown, ...more].join('\n')}`);
}
