// What the caller hears of the call before its answer: whatever the gateways say, in their order, but nothing twice in a row.
// Pure; steps of the machine.
import type { Draft } from './call-steps.js';
import { arm } from './call-steps.js';

/** RFC 3261 §13.3.1.1: without one a minute a proxy on the way may give the INVITE up. */
const REPEAT_MS = 60_000;
/** A gateway that says the same again so soon answers a repeated INVITE of its own, or another attempt says it now. */
const SAME_AGAIN_MS = 30_000;

/** @param media its description reaches the caller */
export function tellProgress(draft: Draft, status: number, media: boolean): void {
  const { told, request } = draft.state;
  // A plain 180 has PBXs ring by themselves, where a 183 without media would have them be silent.
  const said = !media && request.trunk.plainRinging === true ? 180 : status;
  const isSame = told !== null && told.status === said && told.media === media;
  if (isSame && draft.now.monotonicMs - told.atMonotonicMs < SAME_AGAIN_MS) return;
  say(draft, said, media);
}

/** The gateway has said nothing for a while: the caller is told again what it was told last. */
export function repeatProgress(draft: Draft): void {
  const { told } = draft.state;
  if (told !== null) say(draft, told.status, told.media);
}

function say(draft: Draft, status: number, media: boolean): void {
  draft.state = { ...draft.state, told: { status, media, atMonotonicMs: draft.now.monotonicMs } };
  draft.do(media ? { type: 'progress-caller', status } : { type: 'ring-caller', status });
  arm(draft, 'repeat', null, REPEAT_MS);
}
