// The suite that every sink passes: at least once in, exactly once kept.
import assert from 'node:assert/strict';
import type { Cdr } from './cdr.js';
import { cdrOf } from './cdr-test-kit.js';
import type { Sink } from './sink.js';

export interface SinkHarness {
  /** A sink on this harness's destination, as a new process makes it. */
  open(): Promise<Sink>;
  /** Ends the last one as a crash does. */
  crash(): Promise<void>;
  /** What a consumer finds at the destination. */
  stored(): Promise<readonly Cdr[]>;
  /** The destination refuses every write until it is repaired. */
  breakDown(): Promise<void>;
  repair(): Promise<void>;
  dispose(): Promise<void>;
}

/** Declares the suite for one implementation. */
export function describeSink(name: string, makeHarness: () => Promise<SinkHarness>): void {
  describe(`${name}, as a sink`, () => {
    let harness: SinkHarness;
    let sink: Sink;

    beforeEach(async () => {
      harness = await makeHarness();
      sink = await harness.open();
    });

    afterEach(() => harness.dispose());

    const batch = (...callIds: string[]) => callIds.map((callId) => cdrOf(callId));
    const storedIds = async () => (await harness.stored()).map((cdr) => cdr.callId);

    it('keeps whole records, in the order in which they were written', async () => {
      await sink.write(batch('a', 'b'));
      await sink.write(batch('c'));
      assert.deepEqual(await harness.stored(), batch('a', 'b', 'c'));
    });

    it('takes a large batch, and none at all', async () => {
      const records = batch(...Array.from({ length: 1_000 }, (_, index) => `call-${index}`));
      await sink.write([]);
      await sink.write(records);
      assert.deepEqual(await harness.stored(), records);
    });

    it('keeps text of any kind', async () => {
      const record = cdrOf('a', { calling: '"김 대리"\n\u2028\u0000', dialled: '*21#😀' });
      await sink.write([record]);
      assert.deepEqual(await harness.stored(), [record]);
    });

    it('has what it was given before a crash', async () => {
      await sink.write(batch('a'));
      await harness.crash();
      assert.deepEqual(await storedIds(), ['a']);
    });

    it('keeps a record once that it is given again after a crash between write and acknowledgement', async () => {
      await sink.write(batch('a', 'b'));
      await harness.crash();
      sink = await harness.open();
      await sink.write(batch('b', 'c'));
      await sink.write(batch('d'));
      assert.deepEqual(await storedIds(), ['a', 'b', 'c', 'd']);
    });

    it('keeps a batch once that it is given again because its acknowledgement failed', async () => {
      await sink.write(batch('a'));
      await sink.write(batch('b', 'c'));
      await sink.write(batch('b', 'c', 'd'));
      assert.deepEqual(await storedIds(), ['a', 'b', 'c', 'd']);
    });

    it('keeps each revision of a record', async () => {
      const revised = { ...cdrOf('a'), revision: 2, codec: 'PCMA' };
      await sink.write(batch('a'));
      await sink.write([revised]);
      assert.deepEqual(await harness.stored(), [cdrOf('a'), revised]);
    });

    it('rejects what it cannot keep, and takes all of it when it can again', async () => {
      await sink.write(batch('a'));
      await harness.breakDown();
      await assert.rejects(sink.write(batch('b', 'c')));
      await assert.rejects(sink.write(batch('b', 'c')));
      await harness.repair();
      await sink.write(batch('b', 'c'));
      assert.deepEqual(await storedIds(), ['a', 'b', 'c']);
    });

    it('closes at once when nothing was written, and more than once', async () => {
      await sink.close();
      await sink.close();
      assert.deepEqual(await harness.stored(), []);
    });

    it('goes on where it stopped after it was closed', async () => {
      await sink.write(batch('a'));
      await sink.close();
      sink = await harness.open();
      await sink.write(batch('b'));
      assert.deepEqual(await storedIds(), ['a', 'b']);
    });
  });
}
