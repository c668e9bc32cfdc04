// Generators of session descriptions for property tests (fast-check): legal offers of many shapes.
import fc from 'fast-check';
import type { SdpCodec } from './description.js';

const CODECS = [
  { payloadType: 0, map: 'PCMU/8000' },
  { payloadType: 8, map: 'PCMA/8000' },
  { payloadType: 9, map: 'G722/8000' },
  { payloadType: 18, map: 'G729/8000' },
  { payloadType: 111, map: 'opus/48000/2' },
  { payloadType: 96, map: 'telephone-event/8000' },
  { payloadType: 101, map: 'telephone-event/8000' },
  { payloadType: 110, map: 'telephone-event/48000' },
] as const;

const directions = fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive', null);
const ports = fc.integer({ min: 1024, max: 65_000 });
const address = fc.oneof(
  fc.ipV4().filter((text) => Number(text.split('.')[0]) < 224),
  fc.constant('0.0.0.0'),
);

const audioSection = fc.record({
  port: ports,
  protocol: fc.constantFrom('RTP/AVP', 'RTP/AVPF'),
  codecs: fc.shuffledSubarray([...CODECS], { minLength: 1 }),
  withMaps: fc.boolean(),
  direction: directions,
  ptime: fc.constantFrom(null, 10, 20, 30),
  rtcp: fc.option(ports),
});

const otherSection = fc.record({
  line: fc.constantFrom('m=video 5004 RTP/AVP 31 34', 'm=image 4040 udptl t38', 'm=application 9 UDP/DTLS/SCTP x'),
  attribute: fc.constantFrom('a=mid:v', 'a=sendonly', 'a=T38FaxVersion:0'),
});

function audioLines(section: typeof audioSection extends fc.Arbitrary<infer T> ? T : never): string[] {
  const formats = section.codecs.map((codec) => codec.payloadType).join(' ');
  const maps = section.codecs.filter((codec) => section.withMaps || codec.payloadType >= 96);
  return [
    `m=audio ${section.port} ${section.protocol} ${formats}`,
    ...maps.map((codec) => `a=rtpmap:${codec.payloadType} ${codec.map}`),
    ...(section.ptime === null ? [] : [`a=ptime:${section.ptime}`]),
    ...(section.rtcp === null ? [] : [`a=rtcp:${section.rtcp}`]),
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

/** How a gateway answers an offer of ours: which of its payload types, in which order, with what besides. */
export const gatewayArbitrary = fc.record({
  order: fc.array(fc.nat(20), { maxLength: 6 }),
  foreign: fc.boolean(),
  direction: directions,
  ptime: fc.constantFrom(null, 20, 30),
  address,
});

/** The answer of such a gateway to an offer with one m-line. */
export function gatewayAnswerTo(
  offer: { readonly codecs: readonly SdpCodec[]; readonly telephoneEvents: readonly SdpCodec[] },
  gateway: typeof gatewayArbitrary extends fc.Arbitrary<infer T> ? T : never,
): string {
  const offered = [...offer.codecs, ...offer.telephoneEvents];
  const chosen = [...new Set(gateway.order.map((pick) => offered[pick % offered.length]))];
  const mapped = chosen.flatMap((codec) => codec ?? []);
  const formats = [...mapped.map((codec) => codec.payloadType), ...(gateway.foreign ? [3, 126] : [])];
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
    ...(gateway.ptime === null ? [] : [`a=ptime:${gateway.ptime}`]),
    ...(gateway.direction === null ? [] : [`a=${gateway.direction}`]),
    '',
  ].join('\r\n');
}

/** A set of codec names such as a trunk or a gateway allows. */
export const policyArbitrary: fc.Arbitrary<string[]> = fc.shuffledSubarray(['PCMU', 'PCMA', 'G722', 'G729', 'opus'], {
  minLength: 1,
});
