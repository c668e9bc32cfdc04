// What a receiver knows of one direction: loss (RFC 3550 §A.1, §A.3), interarrival jitter (§A.8), order, duplicates.
// A new SSRC, or a jump that no loss explains, begins another run; figures add up over the runs.

/** RFC 3550 §A.1: a step of this many packets or more is a restart of the sender, not loss. */
const MAX_DROPOUT = 3000;
/** How far behind the highest sequence number a packet is still told from a duplicate. */
const WINDOW_PACKETS = 512;

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
  readonly #seen = new Int32Array(WINDOW_PACKETS).fill(-1);

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
    if (step > 0) this.#highest += step;
    if (step > 1) this.gaps += 1;
    const extended = this.#highest + Math.min(step, 0);
    if (step <= 0 && !this.#admitsLate(extended, step)) return;
    this.#seen[extended % WINDOW_PACKETS] = extended;
    this.#receivedInRun += 1;
    if (extended < this.#base) this.#base = extended;
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
    this.#seen.fill(-1);
    this.#seen[this.#highest % WINDOW_PACKETS] = this.#highest;
    this.#lastTimestamp = timestamp;
    this.#lastArrivalMs = arrivalMs;
  }

  /** Counts a packet that is not ahead of the others; false when it is a duplicate or too old to tell. */
  #admitsLate(extended: number, step: number): boolean {
    if (-step < WINDOW_PACKETS && this.#seen[extended % WINDOW_PACKETS] === extended) {
      this.duplicates += 1;
      return false;
    }
    this.outOfOrder += 1;
    return -step < WINDOW_PACKETS;
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
    this.#lastTimestamp = timestamp;
    this.#lastArrivalMs = arrivalMs;
  }
}
