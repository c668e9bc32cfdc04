// `simtrunk trace …`: SIP messages of a call, a number or everything, collected by the running service's SIP server.
import { writeFile } from 'node:fs/promises';
import type { TraceMatch, TraceReport } from '../control/control-ports.js';
import { SimtrunkError } from '../lib/errors.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { misused, runAction, type ValuesOf, wholeNumber } from './command-line.js';
import { textTable } from './text-table.js';

export const USAGE = `usage: simtrunk trace on (--call-id CALLID | --number NUMBER | --all) [--for SECONDS] [--messages N]
       simtrunk trace off ID
       simtrunk trace list
       simtrunk trace ladder ID [--short] [--with-secrets]
       simtrunk trace pcap ID --out FILE
each with [--json] [--config FILE] [--data DIR]
CALLID is a Call-ID, or the id of a live call; a trace by number has both legs. pcap has secrets in it.`;

const OPTIONS = {
  ...SERVICE_OPTIONS,
  'call-id': { type: 'string' },
  number: { type: 'string' },
  all: { type: 'boolean', default: false },
  for: { type: 'string' },
  messages: { type: 'string' },
  short: { type: 'boolean', default: false },
  'with-secrets': { type: 'boolean', default: false },
  out: { type: 'string' },
} as const;

type Values = ValuesOf<typeof OPTIONS>;

const ACTIONS: Readonly<Record<string, (values: Values, id: string | undefined) => Promise<string>>> = {
  on: turnOn,
  off: turnOff,
  list,
  ladder: showLadder,
  pcap: savePcap,
};

export function run(args: string[]): Promise<number> {
  return runAction(args, { options: OPTIONS, usage: USAGE }, perform);
}

function perform(values: Values, [name = '', id, more]: readonly string[]): Promise<string> {
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined || more !== undefined) throw misused('Say what to do with which trace.', USAGE);
  return action(values, id);
}

async function turnOn(values: Values): Promise<string> {
  const maxMessages = wholeNumber(values.messages, 'messages', USAGE);
  const forSeconds = wholeNumber(values.for, 'for', USAGE);
  const started = await ask<{ id: string; match: TraceMatch }>(values, 'trace start', {
    match: matchOf(values),
    ...(maxMessages === undefined ? {} : { maxMessages }),
    ...(forSeconds === undefined ? {} : { forSeconds }),
  });
  if (values.json) return JSON.stringify(started);
  return `Trace ${started.id} is on: ${matchText(started.match)}. Read it by: simtrunk trace ladder ${started.id}`;
}

function matchOf(values: Values): TraceMatch {
  const given: TraceMatch[] = [];
  if (values['call-id'] !== undefined) given.push({ kind: 'call-id', callId: values['call-id'] });
  if (values.number !== undefined) given.push({ kind: 'number', number: values.number });
  if (values.all) given.push({ kind: 'all' });
  const [match, more] = given;
  if (match === undefined || more !== undefined) throw misused('Say one of --call-id, --number and --all.', USAGE);
  return match;
}

async function turnOff(values: Values, id: string | undefined): Promise<string> {
  const stopped = await ask<{ id: string }>(values, 'trace stop', { id: needed(id) });
  return values.json ? JSON.stringify(stopped) : `Trace ${stopped.id} is off, and can still be read.`;
}

async function list(values: Values, id: string | undefined): Promise<string> {
  if (id !== undefined) throw misused('list shows all traces.', USAGE);
  const traces = await ask<readonly TraceReport[]>(values, 'trace list');
  if (values.json) return JSON.stringify(traces);
  if (traces.length === 0) return 'No trace is on.';
  const rows = traces.map(({ id: traceId, match, isRunning, messages, forgotten }) => {
    return [traceId, matchText(match), isRunning ? 'on' : 'off', String(messages), String(forgotten)];
  });
  return textTable([['trace', 'of', 'state', 'messages', 'forgotten'], ...rows]).join('\n');
}

async function showLadder(values: Values, id: string | undefined): Promise<string> {
  const ladder = await ask<{ id: string; text: string }>(values, 'trace ladder', {
    id: needed(id),
    maskSecrets: !values['with-secrets'],
    withMessages: !values.short,
  });
  return values.json ? JSON.stringify(ladder) : ladder.text.trimEnd();
}

async function savePcap(values: Values, id: string | undefined): Promise<string> {
  if (values.out === undefined) throw misused('Say where to: --out FILE.', USAGE);
  const pcap = await ask<{ id: string; base64: string }>(values, 'trace pcap', { id: needed(id) });
  const bytes = Buffer.from(pcap.base64, 'base64');
  // Passwords are in it.
  await writeFile(values.out, bytes, { mode: 0o600 }).catch((cause: Error) => {
    throw new SimtrunkError('USAGE', `Cannot write ${values.out}: ${cause.message}`, { cause });
  });
  if (values.json) return JSON.stringify({ id: pcap.id, file: values.out, bytes: bytes.length });
  return `${values.out} has ${bytes.length} bytes, secrets included.`;
}

function needed(id: string | undefined): string {
  if (id === undefined) throw misused('Say which trace; `simtrunk trace list` shows them.', USAGE);
  return id;
}

function matchText(match: TraceMatch): string {
  if (match.kind === 'call-id') return `Call-ID ${match.callId}`;
  return match.kind === 'number' ? `number ${match.number}` : 'every message';
}
