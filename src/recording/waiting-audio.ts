// G.711 payloads of one side of a recording that wait for their time, as they came: a second of them takes 8 KB of memory, half of
// what its samples would. Those that overlap are heard as the one that came last. Pure.
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from '../rtp/g711.js';

const CHUNK_BYTES = 2_048;
/** A chunk is a row of pieces at multiples of four bytes: the first frame (int32), a word of what it is, its octets. */
const PIECE_HEADER_BYTES = 8;
/** Of that word: bit 0 A-law, the octets above. */
const A_LAW = 1;
const OCTETS_SHIFT = 1;
/** Some eight times what a side sends in the time that audio waits: more comes only from who sends each packet often. */
const MAX_CHUNKS = 32;
/** 4 MiB of chunks without a call wait for the next. */
const MAX_FREE_CHUNKS = 2_048;

class Chunk {
  readonly octets = new Uint8Array(CHUNK_BYTES);
  readonly words = new Int32Array(this.octets.buffer);
  bytes = 0;
  /** Frames of its pieces lie from here ... */
  begin = 0;
  /** ... to before here. */
  end = 0;
}

const freeChunks: Chunk[] = [];

export class WaitingAudio {
  #chunks: Chunk[] = [];
  /** Of them the one with room. */
  #last: Chunk | null = null;

  /**
   * Keeps `packet[from..from + octets)`, of which the first is at `frame`. False when too much waits already: then at least the
   * end of it is lost.
   */
  add(isALaw: boolean, frame: number, packet: Uint8Array, from: number, octets: number): boolean {
    const tag = isALaw ? A_LAW : 0;
    for (let done = 0; done < octets; ) {
      const chunk = this.#chunkWithRoom();
      if (chunk === null) return false;
      const at = chunk.bytes;
      const fits = Math.min(octets - done, CHUNK_BYTES - at - PIECE_HEADER_BYTES);
      const first = frame + done;
      writeWord(chunk.octets, at, first);
      writeWord(chunk.octets, at + 4, (fits << OCTETS_SHIFT) | tag);
      chunk.octets.set(packet.subarray(from + done, from + done + fits), at + PIECE_HEADER_BYTES);
      if (at === 0 || first < chunk.begin) chunk.begin = first;
      if (at === 0 || first + fits > chunk.end) chunk.end = first + fits;
      chunk.bytes = (at + PIECE_HEADER_BYTES + fits + 3) & ~3;
      done += fits;
    }
    return true;
  }

  /** Writes the samples of the frames from `begin` to before `end` over every other one of `frames`: 0 the left ones, 1 the right. */
  decode(begin: number, end: number, frames: Int16Array, channel: 0 | 1): void {
    for (const chunk of this.#chunks) {
      if (chunk.begin < end && chunk.end > begin) decodeChunk(chunk, begin, end, frames, channel);
    }
  }

  /** What lies before a frame is not asked for any more. */
  forget(before: number): void {
    let kept = 0;
    for (const chunk of this.#chunks) {
      if (chunk.end > before) this.#chunks[kept++] = chunk;
      else if (freeChunks.length < MAX_FREE_CHUNKS) freeChunks.push(chunk);
    }
    this.#chunks.length = kept;
    this.#last = this.#chunks.at(-1) ?? null;
  }

  #chunkWithRoom(): Chunk | null {
    const last = this.#last;
    if (last !== null && last.bytes + PIECE_HEADER_BYTES < CHUNK_BYTES) return last;
    if (this.#chunks.length >= MAX_CHUNKS) return null;
    const chunk = freeChunks.pop() ?? new Chunk();
    chunk.bytes = 0;
    this.#chunks.push(chunk);
    this.#last = chunk;
    return chunk;
  }
}

/** Little-endian, as the words of a chunk are read, but by the array that its octets are written to: each more is cold memory. */
function writeWord(octets: Uint8Array, at: number, word: number): void {
  octets[at] = word;
  octets[at + 1] = word >> 8;
  octets[at + 2] = word >> 16;
  octets[at + 3] = word >> 24;
}

function decodeChunk(chunk: Chunk, begin: number, end: number, frames: Int16Array, channel: number): void {
  const { words, bytes } = chunk;
  for (let at = 0; at < bytes; ) {
    const first = words[at >> 2] as number;
    const word = words[(at >> 2) + 1] as number;
    const length = word >> OCTETS_SHIFT;
    const from = Math.max(first, begin);
    const to = Math.min(first + length, end);
    const toLinear = (word & A_LAW) === 0 ? MU_LAW_TO_LINEAR : A_LAW_TO_LINEAR;
    if (to > from) {
      const sample = ((from - begin) << 1) + channel;
      decodeOctets(chunk, at + PIECE_HEADER_BYTES + from - first, to - from, toLinear, frames, sample);
    }
    at = (at + PIECE_HEADER_BYTES + length + 3) & ~3;
  }
}

/** Every other sample from `sample` on. Four octets at a time, in the order in which a little-endian word has them. */
function decodeOctets(
  { octets, words }: Chunk,
  from: number,
  count: number,
  toLinear: Int16Array,
  frames: Int16Array,
  sample: number,
): void {
  const to = from + count;
  let octet = from;
  let at = sample;
  for (; octet < to && (octet & 3) !== 0; octet += 1, at += 2) frames[at] = toLinear[octets[octet] as number] as number;
  for (; octet + 4 <= to; octet += 4, at += 8) {
    const word = words[octet >> 2] as number;
    frames[at] = toLinear[word & 0xff] as number;
    frames[at + 2] = toLinear[(word >>> 8) & 0xff] as number;
    frames[at + 4] = toLinear[(word >>> 16) & 0xff] as number;
    frames[at + 6] = toLinear[word >>> 24] as number;
  }
  for (; octet < to; octet += 1, at += 2) frames[at] = toLinear[octets[octet] as number] as number;
}
