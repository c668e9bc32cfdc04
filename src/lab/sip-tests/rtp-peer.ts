// The media of one SIPp scenario: says what its case names to where the SDP that it was sent leads, and keeps what it hears.
// SIPp could send RTP, but it cannot say what it received: so the scenario's SDP names our port, as [rtp_port].
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { linearToALaw, linearToMuLaw } from '../../rtp/g711.js';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../rtp/rtp-header.js';
import type { RtpSaying } from './case-file.js';
import { currentMedia } from './media-of-trace.js';
import type { RunningSipp } from './sipp.js';

export interface HeardPacket {
  readonly wallMs: number;
  readonly packet: Buffer;
}

const FRAME_MS = 20;
const FRAME_SAMPLES = 160;
const SAMPLE_RATE_HZ = 8_000;
const LOUDNESS = 8_000;
/** A digit is said after so many frames: the other side has learned by then where we are. */
const DIGIT_AT_FRAME = 10;
const DIGIT_FRAMES = 5;
const POLL_MS = 20;

export class RtpPeer {
  readonly #socket: Socket;
  readonly #sayings: readonly RtpSaying[];
  readonly #ssrc = Math.floor(Math.random() * 0xffff_ffff);
  #sequence = Math.floor(Math.random() * 0xffff);
  #timestamp = Math.floor(Math.random() * 0xffff_ffff);
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly heard: HeardPacket[] = [];
  readonly sent: Buffer[] = [];

  static async open(address: string, sayings: readonly RtpSaying[]): Promise<RtpPeer> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new RtpPeer(socket, sayings);
  }

  private constructor(socket: Socket, sayings: readonly RtpSaying[]) {
    this.#socket = socket;
    this.#sayings = sayings;
    socket.on('message', (packet) => this.heard.push({ wallMs: Date.now(), packet }));
    // A port that nobody has any more when a call has ended.
    socket.on('error', () => undefined);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Talks while the scenario's messages say that it may, until closed. */
  follow(run: RunningSipp): void {
    let media = currentMedia([]);
    let nextPollMs = 0;
    let nextFrameMs = performance.now();
    const tick = (): void => {
      const nowMs = performance.now();
      if (nowMs >= nextPollMs) {
        media = currentMedia(run.trace());
        nextPollMs = nowMs + POLL_MS;
      }
      // What was missed in a stall is not caught up with.
      if (nowMs - nextFrameMs > 200) nextFrameMs = nowMs;
      for (; nextFrameMs <= nowMs; nextFrameMs += FRAME_MS) {
        if (media.remote !== null && media.maySend) this.#sayFrame(media.remote);
      }
      this.#timer = setTimeout(tick, Math.max(1, nextFrameMs - performance.now()));
    };
    tick();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #sayFrame(to: { readonly address: string; readonly port: number; readonly isAudio: boolean }): void {
    for (const saying of this.#sayings) {
      const packet = to.isAudio === 'udptl' in saying ? null : this.#packetOf(saying);
      if (packet === null) continue;
      this.sent.push(packet);
      this.#socket.send(packet, to.port, to.address, () => undefined);
    }
    this.#frame += 1;
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0;
  }

  #packetOf(saying: RtpSaying): Buffer | null {
    if ('udptl' in saying) {
      // ITU-T T.38: a sequence number, then a packet of the fax; what is in it is nobody's business here.
      const packet = Buffer.from(`..${saying.udptl}`);
      packet.writeUInt16BE(this.#frame & 0xffff, 0);
      return packet;
    }
    if ('digit' in saying) return this.#digit(saying);
    const { payloadType } = saying;
    if ('bytes' in saying) return this.#rtp(payloadType, Buffer.alloc(saying.bytes, this.#frame & 0xff));
    const encode = saying.codec === 'PCMA' ? linearToALaw : linearToMuLaw;
    const step = (2 * Math.PI * saying.toneHz) / SAMPLE_RATE_HZ;
    const samples = Array.from({ length: FRAME_SAMPLES }, (_, at) =>
      encode(Math.round(LOUDNESS * Math.sin(step * (this.#frame * FRAME_SAMPLES + at)))),
    );
    return this.#rtp(payloadType, Buffer.from(samples));
  }

  /** One key: a packet a frame, all with the time of its beginning, the last three with the end bit (RFC 4733 §2.5). */
  #digit({ payloadType, digit }: { readonly payloadType: number; readonly digit: string }): Buffer | null {
    const at = this.#frame - DIGIT_AT_FRAME;
    if (at < 0 || at >= DIGIT_FRAMES + 3) return null;
    const isEnd = at >= DIGIT_FRAMES;
    const payload = Buffer.alloc(4);
    payload[0] = '0123456789*#ABCD'.indexOf(digit);
    payload[1] = isEnd ? 0x8a : 0x0a;
    payload.writeUInt16BE(Math.min(at + 1, DIGIT_FRAMES) * FRAME_SAMPLES, 2);
    return this.#rtp(payloadType, payload, (this.#timestamp - at * FRAME_SAMPLES) >>> 0, at === 0);
  }

  #rtp(payloadType: number, payload: Buffer, timestamp = this.#timestamp, marker = this.#frame === 0): Buffer {
    const packet = Buffer.alloc(RTP_HEADER_BYTES + payload.length);
    writeRtpHeader(packet, { payloadType, marker, sequence: this.#sequence, timestamp, ssrc: this.#ssrc });
    packet.set(payload, RTP_HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    return packet;
  }
}
