// A status report as an operator reads it.
import type { ChannelTally, DoNotCallStatus, StatusReport } from '../control/status-report.js';
import { clockTime, instant, textTable } from './text-table.js';

export function statusText(report: StatusReport): string {
  const parts = [
    heading(report),
    gatewayLines(report),
    leavingLines(report),
    lineLines(report),
    registrationLines(report),
    suspensionLines(report),
    simStatusLines(report),
    listLines(report),
    counterLines(report),
  ];
  return parts.flat().join('\n');
}

const STATES: Readonly<Record<StatusReport['state'], string>> = {
  running: 'runs',
  draining: 'is draining: it takes no new call',
  drained: 'is drained: no call is live, and it takes no new one',
  stopping: 'is stopping: it takes no new call',
};

function heading(report: StatusReport): string[] {
  const { version, pid, state, startedAtMs, upSeconds, config, dataDir, listeners, liveCalls, ledger } = report;
  const what = STATES[state];
  return [
    `simtrunk ${version} ${what}, process ${pid}, since ${instant(startedAtMs)} (${clockTime(upSeconds)})`,
    ...textTable([
      ['config', config],
      ['data', dataDir],
      ['SIP', listeners.map(({ transport, address, port }) => `${transport} ${address}:${port}`).join(', ')],
      ['calls', `${liveCalls} live${deadlineText(report.drainDeadlineAtMs)}`],
      ['ledger', ledgerText(ledger)],
    ]),
    '',
  ];
}

function deadlineText(deadlineAtMs: number | null): string {
  return deadlineAtMs === null ? '' : `; those that last until ${instant(deadlineAtMs)} get BYE`;
}

function leavingLines({ leaving }: StatusReport): string[] {
  if (leaving.length === 0) return [];
  const rows = leaving.map(({ kind, name, calls }) => [`${kind} ${name}`, String(calls)]);
  return [...textTable([['no longer in the config', 'calls'], ...rows]), ''];
}

function ledgerText({ kind, durability, file, isAway, isStalled, orphans }: StatusReport['ledger']): string {
  const away = isAway ? '; AWAY: Redis cannot be reached' : '';
  const stalled = isStalled ? '; STALLED: new calls are refused' : '';
  const left = orphans === 0 ? '' : `; ${orphans} reservations of an earlier process are being settled`;
  return `${kind}, durability ${durability}, ${file}${away}${stalled}${left}`;
}

function gatewayLines({ gateways, channels }: StatusReport): string[] {
  const head = ['gateway', 'state', 'channels', 'idle', 'in a call', 'resting', 'disabled'];
  const rows = gateways.map(({ name, state, isProbed, isCooling, channels: tally }) => {
    const shown = isCooling && state === 'up' ? 'cooling' : state;
    return [name, isProbed ? shown : `${shown} (not probed)`, ...tallyCells(tally)];
  });
  const all = gateways.length > 1 ? [['all', '', ...tallyCells(channels)]] : [];
  return [...textTable([head, ...rows, ...all]), ''];
}

function lineLines({ lines }: StatusReport): string[] {
  if (lines.length === 0) return [];
  const rows = lines.map(({ line, contact, source, expiresAtMs }) => [
    line,
    contact ?? 'NOT REGISTERED: no calls to it',
    source ?? '',
    expiresAtMs === null ? '' : instant(expiresAtMs),
  ]);
  return [...textTable([['line', 'contact', 'from', 'until'], ...rows]), ''];
}

function registrationLines({ registrations }: StatusReport): string[] {
  if (registrations.length === 0) return [];
  const rows = registrations.map(({ name, state, status, expiresAtMs }) => [
    name,
    state === 'failed' ? 'FAILED' : state,
    status === null ? 'no answer' : String(status),
    expiresAtMs === null ? '' : instant(expiresAtMs),
  ]);
  return [...textTable([['registered at', 'state', 'last answer', 'until'], ...rows]), ''];
}

function suspensionLines({ suspended }: StatusReport): string[] {
  if (suspended.length === 0) return [];
  const rows = suspended.map(({ channelId, streak, count, sinceMs }) => [
    channelId,
    `${count} × ${streak}`,
    instant(sinceMs),
  ]);
  return [...textTable([['SUSPENDED', 'for', 'since'], ...rows]), ''];
}

function simStatusLines({ simStatus }: StatusReport): string[] {
  if (simStatus.length === 0) return [];
  const rows = simStatus.map(({ gateway, polls, failures, trouble }) => [
    gateway,
    String(polls),
    String(failures),
    trouble ?? 'answers',
  ]);
  return [...textTable([['SIMs asked of', 'times', 'in vain', ''], ...rows]), ''];
}

function tallyCells({ idle, busy, resting, disabled }: ChannelTally): string[] {
  return [idle + busy + resting + disabled, idle, busy, resting, disabled].map(String);
}

function listLines({ doNotCall }: StatusReport): string[] {
  if (doNotCall.length === 0) return [];
  const rows = doNotCall.map((list) => {
    const { name, numbers, asOfWallMs, isStale, trouble } = list;
    const rejected = rejectedText(list);
    const state = isStale ? 'TOO OLD: calls are refused' : 'in use';
    return [
      name,
      String(numbers),
      asOfWallMs === null ? 'never read' : instant(asOfWallMs),
      [state, rejected, trouble].filter((text) => text !== null).join('; '),
    ];
  });
  return [...textTable([['do-not-call list', 'numbers', 'as of', ''], ...rows]), ''];
}

/** What of a do-not-call list protects nobody; null when all of it is numbers. */
export function rejectedText({
  rejected,
  firstRejectedLine,
}: Pick<DoNotCallStatus, 'rejected' | 'firstRejectedLine'>): string | null {
  if (rejected === 0) return null;
  return rejected === 1
    ? `line ${firstRejectedLine} is no number`
    : `${rejected} lines are no number, the first is ${firstRejectedLine}`;
}

/** Counters that are not zero: a line for each part, and for each of its tables. */
function counterLines({ counters }: StatusReport): string[] {
  const rows = Object.entries(counters).flatMap(([part, value]) => {
    if (Array.isArray(value)) return [];
    if (!isTable(value)) return rowOf(part, [[part, value]]);
    const entries = Object.entries(value);
    const own = rowOf(
      part,
      entries.filter(([, inner]) => !isTable(inner)),
    );
    const tables = entries.flatMap(([name, inner]) =>
      isTable(inner) ? rowOf(`${part} ${name}`, leavesOf(inner)) : [],
    );
    return [...own, ...tables];
  });
  return ['Since the start, what is not 0:', ...textTable(rows)];
}

type Leaf = readonly [name: string, count: unknown];

function rowOf(label: string, counters: readonly Leaf[]): string[][] {
  const said = counters.filter(([, count]) => typeof count === 'number' && count !== 0);
  if (said.length === 0) return [];
  return [[label, said.map(([name, count]) => `${name} ${Math.round(Number(count) * 10) / 10}`).join(', ')]];
}

function leavesOf(table: Readonly<Record<string, unknown>>): Leaf[] {
  return Object.entries(table).flatMap(([name, inner]): Leaf[] => {
    return isTable(inner) ? leavesOf(inner).map(([key, count]): Leaf => [`${name} ${key}`, count]) : [[name, inner]];
  });
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
