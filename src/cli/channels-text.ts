// Channels as an operator reads them.
import type { ChannelReport, ComparisonReport, SimStatusReport } from '../control/channel-report.js';
import { clockTime, instant, textTable } from './text-table.js';

const TROUBLES: Readonly<Record<string, string>> = {
  'sim-absent': 'NO SIM',
  'other-sim': 'ANOTHER SIM',
  'not-registered': 'NOT REGISTERED',
  'line-not-registered': 'LINE NOT REGISTERED',
  'weak-signal': 'WEAK SIGNAL',
};

export function channelLines(channels: readonly ChannelReport[]): string[] {
  if (channels.length === 0) return ['There is no such channel.'];
  const head = ['channel', 'number', 'state', 'SIM', 'signal', 'balance', 'told', ''];
  const rows = channels.map((channel) => {
    const { channelId, simNumber, state, status, statusAgeSeconds, trouble, suspension } = channel;
    const suspended =
      suspension === null
        ? ''
        : `SUSPENDED since ${instant(suspension.sinceMs)}: ${suspension.count} × ${suspension.streak}`;
    return [
      channelId,
      simNumber,
      state === 'busy' ? 'in a call' : state,
      trouble === null ? simWords(status) : (TROUBLES[trouble] ?? trouble),
      status?.signal?.toString() ?? '',
      status?.balance ?? '',
      statusAgeSeconds === null ? '' : `${clockTime(statusAgeSeconds)} ago`,
      suspended,
    ];
  });
  return textTable([head, ...rows]);
}

function simWords(status: SimStatusReport | null): string {
  if (status === null) return 'not known';
  if (status.registered === true) return status.inCall === true ? 'registered, in a call' : 'registered';
  return status.present === true ? 'present' : 'not known';
}

const OUTCOMES: Readonly<Record<ComparisonReport['outcome'], string>> = {
  same: 'the same',
  differs: 'DIFFERS',
  reset: 'the gateway began anew',
};

export function comparisonLines(comparisons: readonly ComparisonReport[]): string[] {
  if (comparisons.length === 0)
    return ['Nothing was compared: a comparison needs two counts of the gateway, a day apart.'];
  const head = ['channel', 'since', 'until', 'calls: gateway', 'ledger', 'seconds: gateway', 'ledger', ''];
  const rows = comparisons.map((one) => [
    one.channelId,
    instant(one.sinceWallMs),
    instant(one.untilWallMs),
    one.gatewayCalls?.toString() ?? '',
    String(one.ledgerCalls),
    one.gatewaySeconds?.toString() ?? '',
    String(one.ledgerSeconds),
    OUTCOMES[one.outcome],
  ]);
  return textTable([head, ...rows]);
}
