// The header of our recordings: RIFF WAVE, PCM, 16 bits, stereo, 8 kHz; 44 bytes before the samples.

export const SAMPLE_RATE_HZ = 8_000;
export const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1_000;
/** A left and a right sample. */
export const FRAME_BYTES = 4;
export const WAV_HEADER_BYTES = 44;

const MAX_DATA_BYTES = 0xffff_ffff - WAV_HEADER_BYTES;

//  0 "RIFF" | 4 file size - 8 | 8 "WAVE" | 12 "fmt " | 16 size of fmt: 16 | 20 format: 1 (PCM) | 22 channels: 2
// 24 sample rate | 28 bytes a second | 32 bytes a frame | 34 bits a sample | 36 "data" | 40 bytes of data

/** The header of a file with `dataBytes` of samples after it. */
export function wavHeader(dataBytes: number): Buffer {
  const bytes = Math.min(dataBytes, MAX_DATA_BYTES);
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(bytes + WAV_HEADER_BYTES - 8, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  header.writeUInt32LE(SAMPLE_RATE_HZ * FRAME_BYTES, 28);
  header.writeUInt16LE(FRAME_BYTES, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(bytes, 40);
  return header;
}

/** Whole frames in a file of `fileBytes`, in bytes. */
export function wholeFrameBytes(fileBytes: number): number {
  const dataBytes = Math.max(0, fileBytes - WAV_HEADER_BYTES);
  return dataBytes - (dataBytes % FRAME_BYTES);
}

export function durationMsOf(dataBytes: number): number {
  return dataBytes / FRAME_BYTES / SAMPLES_PER_MS;
}
