import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readTapBatch, TAP_BATCH_BYTES, TapBatchWriter } from './tap-batch.js';

const entries = fc.array(
  fc.record(
    {
      fork: fc.nat(2 ** 31 - 1),
      isCallee: fc.boolean(),
      arrivalMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
      packet: fc.uint8Array({ minLength: 12, maxLength: 300 }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 60 },
);

describe('TapBatchWriter', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(entries, (written) => {
        const batch = new TapBatchWriter(new ArrayBuffer(TAP_BATCH_BYTES));
        for (const { fork, isCallee, arrivalMs, packet } of written) {
          assert.ok(batch.add(fork, isCallee, arrivalMs, packet));
        }
        const read: unknown[] = [];
        readTapBatch(batch.buffer, batch.bytes, (fork, isCallee, arrivalMs, packet) => {
          read.push({ fork, isCallee, arrivalMs, packet: packet.slice() });
        });
        assert.deepEqual(read, written);
      }),
    );
  });

  it('says when a packet does not fit, and stays as it was', () => {
    const batch = new TapBatchWriter(new ArrayBuffer(256));
    assert.ok(batch.add(1, false, 0, new Uint8Array(172)));
    const { bytes } = batch;
    assert.equal(batch.add(1, false, 0, new Uint8Array(172)), false);
    assert.equal(batch.bytes, bytes);
  });
});
