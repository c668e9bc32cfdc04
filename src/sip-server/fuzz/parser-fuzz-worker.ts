// Entry of the thread that reads damaged messages: it writes each into shared memory before it reads it, so that the thread
// that watches knows what hangs.
import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { type FuzzOutcome, failureOf, seedOfRound } from './fuzz-outcome.js';
import { type ParserFuzzTask, WATCHED_COUNT, WATCHED_HEADER_BYTES, WATCHED_LENGTH } from './fuzz-parser.js';
import {
  acceptsGrammaticalMessages,
  examine,
  framesStreamsHoweverCut,
  longRows,
  survivesMutations,
  type Witness,
} from './parser-properties.js';

const RUNS_A_ROUND = 300;
/** A round takes a second or two; a failure is shrunk no longer than this. */
const SHRINKING_MS = 60_000;

const properties: Readonly<Record<string, (witness: Witness) => fc.IRawProperty<unknown>>> = {
  'accepts what the grammar allows': acceptsGrammaticalMessages,
  'survives mutations': survivesMutations,
  'frames streams however they are cut': framesStreamsHoweverCut,
};

function fuzz({ seed, forMs, watched }: ParserFuzzTask): FuzzOutcome {
  const numbers = new Int32Array(watched, 0, 2);
  const bytesSeen = new Uint8Array(watched, WATCHED_HEADER_BYTES);
  const witness: Witness = (bytes) => {
    bytesSeen.set(bytes.subarray(0, bytesSeen.length));
    Atomics.store(numbers, WATCHED_LENGTH, Math.min(bytes.length, bytesSeen.length));
    Atomics.add(numbers, WATCHED_COUNT, 1);
  };
  const endMs = performance.now() + forMs;
  for (const bytes of longRows()) {
    witness(bytes);
    examine(bytes);
  }
  let rounds = 0;
  let runs = 0;
  do {
    const roundSeed = seedOfRound(seed, rounds++);
    for (const [name, property] of Object.entries(properties)) {
      const details = fc.check(property(witness) as fc.IProperty<unknown>, {
        seed: roundSeed,
        numRuns: RUNS_A_ROUND,
        interruptAfterTimeLimit: SHRINKING_MS,
      });
      runs += details.numRuns;
      const failure = failureOf(name, roundSeed, details);
      if (failure !== null) return { rounds, runs, failure };
    }
  } while (performance.now() < endMs);
  return { rounds, runs, failure: null };
}

parentPort?.postMessage(fuzz(workerData as ParserFuzzTask));
