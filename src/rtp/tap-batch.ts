// What a relay hands to a tap over a MessagePort: batches of forked RTP packets, each with its arrival time.
// A batch is lent: the tap gives its buffer back, and what is lent at a time is the queue's bound.

/** Room for the largest packet, and for 20 ms of a thousand calls. */
export const TAP_BATCH_BYTES = 131_072;
const ENTRY_HEADER_BYTES = 16;

/** From the relay to the tap, in order. */
export type TapMessage =
  | { readonly type: 'fork'; readonly fork: number; readonly recordingId: string }
  | { readonly type: 'packets'; readonly buffer: ArrayBuffer; readonly bytes: number }
  /** Every packet of the fork went before, except `lostPackets` that found the queue full. */
  | { readonly type: 'unfork'; readonly fork: number; readonly lostPackets: number };

/** From the tap to the relay: a lent buffer, done with. */
export interface TapReturn {
  readonly type: 'returned';
  readonly buffer: ArrayBuffer;
}

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1   (little-endian, each packet at a multiple of 8)
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     fork                                    |S|   S: 0 caller, 1 callee
// |                     bytes of the packet                       |
// |                     arrival, monotonic milliseconds           |
// |                     (float64)                                 |
// |                     RTP packet, header and payload ...        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

/** Fills one batch. */
export class TapBatchWriter {
  readonly buffer: ArrayBuffer;
  readonly #octets: Uint8Array;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  #bytes = 0;

  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
    this.#octets = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a packet; false when it does not fit any more. */
  add(fork: number, isCallee: boolean, arrivalMs: number, packet: Uint8Array): boolean {
    const start = this.#bytes;
    const end = start + ENTRY_HEADER_BYTES + packet.length;
    if (end > this.#octets.length) return false;
    this.#words[start >> 2] = fork * 2 + (isCallee ? 1 : 0);
    this.#words[(start >> 2) + 1] = packet.length;
    this.#times[(start >> 3) + 1] = arrivalMs;
    this.#octets.set(packet, start + ENTRY_HEADER_BYTES);
    this.#bytes = (end + 7) & ~7;
    return true;
  }
}

/** Calls `visit` for each packet of a batch, in order; the packet is a view that is valid during the call. */
export function readTapBatch(
  buffer: ArrayBuffer,
  bytes: number,
  visit: (fork: number, isCallee: boolean, arrivalMs: number, packet: Uint8Array) => void,
): void {
  const words = new Uint32Array(buffer);
  const times = new Float64Array(buffer);
  let start = 0;
  while (start < bytes) {
    const tag = words[start >> 2] ?? 0;
    const length = words[(start >> 2) + 1] ?? 0;
    const packetStart = start + ENTRY_HEADER_BYTES;
    visit(tag >>> 1, (tag & 1) === 1, times[(start >> 3) + 1] ?? 0, new Uint8Array(buffer, packetStart, length));
    start = (packetStart + length + 7) & ~7;
  }
}
