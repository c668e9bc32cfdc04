// The media of a load run's caller, since SIPp plays no tones: a port that begins to send its tone to whoever sends to it,
// and ends with the silence of the other side.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { A_LAW_TO_LINEAR, linearToALaw } from '../../../rtp/g711.js';
import { payloadStartOf, RTP_HEADER_BYTES, writeRtpHeader } from '../../../rtp/rtp-header.js';
import { SAMPLE_RATE_HZ, tone } from '../../speech.js';

const FRAME_MS = 20;
const FRAME_SAMPLES = (SAMPLE_RATE_HZ * FRAME_MS) / 1000;
const PCMA = 8;
/** The other side has hung up when it has been silent for so long. */
const SILENCE_MS = 200;

export class CallerTone {
  readonly #socket: Socket;
  /** One second, A-law: a whole number of waves, so that it repeats without a seam. */
  readonly #wave: Uint8Array;
  readonly #ssrc = Math.floor(Math.random() * 0xffff_ffff);
  readonly #heard: Uint8Array[] = [];
  #sent = 0;
  #lastHeardMs = 0;
  #timer: NodeJS.Timeout | undefined;

  static async open(toneHz: number): Promise<CallerTone> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new CallerTone(socket, toneHz);
  }

  private constructor(socket: Socket, toneHz: number) {
    this.#socket = socket;
    this.#wave = Uint8Array.from(tone(toneHz, 1), linearToALaw);
    socket.on('error', () => undefined);
    socket.on('message', (packet, from) => {
      const start = payloadStartOf(packet);
      if (start < 0) return;
      this.#heard.push(packet.subarray(start));
      this.#lastHeardMs = performance.now();
      if (this.#timer === undefined) this.#talkTo(from.port, from.address);
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get sentPackets(): number {
    return this.#sent;
  }

  heard(): Int16Array {
    return Int16Array.from(Buffer.concat(this.#heard), (code) => A_LAW_TO_LINEAR[code] ?? 0);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #talkTo(port: number, address: string): void {
    const startMs = performance.now();
    const tick = (): void => {
      if (performance.now() - this.#lastHeardMs > SILENCE_MS) return;
      const due = Math.floor((performance.now() - startMs) / FRAME_MS) + 1;
      while (this.#sent < due) this.#socket.send(this.#nextPacket(), port, address, () => undefined);
      this.#timer = setTimeout(tick, Math.max(0, startMs + this.#sent * FRAME_MS - performance.now()));
    };
    tick();
  }

  #nextPacket(): Uint8Array {
    const packet = new Uint8Array(RTP_HEADER_BYTES + FRAME_SAMPLES);
    const timestamp = this.#sent * FRAME_SAMPLES;
    writeRtpHeader(packet, {
      payloadType: PCMA,
      marker: this.#sent === 0,
      sequence: this.#sent,
      timestamp,
      ssrc: this.#ssrc,
    });
    const from = timestamp % this.#wave.length;
    packet.set(this.#wave.subarray(from, from + FRAME_SAMPLES), RTP_HEADER_BYTES);
    this.#sent += 1;
    return packet;
  }
}
