// What a receiver knows of one direction: loss (RFC 3550 §A.1, §A.3), interarrival jitter (§A.8), order, duplicates.
// A new SSRC, or a jump that no loss explains, begins another run; figures add up over the runs.

/** RFC 3550 §A.1: a step of this many packets or more is a restart of the sender, not loss. */
const MAX_DROPOUT = 3000;
/** The packets that came, a bit each, in words of 32 in turn; the word of the highest is not among them yet. */
const SEEN_WORDS = 16;
/** How far behind the highest sequence number a packet is still told from a duplicate. */
const WINDOW_PACKETS = (SEEN_WORDS - 1) * 32;

export class ReceptionStatistics {
  packets = 0;
  bytes = 0;
  outOfOrder = 0;
  duplicates = 0;
  /** Times that at least one packet was missing before one that came. */
  gaps = 0;

  #ssrc = -1;
  /** Extended sequence numbers: cycles times 2^16 plus the number in the packet. */
  #base = 0;
  #highest = 0;
  #receivedInRun = 0;
  #lostBefore = 0;
  /** Apart from the others, so that a packet in order reads no other memory: that of hundreds of streams is in no cache. */
  #newestWord = 0;
  readonly #seen = new Int32Array(SEEN_WORDS);

  #clockRateHz: number;
  #jitterMs = 0;
  #lastTimestamp = 0;
  #lastArrivalMs = 0;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /** The RTP clock changed with the codec: jitter is measured from the next packet on. */
  setClockRate(clockRateHz: number): void {
    if (clockRateHz === this.#clockRateHz) return;
    this.#clockRateHz = clockRateHz;
    this.#lastArrivalMs = 0;
  }

  /** Packets are not seen for a while: what is missing before the next one is no loss. */
  interrupt(): void {
    this.#ssrc = -1;
  }

  receive(ssrc: number, sequence: number, timestamp: number, arrivalMs: number, bytes: number): void {
    this.packets += 1;
    this.bytes += bytes;
    let step = (sequence - this.#highest) & 0xffff;
    if (step > 0x7fff) step -= 0x1_0000;
    if (ssrc !== this.#ssrc || Math.abs(step) >= MAX_DROPOUT) {
      this.#beginRun(ssrc, sequence, timestamp, arrivalMs);
      return;
    }
    if (step > 1) this.gaps += 1;
    if (step > 0) this.#advance(step);
    else if (!this.#admitsLate(this.#highest + step, -step)) return;
    this.#receivedInRun += 1;
    this.#measureJitter(timestamp, arrivalMs);
  }

  /** Packets expected and never seen, over all runs. */
  get lost(): number {
    return this.#lostBefore + this.#lostInRun();
  }

  /** Of the present run; null before the first packet. */
  get ssrc(): number | null {
    return this.#ssrc < 0 ? null : this.#ssrc;
  }

  /** Highest sequence number of the present run, extended by its count of cycles (RFC 3550 §6.4.1). */
  get highestSequence(): number {
    return Math.max(0, this.#highest - 0x1_0000);
  }

  /** Of the present run (RFC 3550 §A.3). */
  get expectedInRun(): number {
    return this.#receivedInRun === 0 ? 0 : this.#highest - this.#base + 1;
  }

  get lostInRun(): number {
    return this.#lostInRun();
  }

  get jitterMs(): number {
    return this.#jitterMs;
  }

  #beginRun(ssrc: number, sequence: number, timestamp: number, arrivalMs: number): void {
    this.#lostBefore += this.#lostInRun();
    this.#ssrc = ssrc;
    // One cycle of headroom, so that a packet from before the first one stays positive.
    this.#highest = sequence + 0x1_0000;
    this.#base = this.#highest;
    this.#receivedInRun = 1;
    this.#seen.fill(0);
    this.#newestWord = bitOf(this.#highest);
    this.#lastTimestamp = timestamp | 0;
    this.#lastArrivalMs = arrivalMs;
  }

  #advance(step: number): void {
    const before = this.#highest;
    const extended = before + step;
    if (extended >> 5 !== before >> 5) this.#beginWord(before >> 5, extended >> 5);
    this.#highest = extended;
    this.#newestWord |= bitOf(extended);
  }

  #beginWord(before: number, word: number): void {
    this.#seen[before % SEEN_WORDS] = this.#newestWord;
    this.#newestWord = 0;
    // Of those in between nothing came.
    for (let at = Math.max(before + 1, word - SEEN_WORDS); at < word; at += 1) this.#seen[at % SEEN_WORDS] = 0;
  }

  /** Counts a packet that is `behind` the highest; false when it is a duplicate or too old to tell. */
  #admitsLate(extended: number, behind: number): boolean {
    if (behind >= WINDOW_PACKETS) {
      this.outOfOrder += 1;
      return false;
    }
    const word = extended >> 5;
    const isNewest = word === this.#highest >> 5;
    const seen = isNewest ? this.#newestWord : (this.#seen[word % SEEN_WORDS] ?? 0);
    if ((seen & bitOf(extended)) !== 0) {
      this.duplicates += 1;
      return false;
    }
    this.outOfOrder += 1;
    if (isNewest) this.#newestWord = seen | bitOf(extended);
    else this.#seen[word % SEEN_WORDS] = seen | bitOf(extended);
    if (extended < this.#base) this.#base = extended;
    return true;
  }

  #lostInRun(): number {
    if (this.#receivedInRun === 0) return 0;
    return Math.max(0, this.#highest - this.#base + 1 - this.#receivedInRun);
  }

  #measureJitter(timestamp: number, arrivalMs: number): void {
    const ticks = (timestamp - this.#lastTimestamp) | 0;
    // Deviation: packets of one timestamp (RFC 4733 events) are left out; they tell the sender's pace, not the path's.
    if (ticks === 0) return;
    if (this.#lastArrivalMs !== 0) {
      const transitMs = arrivalMs - this.#lastArrivalMs - (ticks * 1000) / this.#clockRateHz;
      this.#jitterMs += (Math.abs(transitMs) - this.#jitterMs) / 16;
    }
    this.#lastTimestamp = timestamp | 0;
    this.#lastArrivalMs = arrivalMs;
  }
}

function bitOf(extended: number): number {
  return 1 << (extended & 31);
}
