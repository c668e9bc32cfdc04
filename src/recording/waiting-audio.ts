// G.711 payloads of one recording that wait for their time, as they came: a second of a call takes 16 KB of memory, half of what
// its samples would. Those that overlap are heard as the one that came last. Pure.
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from '../rtp/g711.js';

const CHUNK_BYTES = 4_096;
/** Chunks of many recordings share an array: one of its own for each chunk would be more memory to touch for a packet than its audio. */
const SLAB_CHUNKS = 256;
/** A chunk is a row of pieces at multiples of four bytes: the first frame from the chunk's origin (int32), a word of what it is, its octets. */
const PIECE_HEADER_BYTES = 8;
/** Of that word: bit 0 callee, bit 1 A-law, the octets above. */
const CALLEE = 1;
const A_LAW = 2;
const OCTETS_SHIFT = 2;
/**
 * Some eight times what a side sends in the time that audio waits: more comes only from who sends each packet often, and is lost. Of a
 * side, so that nothing of the other one is.
 */
const MAX_SIDE_BYTES = 65_536;

class Chunk {
  /** The slab's, of which `from` and the CHUNK_BYTES after it are the chunk's. */
  readonly octets: Uint8Array;
  readonly words: Int32Array;
  readonly from: number;
  bytes = 0;
  /** Of them in pieces of a side. */
  callerBytes = 0;
  calleeBytes = 0;
  /** The frame from which its pieces tell theirs: those of days would not fit into 32 bits. */
  origin = 0;
  /** Frames of its pieces lie from here ... */
  begin = 0;
  /** ... to before here. */
  end = 0;

  constructor(octets: Uint8Array, words: Int32Array, from: number) {
    this.octets = octets;
    this.words = words;
    this.from = from;
  }
}

/** They are as many as ever were in use at a time, in steps of a MiB. */
const freeChunks: Chunk[] = [];

function takeChunk(): Chunk {
  const free = freeChunks.pop();
  if (free !== undefined) return free;
  const octets = new Uint8Array(SLAB_CHUNKS * CHUNK_BYTES);
  const words = new Int32Array(octets.buffer);
  for (let index = SLAB_CHUNKS - 1; index > 0; index -= 1) {
    freeChunks.push(new Chunk(octets, words, index * CHUNK_BYTES));
  }
  return new Chunk(octets, words, 0);
}

export class WaitingAudio {
  #chunks: Chunk[] = [];
  /** Of them the one with room. */
  #last: Chunk | null = null;
  #callerBytes = 0;
  #calleeBytes = 0;

  /**
   * Keeps `packet[from..from + octets)`, of which the first is at `frame`. False when too much of the side waits already: then at
   * least the end of it is lost.
   */
  add(isCallee: boolean, isALaw: boolean, frame: number, packet: Uint8Array, from: number, octets: number): boolean {
    const tag = (isCallee ? CALLEE : 0) | (isALaw ? A_LAW : 0);
    for (let done = 0; done < octets; ) {
      if ((isCallee ? this.#calleeBytes : this.#callerBytes) >= MAX_SIDE_BYTES) return false;
      const chunk = this.#chunkWithRoom();
      const at = chunk.from + chunk.bytes;
      const fits = Math.min(octets - done, CHUNK_BYTES - chunk.bytes - PIECE_HEADER_BYTES);
      const first = frame + done;
      if (chunk.bytes === 0) {
        chunk.origin = first;
        chunk.begin = first;
        chunk.end = first;
      }
      writeWord(chunk.octets, at, first - chunk.origin);
      writeWord(chunk.octets, at + 4, (fits << OCTETS_SHIFT) | tag);
      chunk.octets.set(packet.subarray(from + done, from + done + fits), at + PIECE_HEADER_BYTES);
      if (first < chunk.begin) chunk.begin = first;
      if (first + fits > chunk.end) chunk.end = first + fits;
      this.#count(chunk, isCallee, pieceBytes(fits));
      done += fits;
    }
    return true;
  }

  /** Writes the samples of the frames from `begin` to before `end` over `frames`, interleaved, left and right. */
  decode(begin: number, end: number, frames: Int16Array): void {
    for (const chunk of this.#chunks) {
      if (chunk.begin < end && chunk.end > begin) decodeChunk(chunk, begin, end, frames);
    }
  }

  /** What lies before a frame is not asked for any more. */
  forget(before: number): void {
    let kept = 0;
    for (const chunk of this.#chunks) {
      if (chunk.end > before) this.#chunks[kept++] = chunk;
      else this.#giveBack(chunk);
    }
    this.#chunks.length = kept;
    this.#last = this.#chunks.at(-1) ?? null;
  }

  #chunkWithRoom(): Chunk {
    const last = this.#last;
    if (last !== null && last.bytes + PIECE_HEADER_BYTES < CHUNK_BYTES) return last;
    const chunk = takeChunk();
    this.#chunks.push(chunk);
    this.#last = chunk;
    return chunk;
  }

  #count(chunk: Chunk, isCallee: boolean, bytes: number): void {
    chunk.bytes += bytes;
    if (isCallee) {
      chunk.calleeBytes += bytes;
      this.#calleeBytes += bytes;
    } else {
      chunk.callerBytes += bytes;
      this.#callerBytes += bytes;
    }
  }

  #giveBack(chunk: Chunk): void {
    this.#callerBytes -= chunk.callerBytes;
    this.#calleeBytes -= chunk.calleeBytes;
    chunk.bytes = 0;
    chunk.callerBytes = 0;
    chunk.calleeBytes = 0;
    freeChunks.push(chunk);
  }
}

function pieceBytes(octets: number): number {
  return (PIECE_HEADER_BYTES + octets + 3) & ~3;
}

/** Little-endian, as the words of a chunk are read, but by the array that its octets are written to: each more is cold memory. */
function writeWord(octets: Uint8Array, at: number, word: number): void {
  octets[at] = word;
  octets[at + 1] = word >> 8;
  octets[at + 2] = word >> 16;
  octets[at + 3] = word >> 24;
}

function decodeChunk(chunk: Chunk, begin: number, end: number, frames: Int16Array): void {
  const { words, origin } = chunk;
  const stop = chunk.from + chunk.bytes;
  for (let at = chunk.from; at < stop; ) {
    const first = origin + (words[at >> 2] as number);
    const word = words[(at >> 2) + 1] as number;
    const length = word >> OCTETS_SHIFT;
    const from = Math.max(first, begin);
    const to = Math.min(first + length, end);
    const toLinear = (word & A_LAW) === 0 ? MU_LAW_TO_LINEAR : A_LAW_TO_LINEAR;
    if (to > from) {
      const sample = ((from - begin) << 1) | (word & CALLEE);
      decodeOctets(chunk, at + PIECE_HEADER_BYTES + from - first, to - from, toLinear, frames, sample);
    }
    at += pieceBytes(length);
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
