// A routing decision as an operator reads it.
import { amountText } from '../control/ledger-commands.js';
import type { RouteReport } from '../control/route-report.js';
import type { PolicyReason } from '../policy/rules.js';
import type { AllowanceUsage } from '../quota/ledger.js';
import { textTable } from './text-table.js';

const POLICY_WORDS: Readonly<Record<'bad-number' | PolicyReason, string>> = {
  'bad-number': 'refused: this is no number that can be called (484)',
  'class-not-allowed': 'refused: the trunk may not call this class of numbers (403)',
  'outside-calling-hours': 'refused: the callee may not be called at this hour (403)',
  'do-not-call': 'refused: the callee is on a do-not-call list (403)',
  'do-not-call-list-stale': 'refused: a do-not-call list is older than it may be (403)',
  'too-many-attempts': 'refused: the callee has been called as often as it may be today (403)',
  'cap-exhausted': 'refused: the trunk, the agent or the account has used up a cap (403)',
  'trunk-full': 'refused: the trunk has as many calls as it may (503)',
  'trunk-rate': 'refused: the trunk’s calls come faster than they may (503)',
};

const REFUSAL_WORDS: Readonly<Record<string, string>> = {
  'commercial-use-forbidden': 'the plan’s terms forbid commercial use, and the trunk is commercial',
  'class-not-covered': 'the plan cannot call this class of numbers',
  'no-common-codec': 'trunk and gateway have no codec in common',
  'outside-trunk-groups': 'in none of the channel groups that the trunk may use',
  'outside-agent-groups': 'in none of the channel groups that the agent may use',
  'gateway-down': 'the gateway does not answer its probes',
  'gateway-full': 'the gateway has as many calls as it may',
  'gateway-cooling': 'the gateway is left alone for a while, as its settings ask for what it answered',
  'gateway-rate': 'the gateway has begun as many calls as it may in a second',
  'already-tried': 'this call has tried it',
  'channel-disabled': 'disabled in the config',
  'sim-absent': 'no SIM in its port',
  'not-registered': 'its SIM is not in the mobile network',
  'weak-signal': 'its signal is too weak',
  'channel-suspended': 'it is suspended for what its calls came to',
  'channel-cooling': 'in its cool-down, after failures in a row or for what the gateway answered',
  'channel-busy': 'in a call',
  'channel-resting': 'in its gap after a call, or its SIM is still in one elsewhere',
  'quota-exhausted': 'nothing left of an allowance',
  'too-few-seconds': 'not enough seconds left for a call',
  paced: 'the share of an allowance for the time until now is used',
};

const TERM_WORDS: Readonly<Record<string, string>> = {
  cost: 'cost',
  sameCallee: 'talked to this callee last',
  ownChannel: 'the agent’s own',
  evenness: 'used today',
  fillFirst: 'not used today',
  answerRatio: 'unanswered lately',
  postDialDelay: 'slow to ring lately',
  failures: 'failed lately',
  lastResort: 'last resort',
};

export function routeReportText(report: RouteReport, all: boolean): string {
  return [...heading(report), ...rankingLines(report), ...refusalLines(report, all), ...sourceLines(report)].join('\n');
}

function heading({ dialled, trunk, agent, callee, policy, policyDetail, payers }: RouteReport): string[] {
  const from = `trunk ${trunk.name} (${trunk.traffic})${agent === null ? '' : `, agent ${agent}`}`;
  const what = callee === null ? '' : `: ${callee.e164}, ${callee.numberClass}`;
  return [
    `${dialled} from ${from}${what}`,
    `  policy: ${wordsFor(policy)}${policyDetail === null ? '' : `: ${policyDetail}`}`,
    ...payers.map(({ payer, usage }) => `  caps of ${payer}: ${usage.map(usageText).join(', ')}`),
    '',
  ];
}

function wordsFor(policy: string): string {
  return (POLICY_WORDS as Readonly<Record<string, string>>)[policy] ?? policy;
}

function rankingLines({ ranked, policy, refusal }: RouteReport): string[] {
  if (policy !== 'admitted') return [];
  if (ranked.length === 0) {
    const answer = refusal === 'refused-for-this-call' ? '403, refused for this call' : '503, no channel for anybody';
    return [`No channel would carry it: the caller gets ${answer}.`, ''];
  }
  const rows = ranked.map(({ channelId, simNumber, plan, score, terms, maxCallSeconds, usage }, index) => [
    String(index + 1),
    channelId,
    simNumber,
    inThousands(score),
    Object.entries(terms)
      .map(([name, value]) => `${TERM_WORDS[name] ?? name} ${inThousands(value)}`)
      .join(', '),
    `${maxCallSeconds} s`,
    `${plan}: ${usage.map(usageText).join(', ') || 'no limits'}`,
  ]);
  const head = [
    '',
    'channel',
    'SIM',
    'score',
    'which is, in thousands (the lowest wins)',
    'may last',
    'plan and what is used of it',
  ];
  return [...textTable([head, ...rows]), ''];
}

function usageText({ allowanceId, counts, used, held, limit }: AllowanceUsage): string {
  return `${allowanceId} ${amountText(used + held, counts)}/${amountText(limit, counts)}`;
}

function inThousands(score: number): string {
  return Math.round(score / 1000).toLocaleString('en');
}

function refusalLines({ refusals, refused, policy }: RouteReport, all: boolean): string[] {
  if (policy !== 'admitted' || Object.keys(refused).length === 0) return [];
  if (all) {
    const rows = refusals.map(({ channelId, simNumber, reason, allowanceId }) => [
      '',
      channelId,
      simNumber,
      allowanceId === undefined ? reason : `${reason} (${allowanceId})`,
      REFUSAL_WORDS[reason] ?? '',
    ]);
    return ['Refused:', ...textTable(rows), ''];
  }
  const rows = Object.entries(refused).map(([reason, count]) => [String(count), reason, REFUSAL_WORDS[reason] ?? '']);
  return [`Refused (--all shows each channel):`, ...textTable(rows), ''];
}

function sourceLines({ source, wallMs }: RouteReport): string[] {
  const asOf = `as of ${new Date(wallMs).toISOString()}`;
  if (source.runningService) {
    const away =
      'Redis cannot be reached: until it can, new calls get what `ledger.redis.whenAway` says, whatever stands above.';
    return [`Asked of the running service, ${asOf}.`, ...(source.isLedgerAway ? [away] : [])];
  }
  const ledger = source.ledger === null ? 'no ledger yet, so nothing used' : `the ledger ${source.ledger}`;
  const part = 'It is this node’s part of a shared ledger: what other nodes used is not counted.';
  return [
    `Read from ${source.config} and ${ledger}, ${asOf}.`,
    ...(source.isPartOnly ? [part] : []),
    'No running service was asked: gateways count as up.',
  ];
}
