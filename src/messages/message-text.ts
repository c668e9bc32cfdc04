// How long a text is on the air, and so what it is sent and billed as: SMS of one or more parts, LMS or MMS.
// GSM 7-bit default alphabet and UCS-2: 3GPP TS 23.038; parts: TS 23.040 §9.2.3.24.1. EUC-KR, as Korean carriers count it, with
// its extension to all Hangul (CP949).
import type { MessageLoad } from '../quota/usage.js';

export type TextEncoding = 'gsm-7bit' | 'ucs-2' | 'euc-kr';

export interface TextLimits {
  /** `gsm`: septets, or 16-bit units for what its alphabet lacks; `euc-kr`: bytes. */
  readonly alphabet: 'gsm' | 'euc-kr';
  /** Parts that one SMS may have, each of which counts as one; of `euc-kr` there is one. */
  readonly smsParts: number;
  /** Of an SMS in EUC-KR. */
  readonly smsBytes: number;
  /** Of an LMS; 0: none are sent. */
  readonly lmsBytes: number;
  /** Whether it can send pictures. */
  readonly hasMms: boolean;
}

export interface MeasuredText {
  readonly load: MessageLoad;
  readonly encoding: TextEncoding;
}

const GSM_BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Two septets: an escape before. */
const GSM_EXTENDED = '\f^{}\\[~]|€';
const SEPTETS = new Map<string, number>([
  ...[...GSM_BASIC].map((character): [string, number] => [character, 1]),
  ...[...GSM_EXTENDED].map((character): [string, number] => [character, 2]),
]);

/** In one part, and in each of several, whose header takes the rest. */
const GSM_PART = { alone: 160, each: 153 };
const UCS2_PART = { alone: 70, each: 67 };

/** What it is sent as; null when it fits nothing that is sent there. */
export function measureText(text: string, hasPictures: boolean, limits: TextLimits): MeasuredText | null {
  const { alphabet, smsParts, smsBytes, lmsBytes, hasMms } = limits;
  const korean = alphabet === 'euc-kr' ? koreanBytes(text) : null;
  const septets = alphabet === 'gsm' ? septetsOf(text) : null;
  const encoding: TextEncoding = korean !== null ? 'euc-kr' : septets !== null ? 'gsm-7bit' : 'ucs-2';
  const bytes = korean ?? 2 * text.length;
  if (hasPictures) return hasMms ? { load: { kind: 'mms', count: 1 }, encoding } : null;
  if (alphabet === 'euc-kr') {
    if (bytes <= (korean === null ? 2 * UCS2_PART.alone : smsBytes))
      return { load: { kind: 'sms', count: 1 }, encoding };
  } else {
    const parts = septets === null ? partsOf([...text].map(unitsOf), UCS2_PART) : partsOf(septets, GSM_PART);
    if (parts <= smsParts) return { load: { kind: 'sms', count: parts }, encoding };
  }
  return bytes <= lmsBytes ? { load: { kind: 'lms', count: 1 }, encoding } : null;
}

/** Septets of each character; null when one is not of the alphabet. */
function septetsOf(text: string): readonly number[] | null {
  const septets: number[] = [];
  for (const character of text) {
    const count = SEPTETS.get(character);
    if (count === undefined) return null;
    septets.push(count);
  }
  return septets;
}

function unitsOf(character: string): number {
  return character.length;
}

/** A character of two units, an escape or a surrogate pair, is never divided between parts. */
function partsOf(sizes: readonly number[], { alone, each }: { readonly alone: number; readonly each: number }): number {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= alone) return 1;
  let parts = 1;
  let filled = 0;
  for (const size of sizes) {
    if (filled + size > each) {
      parts += 1;
      filled = 0;
    }
    filled += size;
  }
  return parts;
}

let twoByteCharacters: ReadonlySet<string> | undefined;

/** Null when a character is not in the set. */
function koreanBytes(text: string): number | null {
  let bytes = 0;
  for (const character of text) {
    if (character <= '\x7f') bytes += 1;
    else if (isTwoBytes(character)) bytes += 2;
    else return null;
  }
  return bytes;
}

function isTwoBytes(character: string): boolean {
  // The extension has every syllable; the runtime's decoder knows those of the standard alone.
  if (character >= '가' && character <= '힣') return true;
  twoByteCharacters ??= readTwoByteCharacters();
  return twoByteCharacters.has(character);
}

/** The runtime knows the set by decoding it: every pair of a leading and a trailing byte. */
function readTwoByteCharacters(): ReadonlySet<string> {
  const decoder = new TextDecoder('euc-kr');
  const characters = new Set<string>();
  for (let lead = 0xa1; lead <= 0xfe; lead++) {
    for (let trail = 0xa1; trail <= 0xfe; trail++) {
      const decoded = decoder.decode(Uint8Array.of(lead, trail));
      if ([...decoded].length === 1 && decoded !== '\ufffd') characters.add(decoded);
    }
  }
  return characters;
}
