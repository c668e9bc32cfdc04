// What the ledger says of itself, for people.
import type { AdjustmentDone, AdjustmentsReport, LedgerVerification } from '../control/ledger-commands.js';
import { amountText } from '../control/ledger-commands.js';
import type { FileRecount } from '../ledgers/recount-file.js';
import type { AllowanceUsage } from '../quota/ledger.js';
import { instant, textTable } from './text-table.js';

export function verificationText({ ok, settlements, adjustments, differences }: LedgerVerification): string {
  const history = historyText(settlements, adjustments);
  if (ok) return `The running service decides by what history says: ${history} were counted again.`;
  const head = ['SIM or payer', 'number', 'allowance', 'window since', 'decides by', 'history says', 'off by'];
  const rows = differences.map(({ holder, simNumber, allowanceId, counts, windowStartWallMs, used, recomputed }) => [
    ...[holder, simNumber ?? '', allowanceId, instant(windowStartWallMs)],
    ...[amountText(used, counts), amountText(recomputed, counts), signedText(used - recomputed, counts)],
  ]);
  return [
    `The running service does NOT decide by what history says (${history} were counted again):`,
    ...textTable([head, ...rows]),
    'That is a fault of simtrunk: please report it. A restart decides by history again.',
  ].join('\n');
}

export interface RecountReport extends Omit<FileRecount, 'usages'> {
  readonly file: string;
  /** True when it is this node's part of a shared ledger. */
  readonly isPartOnly: boolean;
  readonly usages: readonly (FileRecount['usages'][number] & { readonly simNumber: string | null })[];
}

export function recountText({
  found,
  file,
  isPartOnly,
  settlements,
  adjustments,
  unfinished,
  usages,
}: RecountReport): string {
  const asked = 'No running service was asked, so there is nothing to compare with.';
  if (!found) return `There is no ledger yet at ${file}: nothing was used. ${asked}`;
  const head = ['SIM or payer', 'number', 'allowance', 'window since', 'used', 'of'];
  const rows = usages.flatMap(({ holder, simNumber, allowances }) =>
    allowances
      .filter(({ used }) => used !== 0)
      .map(({ allowanceId, counts, windowStartWallMs, used, limit }) => [
        ...[holder, simNumber ?? '', allowanceId, instant(windowStartWallMs)],
        ...[amountText(used, counts), amountText(limit, counts)],
      ]),
  );
  const left =
    unfinished === 0 ? '' : ` ${plural(unfinished, 'reservation')} will be settled or released at the next start.`;
  return [
    `Read from ${file}: ${historyText(settlements, adjustments)} add up to`,
    ...(rows.length === 0 ? ['  nothing used in any window.'] : textTable([head, ...rows])),
    ...(isPartOnly ? ['It is this node’s part of a shared ledger: what other nodes used is not counted.'] : []),
    `${asked}${left}`,
  ].join('\n');
}

export function adjustmentText({ adjustment, counts, windowStartWallMs, used, limit }: AdjustmentDone): string {
  const { adjustmentId, holder, allowanceId, amount, by } = adjustment;
  const now = `${amountText(used, counts)} of ${amountText(limit, counts)} used`;
  return [
    `${holder} ${allowanceId}: ${signedText(amount, counts)}, now ${now} in the window since ${instant(windowStartWallMs)}.`,
    `Adjustment ${adjustmentId} by ${by}.`,
  ].join('\n');
}

export interface AdjustmentsText extends AdjustmentsReport {
  /** The journal that was read without a running service; null for what one answered. */
  readonly file: string | null;
}

export function adjustmentsText({ adjustments, isCut, isPartOnly, file }: AdjustmentsText): string {
  const head = ['made', 'by', 'SIM or payer', 'number', 'allowance', 'amount', 'in the window of', 'reason'];
  const rows = adjustments.map(({ madeWallMs, by, holder, simNumber, allowanceId, amount, counts, wallMs, reason }) => [
    ...[madeWallMs === null ? 'not known' : instant(madeWallMs), oneLine(by), holder, simNumber ?? '', allowanceId],
    ...[signedText(amount, counts), instant(wallMs), oneLine(reason)],
  ]);
  const from = file === null ? '' : ` in ${file}`;
  return [
    `${plural(adjustments.length, 'adjustment')}${from}${isCut ? ', the last ones; older ones are left out' : ''}${rows.length === 0 ? '.' : ':'}`,
    ...(rows.length === 0 ? [] : textTable([head, ...rows])),
    ...(isPartOnly
      ? ['They are this node’s part of a shared ledger: what was adjusted on other nodes is not shown.']
      : []),
  ].join('\n');
}

/** What somebody typed is a cell of a table, and moves no cursor. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function historyText(settlements: number, adjustments: number): string {
  return `${plural(settlements, 'settlement')} and ${plural(adjustments, 'adjustment')}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function signedText(amount: number, counts: AllowanceUsage['counts'] | null): string {
  return `${amount > 0 ? '+' : ''}${amountText(amount, counts)}`;
}
