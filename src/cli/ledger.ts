// `simtrunk ledger verify`: usage recomputed from history, by the running service or from its file.
// `simtrunk ledger adjustments`: who corrected usage, when and why. From the running service or its file.
// `simtrunk ledger adjust`: corrects usage, by the running service alone; says who, when and why in history and log.
import { randomUUID } from 'node:crypto';
import { ledgerParts } from '../config/ledger-parts.js';
import {
  type AdjustmentDone,
  type AdjustmentsReport,
  holderName,
  type LedgerVerification,
  MOST_ADJUSTMENTS,
  named,
} from '../control/ledger-commands.js';
import { adjustmentsInFile } from '../ledgers/past-adjustments.js';
import { recountFile } from '../ledgers/recount-file.js';
import { SystemClock } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import { ask, askIfRunning, SERVICE_OPTIONS } from './ask-service.js';
import { misused, readCommandLine, type ValuesOf } from './command-line.js';
import { loadConfigArgument } from './config-argument.js';
import { adjustmentsText, adjustmentText, recountText, verificationText } from './ledger-text.js';

export const USAGE = `usage: simtrunk ledger verify
       simtrunk ledger adjustments [--sim SIM | --payer PAYER] [--since TIME]
       simtrunk ledger adjust (--sim SIM | --payer PAYER) --allowance ID --amount N --reason TEXT [--at TIME] [--id UUID]
each with [--json] [--config FILE] [--data DIR]
SIM is an ICCID or a number; PAYER is trunk:NAME, agent:TRUNK/USER or account:NAME. N is added to what is used: --amount=-60
takes 60 away. TIME, such as 2026-11-20T18:00+09:00, is in the window that is meant; left out: now. UUID repeats an adjustment
that may have been made already, and counts once.`;

const OPTIONS = {
  ...SERVICE_OPTIONS,
  sim: { type: 'string' },
  payer: { type: 'string' },
  allowance: { type: 'string' },
  amount: { type: 'string' },
  reason: { type: 'string' },
  at: { type: 'string' },
  since: { type: 'string' },
  id: { type: 'string' },
} as const;

/** A year's history takes a while. */
const VERIFY_TIMEOUT_MS = 600_000;

type Values = ValuesOf<typeof OPTIONS>;

/** Status 0 when usage agrees with history, or the adjustment is made; 1 otherwise. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = readCommandLine({ args, options: OPTIONS, allowPositionals: true }, USAGE);
  const [action, more] = positionals;
  if (more !== undefined) throw misused(`"${more}" is not understood.`, USAGE);
  if (action === 'verify') return verify(values);
  if (action === 'adjust') return adjust(values);
  if (action === 'adjustments') return adjustments(values);
  throw misused('Say what to do with the ledger.', USAGE);
}

async function verify(values: Values): Promise<number> {
  const asked = await askIfRunning<LedgerVerification>(values, 'ledger verify', {}, VERIFY_TIMEOUT_MS);
  if (asked !== null) {
    const report = { runningService: true, ...asked.result };
    process.stdout.write(`${values.json ? JSON.stringify(report) : verificationText(asked.result)}\n`);
    return report.ok ? 0 : 1;
  }
  const config = await loadConfigArgument(values);
  const recount = await recountFile(config.ledger.file, ledgerParts(config), new SystemClock());
  const numberOf = new Map(config.sims.map(({ simId, number }) => [`sim:${simId}`, number]));
  const usages = recount.usages.map((usage) => ({ ...usage, simNumber: numberOf.get(usage.holder) ?? null }));
  const isPartOnly = config.ledger.kind === 'redis';
  const report = { runningService: false, file: config.ledger.file, isPartOnly, ...recount, usages };
  process.stdout.write(`${values.json ? JSON.stringify(report) : recountText(report)}\n`);
  return 0;
}

async function adjustments(values: Values): Promise<number> {
  const { sim, payer, since } = values;
  if (sim !== undefined && payer !== undefined) throw misused('Say --sim or --payer, or neither.', USAGE);
  const holder = holderOf(values);
  const sinceWallMs = since === undefined ? 0 : timeOf('--since', since);
  const given = { ...(holder !== null && { holder }), sinceWallMs };
  const asked = await askIfRunning<AdjustmentsReport>(values, 'ledger adjustments', given);
  const report = asked === null ? await adjustmentsOfFile(values, given) : { ...asked.result, file: null };
  const json = { runningService: asked !== null, ...report };
  process.stdout.write(`${values.json ? JSON.stringify(json) : adjustmentsText(report)}\n`);
  return 0;
}

async function adjustmentsOfFile(
  values: Values,
  { holder, sinceWallMs }: { holder?: Holder; sinceWallMs: number },
): Promise<AdjustmentsReport & { readonly file: string }> {
  const config = await loadConfigArgument(values);
  const { sims, ledger } = config;
  const name = holder === undefined ? null : holderName(config, holder);
  const past = await adjustmentsInFile(ledger.file, { holder: name, sinceWallMs, most: MOST_ADJUSTMENTS });
  const { plans, capsOf } = ledgerParts(config);
  const planOf = new Map(sims.map((each) => [`sim:${each.simId}`, each.plan]));
  const countsOf = (whose: string, allowanceId: string) => {
    const terms = plans.find((plan) => plan.name === planOf.get(whose)) ?? capsOf(whose);
    return terms?.allowances.find(({ id }) => id === allowanceId)?.counts ?? null;
  };
  const { adjustments: found, isCut } = past;
  return { adjustments: named(found, sims, countsOf), isCut, isPartOnly: ledger.kind === 'redis', file: ledger.file };
}

type Holder = { readonly sim: string } | { readonly payer: string };

function holderOf({ sim, payer }: Values): Holder | null {
  if (sim !== undefined) return { sim };
  return payer === undefined ? null : { payer };
}

function timeOf(option: string, text: string): number {
  const wallMs = Date.parse(text);
  if (Number.isNaN(wallMs)) throw misused(`${option} needs a time; "${text}" is none.`, USAGE);
  return wallMs;
}

/** Near a window's edge the machine's own zone could mean the window beside it. */
function zonedTimeOf(option: string, text: string): number {
  const wallMs = timeOf(option, text);
  if (/[T ].*(?:Z|[+-]\d\d:?\d\d)$/i.test(text)) return wallMs;
  throw misused(`${option} needs a time with its zone, such as 2026-11-20T18:00+09:00; "${text}" has none.`, USAGE);
}

async function adjust(values: Values): Promise<number> {
  const adjustmentId = values.id ?? randomUUID();
  const given = { adjustmentId, ...adjustmentOf(values) };
  const made = await ask<AdjustmentDone>(values, 'ledger adjust', given).catch((error: unknown) => {
    throw inWords(error, adjustmentId);
  });
  process.stdout.write(`${values.json ? JSON.stringify(made) : adjustmentText(made)}\n`);
  return 0;
}

function adjustmentOf({ sim, payer, allowance, amount, reason, at }: Values): Record<string, unknown> {
  if ((sim === undefined) === (payer === undefined)) throw misused('Say whose usage: --sim or --payer.', USAGE);
  if (allowance === undefined || amount === undefined || reason === undefined || reason.trim() === '') {
    throw misused('An adjustment needs --allowance, --amount and --reason.', USAGE);
  }
  const wallMs = at === undefined ? undefined : zonedTimeOf('--at', at);
  return {
    holder: sim === undefined ? { payer } : { sim },
    allowanceId: allowance,
    amount,
    reason,
    ...(wallMs === undefined ? {} : { wallMs }),
  };
}

function inWords(error: unknown, adjustmentId: string): unknown {
  if (!(error instanceof SimtrunkError)) return error;
  if (error.code === 'SERVICE_NOT_RUNNING') {
    const message = `${error.message} Only the running service changes the ledger: start it, then adjust.`;
    return new SimtrunkError(error.code, message, { cause: error });
  }
  if (error.code !== 'CONTROL_FAILED') return error;
  const message = `${error.message} If the adjustment was made is not known: repeat it with --id ${adjustmentId}, which counts once.`;
  return new SimtrunkError(error.code, message, { cause: error });
}
