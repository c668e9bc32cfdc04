// What every call of a load run will meet, decided beforehand from a seed: the called number says what happens to it.
// Both ends play by this plan, and afterwards every record is held against it.
import { seededRandom } from '../../speech.js';

export type LoadCallKind =
  | 'caller-hangs-up'
  | 'callee-hangs-up'
  /** The first SIM answers 503, the next channel answers the call. */
  | 'busy-sim'
  | 'busy-callee'
  | 'declined'
  /** The first channel never responds, the next answers the call. */
  | 'silent'
  /** The first channel answers after it was given up. */
  | 'late-answer';

export interface LoadCall {
  /** As dialled, unique in the run. */
  readonly number: string;
  readonly kind: LoadCallKind;
  /** From the answer to the BYE, whoever sends it; never near a whole second, so that both ends bill alike. */
  readonly talkMs: number;
  /** The tone that each side sends, Hz; a call without it has no RTP. */
  readonly tones: { readonly callerHz: number; readonly calleeHz: number } | null;
}

export interface ExpectedAttempt {
  readonly outcome: 'answered' | 'refused' | 'silent';
  readonly answeredLate: boolean;
}

/** Share of each kind among calls without RTP, in percent. */
const SHARES: readonly (readonly [LoadCallKind, number])[] = [
  ['caller-hangs-up', 58],
  ['callee-hangs-up', 12],
  ['busy-sim', 10],
  ['busy-callee', 8],
  ['declined', 5],
  ['silent', 4],
  ['late-answer', 3],
];

/** One call in ten has two-way RTP. */
const CALLS_PER_TONE = 10;
const TONE_TALK_MS = 2400;
/** 200 tones, 15 Hz apart, in the band of a telephone; a longer run uses them again, never at the same time. */
const FIRST_TONE_HZ = 300;
const TONE_STEP_HZ = 15;
const TONES = 200;

const ANSWERED: ExpectedAttempt = { outcome: 'answered', answeredLate: false };

/** The attempts that a call of this kind must show, in order, and what the caller is told. */
export const EXPECTED: Readonly<
  Record<LoadCallKind, { readonly attempts: readonly ExpectedAttempt[]; readonly sipStatus: number }>
> = {
  'caller-hangs-up': { attempts: [ANSWERED], sipStatus: 200 },
  'callee-hangs-up': { attempts: [ANSWERED], sipStatus: 200 },
  'busy-sim': { attempts: [{ outcome: 'refused', answeredLate: false }, ANSWERED], sipStatus: 200 },
  'busy-callee': { attempts: [{ outcome: 'refused', answeredLate: false }], sipStatus: 486 },
  declined: { attempts: [{ outcome: 'refused', answeredLate: false }], sipStatus: 603 },
  silent: { attempts: [{ outcome: 'silent', answeredLate: false }, ANSWERED], sipStatus: 200 },
  'late-answer': { attempts: [{ outcome: 'answered', answeredLate: true }, ANSWERED], sipStatus: 200 },
};

export function planLoad(calls: number, seed: number): LoadCall[] {
  const random = seededRandom(seed);
  let toned = 0;
  return Array.from({ length: calls }, (_, i) => {
    const number = `0102${String(i).padStart(7, '0')}`;
    if (i % CALLS_PER_TONE === CALLS_PER_TONE / 2) {
      const first = (toned++ * 2) % TONES;
      const tones = { callerHz: toneHz(first), calleeHz: toneHz(first + 1) };
      return { number, kind: 'caller-hangs-up', talkMs: TONE_TALK_MS, tones };
    }
    const kind = kindAt(random() * 100);
    const wholeSeconds = Math.floor(random() * 3);
    return { number, kind, talkMs: wholeSeconds * 1000 + 300 + Math.floor(random() * 300), tones: null };
  });
}

function toneHz(n: number): number {
  return FIRST_TONE_HZ + TONE_STEP_HZ * n;
}

function kindAt(percent: number): LoadCallKind {
  let below = 0;
  for (const [kind, share] of SHARES) {
    below += share;
    if (percent < below) return kind;
  }
  return 'caller-hangs-up';
}
