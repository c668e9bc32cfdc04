// Hears what GoIP lines tell of themselves, on one UDP port. A line is known by its id, its password and, where its gateway has
// an address, by that; nobody else gets an answer. The protocol is clear text: it belongs into a network of its own.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { answerTo, readGoipPacket, reportOfKeepalive } from './goip-packet.js';
import type { SimReport } from './sim-report.js';

export interface GoipLine {
  /** As in the line's settings. */
  readonly id: string;
  readonly password: string;
  readonly channelId: string;
  /** Where its packets have to come from; undefined: from anywhere. */
  readonly address: string | undefined;
}

export interface GoipCounters {
  readonly keepalives: number;
  /** Of known lines: acknowledged and not looked at. */
  readonly others: number;
  /** Text messages among them, which are not taken here, are not acknowledged. */
  readonly unanswered: number;
  readonly malformed: number;
  /** Unknown ids, wrong passwords, strangers' addresses. */
  readonly refused: number;
}

interface ListenerParts {
  readonly log: Logger;
  onReport(channelId: string, report: SimReport): void;
}

/** @throws SimtrunkError LISTENER_UNAVAILABLE */
export async function openGoipListener(
  place: { readonly address: string; readonly port: number },
  lines: readonly GoipLine[],
  parts: ListenerParts,
): Promise<GoipListener> {
  const socket = createSocket({ type: isIPv6(place.address) ? 'udp6' : 'udp4' });
  const listener = new GoipListener(socket, lines, parts);
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: Error) => {
      socket.close();
      const where = `${place.address} port ${place.port} (udp)`;
      reject(
        new SimtrunkError('LISTENER_UNAVAILABLE', `Cannot hear GoIP keepalives on ${where}: ${cause.message}`, {
          cause,
        }),
      );
    };
    socket.once('error', onError);
    socket.bind(place.port, place.address, () => {
      socket.off('error', onError);
      resolve();
    });
  });
  // A failed send is reported here too, and nothing to end for: the line asks again.
  socket.on('error', (err) => parts.log.warn({ err }, 'socket for GoIP keepalives has failed'));
  return listener;
}

export class GoipListener {
  readonly #socket: Socket;
  readonly #parts: ListenerParts;
  #lines: ReadonlyMap<string, GoipLine>;
  /** Lines that have been told of already: a wrong password comes every 30 s. */
  readonly #told = new Set<string>();
  readonly #counters = { keepalives: 0, others: 0, unanswered: 0, malformed: 0, refused: 0 };

  /** Use {@link openGoipListener}. */
  constructor(socket: Socket, lines: readonly GoipLine[], parts: ListenerParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#lines = byId(lines);
    socket.on('message', (bytes, from) => this.#onMessage(bytes, from));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get counters(): GoipCounters {
    return { ...this.#counters };
  }

  /** Other lines from now on. */
  reconfigure(lines: readonly GoipLine[]): void {
    this.#lines = byId(lines);
    this.#told.clear();
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #onMessage(bytes: Uint8Array, from: RemoteInfo): void {
    const packet = readGoipPacket(bytes);
    if (packet === null) {
      this.#counters.malformed += 1;
      return;
    }
    const line = this.#lines.get(packet.id);
    if (line === undefined || !isFrom(line, from.address) || !isSecret(line.password, packet.password)) {
      this.#refuse(line, from);
      return;
    }
    this.#told.delete(line.id);
    const report = reportOfKeepalive(packet);
    const answer = answerTo(packet);
    if (report !== null) this.#counters.keepalives += 1;
    else if (answer === null) this.#counters.unanswered += 1;
    else this.#counters.others += 1;
    // A forged packet may come from port 0, to which nothing can be sent.
    if (answer !== null && from.port > 0) this.#socket.send(answer, from.port, from.address, () => {});
    if (report !== null) this.#parts.onReport(line.channelId, report);
  }

  #refuse(line: GoipLine | undefined, from: RemoteInfo): void {
    this.#counters.refused += 1;
    if (line === undefined || this.#told.has(line.id)) return;
    this.#told.add(line.id);
    this.#parts.log.warn(
      { channelId: line.channelId, source: from.address },
      'keepalive with the id of a GoIP line has a wrong password or address',
    );
  }
}

function isFrom({ address }: GoipLine, source: string): boolean {
  return address === undefined || address === source;
}

/** In a time that tells nothing of how much of it fits. */
function isSecret(known: string, given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(known), digest(given));
}

function byId(lines: readonly GoipLine[]): ReadonlyMap<string, GoipLine> {
  return new Map(lines.map((line) => [line.id, line]));
}
