// The control socket of the running process: clients, their requests one after the other, and the bounds of both.
// Whatever a client sends is answered or dropped, and counted; nothing that it does ends the process or waits in memory.
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { problemsOf } from './control-command.js';
import type { ControlCommands } from './control-commands.js';
import {
  answerLine,
  type ControlAnswer,
  MAX_REQUEST_BYTES,
  type RequestId,
  refuse,
  requestSchema,
} from './control-protocol.js';
import { LineSplitter } from './line-splitter.js';
import { listenAt } from './socket-file.js';

export interface ControlLimits {
  readonly maxClients: number;
  readonly maxRequestBytes: number;
  /** A client that has sent no whole request for so long is dropped. */
  readonly idleMs: number;
  /** A client that has not taken an answer within this time is dropped. */
  readonly answerMs: number;
  /** What commands that are under way get when the service ends. */
  readonly closeMs: number;
}

const DEFAULT_LIMITS: ControlLimits = {
  maxClients: 16,
  maxRequestBytes: MAX_REQUEST_BYTES,
  idleMs: 60_000,
  answerMs: 10_000,
  closeMs: 2_000,
};

export interface ControlCounters {
  readonly clients: number;
  readonly requests: number;
  /** Requests that were answered by an error. */
  readonly refused: number;
  /** Clients beyond the limit, too slow, idle, or with a line too long. */
  readonly dropped: number;
}

export interface ControlServerOptions {
  readonly path: string;
  readonly commands: ControlCommands;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<ControlLimits>;
}

/** @throws SimtrunkError CONTROL_IN_USE or CONTROL_UNAVAILABLE */
export async function openControlServer(options: ControlServerOptions): Promise<ControlServer> {
  // Half open: who sends a request and ends its side still reads the answer.
  const server = createServer({ allowHalfOpen: true });
  const control = new ControlServer(server, options);
  const socketFile = await listenAt(server, options.path);
  server.on('error', (err) => options.log.error({ err, alarm: 'control' }, 'control socket failed'));
  control.onClose(socketFile.release);
  return control;
}

/** Use {@link openControlServer}. */
export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #limits: ControlLimits;
  readonly #clients = new Set<ControlClient>();
  readonly #counters = { requests: 0, refused: 0, dropped: 0 };
  #release: () => Promise<void> = async () => undefined;
  #closing: Promise<void> | null = null;

  constructor(server: Server, options: ControlServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    server.on('connection', (socket) => this.#accept(socket));
  }

  get counters(): ControlCounters {
    return { clients: this.#clients.size, ...this.#counters };
  }

  onClose(release: () => Promise<void>): void {
    this.#release = release;
  }

  /** Takes no new client, lets commands under way answer for a moment, and frees the socket. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { clock } = this.#options;
    const timer = clock.after(this.#limits.closeMs, () => {
      for (const client of this.#clients) client.destroy();
    });
    await Promise.all([this.#release(), ...[...this.#clients].map((client) => client.finish())]);
    timer.cancel();
  }

  #accept(socket: Socket): void {
    socket.on('error', (err) => this.#options.log.debug({ err }, 'control client failed'));
    if (this.#closing !== null || this.#clients.size >= this.#limits.maxClients) {
      this.#counters.dropped++;
      const message = `There are ${this.#limits.maxClients} clients already; try again.`;
      socket.end(answerLine(null, refuse('too-many-clients', message)), () => socket.destroy());
      return;
    }
    const client: ControlClient = new ControlClient(socket, this.#limits, this.#options.clock, {
      answer: (line) => this.#answer(line),
      dropped: () => {
        this.#counters.dropped++;
      },
      gone: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
  }

  /** Never rejects. */
  async #answer(line: Buffer): Promise<string> {
    this.#counters.requests++;
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(line));
    } catch {
      return this.#refusal(null, refuse('bad-request', 'A request is one JSON object in UTF-8 on a line.'));
    }
    const read = requestSchema.safeParse(value);
    if (!read.success) return this.#refusal(null, refuse('bad-request', problemsOf(read.error)));
    const { id, command, arguments: given, by } = read.data;
    try {
      const answer = await this.#options.commands.run(command, given, by);
      // An answer can be too large for a line, too.
      return answer.ok ? answerLine(id, answer) : this.#refusal(id, answer);
    } catch (err) {
      this.#options.log.error({ err, command, by, alarm: 'defect' }, 'control command failed');
      return this.#refusal(id, refuse('failed', 'The command failed by a fault of simtrunk; its log says more.'));
    }
  }

  #refusal(id: RequestId, answer: ControlAnswer): string {
    this.#counters.refused++;
    return answerLine(id, answer);
  }
}

interface ClientHost {
  answer(line: Buffer): Promise<string>;
  dropped(): void;
  gone(): void;
}

/** One connection: nothing more is read from it while a request of it is under way. */
class ControlClient {
  readonly #socket: Socket;
  readonly #limits: ControlLimits;
  readonly #clock: Clock;
  readonly #host: ClientHost;
  readonly #lines: LineSplitter;
  readonly #closed: Promise<void>;
  #waiting: Buffer[] = [];
  #isWorking = false;
  #isEnding = false;
  #timer: ClockTimer | undefined;

  constructor(socket: Socket, limits: ControlLimits, clock: Clock, host: ClientHost) {
    this.#socket = socket;
    this.#limits = limits;
    this.#clock = clock;
    this.#host = host;
    this.#lines = new LineSplitter(limits.maxRequestBytes);
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#timer?.cancel();
        this.#waiting = [];
        host.gone();
        resolve();
      });
    });
    socket.on('data', (piece) => this.#read(piece));
    socket.on('end', () => this.#end());
    this.#dropAfter(limits.idleMs);
  }

  /** Answers the request that is under way, and ends. */
  finish(): Promise<void> {
    this.#waiting = [];
    this.#end();
    return this.#closed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(piece: Buffer): void {
    const lines = this.#lines.push(piece);
    if (lines === null) {
      const message = `A request has ${this.#limits.maxRequestBytes} bytes at most.`;
      this.#dropAfter(this.#limits.answerMs);
      this.#socket.pause().removeAllListeners('data');
      this.#socket.end(answerLine(null, refuse('line-too-long', message)), () => this.#drop());
      return;
    }
    this.#waiting.push(...lines.filter((line) => line.length > 0 && !isBlank(line)));
    if (!this.#isWorking && this.#waiting.length > 0) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    this.#socket.pause();
    this.#timer?.cancel();
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      const answer = await this.#host.answer(line);
      if (this.#socket.destroyed) return;
      this.#dropAfter(this.#limits.answerMs);
      await new Promise((resolve) => this.#socket.write(answer, resolve));
      this.#timer?.cancel();
    }
    this.#isWorking = false;
    if (this.#isEnding) this.#socket.end(() => this.#socket.destroy());
    else this.#dropAfter(this.#limits.idleMs);
    this.#socket.resume();
  }

  #end(): void {
    this.#isEnding = true;
    if (!this.#isWorking) this.#socket.end(() => this.#socket.destroy());
  }

  #dropAfter(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(ms, () => this.#drop());
  }

  #drop(): void {
    if (this.#socket.destroyed) return;
    this.#host.dropped();
    this.#socket.destroy();
  }
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
