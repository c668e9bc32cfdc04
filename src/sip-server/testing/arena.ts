// The server that a contract suite runs against, and everything that one test opens around it.
import type { RunningSipServer, SipDefenceSettings, SipRequestHandler, SipServerSettings } from '../control.js';
import { DEFAULT_DEFENCE } from '../defence/defence-settings.js';
import { startSipServer } from '../start-sip-server.js';
import { type PeerTls, type RawPeer, type SipAddress, TcpPeer, UdpPeer } from './raw-peer.js';
import {
  type AdminAddress,
  type AppAnswer,
  type AppRequest,
  connectApplication,
  type TestApplication,
} from './test-application.js';
import { WireClient } from './wire-client.js';

export interface ServerUnderTest {
  readonly name: string;
  readonly admin: AdminAddress;
  readonly udp: SipAddress;
  readonly tcp: SipAddress;
  readonly t1Ms: number;
  /** Null for an external drachtio-server. */
  readonly control: RunningSipServer | null;
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly t1Ms?: number;
  readonly maxMessageBytes?: number;
  /** Whatever else is not as usual. */
  readonly settings?: Partial<SipServerSettings>;
  readonly defence?: Partial<SipDefenceSettings>;
  readonly requestHandlers?: readonly SipRequestHandler[];
}

/** Starts the embedded server on free loopback ports. */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<ServerUnderTest> {
  const t1Ms = options.t1Ms ?? 100;
  const secret = 'the secret';
  const control = await startSipServer({
    listeners: [
      { transport: 'udp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' },
      { transport: 'tcp', address: '127.0.0.1', port: 0, advertise: '127.0.0.1' },
    ],
    admin: { address: '127.0.0.1', port: 0, secret },
    timers: { t1Ms, t2Ms: 8 * t1Ms, t4Ms: 10 * t1Ms },
    maxMessageBytes: options.maxMessageBytes ?? 65_535,
    ...options.settings,
    defence: { ...DEFAULT_DEFENCE, ...options.defence },
    requestHandlers: options.requestHandlers ?? [],
  });
  const [udp, tcp] = control.listeners;
  if (udp === undefined || tcp === undefined) throw new Error('The server has lost a listener');
  return {
    name: 'embedded server',
    admin: { host: control.adminAddress, port: control.adminPort, secret },
    udp,
    tcp,
    t1Ms,
    control,
    close: () => control.close(),
  };
}

/** The drachtio-server that DRACHTIO_HOST names, or null. It is left running. */
export async function findExternal(): Promise<ServerUnderTest | null> {
  const host = process.env.DRACHTIO_HOST;
  if (host === undefined || host === '') return null;
  const port = Number(process.env.DRACHTIO_PORT ?? 9022);
  const admin = { host, port, secret: process.env.DRACHTIO_SECRET ?? 'cymru' };
  const { srf, hostport } = await connectApplication(admin);
  srf.disconnect();
  const listener = (protocol: string): SipAddress => {
    const match = new RegExp(`${protocol}/([^,]+):(\\d+)`).exec(hostport);
    if (match === null) throw new Error(`The external server does not listen on ${protocol}: ${hostport}`);
    return { address: match[1] as string, port: Number(match[2]) };
  };
  return {
    name: `drachtio-server at ${host}:${port}`,
    admin,
    udp: listener('udp'),
    tcp: listener('tcp'),
    t1Ms: 500,
    control: null,
    close: async () => undefined,
  };
}

/** What one test opens; all of it is closed at its end. */
export class Arena {
  readonly server: ServerUnderTest;
  #closers: (() => void)[] = [];

  constructor(server: ServerUnderTest) {
    this.server = server;
  }

  async app(
    handlers: Readonly<Record<string, (request: AppRequest, answer: AppAnswer) => void>> = {},
  ): Promise<TestApplication> {
    const { srf } = await connectApplication(this.server.admin, handlers);
    this.#closers.push(() => srf.disconnect());
    return srf;
  }

  async udpPeer(address?: string, port?: number): Promise<UdpPeer> {
    return this.#keep(await UdpPeer.open(this.server.udp, address, port));
  }

  async tcpPeer(address?: string): Promise<TcpPeer> {
    return this.#keep(await TcpPeer.open(this.server.tcp, address));
  }

  async tlsPeer(server: SipAddress, tls: PeerTls, address = '127.0.0.1'): Promise<TcpPeer> {
    return this.#keep(await TcpPeer.open(server, address, tls));
  }

  async wire(): Promise<WireClient> {
    const client = await WireClient.authenticated(this.server.admin);
    this.#closers.push(() => client.close());
    return client;
  }

  #keep<P extends RawPeer>(peer: P): P {
    this.#closers.push(() => peer.close());
    return peer;
  }

  close(): void {
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        close();
      } catch {
        // Closed by the test itself.
      }
    }
  }
}

/** Skips a test that an external drachtio-server cannot pass, and says why. */
export function needsEmbedded(server: ServerUnderTest, test: Mocha.Context, reason: string): void {
  if (server.control !== null) return;
  console.log(`      skipped: ${reason}`);
  test.skip();
}

/** A promise with its ends outside, for what a callback brings. */
export function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(cause: unknown): void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (cause: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Asks again and again until the answer will do; fails after 30 s. */
export async function until<T>(ask: () => Promise<T>, isEnough: (answer: T) => boolean): Promise<T> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (isEnough(answer)) return answer;
    if (performance.now() > deadlineMs) throw new Error(`Still ${JSON.stringify(answer)} after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
