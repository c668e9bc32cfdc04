// Commands about the ledger: usage recomputed from history, and corrections of it that say who made them and why.
import { z } from 'zod';
import type { Adjustment, AllowanceUsage, UsageDifference, VerifyReport } from '../quota/ledger.js';
import { formatMoney } from '../quota/money.js';
import { type ControlTable, command, done } from './control-command.js';
import type { ControlPorts, LedgerPort } from './control-ports.js';
import { type Caller, type ControlAnswer, refuse } from './control-protocol.js';

export interface LedgerVerification extends Omit<VerifyReport, 'differences'> {
  readonly differences: readonly (UsageDifference & { readonly simNumber: string | null })[];
}

export interface AdjustmentDone {
  readonly adjustment: Adjustment;
  readonly counts: AllowanceUsage['counts'];
  /** Of the window that holds the adjustment's instant, after it. */
  readonly used: number;
  readonly limit: number;
}

const HOLDER = z.union([
  /** ICCID or number. */
  z.strictObject({ sim: z.string().min(1).max(64) }),
  /** `trunk:NAME`, `agent:TRUNK/USER` or `account:NAME`. */
  z.strictObject({ payer: z.string().min(1).max(256) }),
]);
const ADJUST_ARGUMENTS = z.strictObject({
  adjustmentId: z.uuid(),
  holder: HOLDER,
  allowanceId: z.string().min(1).max(256),
  /** Signed; whole, of money a decimal. */
  amount: z.string().regex(/^[+-]?\d{1,15}(\.\d{1,6})?$/, 'is no amount'),
  reason: z.string().trim().min(1).max(500),
  /** An instant in the window that is meant; left out: now. */
  wallMs: z.int().min(0).optional(),
});

export function ledgerCommands({ ledger, log }: ControlPorts): ControlTable {
  let verifying: Promise<LedgerVerification> | null = null;
  return {
    'ledger verify': command(z.strictObject({}), async () => {
      // History may be long: who asks meanwhile gets the same answer.
      verifying ??= verify(ledger).finally(() => {
        verifying = null;
      });
      return done(await verifying);
    }),
    'ledger adjust': command(ADJUST_ARGUMENTS, async (given, by) => {
      const { adjustmentId, allowanceId, reason, wallMs = ledger.wallMs() } = given;
      if (wallMs > ledger.wallMs()) return refuse('refused', 'That instant is yet to come.');
      const found = findAllowance(ledger, given.holder, allowanceId, wallMs);
      if (!found.ok) return found;
      const { holder, usage } = found;
      const amount = amountOf(given.amount, usage.counts);
      if (amount === null) return refuse('refused', `${allowanceId} cannot count "${given.amount}" ${usage.counts}.`);
      if (amount === 0) return refuse('refused', 'An adjustment by 0 changes nothing.');
      const adjustment = { adjustmentId, holder, allowanceId, amount, reason, by: callerText(by), wallMs };
      const result = await ledger.adjust(adjustment);
      if (!result.ok) return refuse('refused', REFUSALS[result.reason]);
      log.warn({ ...adjustment, caller: by, used: result.used }, 'an operator adjusted usage');
      const answer: AdjustmentDone = { adjustment, counts: usage.counts, used: result.used, limit: usage.limit };
      return done(answer);
    }),
  };
}

const REFUSALS = {
  'unknown-holder': 'The ledger does not know that SIM or payer.',
  'unknown-allowance': 'The ledger does not know that allowance.',
  'ledger-away': 'The ledger cannot be reached or written; nothing was changed. Try again later.',
} as const;

async function verify(ledger: LedgerPort): Promise<LedgerVerification> {
  const { differences, ...rest } = await ledger.verify();
  const numberOf = new Map(ledger.sims.map(({ simId, number }) => [`sim:${simId}`, number]));
  return {
    ...rest,
    differences: differences.map((difference) => {
      return { ...difference, simNumber: numberOf.get(difference.holder) ?? null };
    }),
  };
}

function findAllowance(
  ledger: LedgerPort,
  given: z.output<typeof HOLDER>,
  allowanceId: string,
  wallMs: number,
):
  | { readonly ok: true; readonly holder: string; readonly usage: AllowanceUsage }
  | Extract<ControlAnswer, { ok: false }> {
  let holder: string;
  let allowances: readonly AllowanceUsage[] | undefined;
  if ('sim' in given) {
    const sim = ledger.sims.find(({ simId, number }) => simId === given.sim || number === given.sim);
    if (sim === undefined) return refuse('not-found', `The config has no SIM "${given.sim}".`);
    holder = `sim:${sim.simId}`;
    allowances = ledger.usageOf(sim.simId, wallMs)?.allowances;
  } else {
    holder = given.payer;
    allowances = ledger.usageOfPayer(given.payer, wallMs);
  }
  if (allowances === undefined) return refuse('not-found', `${holder} has no limits.`);
  const usage = allowances.find((candidate) => candidate.allowanceId === allowanceId);
  if (usage !== undefined) return { ok: true, holder, usage };
  const known = allowances.map((allowance) => allowance.allowanceId).join(', ');
  return refuse('not-found', `${holder} has no allowance "${allowanceId}"; it has ${known || 'none'}.`);
}

/** In what the ledger counts: whole numbers, of money millionths. Null for what it cannot count. */
function amountOf(text: string, counts: AllowanceUsage['counts']): number | null {
  const isNegative = text.startsWith('-');
  const [units = '', decimals] = text.replace(/^[+-]/, '').split('.');
  if (decimals !== undefined && counts !== 'spend') return null;
  const amount = counts === 'spend' ? Number(units + (decimals ?? '').padEnd(6, '0')) : Number(units);
  if (!Number.isSafeInteger(amount)) return null;
  return isNegative ? -amount : amount;
}

/** An amount of what an allowance counts, for people: of money a decimal. */
export function amountText(amount: number, counts: AllowanceUsage['counts']): string {
  return counts === 'spend' ? formatMoney(amount) : String(amount);
}

function callerText({ uid, user }: Caller): string {
  return uid === null ? user : `${user} (uid ${uid})`;
}
