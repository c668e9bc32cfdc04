// The connection to the SIP server: made once, made again by drachtio-srf whenever it is lost, closed with the last words said.
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { reachServer } from './reach-server.js';
import type { SrfApplication } from './srf.js';

/** Three transmissions of a BYE over UDP at the default T1. */
const LAST_WORDS_MS = 2_000;
/** drachtio-srf waits 1.7 times as long after each failed attempt, without an end unless told. */
const LONGEST_RECONNECT_PAUSE_MS = 500;

export interface DrachtioServer {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

export class ServerConnection {
  readonly #srf: SrfApplication;
  readonly #log: Logger;
  readonly #onConnected: (isAgain: boolean) => void;
  #isConnected = false;
  #isLost = false;
  #isClosing = false;

  /** @param onConnected each time; `isAgain` when a lost connection was replaced: its dialogs are gone (wire protocol §10) */
  constructor(srf: SrfApplication, log: Logger, onConnected: (isAgain: boolean) => void) {
    this.#srf = srf;
    this.#log = log;
    this.#onConnected = onConnected;
    srf.on('error', (error) => log.warn({ err: error }, 'connection to the SIP server failed'));
    srf.on('close', () => this.#noteClosed());
    srf.on('connect', (error) => {
      if (!error) this.#noteConnected();
    });
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /**
   * Connects and authenticates; drachtio-srf itself reconnects later. Resolves with the server's listeners, each as
   * `udp/192.0.2.1:5060`.
   * @throws SimtrunkError SIP_SERVER_UNREACHABLE when the secret is refused or nobody answers in time.
   */
  async connect(server: DrachtioServer, timeoutMs: number): Promise<readonly string[]> {
    const where = `${server.host}:${server.port}`;
    const startMs = performance.now();
    const failure = await reachServer(server.host, server.port, timeoutMs);
    if (failure !== null) {
      const text = `No drachtio server listens at ${where} (${failure}). Start it, or correct sip.drachtio in the config.`;
      throw new SimtrunkError('SIP_SERVER_UNREACHABLE', text);
    }
    return new Promise((resolve, reject) => {
      const refuse = (text: string) => reject(new SimtrunkError('SIP_SERVER_UNREACHABLE', text));
      const timer = setTimeout(
        () =>
          refuse(`What listens at ${where} does not speak as a drachtio server. Correct sip.drachtio in the config.`),
        Math.max(0, timeoutMs - (performance.now() - startMs)),
      );
      this.#srf.on('connect', (error, hostport) => {
        clearTimeout(timer);
        if (error) {
          refuse(`The drachtio server at ${where} refused our secret. Correct sip.drachtio.secret in the config.`);
          return;
        }
        this.#log.info({ hostport }, 'connected to the SIP server');
        resolve(hostport.split(','));
      });
      this.#srf.connect({ ...server, reconnect: { retryMaxDelay: LONGEST_RECONNECT_PAUSE_MS } });
    });
  }

  /**
   * Disconnects when `lastWords` are said and the server has read them: a final response written just before would be lost with
   * a server that is closed next. Never waits for long.
   */
  async close(lastWords: Promise<void>): Promise<void> {
    this.#isClosing = true;
    await soon(lastWords);
    const closed = new Promise<void>((resolve) => this.#srf.on('close', () => resolve()));
    const wasConnected = this.#isConnected;
    this.#disconnect();
    if (wasConnected) await soon(closed);
  }

  #disconnect(): void {
    try {
      this.#srf.disconnect();
    } catch (error) {
      this.#log.debug({ err: error }, 'was not connected');
    }
  }

  #noteClosed(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    if (this.#isClosing) return;
    this.#isLost = true;
    this.#log.error({ alarm: 'signalling' }, 'connection to the SIP server is lost');
  }

  #noteConnected(): void {
    // An attempt that was under way when we were closed.
    if (this.#isClosing) {
      this.#disconnect();
      return;
    }
    this.#isConnected = true;
    const isAgain = this.#isLost;
    this.#isLost = false;
    if (isAgain) this.#log.warn({}, 'connected to the SIP server again');
    this.#onConnected(isAgain);
  }
}

/** What comes true by itself, or not within the patience of one who is leaving. */
function soon(event: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LAST_WORDS_MS);
    void event.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
