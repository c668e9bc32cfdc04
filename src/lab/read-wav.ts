// Reads a 16-bit PCM WAV file, for checking recordings from outside: it shares no code with the recorder.

export interface WavAudio {
  readonly sampleRateHz: number;
  /** One array for each channel; of a recording, left is the caller and right the callee. */
  readonly channels: readonly Int16Array[];
}

const PCM = 1;

/** @throws Error that says what is wrong with the file. */
export function readWav(file: Buffer): WavAudio {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error('not a WAV file');
  }
  if (file.readUInt32LE(4) !== file.length - 8) {
    throw new Error(`the header says ${file.readUInt32LE(4) + 8} bytes, the file has ${file.length}`);
  }
  let format: { channels: number; sampleRateHz: number } | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString('latin1', at, at + 4);
    const bytes = file.readUInt32LE(at + 4);
    const start = at + 8;
    if (start + bytes > file.length) throw new Error(`the chunk ${id} is cut short`);
    if (id === 'fmt ') {
      if (file.readUInt16LE(start) !== PCM || file.readUInt16LE(start + 14) !== 16) throw new Error('not 16-bit PCM');
      format = { channels: file.readUInt16LE(start + 2), sampleRateHz: file.readUInt32LE(start + 4) };
    } else if (id === 'data') {
      if (format === undefined) throw new Error('data before its format');
      return {
        sampleRateHz: format.sampleRateHz,
        channels: split(file.subarray(start, start + bytes), format.channels),
      };
    }
    at = start + bytes + (bytes % 2);
  }
  throw new Error('no audio in the file');
}

function split(data: Buffer, channels: number): Int16Array[] {
  const frames = Math.floor(data.length / (2 * channels));
  return Array.from({ length: channels }, (_, channel) =>
    Int16Array.from({ length: frames }, (_, frame) => data.readInt16LE(2 * (frame * channels + channel))),
  );
}
