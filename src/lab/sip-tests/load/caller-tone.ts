// The media of a load run's caller, since SIPp plays no tones: a port that begins to send its tone to whoever sends to it,
// as a phone behind a NAT does, and ends with the silence of the other side.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { decodeG711, encodeG711 } from '../../g711.js';
import { toneSamples } from './tone.js';

const FRAME_MS = 20;
const FRAME_SAMPLES = 160;
const HEADER_BYTES = 12;
const PCMA = 8;
/** The other side has hung up when it has been silent for so long. */
const SILENCE_MS = 200;

export class CallerTone {
  readonly #socket: Socket;
  readonly #toneHz: number;
  readonly #ssrc = Math.floor(Math.random() * 0xffff_ffff);
  readonly #heard: Uint8Array[] = [];
  #sequence = 0;
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
    this.#toneHz = toneHz;
    socket.on('error', () => undefined);
    socket.on('message', (packet, from) => {
      if (packet.length <= HEADER_BYTES) return;
      this.#heard.push(packet.subarray(HEADER_BYTES));
      this.#lastHeardMs = performance.now();
      if (this.#timer === undefined) this.#talkTo(from.port, from.address);
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get sentPackets(): number {
    return this.#sequence;
  }

  heard(): Int16Array {
    return decodeG711('PCMA', Buffer.concat(this.#heard));
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
      while (this.#sequence < due) this.#socket.send(this.#nextPacket(), port, address, () => undefined);
      this.#timer = setTimeout(tick, Math.max(0, startMs + this.#sequence * FRAME_MS - performance.now()));
    };
    tick();
  }

  #nextPacket(): Buffer {
    const packet = Buffer.alloc(HEADER_BYTES + FRAME_SAMPLES);
    const timestamp = this.#sequence * FRAME_SAMPLES;
    packet[0] = 0x80;
    packet[1] = PCMA | (this.#sequence === 0 ? 0x80 : 0);
    packet.writeUInt16BE(this.#sequence & 0xffff, 2);
    packet.writeUInt32BE(timestamp, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    packet.set(encodeG711('PCMA', toneSamples(this.#toneHz, FRAME_SAMPLES, timestamp)), HEADER_BYTES);
    this.#sequence += 1;
    return packet;
  }
}
