// Codecs by name: the static payload types of RFC 3551 §6, what makes two codecs the same, and policies of names.
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

/** Codecs without a static payload type that a policy may name for an offer of our own. */
const DYNAMIC_CODECS: readonly SdpCodec[] = [
  { payloadType: 96, name: 'opus', clockRateHz: 48000, channels: 2 },
  { payloadType: 97, name: 'AMR', clockRateHz: 8000 },
  { payloadType: 98, name: 'AMR-WB', clockRateHz: 16000 },
  { payloadType: 99, name: 'iLBC', clockRateHz: 8000 },
];

const TELEPHONE_EVENT = 'telephone-event';
const EVENT_PAYLOAD_TYPE = 101;

/** The codec of a static payload type, or undefined. */
export function staticCodec(payloadType: number): SdpCodec | undefined {
  return STATIC_CODECS.find((codec) => codec.payloadType === payloadType);
}

export function isTelephoneEvent(codec: Pick<SdpCodec, 'name'>): boolean {
  return codec.name.toLowerCase() === TELEPHONE_EVENT;
}

/** Same name, clock rate and channels, whatever the payload type. */
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

/** Whether every policy names the codec. */
export function isAllowed(codec: Pick<SdpCodec, 'name'>, policies: readonly (readonly string[])[]): boolean {
  const name = codec.name.toLowerCase();
  return policies.every((policy) => policy.some((allowed) => allowed.toLowerCase() === name));
}

/** What the policies have in common, in the order of the first, with payload types of our own choice. */
export function codecsOfPolicies(policies: readonly (readonly string[])[]): {
  codecs: SdpCodec[];
  telephoneEvents: SdpCodec[];
} {
  const codecs: SdpCodec[] = [];
  for (const name of policies[0] ?? []) {
    const codec = codecByName(name);
    if (codec === undefined || !isAllowed(codec, policies)) continue;
    if (!codecs.some((other) => isSameCodec(other, codec))) codecs.push(codec);
  }
  const telephoneEvents = [...new Set(codecs.map((codec) => codec.clockRateHz))].map((clockRateHz, index) => ({
    payloadType: EVENT_PAYLOAD_TYPE + index,
    name: TELEPHONE_EVENT,
    clockRateHz,
    fmtp: '0-16',
  }));
  return { codecs, telephoneEvents };
}

function codecByName(name: string): SdpCodec | undefined {
  return [...STATIC_CODECS, ...DYNAMIC_CODECS].find((codec) => codec.name.toLowerCase() === name.toLowerCase());
}
