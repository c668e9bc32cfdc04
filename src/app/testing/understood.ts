// Whether somebody understood what another one said, by correlation: how much of what was heard is that voice and no other.
import { correlate } from '../../lab/correlate.js';
import { SAMPLE_RATE_HZ, speak } from '../../lab/speech.js';

/** Short enough that a jitter buffer rarely leaves out or repeats something within it, long enough to be nobody else's. */
const WINDOW_SAMPLES = SAMPLE_RATE_HZ / 2;
const SAME_VOICE = 0.95;
const SILENCE = 50;

/** With a window it is just below a power of two, as correlation by FFT has it cheapest. */
const SENTENCE_SECONDS = 3.5;
const SENTENCES = 9;

/** Somebody who says one sentence over and over. */
export class Voice {
  readonly says: Int16Array;
  readonly #sentence: Int16Array;

  constructor(seed: number) {
    this.#sentence = speak(seed, SENTENCE_SECONDS);
    this.says = new Int16Array(SENTENCES * this.#sentence.length);
    for (let n = 0; n < SENTENCES; n++) this.says.set(this.#sentence, n * this.#sentence.length);
  }

  /** How many half seconds of what was heard this voice said. */
  halfSecondsIn(heard: Int16Array): number {
    let understood = 0;
    for (let at = 0; at + WINDOW_SAMPLES <= heard.length; at += WINDOW_SAMPLES) {
      const { coefficient } = correlate(heard.subarray(at, at + WINDOW_SAMPLES), this.#sentence, WINDOW_SAMPLES);
      if (coefficient > SAME_VOICE) understood += 1;
    }
    return understood;
  }
}

/** Follows what somebody hears, and tells once so many half seconds of it were this voice's. */
export class Listening {
  readonly #voice: Voice;
  #from: number;
  #understood = 0;

  constructor(voice: Voice, heardBefore: Int16Array = new Int16Array(0)) {
    this.#voice = voice;
    this.#from = heardBefore.length;
  }

  /** @param heard all that was heard so far */
  halfSecondsOf(heard: Int16Array): number {
    for (; this.#from + WINDOW_SAMPLES <= heard.length; this.#from += WINDOW_SAMPLES) {
      this.#understood += this.#voice.halfSecondsIn(heard.subarray(this.#from, this.#from + WINDOW_SAMPLES));
    }
    return this.#understood;
  }
}

/** Whether the last half second was silent. */
export function hasFallenSilent(heard: Int16Array): boolean {
  const last = heard.subarray(-WINDOW_SAMPLES);
  return last.length === WINDOW_SAMPLES && last.every((sample) => Math.abs(sample) < SILENCE);
}
