// Codecs by name: the static payload types of RFC 3551 §6, the names that a policy may use, what makes two codecs the same,
// and the formats that go with an audio codec: telephone-event (RFC 4733) and comfort noise (RFC 3389).
import type { SdpCodec } from './description.js';

const STATIC_CODECS: readonly SdpCodec[] = [
  { payloadType: 0, name: 'PCMU', clockRateHz: 8000 },
  { payloadType: 3, name: 'GSM', clockRateHz: 8000 },
  { payloadType: 4, name: 'G723', clockRateHz: 8000 },
  { payloadType: 5, name: 'DVI4', clockRateHz: 8000 },
  { payloadType: 6, name: 'DVI4', clockRateHz: 16000 },
  { payloadType: 7, name: 'LPC', clockRateHz: 8000 },
  { payloadType: 8, name: 'PCMA', clockRateHz: 8000 },
  // RFC 3551 §4.5.2: G722 samples at 16 kHz, and its RTP clock is 8 kHz by an old mistake that stays.
  { payloadType: 9, name: 'G722', clockRateHz: 8000 },
  { payloadType: 10, name: 'L16', clockRateHz: 44100, channels: 2 },
  { payloadType: 11, name: 'L16', clockRateHz: 44100 },
  { payloadType: 12, name: 'QCELP', clockRateHz: 8000 },
  { payloadType: 13, name: 'CN', clockRateHz: 8000 },
  { payloadType: 15, name: 'G728', clockRateHz: 8000 },
  { payloadType: 18, name: 'G729', clockRateHz: 8000 },
];

/** Codecs without a static payload type, as we offer them ourselves; RFC 7587 §7 wants opus with two channels always. */
const DYNAMIC_CODECS: readonly SdpCodec[] = [
  { payloadType: 96, name: 'opus', clockRateHz: 48000, channels: 2 },
  { payloadType: 97, name: 'AMR', clockRateHz: 8000 },
  { payloadType: 98, name: 'AMR-WB', clockRateHz: 16000 },
  { payloadType: 99, name: 'iLBC', clockRateHz: 8000 },
];

/** Names that a policy may use. */
export const CODEC_NAMES = ['PCMA', 'PCMU', 'G722', 'G729', 'G723', 'GSM', 'iLBC', 'AMR', 'AMR-WB', 'opus'] as const;

const CANONICAL_NAMES = new Map(CODEC_NAMES.map((name) => [name.toLowerCase(), name]));

export const TELEPHONE_EVENT = 'telephone-event';
const OWN_EVENT_PAYLOAD_TYPES = [101, 102, 103, 104] as const;
const FIRST_DYNAMIC = 96;

/** The codec of a static payload type, or undefined. */
export function staticCodec(payloadType: number): SdpCodec | undefined {
  return STATIC_CODECS.find((codec) => codec.payloadType === payloadType);
}

/** How a policy writes the name of a codec: SDP compares names without case. */
export function canonicalName(name: string): string {
  return CANONICAL_NAMES.get(name.toLowerCase()) ?? name;
}

export function isTelephoneEvent(codec: Pick<SdpCodec, 'name'>): boolean {
  return codec.name.toLowerCase() === TELEPHONE_EVENT;
}

/** Formats that say nothing by themselves: they share timeline and clock rate with an audio codec (RFC 4733 §2.1, RFC 3389 §4). */
export function isCompanion(codec: Pick<SdpCodec, 'name'>): boolean {
  return isTelephoneEvent(codec) || codec.name.toLowerCase() === 'cn';
}

/** Same name, clock rate and channels, whatever the payload type and the parameters. */
export function isSameCodec(a: SdpCodec, b: SdpCodec): boolean {
  return (
    a.name.toLowerCase() === b.name.toLowerCase() &&
    a.clockRateHz === b.clockRateHz &&
    (a.channels ?? 1) === (b.channels ?? 1)
  );
}

/** The same codec under the same payload type. */
export function isSameFormat(a: SdpCodec, b: SdpCodec): boolean {
  return a.payloadType === b.payloadType && isSameCodec(a, b);
}

/** The same format with these parameters. Each description has several: built field by field, they share their shapes. */
export function withParameters(
  { payloadType, name, clockRateHz, channels }: SdpCodec,
  fmtp: string | undefined,
): SdpCodec {
  if (channels === undefined) {
    return fmtp === undefined ? { payloadType, name, clockRateHz } : { payloadType, name, clockRateHz, fmtp };
  }
  return fmtp === undefined
    ? { payloadType, name, clockRateHz, channels }
    : { payloadType, name, clockRateHz, channels, fmtp };
}

/** Whether a list of names has the codec; `null` has all. */
export function isNamed(codec: Pick<SdpCodec, 'name'>, names: readonly string[] | null): boolean {
  if (names === null) return true;
  const name = codec.name.toLowerCase();
  return names.some((other) => other.toLowerCase() === name);
}

/** The codecs of these names under payload types of our own choice, none of them among `taken`. */
export function ownCodecs(names: readonly string[], taken: readonly number[] = []): SdpCodec[] {
  const used = new Set(taken);
  const codecs: SdpCodec[] = [];
  for (const name of names) {
    const known = [...STATIC_CODECS, ...DYNAMIC_CODECS].find(
      (codec) => codec.name.toLowerCase() === name.toLowerCase() && !isCompanion(codec),
    );
    if (known === undefined || codecs.some((codec) => isSameCodec(codec, known))) continue;
    const codec = used.has(known.payloadType) ? renumbered(known, freePayloadType(used)) : known;
    used.add(codec.payloadType);
    codecs.push(codec);
  }
  return codecs;
}

/** A telephone-event of our own for each clock rate (RFC 4733 §2.1), none under a payload type among `taken`. */
export function ownTelephoneEvents(clockRatesHz: readonly number[], taken: readonly number[] = []): SdpCodec[] {
  const used = new Set(taken);
  return [...new Set(clockRatesHz)].map((clockRateHz) => {
    const payloadType = OWN_EVENT_PAYLOAD_TYPES.find((candidate) => !used.has(candidate)) ?? freePayloadType(used);
    used.add(payloadType);
    return { payloadType, name: TELEPHONE_EVENT, clockRateHz, fmtp: '0-16' };
  });
}

function renumbered({ name, clockRateHz, channels }: SdpCodec, payloadType: number): SdpCodec {
  return channels === undefined ? { payloadType, name, clockRateHz } : { payloadType, name, clockRateHz, channels };
}

function freePayloadType(used: ReadonlySet<number>): number {
  let payloadType = FIRST_DYNAMIC;
  while (used.has(payloadType) && payloadType < 127) payloadType += 1;
  return payloadType;
}
