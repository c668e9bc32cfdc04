// The codecs in which something can be played: G.711, whose octets are samples (RFC 3551 §4.5.14), and CN beside it.
import type { MediaCodec } from '../../call/ports.js';
import { A_LAW_TO_LINEAR, linearToALaw, linearToMuLaw, MU_LAW_TO_LINEAR } from '../../rtp/g711.js';
import { SAMPLE_RATE_HZ } from './sound.js';

export interface LinearCodec {
  readonly payloadType: number;
  /** 16-bit sample by octet. */
  readonly toLinear: Int16Array;
  readonly fromLinear: (sample: number) => number;
}

/** In the order in which they stand. */
export function linearCodecsOf(codecs: readonly MediaCodec[]): LinearCodec[] {
  return codecs.flatMap((codec) => linearCodecOf(codec) ?? []);
}

/** The payload type of comfort noise (RFC 3389) for audio at 8 kHz, or null. */
export function comfortNoiseTypeOf(codecs: readonly MediaCodec[]): number | null {
  const isComfortNoise = ({ name, clockRateHz }: MediaCodec) => /^cn$/i.test(name) && clockRateHz === SAMPLE_RATE_HZ;
  return codecs.find(isComfortNoise)?.payloadType ?? null;
}

function linearCodecOf({ name, payloadType, clockRateHz, channels = 1 }: MediaCodec): LinearCodec | null {
  if (clockRateHz !== SAMPLE_RATE_HZ || channels !== 1) return null;
  switch (name.toUpperCase()) {
    case 'PCMA':
      return { payloadType, toLinear: A_LAW_TO_LINEAR, fromLinear: linearToALaw };
    case 'PCMU':
      return { payloadType, toLinear: MU_LAW_TO_LINEAR, fromLinear: linearToMuLaw };
    default:
      return null;
  }
}

/** A sum of samples as a 16-bit one. */
export function clamped(sample: number): number {
  return sample > 32_767 ? 32_767 : sample < -32_768 ? -32_768 : sample;
}
