// Sends batches of damaged messages to a running server, and asks after each whether it still serves and has logged no fault;
// at the end, whether it has forgotten them all.
import fc from 'fast-check';
import { pino } from 'pino';
import type { RunningSipServer } from '../control.js';
import { DEFAULT_DEFENCE } from '../defence/defence-settings.js';
import { startSipServer } from '../start-sip-server.js';
import { until } from '../testing/arena.js';
import { APPLICATION_TAG, FuzzApplication } from './fuzz-application.js';
import { type FuzzOutcome, failureOf, seedOfRound } from './fuzz-outcome.js';
import { ANSWER_TEMPLATE, FuzzPeer, PEER_ADDRESS, type Sending } from './fuzz-peer.js';
import { grammaticalMessage, POOLS } from './message-grammar.js';
import { mutated } from './mutation.js';

const SECRET = 'fuzz';
const RUNS_A_ROUND = 20;
const SHRINKING_MS = 120_000;
const MAX_DATAGRAM_BYTES = 60_000;
/** Far above what the server needs when nothing goes on, garbage included. */
const MAX_HEAP_BYTES = 256 * 1024 * 1024;

interface Batch {
  readonly sendings: readonly Sending[];
  /** What the peer answers to requests of the server, {@link ANSWER_TEMPLATE} damaged. */
  readonly answers: readonly string[];
}

function batches(): fc.Arbitrary<Batch> {
  const pools = {
    ...POOLS,
    callIds: ['a@peer', 'b@peer', 'c@peer', 'd@peer'],
    tags: [APPLICATION_TAG, 'one'],
    addresses: [PEER_ADDRESS],
    // ACKs and CANCELs are to find their INVITE now and then.
    maxCSeq: 4,
  };
  const message = grammaticalMessage('declared', pools).map(({ text }) => text);
  const text = fc.oneof(
    { weight: 3, arbitrary: message },
    { weight: 2, arbitrary: mutated(message, MAX_DATAGRAM_BYTES) },
  );
  const datagram = text.map((content): Sending => ({ over: 'udp', text: content }));
  const stream = fc
    .tuple(fc.array(text, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(0xffff), { maxLength: 12 }))
    .map(([texts, cuts]): Sending => ({ over: 'tcp', text: texts.join(''), cuts }));
  return fc.record({
    sendings: fc.array(fc.oneof({ weight: 4, arbitrary: datagram }, { weight: 1, arbitrary: stream }), {
      minLength: 1,
      maxLength: 40,
    }),
    answers: fc.array(fc.oneof(fc.constant(ANSWER_TEMPLATE), mutated(fc.constant(ANSWER_TEMPLATE), 2_000)), {
      maxLength: 3,
    }),
  });
}

/** The server, its application and its peer; made anew after a failure. */
class Scene {
  readonly #server: RunningSipServer;
  readonly #application: FuzzApplication;
  readonly #faults: string[];
  readonly peer: FuzzPeer;

  private constructor(server: RunningSipServer, application: FuzzApplication, peer: FuzzPeer, faults: string[]) {
    this.#server = server;
    this.#application = application;
    this.#faults = faults;
    this.peer = peer;
  }

  static async open(): Promise<Scene> {
    const faults: string[] = [];
    const listener = { address: '127.0.0.1', port: 0, advertise: '127.0.0.1' } as const;
    const server = await startSipServer(
      {
        listeners: [
          { ...listener, transport: 'udp' },
          { ...listener, transport: 'tcp' },
        ],
        admin: { address: '127.0.0.1', port: 0, secret: SECRET },
        timers: { t1Ms: 5, t2Ms: 40, t4Ms: 50 },
        maxMessageBytes: 65_535,
        defence: { ...DEFAULT_DEFENCE, scanners: [] },
      },
      pino({ level: 'error' }, { write: (line: string) => void faults.push(line) }),
    );
    server.onExit((cause) => faults.push(`The thread ended: ${cause.message}`));
    const [udp, tcp] = server.listeners;
    const peer = await FuzzPeer.open('127.0.0.1', udp?.port ?? 0, tcp?.port ?? 0);
    const contact = `<sip:c@127.0.0.1:${peer.port}>`;
    const application = await FuzzApplication.open(server.adminPort, '127.0.0.1', SECRET, contact);
    const scene = new Scene(server, application, peer, faults);
    await peer.expectService();
    return scene;
  }

  async play(batch: Batch): Promise<void> {
    this.peer.answers = batch.answers;
    this.#application.call(`sip:peer@127.0.0.1:${this.peer.port}`);
    for (const sending of batch.sendings) await this.peer.send(sending);
    await this.peer.expectService();
    this.peer.hangUp();
    if (this.#faults.length > 0) throw new Error(`The server reports a fault of its own:\n${this.#faults.join('')}`);
  }

  /** Waits until nothing is left of what was sent, and weighs the server's thread. */
  async expectForgetting(): Promise<void> {
    this.peer.answers = [ANSWER_TEMPLATE];
    this.#application.hangUp();
    const { heapUsedBytes } = await until(
      async () => {
        const { transactionsByState, dialogs, timers, heapUsedBytes } = await this.#server.counters();
        return { transactionsByState, dialogs, timers, heapUsedBytes };
      },
      ({ transactionsByState, dialogs, timers }) => Object.keys(transactionsByState).length + dialogs + timers === 0,
    );
    if (heapUsedBytes > MAX_HEAP_BYTES) throw new Error(`The server keeps ${heapUsedBytes} bytes, and nothing goes on`);
  }

  async close(): Promise<void> {
    this.#application.close();
    this.peer.close();
    await this.#server.close();
  }
}

/** @param forMs a round that has begun is ended */
export async function fuzzServer(seed: number, forMs: number): Promise<FuzzOutcome> {
  let scene = await Scene.open();
  const endMs = performance.now() + forMs;
  let rounds = 0;
  let runs = 0;
  const property = fc.asyncProperty(batches(), async (batch) => {
    try {
      await scene.play(batch);
    } catch (error) {
      // What is left of this server says nothing about the next batch.
      await scene.close();
      scene = await Scene.open();
      throw error;
    }
  });
  try {
    do {
      const roundSeed = seedOfRound(seed, rounds++);
      const details = await fc.check(property, {
        seed: roundSeed,
        numRuns: RUNS_A_ROUND,
        interruptAfterTimeLimit: SHRINKING_MS,
      });
      runs += details.numRuns;
      const failure = failureOf('the server serves on', roundSeed, details);
      if (failure !== null) return { rounds, runs, failure };
    } while (performance.now() < endMs);
    await scene.expectForgetting();
    return { rounds, runs, failure: null };
  } catch (error) {
    const report = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { rounds, runs, failure: { property: 'the server forgets what is over', seed, report } };
  } finally {
    await scene.close();
  }
}
