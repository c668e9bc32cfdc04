// Commands about the ledger: usage recomputed from history, and corrections of it that say who made them and why.
import { z } from 'zod';
import type { Adjustment, AllowanceUsage, PastAdjustment, UsageDifference, VerifyReport } from '../quota/ledger.js';
import { formatMoney } from '../quota/money.js';
import { type ControlTable, command, done } from './control-command.js';
import type { ControlPorts, LedgerPort } from './control-ports.js';
import { type Caller, type ControlAnswer, refuse } from './control-protocol.js';

export interface LedgerVerification extends Omit<VerifyReport, 'differences'> {
  readonly differences: readonly NamedDifference[];
}

export interface NamedDifference extends UsageDifference {
  /** Null for a payer. */
  readonly simNumber: string | null;
  /** Null when the config no longer has the allowance. */
  readonly counts: AllowanceUsage['counts'] | null;
}

export interface AdjustmentDone {
  readonly adjustment: Adjustment;
  readonly counts: AllowanceUsage['counts'];
  /** That holds the adjustment's instant. */
  readonly window: AllowanceUsage['window'];
  readonly windowStartWallMs: number;
  /** In that window, after it. */
  readonly used: number;
  readonly limit: number;
}

export interface AdjustmentsReport {
  /** Oldest first. */
  readonly adjustments: readonly NamedAdjustment[];
  /** Older ones were left out. */
  readonly isCut: boolean;
  /** Redis cannot be reached: those of other nodes are not known now. */
  readonly isPartOnly: boolean;
}

export interface NamedAdjustment extends PastAdjustment {
  /** Null for a payer, and for a SIM that has left the config. */
  readonly simNumber: string | null;
  /** Null when the config no longer has the allowance. */
  readonly counts: AllowanceUsage['counts'] | null;
}

/** More are not told at once. */
export const MOST_ADJUSTMENTS = 1_000;

/** Among so many, the last ones, an adjustment that is repeated is looked for: as many as Redis keeps. */
const MOST_LOOKED_THROUGH = 100_000;

/** How the ledger names the holder of a SIM's usage. */
const SIM = 'sim:';

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

const ADJUSTMENTS_ARGUMENTS = z.strictObject({
  holder: HOLDER.optional(),
  /** Made since; left out: all. */
  sinceWallMs: z.int().min(0).default(0),
});

export function ledgerCommands({ ledger, log }: ControlPorts): ControlTable {
  let verifying: Promise<LedgerVerification> | null = null;
  return {
    'ledger verify': command(z.strictObject({}), async () => {
      if (ledger.isAway()) return refuse('refused', REFUSALS['ledger-away']);
      // History may be long: who asks meanwhile gets the same answer.
      verifying ??= verify(ledger).finally(() => {
        verifying = null;
      });
      return done(await verifying);
    }),
    'ledger adjustments': command(ADJUSTMENTS_ARGUMENTS, async ({ holder, sinceWallMs }) => {
      const query = { holder: holder === undefined ? null : holderName(ledger, holder), sinceWallMs };
      const past = await ledger.adjustments({ ...query, most: MOST_ADJUSTMENTS });
      const wallMs = ledger.wallMs();
      const countsOf = (name: string, allowanceId: string) =>
        usageOfHolder(ledger, name, wallMs)?.find((usage) => usage.allowanceId === allowanceId)?.counts ?? null;
      const answer: AdjustmentsReport = { ...past, adjustments: named(past.adjustments, ledger.sims, countsOf) };
      return done(answer);
    }),
    'ledger adjust': command(ADJUST_ARGUMENTS, async (given, by) => {
      const { adjustmentId, allowanceId, reason, wallMs = ledger.wallMs() } = given;
      if (wallMs > ledger.wallMs())
        return refuse(
          'refused',
          'That instant is yet to come: an adjustment counts in a window that holds now, or that has ended.',
        );
      const found = findAllowance(ledger, given.holder, allowanceId, wallMs);
      if (!found.ok) return found;
      const { holder, usage } = found;
      const amount = amountOf(given.amount, usage.counts);
      if (amount === null)
        return refuse('refused', `${allowanceId} counts whole ${usage.counts}, not "${given.amount}".`);
      if (amount === 0)
        return refuse(
          'refused',
          'An adjustment by 0 changes nothing: say how much to add, or with a minus to take away.',
        );
      const adjustment = { adjustmentId, holder, allowanceId, amount, reason, by: callerText(by), wallMs };
      const earlier = await adjustmentMade(ledger, adjustmentId);
      if (earlier !== undefined && !isSame(earlier, adjustment))
        return refuse(
          'refused',
          `Adjustment ${adjustmentId} was made already, and otherwise: see "ledger adjustments". Nothing was changed; another one needs another id.`,
        );
      const result = await ledger.adjust(adjustment);
      if (!result.ok) return refuse('refused', REFUSALS[result.reason]);
      if (earlier === undefined)
        log.warn({ ...adjustment, caller: by, used: result.used }, 'an operator adjusted usage');
      const { counts, window, windowStartWallMs, limit } = usage;
      const answer: AdjustmentDone = { adjustment, counts, window, windowStartWallMs, used: result.used, limit };
      return done(answer);
    }),
  };
}

const REFUSALS = {
  'unknown-holder': 'The ledger does not know that SIM or payer.',
  'unknown-allowance': 'The ledger does not know that allowance.',
  'ledger-away': 'The ledger cannot be reached or written now; nothing was changed. Try again later.',
} as const;

async function adjustmentMade(ledger: LedgerPort, adjustmentId: string): Promise<Adjustment | undefined> {
  const { adjustments } = await ledger.adjustments({ holder: null, sinceWallMs: 0, most: MOST_LOOKED_THROUGH });
  return adjustments.find((each) => each.adjustmentId === adjustmentId);
}

/** A repetition may say other words, and counts in the window that the first one said. */
function isSame(a: Adjustment, b: Adjustment): boolean {
  return a.holder === b.holder && a.allowanceId === b.allowanceId && a.amount === b.amount;
}

async function verify(ledger: LedgerPort): Promise<LedgerVerification> {
  const { differences, ...rest } = await ledger.verify();
  const numberOf = new Map(ledger.sims.map(({ simId, number }) => [`${SIM}${simId}`, number]));
  return {
    ...rest,
    differences: differences.map((difference) => {
      const { holder, allowanceId } = difference;
      const usage = usageOfHolder(ledger, holder, ledger.wallMs())?.find((each) => each.allowanceId === allowanceId);
      return { ...difference, simNumber: numberOf.get(holder) ?? null, counts: usage?.counts ?? null };
    }),
  };
}

/** With what people know SIMs by, and what amounts count. */
export function named(
  adjustments: readonly PastAdjustment[],
  sims: LedgerPort['sims'],
  countsOf: (holder: string, allowanceId: string) => AllowanceUsage['counts'] | null,
): NamedAdjustment[] {
  const numberOf = new Map(sims.map(({ simId, number }) => [`${SIM}${simId}`, number]));
  return adjustments.map((each) => {
    const { holder, allowanceId } = each;
    return { ...each, simNumber: numberOf.get(holder) ?? null, counts: countsOf(holder, allowanceId) };
  });
}

/** A SIM that has left the config is known by its ICCID still. */
export function holderName({ sims }: Pick<LedgerPort, 'sims'>, given: z.output<typeof HOLDER>): string {
  if ('payer' in given) return given.payer;
  const sim = sims.find(({ simId, number }) => simId === given.sim || number === given.sim);
  return `${SIM}${sim?.simId ?? given.sim}`;
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
  if ('sim' in given) {
    const sim = ledger.sims.find(({ simId, number }) => simId === given.sim || number === given.sim);
    if (sim === undefined)
      return refuse(
        'not-found',
        `The config has no SIM "${given.sim}": name it by its ICCID, or by its number such as +821012345678.`,
      );
    holder = `${SIM}${sim.simId}`;
  } else holder = given.payer;
  const allowances = usageOfHolder(ledger, holder, wallMs);
  if (allowances === undefined)
    return refuse(
      'not-found',
      `The config has no caps for "${holder}", or nobody of that name: it is trunk:NAME, agent:TRUNK/USER or account:NAME.`,
    );
  const usage = allowances.find((candidate) => candidate.allowanceId === allowanceId);
  if (usage !== undefined) return { ok: true, holder, usage };
  const known = allowances.map((allowance) => allowance.allowanceId).join(', ');
  return refuse('not-found', `${holder} has no allowance "${allowanceId}"; it has ${known || 'none'}.`);
}

function usageOfHolder(ledger: LedgerPort, holder: string, wallMs: number): readonly AllowanceUsage[] | undefined {
  if (!holder.startsWith(SIM)) return ledger.usageOfPayer(holder, wallMs);
  return ledger.usageOf(holder.slice(SIM.length), wallMs)?.allowances;
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
export function amountText(amount: number, counts: AllowanceUsage['counts'] | null): string {
  return counts === 'spend' ? formatMoney(amount) : String(amount);
}

function callerText({ uid, user }: Caller): string {
  return uid === null ? user : `${user} (uid ${uid})`;
}
