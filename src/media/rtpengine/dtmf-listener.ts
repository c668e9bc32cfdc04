// Telephone-events as rtpengine tells them (`--dtmf-log-dest`): one datagram of JSON for each that has ended.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { SimtrunkError } from '../../lib/errors.js';

export interface ToldDtmf {
  readonly callId: string;
  readonly tag: string;
  readonly event: string;
  readonly durationMs: number;
}

/** RFC 4733 §3.2. */
const EVENTS = '0123456789*#ABCD';
const LONGEST_EVENT_MS = 3_600_000;

/** Null for whatever is not one of rtpengine's messages. */
export function readDtmf(message: Uint8Array): ToldDtmf | null {
  let told: unknown;
  try {
    told = JSON.parse(Buffer.from(message).toString());
  } catch {
    return null;
  }
  if (typeof told !== 'object' || told === null) return null;
  const { callid, source_tag, type, event, duration } = told as Record<string, unknown>;
  if (type !== 'DTMF' || typeof callid !== 'string' || typeof source_tag !== 'string') return null;
  const digit = typeof event === 'number' && Number.isInteger(event) ? EVENTS[event] : undefined;
  if (digit === undefined) return null;
  const durationMs = typeof duration === 'number' && duration >= 0 && duration <= LONGEST_EVENT_MS ? duration : 0;
  return { callId: callid, tag: source_tag, event: digit, durationMs };
}

export class DtmfListener {
  readonly #socket: Socket;
  strays = 0;

  private constructor(socket: Socket, told: (dtmf: ToldDtmf) => void) {
    this.#socket = socket;
    socket.on('message', (message) => {
      const dtmf = readDtmf(message);
      if (dtmf === null) this.strays += 1;
      else told(dtmf);
    });
    // An error of one packet is nothing to end for.
    socket.on('error', () => undefined);
  }

  /** @throws {SimtrunkError} LISTENER_UNAVAILABLE */
  static async open(address: string, port: number, told: (dtmf: ToldDtmf) => void): Promise<DtmfListener> {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    try {
      socket.bind({ address, port, exclusive: true });
      await once(socket, 'listening');
    } catch (cause) {
      const text = `${address}:${port} cannot be used for DTMF from rtpengine: ${(cause as Error).message}. Correct media.rtpengine.dtmf.`;
      throw new SimtrunkError('LISTENER_UNAVAILABLE', text, { cause });
    }
    return new DtmfListener(socket, told);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
