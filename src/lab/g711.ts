// G.711 (ITU-T) for the lab.
import type { LabCodec } from './sdp-text.js';

function muLawToLinear(code: number): number {
  const inverted = ~code & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4)) - 0x84;
  return inverted & 0x80 ? -magnitude : magnitude;
}

function aLawToLinear(code: number): number {
  const toggled = code ^ 0x55;
  const segment = (toggled & 0x70) >> 4;
  const base = ((toggled & 0x0f) << 4) + (segment === 0 ? 8 : 0x108);
  const magnitude = segment > 1 ? base << (segment - 1) : base;
  return toggled & 0x80 ? magnitude : -magnitude;
}

const DECODED: Readonly<Record<LabCodec, Int16Array>> = {
  PCMU: Int16Array.from({ length: 256 }, (_, code) => muLawToLinear(code)),
  PCMA: Int16Array.from({ length: 256 }, (_, code) => aLawToLinear(code)),
};

/** The nearest code for each of 65,536 samples. */
function encodingTable(decoded: Int16Array): Uint8Array {
  const codes = Array.from({ length: 256 }, (_, code) => code).sort((a, b) => (decoded[a] ?? 0) - (decoded[b] ?? 0));
  const table = new Uint8Array(65_536);
  let at = 0;
  for (let sample = -32_768; sample < 32_768; sample++) {
    const distance = (index: number): number => Math.abs((decoded[codes[index] ?? 0] ?? 0) - sample);
    while (at < 255 && distance(at + 1) <= distance(at)) at += 1;
    table[sample + 32_768] = codes[at] ?? 0;
  }
  return table;
}

const ENCODED: Readonly<Record<LabCodec, Uint8Array>> = {
  PCMU: encodingTable(DECODED.PCMU),
  PCMA: encodingTable(DECODED.PCMA),
};

export const encodeG711 = (codec: LabCodec, samples: Int16Array): Uint8Array =>
  Uint8Array.from(samples, (sample) => ENCODED[codec][sample + 32_768] ?? 0);

export const decodeG711 = (codec: LabCodec, codes: Uint8Array): Int16Array =>
  Int16Array.from(codes, (code) => DECODED[codec][code] ?? 0);
