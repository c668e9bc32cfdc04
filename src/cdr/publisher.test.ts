import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { Cdr } from './cdr.js';
import { cdrOf } from './cdr-test-kit.js';
import type { ReadyCdr } from './outbox.js';
import { Publisher, type RecordSource } from './publisher.js';
import type { Sink } from './sink.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

/** Lets everything that waits for promises only go as far as it can. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

class FakeOutbox implements RecordSource {
  readonly records: ReadyCdr[] = [];
  readonly acknowledged = new Map<string, Set<number>>();
  failures = 0;
  #onReady = () => {};

  onReady(listener: () => void): void {
    this.#onReady = listener;
  }

  add(...callIds: string[]): void {
    for (const callId of callIds) this.records.push({ seq: this.records.length + 1, revision: 1, cdr: cdrOf(callId) });
    this.#onReady();
  }

  async readyFor(sink: string, limit: number): Promise<readonly ReadyCdr[]> {
    return this.records.filter(({ seq }) => !this.acknowledged.get(sink)?.has(seq)).slice(0, limit);
  }

  async acknowledge(sink: string, written: readonly ReadyCdr[]): Promise<void> {
    if (this.failures-- > 0) throw new Error('journal failed');
    const seqs = this.acknowledged.get(sink) ?? new Set();
    for (const { seq } of written) seqs.add(seq);
    this.acknowledged.set(sink, seqs);
  }
}

class FakeSink implements Sink {
  readonly name: string;
  readonly batches: string[][] = [];
  readonly attemptedAtMs: number[] = [];
  readonly #clock: ManualClock;
  behaviour: 'takes' | 'refuses' | 'hangs' = 'takes';
  closed = 0;

  constructor(name: string, clock: ManualClock) {
    this.name = name;
    this.#clock = clock;
  }

  get callIds(): string[] {
    return this.batches.flat();
  }

  async write(records: readonly Cdr[]): Promise<void> {
    this.attemptedAtMs.push(this.#clock.monotonicMs());
    if (this.behaviour === 'refuses') throw new Error('unreachable');
    if (this.behaviour === 'hangs') await new Promise(() => {});
    this.batches.push(records.map((cdr) => cdr.callId));
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

describe('Publisher', () => {
  let clock: ManualClock;
  let outbox: FakeOutbox;
  let files: FakeSink;
  let queue: FakeSink;
  let publisher: Publisher;

  beforeEach(() => {
    clock = new ManualClock();
    outbox = new FakeOutbox();
    files = new FakeSink('files', clock);
    queue = new FakeSink('queue', clock);
    publisher = new Publisher(outbox, [files, queue], clock, log);
  });

  afterEach(() => {
    assert.equal(clock.pendingTimers, 0, 'no timer is left');
  });

  it('gives every record to every sink, in order, as soon as it is ready', async () => {
    outbox.add('a', 'b');
    await settled();
    outbox.add('c');
    await settled();
    assert.deepEqual(
      [files.callIds, queue.callIds],
      [
        ['a', 'b', 'c'],
        ['a', 'b', 'c'],
      ],
    );
    assert.deepEqual(publisher.counters, { published: 6, failedWrites: 0 });
  });

  it('publishes at the start what an earlier process left', async () => {
    outbox.records.push({ seq: 1, revision: 1, cdr: cdrOf('left') });
    publisher.wake();
    await settled();
    assert.deepEqual(files.callIds, ['left']);
  });

  it('empties a long queue in batches', async () => {
    const callIds = Array.from({ length: 600 }, (_, index) => `call-${index}`);
    outbox.add(...callIds);
    await settled();
    assert.deepEqual(
      files.batches.map((batch) => batch.length),
      [256, 256, 88],
    );
    assert.deepEqual(files.callIds, callIds);
  });

  it('tries again after pauses that grow to half a minute, and from the shortest after a success', async () => {
    queue.behaviour = 'refuses';
    outbox.add('a');
    await settled();
    for (let tries = 0; tries < 10; tries++) {
      clock.advance(30_000);
      await settled();
    }
    const pauses = queue.attemptedAtMs.slice(1).map((atMs, index) => atMs - (queue.attemptedAtMs[index] ?? 0));
    // A pause that has grown less than the step of this test shows as the step.
    assert.equal(Math.max(...pauses), 30_000);
    queue.behaviour = 'takes';
    clock.advance(30_000);
    await settled();
    assert.deepEqual(queue.callIds, ['a']);
    assert.equal(publisher.counters.failedWrites, 11);
    queue.behaviour = 'refuses';
    outbox.add('b');
    await settled();
    queue.behaviour = 'takes';
    clock.advance(250);
    await settled();
    assert.deepEqual(queue.callIds, ['a', 'b']);
  });

  it('doubles the pause from a quarter of a second', async () => {
    queue.behaviour = 'refuses';
    outbox.add('a');
    await settled();
    for (let waitedMs = 0; waitedMs < 4_000; waitedMs += 250) {
      clock.advance(250);
      await settled();
    }
    assert.deepEqual(queue.attemptedAtMs, [0, 250, 750, 1_750, 3_750]);
    await publisher.close();
  });

  it('holds back no sink for one that hangs or refuses', async () => {
    queue.behaviour = 'hangs';
    outbox.add('a');
    await settled();
    outbox.add('b');
    await settled();
    assert.deepEqual(files.callIds, ['a', 'b']);
    assert.equal(queue.attemptedAtMs.length, 1);
  });

  it('gives a record again when only its acknowledgement failed', async () => {
    outbox.failures = 2;
    outbox.add('a');
    await settled();
    clock.advance(250);
    await settled();
    assert.deepEqual(
      [files.callIds, queue.callIds],
      [
        ['a', 'a'],
        ['a', 'a'],
      ],
    );
  });

  it('takes what becomes ready while a batch is being written', async () => {
    const write = files.write.bind(files);
    files.write = async (records) => {
      await write(records);
      if (files.batches.length === 1) outbox.add('b');
    };
    outbox.add('a');
    await settled();
    assert.deepEqual(files.callIds, ['a', 'b']);
  });

  it('writes what is ready once more when it closes, without waiting for the pause', async () => {
    files.behaviour = 'refuses';
    outbox.add('a');
    await settled();
    files.behaviour = 'takes';
    await publisher.close();
    assert.deepEqual(files.callIds, ['a']);
    assert.deepEqual([files.closed, queue.closed], [1, 1]);
  });

  it('closes although a sink refuses, and leaves its records for the next start', async () => {
    files.behaviour = 'refuses';
    outbox.add('a');
    await settled();
    await publisher.close();
    assert.equal(files.attemptedAtMs.length, 2);
    assert.equal(outbox.acknowledged.get('files'), undefined);
    outbox.add('b');
    await settled();
    assert.deepEqual(queue.callIds, ['a']);
  });

  it('closes within five seconds although a sink hangs, and the others at once', async () => {
    files.behaviour = 'hangs';
    outbox.add('a');
    await settled();
    let isClosed = false;
    const closing = publisher.close().then(() => {
      isClosed = true;
    });
    await settled();
    assert.equal(queue.closed, 1);
    clock.advance(4_999);
    await settled();
    assert.equal(isClosed, false);
    clock.advance(1);
    await closing;
    assert.equal(publisher.counters.failedWrites, 1);
  });

  it('closes the others although one cannot be closed', async () => {
    files.close = async () => {
      throw new Error('stuck');
    };
    await publisher.close();
    assert.equal(queue.closed, 1);
  });
});
