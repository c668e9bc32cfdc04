// Sends a copy of every message to a Homer collector over UDP. Nothing waits for it: what cannot be sent is dropped and counted.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { Clock, ClockTimer } from '../../lib/clock.js';
import type { SipMirrorSettings } from '../control.js';
import type { ReportEvent } from '../defence/defence.js';
import type { CapturedMessage } from './captured-message.js';
import { encodeHep, type HepIdentity } from './hep-packet.js';
import type { MessageMirror } from './message-tap.js';

/** Datagrams that may wait in the socket. */
const MOST_QUEUED = 256;
const RETRY_MS = 5_000;
/** A collector that is away is told of once in so long. */
const TOLD_AGAIN_MS = 60_000;

export class HepMirror implements MessageMirror {
  sent = 0;
  dropped = 0;
  readonly #settings: SipMirrorSettings;
  readonly #identity: HepIdentity;
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  #socket: UdpSocket | null = null;
  #retry: ClockTimer | null = null;
  #isClosed = false;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: SipMirrorSettings, clock: Clock, report: ReportEvent) {
    this.#settings = settings;
    this.#identity = { captureId: settings.captureId, password: settings.password ?? '' };
    this.#clock = clock;
    this.#report = report;
    this.#open();
  }

  send(message: CapturedMessage): void {
    const socket = this.#socket;
    const packet =
      socket === null || socket.getSendQueueCount() >= MOST_QUEUED ? null : encodeHep(message, this.#identity);
    if (socket === null || packet === null) {
      this.dropped++;
      return;
    }
    socket.send(packet, (error) => {
      if (error === null) this.sent++;
      else {
        this.dropped++;
        this.#failed(error);
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#closeSocket();
  }

  #open(): void {
    const { host, port } = this.#settings;
    lookup(host)
      .then(({ address, family }) => {
        if (!this.#isClosed) this.#connect(createSocket(family === 6 ? 'udp6' : 'udp4'), address, port);
      })
      .catch((error: unknown) => {
        this.#failed(error instanceof Error ? error : new Error(String(error)));
        this.#openLater();
      });
  }

  #connect(socket: UdpSocket, address: string, port: number): void {
    socket.on('error', (error) => {
      // Of a connected socket: ICMP said that nobody listens there. The socket stays good.
      this.#failed(error);
      if (this.#socket === socket) return;
      socket.close();
      this.#openLater();
    });
    socket.connect(port, address, () => {
      if (this.#isClosed) socket.close();
      else this.#socket = socket;
    });
  }

  #openLater(): void {
    if (this.#isClosed) return;
    this.#retry = this.#clock.after(RETRY_MS, () => this.#open());
  }

  #failed(error: Error): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#isClosed || nowMs - this.#toldAtMs < TOLD_AGAIN_MS) return;
    this.#toldAtMs = nowMs;
    const { host, port } = this.#settings;
    this.#report('mirror:failed', { collector: `${host}:${port}`, error: error.message });
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = null;
  }
}
