// G.711 (ITU-T, 1988): A-law and µ-law, 8 bits a sample, to and from 16-bit linear, all by tables made at start.

/** 16-bit linear by A-law octet. */
export const A_LAW_TO_LINEAR: Int16Array = Int16Array.from({ length: 256 }, (_, octet) => decodeALaw(octet));

/** 16-bit linear by µ-law octet. */
export const MU_LAW_TO_LINEAR: Int16Array = Int16Array.from({ length: 256 }, (_, octet) => decodeMuLaw(octet));

/** The octet of silence: the smallest positive value. */
export const A_LAW_SILENCE = 0xd5;
export const MU_LAW_SILENCE = 0xff;

// A-law keeps 13 bits of a sample and µ-law 14, so the tables are indexed by the upper bits alone.
const LINEAR_TO_A_LAW = Uint8Array.from({ length: 1 << 13 }, (_, index) => encodeALaw((index - (1 << 12)) << 3));
const LINEAR_TO_MU_LAW = Uint8Array.from({ length: 1 << 14 }, (_, index) => encodeMuLaw((index - (1 << 13)) << 2));

/** The A-law octet of a 16-bit sample. */
export function linearToALaw(sample: number): number {
  return LINEAR_TO_A_LAW[(sample >> 3) + (1 << 12)] ?? A_LAW_SILENCE;
}

/** The µ-law octet of a 16-bit sample. */
export function linearToMuLaw(sample: number): number {
  return LINEAR_TO_MU_LAW[(sample >> 2) + (1 << 13)] ?? MU_LAW_SILENCE;
}

function decodeALaw(octet: number): number {
  const bits = octet ^ 0x55;
  const segment = (bits >> 4) & 7;
  const step = bits & 0x0f;
  const magnitude = segment === 0 ? (step << 4) + 8 : ((step << 4) + 0x108) << (segment - 1);
  return (bits & 0x80) !== 0 ? magnitude : -magnitude;
}

function decodeMuLaw(octet: number): number {
  const bits = ~octet & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return (bits & 0x80) !== 0 ? -magnitude : magnitude;
}

function encodeALaw(sample: number): number {
  const isPositive = sample >= 0;
  let magnitude = Math.min(isPositive ? sample >> 4 : ~sample >> 4, 0x7ff);
  let octet = isPositive ? 0x80 : 0;
  if (magnitude > 0x0f) {
    let segment = 1;
    while (magnitude > 0x1f) {
      magnitude >>= 1;
      segment += 1;
    }
    octet |= (segment << 4) | (magnitude & 0x0f);
  } else {
    octet |= magnitude;
  }
  return octet ^ 0x55;
}

function encodeMuLaw(sample: number): number {
  const isNegative = sample < 0;
  const biased = Math.min((isNegative ? -sample : sample) >> 2, 0x1fde) + 0x21;
  let segment = 0;
  while (biased >> (segment + 6) !== 0) segment += 1;
  const octet = (segment << 4) | ((biased >> (segment + 1)) & 0x0f);
  return ~(isNegative ? octet | 0x80 : octet) & 0xff;
}
