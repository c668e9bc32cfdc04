// One end of an audio stream (RFC 3550, RFC 3551): sends G.711 every 20 ms without drifting, keeps what it hears.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { A_LAW_TO_LINEAR, linearToALaw, linearToMuLaw, MU_LAW_TO_LINEAR } from '../rtp/g711.js';
import { type LabCodec, PAYLOAD_TYPES } from './sdp-text.js';
import { SAMPLE_RATE_HZ } from './speech.js';

const FRAME_MS = 20;
const FRAME_SAMPLES = (SAMPLE_RATE_HZ * FRAME_MS) / 1000;
const HEADER_BYTES = 12;

/** What to say: the samples once, or over and over; silence before and after. */
export interface Sound {
  readonly samples: Int16Array;
  readonly repeats: boolean;
}

interface HeardFrame {
  /** RTP timestamp relative to the first frame heard; negative for one that overtook it. */
  readonly at: number;
  readonly codec: LabCodec;
  readonly payload: Buffer;
}

/** Longest audio that an end keeps, so that a forgotten call does not fill the memory. */
const KEPT_FRAMES = (10 * 60 * 1000) / FRAME_MS;

export class AudioStream {
  readonly #socket: Socket;
  readonly #ssrc = Math.floor(Math.random() * 0xffff_ffff);
  #sequence = Math.floor(Math.random() * 0xffff);
  #timestamp = Math.floor(Math.random() * 0xffff_ffff);
  #timer: NodeJS.Timeout | undefined;
  #remote: { readonly address: string; readonly port: number; readonly codec: LabCodec } | undefined;
  #sound: Sound | undefined;
  #position = 0;
  #firstTimestamp: number | undefined;
  #frames: HeardFrame[] = [];
  #closed = false;
  packetsSent = 0;
  packetsHeard = 0;

  /** Binds a free port of `address`. */
  static async open(address: string): Promise<AudioStream> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new AudioStream(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (packet) => this.#receive(packet));
    socket.on('error', () => undefined);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Where to send to and in which codec; sending starts with the first call and goes on until closed. */
  sendTo(address: string, port: number, codec: LabCodec): void {
    this.#remote = { address, port, codec };
    if (this.#timer === undefined && !this.#closed) this.#startPacing();
  }

  /** Says this from now on, from its beginning. */
  say(sound: Sound | undefined): void {
    this.#sound = sound;
    this.#position = 0;
  }

  /** What was heard so far, placed by RTP timestamp, gaps silent. */
  heard(): Int16Array {
    if (this.#frames.length === 0) return new Int16Array(0);
    const from = this.#frames.reduce((least, frame) => Math.min(least, frame.at), 0);
    const length = this.#frames.reduce((most, frame) => Math.max(most, frame.at - from + frame.payload.length), 0);
    const samples = new Int16Array(Math.min(length, KEPT_FRAMES * FRAME_SAMPLES));
    for (const { at, codec, payload } of this.#frames) {
      const linear = codec === 'PCMA' ? A_LAW_TO_LINEAR : MU_LAW_TO_LINEAR;
      payload.forEach((octet, n) => {
        if (at - from + n < samples.length) samples[at - from + n] = linear[octet] ?? 0;
      });
    }
    return samples;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  /** Each frame is due at its own instant counted from the first, so that late timers never add up. */
  #startPacing(): void {
    const startMs = performance.now();
    let sent = 0;
    const tick = (): void => {
      const due = Math.floor((performance.now() - startMs) / FRAME_MS) + 1;
      while (sent < due) {
        this.#sendFrame(sent === 0);
        sent += 1;
      }
      this.#timer = setTimeout(tick, Math.max(0, startMs + sent * FRAME_MS - performance.now()));
    };
    tick();
  }

  #sendFrame(marker: boolean): void {
    if (this.#remote === undefined) return;
    const { address, port, codec } = this.#remote;
    const packet = Buffer.alloc(HEADER_BYTES + FRAME_SAMPLES);
    packet[0] = 0x80;
    packet[1] = PAYLOAD_TYPES[codec] | (marker ? 0x80 : 0);
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE(this.#timestamp, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    packet.set(this.#nextFrame().map(codec === 'PCMA' ? linearToALaw : linearToMuLaw), HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0;
    this.packetsSent += 1;
    this.#socket.send(packet, port, address, () => undefined);
  }

  #nextFrame(): Int16Array {
    const frame = new Int16Array(FRAME_SAMPLES);
    const { samples, repeats } = this.#sound ?? { samples: frame, repeats: false };
    for (let n = 0; n < FRAME_SAMPLES; n++, this.#position++) {
      const at = repeats ? this.#position % samples.length : this.#position;
      frame[n] = samples[at] ?? 0;
    }
    return frame;
  }

  #receive(packet: Buffer): void {
    if (packet.length <= HEADER_BYTES || (packet[0] ?? 0) >> 6 !== 2) return;
    const payloadType = (packet[1] ?? 0) & 0x7f;
    const codec = payloadType === PAYLOAD_TYPES.PCMA ? 'PCMA' : payloadType === PAYLOAD_TYPES.PCMU ? 'PCMU' : undefined;
    if (codec === undefined) return;
    this.packetsHeard += 1;
    if (this.#frames.length >= KEPT_FRAMES) return;
    const timestamp = packet.readUInt32BE(4);
    this.#firstTimestamp ??= timestamp;
    const payload = packet.subarray(HEADER_BYTES + 4 * ((packet[0] ?? 0) & 0x0f));
    // The difference of two 32-bit clocks, as a signed number (RFC 3550 §5.1: timestamps wrap).
    this.#frames.push({ at: (timestamp - this.#firstTimestamp) | 0, codec, payload });
  }
}
