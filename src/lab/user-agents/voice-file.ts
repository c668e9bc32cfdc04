// Voices of the lab as files that other programs read and write: WAV, 8 kHz, 16 bits, one channel.
import { readFileSync, writeFileSync } from 'node:fs';
import { SAMPLE_RATE_HZ } from '../speech.js';

const HEADER_BYTES = 44;

export function writeVoice(path: string, samples: Int16Array): void {
  const file = Buffer.alloc(HEADER_BYTES + 2 * samples.length);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  file.writeUInt32LE(2 * SAMPLE_RATE_HZ, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(2 * samples.length, 40);
  for (const [index, sample] of samples.entries()) file.writeInt16LE(sample, HEADER_BYTES + 2 * index);
  writeFileSync(path, file);
}

/** The samples of a file whose header may not say yet how many there are; none when there is no file. */
export function readVoice(path: string): Int16Array {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return new Int16Array(0);
  }
  const count = Math.max(0, Math.floor((file.length - HEADER_BYTES) / 2));
  return Int16Array.from({ length: count }, (_, index) => file.readInt16LE(HEADER_BYTES + 2 * index));
}
