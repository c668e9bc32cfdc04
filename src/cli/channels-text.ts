// Channels as an operator reads them.
import type { ChannelReport, SimStatusReport } from '../control/channel-report.js';
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
