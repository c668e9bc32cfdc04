// What is played through rtpengine: it takes a WAV file within the request, so files are read here and tones are made here.
import { readFile } from 'node:fs/promises';
import type { PlaySource } from '../../call/ports.js';
import { keyTone } from '../player/key-tones.js';
import { readSound } from '../player/read-sound.js';
import { isTone, RecordedSound, SAMPLE_RATE_HZ, type Sound, Tone } from '../player/sound.js';

const HEADER_BYTES = 44;
/** A request must fit into a datagram beside its other keys. */
export const MAX_WAV_BYTES = 60_000;
/** Of a tone that does not end, which is repeated until it is stopped. */
const STEADY_SAMPLES = 2 * SAMPLE_RATE_HZ;
const LONGEST_SAMPLES = (MAX_WAV_BYTES - HEADER_BYTES) / 2;

export interface Playable {
  readonly wav: Uint8Array;
  readonly durationMs: number;
  /** It goes on until it is stopped, whatever was asked for. */
  readonly isEndless: boolean;
}

/** Null for what cannot be played, or does not fit into a request: some 3.7 seconds do. */
export async function playableOf(source: PlaySource): Promise<Playable | null> {
  const sound = await soundOf(source);
  if (sound === null) return null;
  const isEndless = sound.lengthSamples === Number.POSITIVE_INFINITY;
  const samples = isEndless ? STEADY_SAMPLES : sound.lengthSamples;
  if (samples === 0 || samples > LONGEST_SAMPLES) return null;
  const linear = new Int32Array(samples);
  sound.addTo(linear, 0, samples, 0);
  return { wav: wavOf(linear), durationMs: (samples * 1_000) / SAMPLE_RATE_HZ, isEndless };
}

function toneOf({ digit, durationMs }: Extract<PlaySource, { kind: 'digit' }>): Sound | null {
  const tone = keyTone(digit, durationMs);
  return tone !== null && isTone(tone) ? new Tone(tone) : null;
}

async function soundOf(source: PlaySource): Promise<Sound | null> {
  if (source.kind === 'tone') return isTone(source) ? new Tone(source) : null;
  if (source.kind === 'digit') return toneOf(source);
  const file = await readFile(source.path).catch(() => null);
  const read = file && readSound(file);
  return read?.ok ? new RecordedSound(read.samples) : null;
}

/** 16-bit PCM, mono. */
function wavOf(linear: Int32Array): Uint8Array {
  const wav = Buffer.alloc(HEADER_BYTES + 2 * linear.length);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  wav.writeUInt32LE(2 * SAMPLE_RATE_HZ, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(2 * linear.length, 40);
  for (const [index, sample] of linear.entries()) {
    wav.writeInt16LE(Math.max(-32_768, Math.min(32_767, sample)), HEADER_BYTES + 2 * index);
  }
  return wav;
}
