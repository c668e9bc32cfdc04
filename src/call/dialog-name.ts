// Whether a dialog is the one that a Replaces header names (RFC 3891 §3).
import type { LegIdentity } from './ports.js';
import type { DialogName } from './ports-dialog.js';

export function isNamed(
  { callId, local, remote }: Pick<LegIdentity, 'callId' | 'local' | 'remote'>,
  name: DialogName,
): boolean {
  if (callId !== name.callId) return false;
  const tags = [tagOf(local), tagOf(remote)] as const;
  // Deviation: some PBXs write the tags as they see them themselves, the other way round; the Call-ID is theirs in any case.
  return (
    (tags[0] === name.localTag && tags[1] === name.remoteTag) ||
    (tags[0] === name.remoteTag && tags[1] === name.localTag)
  );
}

function tagOf(nameAddress: string): string {
  return /;\s*tag=([^;\s>]+)\s*(?:;|$)/i.exec(nameAddress)?.[1] ?? '';
}
