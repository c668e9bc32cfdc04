// Generators of session descriptions for property tests (fast-check): legal offers of many shapes, gateways that answer by
// numbers and parameters of their own, policies.
import fc from 'fast-check';
import { CODEC_NAMES } from './codecs.js';
import { type CodecSelection, formatsOf, type SdpCodec } from './description.js';
import type { MediaPolicy } from './media-policy.js';

/** Codecs as peers offer them; a list of `fmtp` holds texts that mean the same or not. */
const CODECS: readonly { readonly map: string; readonly payloadType?: number; readonly fmtp?: readonly string[] }[] = [
  { payloadType: 0, map: 'PCMU/8000' },
  { payloadType: 8, map: 'PCMA/8000' },
  { payloadType: 9, map: 'G722/8000' },
  { payloadType: 18, map: 'G729/8000', fmtp: ['annexb=no', 'annexb=yes'] },
  { payloadType: 4, map: 'G723/8000', fmtp: ['annexa=no'] },
  { payloadType: 3, map: 'GSM/8000' },
  { map: 'iLBC/8000', fmtp: ['mode=20', 'mode=30'] },
  { map: 'AMR/8000', fmtp: ['octet-align=1', 'mode-set=0,2,4,7', 'octet-align=1; mode-set=7'] },
  { map: 'AMR-WB/16000', fmtp: ['octet-align=1;mode-set=0,1,2', 'mode-change-capability=2'] },
  { map: 'opus/48000/2', fmtp: ['useinbandfec=1; usedtx=0', 'maxplaybackrate=8000;stereo=0'] },
  { map: 'speex/16000' },
];
const COMPANIONS: typeof CODECS = [
  { payloadType: 13, map: 'CN/8000' },
  { map: 'telephone-event/8000', fmtp: ['0-15', '0-16', '0-11,16'] },
  { map: 'telephone-event/16000', fmtp: ['0-15'] },
  { map: 'telephone-event/48000', fmtp: ['0-16'] },
];

const directions = fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive', null);
const ports = fc.integer({ min: 1024, max: 65_000 });
const address = fc.oneof(
  { weight: 9, arbitrary: fc.ipV4().filter((text) => Number(text.split('.')[0]) < 224) },
  { weight: 1, arbitrary: fc.constant('0.0.0.0') },
);

/** Which of a codec's texts stands in a description; a larger pick is none. */
const picks = fc.array(fc.nat(4), { minLength: 16, maxLength: 16 });

const audioSection = fc.record({
  port: ports,
  protocol: fc.constantFrom('RTP/AVP', 'RTP/AVPF'),
  codecs: fc.shuffledSubarray([...CODECS], { minLength: 1 }),
  companions: fc.shuffledSubarray([...COMPANIONS]),
  firstDynamic: fc.integer({ min: 96, max: 110 }),
  picks,
  withMaps: fc.boolean(),
  direction: directions,
  ptime: fc.constantFrom(null, 10, 20, 30),
  maxptime: fc.constantFrom(null, 20, 40, 150),
  rtcp: fc.option(ports),
  further: fc.subarray([
    'rtcp-mux',
    'ice-ufrag:F7gI',
    'candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host',
    'silenceSupp:off - - - -',
  ]),
});

const otherSection = fc.record({
  line: fc.constantFrom(
    'm=video 5004 RTP/AVP 31 34',
    'm=image 4040 udptl t38',
    'm=application 9 UDP/DTLS/SCTP x',
    'm=audio 0 RTP/AVP 0',
    'm=audio 4242 RTP/SAVP 0',
  ),
  attribute: fc.constantFrom('a=mid:v', 'a=sendonly', 'a=T38FaxVersion:0'),
});

function audioLines(section: typeof audioSection extends fc.Arbitrary<infer T> ? T : never): string[] {
  let next = section.firstDynamic;
  const formats = [...section.codecs, ...section.companions].map((codec, at) => ({
    payloadType: codec.payloadType ?? next++,
    map: codec.map,
    fmtp: codec.fmtp?.[section.picks[at] ?? 0],
  }));
  return [
    `m=audio ${section.port} ${section.protocol} ${formats.map(({ payloadType }) => payloadType).join(' ')}`,
    ...formats
      .filter(({ payloadType }) => section.withMaps || payloadType >= 96)
      .map(({ payloadType, map }) => `a=rtpmap:${payloadType} ${map}`),
    ...formats.flatMap(({ payloadType, fmtp }) => (fmtp === undefined ? [] : [`a=fmtp:${payloadType} ${fmtp}`])),
    ...(section.ptime === null ? [] : [`a=ptime:${section.ptime}`]),
    ...(section.maxptime === null ? [] : [`a=maxptime:${section.maxptime}`]),
    ...(section.rtcp === null ? [] : [`a=rtcp:${section.rtcp}`]),
    ...section.further.map((attribute) => `a=${attribute}`),
    ...(section.direction === null ? [] : [`a=${section.direction}`]),
  ];
}

/** An offer with one audio stream and, around it, streams that are to be refused. */
export const offerArbitrary: fc.Arbitrary<string> = fc
  .record({
    address,
    before: fc.array(otherSection, { maxLength: 2 }),
    audio: audioSection,
    after: fc.array(otherSection, { maxLength: 2 }),
    user: fc.stringMatching(/^[a-z0-9]{1,8}$/),
    lineEnd: fc.constantFrom('\r\n', '\n'),
  })
  .map(({ address, before, audio, after, user, lineEnd }) =>
    [
      'v=0',
      `o=${user} 4611 7 IN IP4 ${address}`,
      `s=secret-${user}`,
      `c=IN IP4 ${address}`,
      't=0 0',
      ...before.flatMap((section) => [section.line, section.attribute]),
      ...audioLines(audio),
      ...after.flatMap((section) => [section.line, section.attribute]),
      '',
    ].join(lineEnd),
  );

/** How a gateway answers an offer of ours: which of its formats, in which order, by which numbers, with what besides. */
export const gatewayArbitrary = fc.record({
  order: fc.array(fc.nat(20), { maxLength: 8 }),
  /** Added to dynamic payload types: 0 answers by our numbers. */
  renumbered: fc.constantFrom(0, 0, 0, 1, 7),
  picks,
  foreign: fc.boolean(),
  direction: directions,
  ptime: fc.constantFrom(null, 20, 30),
  maxptime: fc.constantFrom(null, 20, 60),
  mux: fc.boolean(),
  address,
});

/** The answer of such a gateway to an offer with one m-line. */
export function gatewayAnswerTo(
  offer: CodecSelection,
  gateway: typeof gatewayArbitrary extends fc.Arbitrary<infer T> ? T : never,
): string {
  const offered = formatsOf(offer);
  const chosen = [...new Set(gateway.order.map((pick) => offered[pick % offered.length]))];
  const mapped = chosen.flatMap((codec) => codec ?? []).map((codec, at) => answered(codec, gateway, at));
  const formats = [...mapped.map((codec) => codec.payloadType), ...(gateway.foreign ? [17, 126] : [])];
  return [
    'v=0',
    `o=gateway 77 77 IN IP4 ${gateway.address}`,
    's=secret-gateway',
    `c=IN IP4 ${gateway.address}`,
    't=0 0',
    `m=audio 5000 RTP/AVP ${formats.length === 0 ? 0 : formats.join(' ')}`,
    ...mapped.map(({ payloadType, name, clockRateHz, channels }) =>
      [`a=rtpmap:${payloadType} ${name}/${clockRateHz}`, ...(channels === undefined ? [] : [channels])].join('/'),
    ),
    ...mapped.flatMap(({ payloadType, fmtp }) => (fmtp === undefined ? [] : [`a=fmtp:${payloadType} ${fmtp}`])),
    ...(gateway.ptime === null ? [] : [`a=ptime:${gateway.ptime}`]),
    ...(gateway.maxptime === null ? [] : [`a=maxptime:${gateway.maxptime}`]),
    ...(gateway.mux ? ['a=rtcp-mux'] : []),
    ...(gateway.direction === null ? [] : [`a=${gateway.direction}`]),
    '',
  ].join('\r\n');
}

/** Now and then with other parameters than were offered, which may or may not go together. */
function answered(
  codec: SdpCodec,
  { renumbered, picks: chosen }: { readonly renumbered: number; readonly picks: readonly number[] },
  at: number,
): SdpCodec {
  const payloadType = codec.payloadType >= 96 ? 96 + ((codec.payloadType - 96 + renumbered) % 32) : codec.payloadType;
  const { channels } = codec;
  const map = `${codec.name}/${codec.clockRateHz}${channels === undefined ? '' : `/${channels}`}`;
  const texts = [...CODECS, ...COMPANIONS].find((known) => known.map === map)?.fmtp;
  const pick = chosen[at] ?? 0;
  const fmtp = pick === 4 ? undefined : (texts?.[pick] ?? codec.fmtp);
  const { name, clockRateHz } = codec;
  return {
    payloadType,
    name,
    clockRateHz,
    ...(channels !== undefined && { channels }),
    ...(fmtp !== undefined && { fmtp }),
  };
}

/** What a trunk or a channel allows. */
export const policyArbitrary: fc.Arbitrary<MediaPolicy> = fc.record({
  codecs: fc.shuffledSubarray([...CODEC_NAMES], { minLength: 1 }),
  preferred: fc.shuffledSubarray([...CODEC_NAMES], { maxLength: 2 }),
  ptimeMs: fc.constantFrom(null, null, 20, 40),
  srtp: fc.constant('refuse' as const),
  t38: fc.constant('refuse' as const),
  dtmf: fc.constant('rfc4733' as const),
});
