// A WAV file as a sound that can be played: mono, 8 kHz, 16-bit PCM or G.711 (RFC 2361: 1, 6 and 7). Pure.
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from '../../rtp/g711.js';
import { SAMPLE_RATE_HZ } from './sound.js';

const PCM = 1;
const A_LAW = 6;
const MU_LAW = 7;
/** The real format is the first two octets of the GUID at octet 24. */
const EXTENSIBLE = 0xfffe;

export type ReadSoundResult =
  /** The samples are in shared memory: threads read them without copies. */
  { readonly ok: true; readonly samples: Int16Array } | { readonly ok: false; readonly problem: string };

interface Format {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRateHz: number;
  readonly bitsPerSample: number;
}

/** Reads a whole file. A data chunk that is cut short, or says nothing of its length, ends where the file does. */
export function readSound(file: Uint8Array): ReadSoundResult {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 12 || textAt(file, 0) !== 'RIFF' || textAt(file, 8) !== 'WAVE') return refused('it is no WAV file');
  let format: Format | null = null;
  for (let at = 12; at + 8 <= file.length; ) {
    const bytes = view.getUint32(at + 4, true);
    const start = at + 8;
    const id = textAt(file, at);
    if (id === 'fmt ') {
      if (bytes < 16 || start + bytes > file.length) return refused('its format is cut short');
      format = readFormat(view, start, bytes);
    } else if (id === 'data') {
      if (format === null) return refused('its audio comes before its format');
      return readSamples(format, file.subarray(start, Math.min(file.length, start + bytes)));
    }
    at = start + bytes + (bytes % 2);
  }
  return refused('it has no audio');
}

function readFormat(view: DataView, start: number, bytes: number): Format {
  const tag = view.getUint16(start, true);
  return {
    tag: tag === EXTENSIBLE && bytes >= 26 ? view.getUint16(start + 24, true) : tag,
    channels: view.getUint16(start + 2, true),
    sampleRateHz: view.getUint32(start + 4, true),
    bitsPerSample: view.getUint16(start + 14, true),
  };
}

function readSamples(format: Format, data: Uint8Array): ReadSoundResult {
  const { tag, channels, sampleRateHz, bitsPerSample } = format;
  if (channels !== 1) return refused(`it has ${channels} channels, not one`);
  if (sampleRateHz !== SAMPLE_RATE_HZ) return refused(`it has ${sampleRateHz} samples a second, not ${SAMPLE_RATE_HZ}`);
  if (tag === PCM && bitsPerSample === 16) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return sound(data.length >> 1, (index) => view.getInt16(2 * index, true));
  }
  if ((tag === A_LAW || tag === MU_LAW) && bitsPerSample === 8) {
    const linear = tag === A_LAW ? A_LAW_TO_LINEAR : MU_LAW_TO_LINEAR;
    return sound(data.length, (index) => linear[data[index] ?? 0] ?? 0);
  }
  return refused('it is neither 16-bit PCM, nor A-law, nor µ-law');
}

function sound(length: number, sampleAt: (index: number) => number): ReadSoundResult {
  if (length === 0) return refused('it has no audio');
  const samples = new Int16Array(new SharedArrayBuffer(2 * length));
  for (let index = 0; index < length; index += 1) samples[index] = sampleAt(index);
  return { ok: true, samples };
}

function refused(problem: string): ReadSoundResult {
  return { ok: false, problem };
}

function textAt(file: Uint8Array, at: number): string {
  return String.fromCharCode(...file.subarray(at, at + 4));
}
