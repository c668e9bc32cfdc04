// What a running service takes over from a changed config, and what needs a restart: listeners, port ranges, paths, engines.
// What stands in no row needs a restart, so a new key is never taken for one that a reload reaches.
import type { ConfigFile } from './schema.js';

/** Keys, or the beginnings of their paths. */
const RELOADABLE: readonly string[] = [
  'trunks',
  'gateways',
  'registrations',
  // Their plans are among `plans`.
  'planFiles',
  'plans',
  'agents',
  'accounts',
  'sims',
  'channels',
  'policy',
  'routing',
  'call',
  'messages',
  'sip.allowedHeaders',
  'sip.allowedHeadersToTrunks',
  'sip.digest',
  'sip.defence.allow',
  'sip.defence.deny',
  'media.silentAfterMs',
  'recording.required',
  'recording.onLoss',
  'cdr.recordingDeadlineMs',
];

/** Reloadable above, but for these. */
const NEEDING_A_RESTART: readonly string[] = ['call.minCallSeconds'];

/** With a shared ledger every node has to count by the same terms. */
const SHARED: readonly string[] = ['plans', 'agents', 'accounts', 'sims', 'channels'];
/** Of trunks, their caps; one that comes or goes has some. */
const CAPS_OF_TRUNKS: ReadonlySet<string | undefined> = new Set([undefined, 'spendCap', 'caps', 'timeZone', 'account']);

export function isReloadable(path: readonly string[], { ledger }: Pick<ConfigFile, 'ledger'>): boolean {
  const text = path.join('.');
  const isBelow = (row: string) => text === row || text.startsWith(`${row}.`);
  if (NEEDING_A_RESTART.some(isBelow)) return false;
  const isShared = SHARED.some(isBelow) || (path[0] === 'trunks' && CAPS_OF_TRUNKS.has(path[2]));
  if (ledger.kind === 'redis' && isShared) return false;
  return RELOADABLE.some(isBelow);
}
