// In which modes an AMR-WB stream is coded: each packet says it of its frames, before them (RFC 4867 §4.3 and §4.4), for a sender
// changes it as the radio network wants. Only the first frame of a packet is looked at.
import { payloadStartOf } from './rtp-header.js';

const MODES = 9;
/** So large a share of the frames that the rest can be left out of account. */
const NEARLY_ALL = 0.95;
/** RFC 4867 §8.2: these imply octet-aligned operation. */
const ALIGNED = /(?:^|;)\s*(?:octet-align|crc|robust-sorting|interleaving)\s*=\s*[1-9]/i;
const INTERLEAVED = /(?:^|;)\s*interleaving\s*=/i;

export class AmrWbModes {
  readonly #counts = new Uint32Array(MODES);
  #isAligned = false;
  /** Where the table of contents begins in the payload. */
  #tocAt = 1;
  #frames = 0;

  /** @param fmtp the parameters of the format, as in SDP */
  constructor(fmtp?: string) {
    this.setFormat(fmtp);
  }

  /** What comes from now on has these parameters; what was counted stays. */
  setFormat(fmtp = ''): void {
    this.#isAligned = ALIGNED.test(fmtp);
    this.#tocAt = INTERLEAVED.test(fmtp) ? 2 : 1;
  }

  /** Counts a packet; one that has no speech in it (comfort noise, nothing) is left out. */
  count(packet: Uint8Array): void {
    const at = payloadStartOf(packet);
    if (at < 0) return;
    const mode = this.#isAligned
      ? ((packet[at + this.#tocAt] ?? 0xff) >> 3) & 0x0f
      : (((packet[at] ?? 0xff) & 0x07) << 1) | ((packet[at + 1] ?? 0xff) >> 7);
    if (mode >= MODES) return;
    this.#counts[mode] = (this.#counts[mode] ?? 0) + 1;
    this.#frames += 1;
  }

  /** The mode of nearly all that was counted; null when there is no such. */
  get prevailing(): number | null {
    const mode = this.#counts.findIndex((count) => count > 0 && count >= NEARLY_ALL * this.#frames);
    return mode < 0 ? null : mode;
  }
}
