// What a running service takes over from a changed config, and what needs a restart: listeners, port ranges, paths, engines.
// What stands in no row needs a restart, so a new key is never taken for one that a reload reaches.

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
  'sip.allowedContent',
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

export function isReloadable(path: readonly string[]): boolean {
  const text = path.join('.');
  const isBelow = (row: string) => text === row || text.startsWith(`${row}.`);
  return !NEEDING_A_RESTART.some(isBelow) && RELOADABLE.some(isBelow);
}
