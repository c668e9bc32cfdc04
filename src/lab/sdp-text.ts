// The little SDP that a phone and a gateway speak (RFC 4566, RFC 3264), for the lab alone, as in sip-text.ts.

export type LabCodec = 'PCMU' | 'PCMA';

/** Static payload types (RFC 3551 §6). */
export const PAYLOAD_TYPES: Readonly<Record<LabCodec, number>> = { PCMU: 0, PCMA: 8 };

export interface AudioDescription {
  readonly address: string;
  readonly port: number;
  readonly codecs: readonly LabCodec[];
  /** Payload type of telephone-event, where offered. */
  readonly eventPayloadType: number | undefined;
}

/** Describes one audio stream, codecs in order of preference. */
export function writeSdp(description: AudioDescription): string {
  const { address, port, codecs, eventPayloadType } = description;
  const family = address.includes(':') ? 'IP6' : 'IP4';
  const payloadTypes = codecs.map((codec) => PAYLOAD_TYPES[codec]);
  const lines = [
    'v=0',
    `o=- ${port} 1 IN ${family} ${address}`,
    's=-',
    `c=IN ${family} ${address}`,
    't=0 0',
    `m=audio ${port} RTP/AVP ${[...payloadTypes, ...(eventPayloadType === undefined ? [] : [eventPayloadType])].join(' ')}`,
    ...codecs.map((codec) => `a=rtpmap:${PAYLOAD_TYPES[codec]} ${codec}/8000`),
    ...(eventPayloadType === undefined
      ? []
      : [`a=rtpmap:${eventPayloadType} telephone-event/8000`, `a=fmtp:${eventPayloadType} 0-15`]),
    'a=ptime:20',
    'a=sendrecv',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** The first audio stream that is not refused, or undefined when there is none that the lab could use. */
export function parseSdp(text: string): AudioDescription | undefined {
  const media = /^m=audio (\d+) RTP\/AVP ([\d ]+)/m.exec(text);
  if (media?.[1] === undefined || media[1] === '0') return undefined;
  const section = text.slice(media.index);
  const connection = /^c=IN IP[46] (\S+)/m;
  const address = (connection.exec(section) ?? connection.exec(text))?.[1];
  if (address === undefined) return undefined;
  const offered = (media[2] ?? '').trim().split(/\s+/).map(Number);
  const codecs = offered.flatMap((type) =>
    type === PAYLOAD_TYPES.PCMA ? ['PCMA' as const] : type === PAYLOAD_TYPES.PCMU ? ['PCMU' as const] : [],
  );
  const event = /^a=rtpmap:(\d+) telephone-event\/8000/m.exec(section)?.[1];
  return { address, port: Number(media[1]), codecs, eventPayloadType: event === undefined ? undefined : Number(event) };
}
