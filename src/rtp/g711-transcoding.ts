// A-law to µ-law and back, octet for octet: each becomes the octet whose value is nearest (ITU-T G.711 §4).
// Deviation: tables 3 and 4 of G.711 differ from the nearest value by one step in a few places; no ear can tell.
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from './g711.js';

/** µ-law octet by A-law octet. */
export const A_LAW_TO_MU_LAW: Uint8Array = nearestOctets(A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR);

/** A-law octet by µ-law octet. */
export const MU_LAW_TO_A_LAW: Uint8Array = nearestOctets(MU_LAW_TO_LINEAR, A_LAW_TO_LINEAR);

/** Replaces octets from `from` up to `to` by what the table has for them. */
export function transcodeOctets(octets: Uint8Array, from: number, to: number, table: Uint8Array): void {
  for (let at = from; at < to; at += 1) octets[at] = table[octets[at] ?? 0] ?? 0;
}

function nearestOctets(values: Int16Array, targets: Int16Array): Uint8Array {
  return Uint8Array.from(values, (value, octet) => {
    let best = 0;
    for (let candidate = 1; candidate < targets.length; candidate += 1) {
      if (isNearer(value, octet, targets, candidate, best)) best = candidate;
    }
    return best;
  });
}

/** Between two at the same distance the louder one of the same sign, so that no signal is lost in silence. */
function isNearer(value: number, octet: number, targets: Int16Array, candidate: number, best: number): boolean {
  const distance = Math.abs((targets[candidate] ?? 0) - value) - Math.abs((targets[best] ?? 0) - value);
  if (distance !== 0) return distance < 0;
  // µ-law has two zeros; both laws mark positive values by the first bit.
  const hasSign = (candidate & 0x80) === (octet & 0x80);
  const bestHasSign = (best & 0x80) === (octet & 0x80);
  if (hasSign !== bestHasSign) return hasSign;
  return Math.abs(targets[candidate] ?? 0) > Math.abs(targets[best] ?? 0);
}
