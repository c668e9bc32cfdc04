// For tests of the player: WAV files of any kind, sound ones and others.

/** A WAV file with this format and these octets of audio; `chunks` stand before the audio. */
export function wavFile(
  fields: {
    readonly tag?: number;
    readonly guidTag?: number;
    readonly channels?: number;
    readonly sampleRateHz?: number;
    readonly bitsPerSample?: number;
    readonly chunks?: readonly number[];
    readonly data?: readonly number[] | Uint8Array;
  } = {},
): Buffer {
  const {
    tag = 1,
    guidTag,
    channels = 1,
    sampleRateHz = 8_000,
    bitsPerSample = 16,
    chunks = [],
    data = [0, 0],
  } = fields;
  const format = Buffer.alloc(guidTag === undefined ? 16 : 40);
  format.writeUInt16LE(tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRateHz, 4);
  format.writeUInt32LE((sampleRateHz * channels * bitsPerSample) / 8, 8);
  format.writeUInt16LE((channels * bitsPerSample) / 8, 12);
  format.writeUInt16LE(bitsPerSample, 14);
  if (guidTag !== undefined) format.writeUInt16LE(guidTag, 24);
  const body = [chunk('fmt ', format), Buffer.from(chunks), chunk('data', Buffer.from(data))];
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...body]));
}

function chunk(id: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8, id, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}
