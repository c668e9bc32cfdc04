// Telling Redis of a reservation that it did not book, or may have forgotten: from then on it counts for every node.
import { isAlone, type Own, type SharedParts } from './shared-parts.js';
import { writeRequest } from './shared-records.js';

/** Resolves with what Redis says to it: `restated`, or `lost` where the channel or the SIM is somebody else's by now. */
export async function restate({ session, replica }: SharedParts, own: Own): Promise<string> {
  const { request, answeredWallMs, coveredUntilWallMs, settled } = own;
  const [answer] = await session.run('restate', [
    ...[request.reservationId, request.channelId, request.simId],
    ...[String(replica.memory.gapMsOf(request.channelId)), String(answeredWallMs ?? '')],
    ...[String(coveredUntilWallMs ?? ''), settled ? '1' : '0', String(request.wallMs), writeRequest(request)],
  ]);
  return String(answer);
}

/** Of a reservation that was made while Redis is there and grants nothing yet: before anything of it leaves this node. */
export async function tellOfOwn(parts: SharedParts, own: Own): Promise<void> {
  if (!parts.session.isAttached || !isAlone(parts)) return;
  // It went away just now: the next attachment tells it.
  await restate(parts, own).catch(() => undefined);
}
