// Hears what GoIP lines tell of themselves and of text messages, on one UDP port. A line is known by its id, its password and,
// where its gateway has an address, by that; nobody else gets an answer. Clear text: it belongs into a network of its own.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { answerTo, type GoipPacket, type GoipTold, readGoipPacket, reportOfKeepalive, toldBy } from './goip-packet.js';
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
  /** Text messages and reports of some that were taken, repetitions included. */
  readonly told: number;
  /** Of known lines: acknowledged and not looked at. */
  readonly others: number;
  /** Of known lines: unknown words, and text messages that could not be taken. */
  readonly unanswered: number;
  readonly malformed: number;
  /** Unknown ids, wrong passwords, strangers' addresses. */
  readonly refused: number;
}

interface ListenerParts {
  readonly log: Logger;
  onReport(channelId: string, report: SimReport): void;
  /** True when it is kept, or need not be: the line may forget it. False: it is not taken. */
  onTold(channelId: string, told: GoipTold): Promise<boolean>;
}

/** Told and not yet kept: with a journal that is away, lines say it again and again. */
const MOST_UNDER_WAY = 256;

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
  /** Lines that the log has a warning of already: a wrong password comes every 30 s. */
  readonly #warned = new Set<string>();
  #isClosed = false;
  readonly #underWay = new Set<string>();
  readonly #counters = { keepalives: 0, told: 0, others: 0, unanswered: 0, malformed: 0, refused: 0 };

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
    this.#warned.clear();
  }

  close(): Promise<void> {
    this.#isClosed = true;
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
    this.#warned.delete(line.id);
    const told = toldBy(packet);
    if (told === 'malformed') {
      this.#counters.malformed += 1;
      return;
    }
    if (told !== null) {
      void this.#take(line, told, packet, from);
      return;
    }
    const report = reportOfKeepalive(packet);
    const isAnswered = this.#answer(packet, from);
    if (report !== null) this.#counters.keepalives += 1;
    else if (isAnswered) this.#counters.others += 1;
    else this.#counters.unanswered += 1;
    if (report !== null) this.#parts.onReport(line.channelId, report);
  }

  /** It has its answer when it is kept: until then its line says it again. */
  async #take({ channelId }: GoipLine, told: GoipTold, packet: GoipPacket, from: RemoteInfo): Promise<void> {
    const name = `${channelId} ${packet.word} ${packet.count}`;
    if (this.#underWay.has(name)) return;
    let isTaken = false;
    if (this.#underWay.size < MOST_UNDER_WAY) {
      this.#underWay.add(name);
      try {
        isTaken = await this.#parts.onTold(channelId, told);
      } catch (err) {
        this.#parts.log.error({ err, channelId, kind: told.kind }, 'what a GoIP line told could not be kept');
      }
      this.#underWay.delete(name);
    }
    if (isTaken) {
      this.#counters.told += 1;
      this.#answer(packet, from);
    } else this.#counters.unanswered += 1;
  }

  #answer(packet: GoipPacket, from: RemoteInfo): boolean {
    const answer = answerTo(packet);
    if (answer === null) return false;
    // A forged packet may come from port 0, to which nothing can be sent.
    if (from.port > 0 && !this.#isClosed) this.#socket.send(answer, from.port, from.address, () => {});
    return true;
  }

  #refuse(line: GoipLine | undefined, from: RemoteInfo): void {
    this.#counters.refused += 1;
    if (line === undefined || this.#warned.has(line.id)) return;
    this.#warned.add(line.id);
    this.#parts.log.warn(
      { channelId: line.channelId, source: from.address },
      'packet with the id of a GoIP line has a wrong password or address',
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
