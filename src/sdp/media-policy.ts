// What a trunk, a gateway or a channel allows in its session descriptions, and how policies order what peers offer.
import { canonicalName, isNamed } from './codecs.js';
import type { SdpCodec } from './description.js';

export interface MediaPolicy {
  /** Names of the codecs that may be used, in the order in which we offer them where no peer has said one. */
  readonly codecs: readonly string[];
  /** Names that go first, in this order, whatever order a peer has. */
  readonly preferred: readonly string[];
  /** Packet time in ms that the side is asked for; null: what the other side wants. */
  readonly ptimeMs: number | null;
  /** An offer of SRTP that the media engine cannot end: refused, or passed to the other side as it is. */
  readonly srtp: 'refuse' | 'pass';
  /** A fax by T.38. */
  readonly t38: 'refuse' | 'pass';
  /** How the side has its digits: as events in RTP, or in INFO, and then no events are agreed on with it. */
  readonly dtmf: 'rfc4733' | 'info';
}

/** A policy of codecs alone, as it is when nothing else is said. */
export function codecPolicy(codecs: readonly string[]): MediaPolicy {
  return { codecs, preferred: [], ptimeMs: null, srtp: 'refuse', t38: 'refuse', dtmf: 'rfc4733' };
}

/** By which a call that begins with a fax asks for a channel, among the names of codecs: the format of its m-line. */
export const FAX_FORMAT = 't38';

/** What a call may begin with there. */
export function carriedFormats({ codecs, t38 }: MediaPolicy): readonly string[] {
  return t38 === 'pass' ? [...codecs, FAX_FORMAT] : codecs;
}

/** Those that a policy allows, its preferred ones first, else as they stand. */
export function inOrderOf(policy: MediaPolicy, codecs: readonly SdpCodec[]): SdpCodec[] {
  const allowed = codecs.filter((codec) => isNamed(codec, policy.codecs));
  if (policy.preferred.length === 0) return allowed;
  const rank = ({ name }: SdpCodec) => {
    const at = policy.preferred.indexOf(canonicalName(name));
    return at === -1 ? policy.preferred.length : at;
  };
  return allowed.sort((a, b) => rank(a) - rank(b));
}

/** The names that a policy allows in the order in which we offer them ourselves. */
export function ownOrder({ codecs, preferred }: MediaPolicy): string[] {
  return [...preferred.filter((name) => codecs.includes(name)), ...codecs.filter((name) => !preferred.includes(name))];
}
