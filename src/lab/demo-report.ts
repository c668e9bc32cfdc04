// How `simtrunk demo` tells a call to a person: the channel and why, the course, what it cost of the quota, the evidence.
import { relative } from 'node:path';
import type { Cdr } from '../cdr/cdr.js';
import type { AllowanceUsage } from '../quota/ledger.js';
import type { CallEvidence } from './demo-evidence.js';
import { type Ink, wrap } from './terminal.js';

export interface CallPlaces {
  readonly cdrFile: string;
  /** Counted from 1. */
  readonly cdrLine: number;
}

/** One allowance of the SIM that took the call, before and after it. */
export interface QuotaStep {
  readonly allowance: string;
  readonly counts: AllowanceUsage['counts'];
  readonly window: AllowanceUsage['window'];
  readonly before: number;
  readonly after: number;
  readonly limit: number;
}

const LABEL_WIDTH = 11;
const INDENT = '   ';

const QUOTA_WORDS = { day: 'today', month: 'this month', rolling: 'lately' } as const;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** `01055550101` as people write it; anything else as it is. */
export const spokenNumber = (number: string): string => number.replace(/^(010)(\d{4})(\d{4})$/, '$1-$2-$3');

/** Paths below the working directory are shown from there. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}

/** The allowances of the call's last channel that can change by a call of this class. */
export function quotaSteps(evidence: CallEvidence, simId: string, countingIds: ReadonlySet<string>): QuotaStep[] {
  const before = evidence.usageBefore.get(simId)?.allowances ?? [];
  return (evidence.usageAfter.get(simId)?.allowances ?? [])
    .filter(({ allowanceId }) => countingIds.has(allowanceId))
    .map(({ allowanceId, counts, window, used, limit }) => ({
      allowance: allowanceId,
      counts,
      window,
      before: before.find((other) => other.allowanceId === allowanceId)?.used ?? 0,
      after: used,
      limit,
    }));
}

/** Why the first channel was chosen, in words: the term that decided, then who was passed over. */
function explainChoice(cdr: Cdr): string {
  const winner = cdr.decision?.winner;
  const channel = cdr.attempts[0]?.channel;
  const passedOver = Object.entries(cdr.decision?.refused ?? {})
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason.replace(/^channel-/, '').replaceAll('-', ' ')}`);
  const note = passedOver.length === 0 ? '' : ` (passed over: ${passedOver.join(', ')})`;
  if (!winner || channel === undefined) return `none could take this call${note}`;
  return `${channel}, ${decidingTerm(winner.terms)}${note}`;
}

/** What spoke for the channel most. */
function decidingTerm(terms: Readonly<Record<string, number>>): string {
  const { sameCallee = 0, evenness = 0 } = terms;
  // What speaks for a channel is negative: the lowest score wins.
  if (sameCallee < 0) return 'its SIM last talked to this callee';
  return evenness === 0 ? 'first of the SIMs unused today' : 'best by its use today and its calls lately';
}

/** What happened at each channel before the one that took the call. */
function failovers(cdr: Cdr): string[] {
  return cdr.attempts.slice(0, -1).map((attempt, index) => {
    const next = cdr.attempts[index + 1];
    const afterMs = Date.parse(attempt.endedAt ?? attempt.startedAt) - Date.parse(attempt.startedAt);
    const meaning = attempt.sipStatus === 503 ? ', its SIM is busy,' : '';
    const answer = attempt.sipStatus === null ? 'stayed silent' : `answered ${attempt.sipStatus}${meaning}`;
    return `${attempt.channel} ${answer} after ${seconds(afterMs)}: next, ${next?.channel}`;
  });
}

function course({ outcome }: CallEvidence): string {
  const ended = seconds(outcome.timeline.at(-1)?.atMs ?? 0);
  const who = outcome.endedBy === 'caller' ? 'the caller' : 'the callee';
  const { ringingAfterMs, answeredAfterMs } = outcome;
  return [
    ...(ringingAfterMs === null ? [] : [`rings at ${seconds(ringingAfterMs)}`]),
    ...(answeredAfterMs === null ? [] : [`answered at ${seconds(answeredAfterMs)}`]),
    `${who} ${outcome.answered ? 'hangs up' : 'gives up'} at ${ended}`,
  ].join(' · ');
}

function quotaLines(steps: readonly QuotaStep[], ink: Ink): string[] {
  const width = Math.max(...steps.map(({ limit }) => limit.toLocaleString('en').length));
  const count = (value: number): string => value.toLocaleString('en').padStart(width);
  return steps.map(({ counts, window, before, after, limit }) => {
    const change = `${count(before)} → ${count(after)}`;
    return `${`${counts} ${QUOTA_WORDS[window]}`.padEnd(20)}${after === before ? change : ink.strong(change)}  ${ink.dim('of')} ${count(limit)}`;
  });
}

/** Each channel against each voice. */
function voiceLines({ match }: CallEvidence, ink: Ink): string[] {
  if (match === undefined) return [];
  const row = (channel: string, caller: number, callee: number): string =>
    `${channel.padEnd(6)} caller ${caller.toFixed(2)}   callee ${callee.toFixed(2)}`;
  return [
    `${row('left', match.leftIsCaller, match.leftIsCallee)}   ${ink.dim('correlation with what each said')}`,
    row('right', match.rightIsCaller, match.rightIsCallee),
  ];
}

/** The whole call as lines of text. */
export function describeCall(
  ordinal: number,
  evidence: CallEvidence,
  problems: readonly string[],
  steps: readonly QuotaStep[],
  places: CallPlaces | undefined,
  ink: Ink,
  columns: number,
): string {
  const lines: string[] = [];
  const room = columns - INDENT.length - LABEL_WIDTH;
  const put = (label: string, ...texts: readonly string[]): void => {
    const wrapped = texts.flatMap((text) => (text.includes('\x1b') ? [text] : wrap(text, room)));
    wrapped.forEach((text, index) => {
      lines.push(`${INDENT}${ink.dim((index === 0 ? label : '').padEnd(LABEL_WIDTH))}${text}`);
    });
  };
  const { call, outcome } = evidence;
  const [cdr] = evidence.cdrs;
  const verdict = problems.length === 0 ? '✔' : '✘';
  const title = `${ordinal}  ${call.title}`;
  const coloured = problems.length === 0 ? ink.good(verdict) : ink.bad(verdict);
  lines.push(`${ink.strong(title)}${' '.repeat(Math.max(1, columns - title.length - 1))}${coloured}`);
  if (cdr !== undefined) {
    const last = cdr.attempts.at(-1);
    put('Called', `${spokenNumber(call.number)} (${cdr.numberClass}), as ${last?.simNumber ?? 'nobody'}`);
    put('Channel', explainChoice(cdr));
    put('Failover', ...failovers(cdr));
  }
  put('Course', course(evidence));
  put(
    'Duration',
    outcome.answered ? `${seconds(outcome.talkedMs)}, billed ${cdr?.billedSeconds ?? 0} s` : 'nothing to bill',
  );
  put('Quota', ...quotaLines(steps, ink));
  put('Voices', ...voiceLines(evidence, ink));
  // A path that is longer than the line begins at its margin, so that it can still be copied in one piece.
  const putPath = (label: string, path: string): void => {
    if (path.length <= room) put(label, path);
    else lines.push(`${INDENT}${ink.dim(label)}`, `${INDENT}${path}`);
  };
  if (cdr?.recording?.path) putPath('Recording', shownPath(cdr.recording.path));
  if (places !== undefined) putPath('CDR', `${shownPath(places.cdrFile)}, line ${places.cdrLine}`);
  for (const problem of problems) put('Problem', problem);
  return `${lines.join('\n')}\n`;
}

/** The call as one JSON object, for `--json`. */
export function callAsJson(
  evidence: CallEvidence,
  problems: readonly string[],
  steps: readonly QuotaStep[],
  places: CallPlaces | undefined,
): Record<string, unknown> {
  const { call, outcome, match } = evidence;
  const [cdr] = evidence.cdrs;
  return {
    call: call.name,
    ok: problems.length === 0,
    problems,
    number: call.number,
    status: outcome.status,
    endedBy: outcome.endedBy,
    endReason: cdr?.endReason ?? null,
    channel: cdr?.attempts.at(-1)?.channel ?? null,
    sim: cdr?.attempts.at(-1)?.sim ?? null,
    decision: cdr?.decision ?? null,
    attempts: (cdr?.attempts ?? []).map(({ channel, sipStatus, billedSeconds }) => ({
      channel,
      sipStatus,
      billedSeconds,
    })),
    ringingAfterMs: outcome.ringingAfterMs,
    answeredAfterMs: outcome.answeredAfterMs,
    durationMs: cdr?.durationMs ?? null,
    billedSeconds: cdr?.billedSeconds ?? null,
    quota: steps,
    correlation: match ?? null,
    recording: cdr?.recording ? { path: cdr.recording.path, sha256: cdr.recording.sha256 } : null,
    cdr: places === undefined ? null : { path: places.cdrFile, line: places.cdrLine },
  };
}
