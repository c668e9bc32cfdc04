// What becomes of SRTP: ended by a media engine that can, refused where a recording would hold only noise, else passed from side
// to side by setting (SDES RFC 4568, DTLS RFC 5763). Candidates of ICE are never passed: they would lead past the relay.
import { isEncrypted, type RtpTransport } from './description.js';
import type { MediaPolicy } from './media-policy.js';

export type TransportUse = 'plain' | 'ended' | 'passed';

/** How an offer's transport is used; null: it is refused. */
export function useOfTransport(
  transport: RtpTransport | null,
  terms: { readonly isEnded: boolean; readonly recorded: boolean; readonly policy: MediaPolicy },
): TransportUse | null {
  if (transport === null || !isEncrypted(transport)) return 'plain';
  if (terms.isEnded) return 'ended';
  return terms.recorded || terms.policy.srtp === 'refuse' ? null : 'passed';
}

/** What keys the two ends need of each other, and how they travel. */
const PASSED = /^(?:crypto|fingerprint|setup|connection|tls-id):/;

export function passedTransport({ protocol, attributes }: RtpTransport): RtpTransport {
  return { protocol, attributes: attributes.filter((attribute) => PASSED.test(attribute) || attribute === 'rtcp-mux') };
}

/** New credentials of ICE: it begins anew, and the answer has to have new ones too (RFC 8839 §4.4.1.1.1 and §4.4.2). */
export function restartsIce(before: RtpTransport, after: RtpTransport): boolean {
  return credentialsOf(before) !== credentialsOf(after);
}

export function usesIce(transport: RtpTransport): boolean {
  return credentialsOf(transport) !== '';
}

function credentialsOf({ attributes }: RtpTransport): string {
  return attributes
    .filter((attribute) => /^ice-(?:ufrag|pwd):/.test(attribute))
    .sort()
    .join();
}
