import assert from 'node:assert/strict';
import fc from 'fast-check';
import { A_LAW_TO_LINEAR, MU_LAW_TO_LINEAR } from '../../rtp/g711.js';
import { type ReadSoundResult, readSound } from './read-sound.js';
import { wavFile } from './sound-test-kit.js';

function samplesOf(result: ReadSoundResult): number[] {
  assert.ok(result.ok, JSON.stringify(result));
  return [...result.samples];
}

function problemOf(file: Uint8Array): string {
  const result = readSound(file);
  return result.ok ? 'none' : result.problem;
}

describe('readSound', () => {
  it('reads 16-bit PCM, A-law and µ-law', () => {
    assert.deepEqual(samplesOf(readSound(wavFile({ data: [0x01, 0x00, 0xff, 0xff, 0x00, 0x80] }))), [1, -1, -32_768]);
    const octets = [0xd5, 0x55, 0x2a, 0xaa];
    for (const [tag, table] of [
      [6, A_LAW_TO_LINEAR],
      [7, MU_LAW_TO_LINEAR],
    ] as const) {
      const read = samplesOf(readSound(wavFile({ tag, bitsPerSample: 8, data: octets })));
      assert.deepEqual(
        read,
        octets.map((octet) => table[octet]),
      );
    }
  });

  it('reads the extensible form, and passes over other chunks, of odd lengths too', () => {
    const chunks = [...text('LIST'), 3, 0, 0, 0, 1, 2, 3, 0];
    assert.deepEqual(samplesOf(readSound(wavFile({ tag: 0xfffe, guidTag: 1, chunks, data: [5, 0] }))), [5]);
  });

  it('keeps the samples in memory that threads share', () => {
    const read = readSound(wavFile({ data: [1, 0] }));
    assert.ok(read.ok && read.samples.buffer instanceof SharedArrayBuffer);
  });

  it('plays what there is of a file whose length was never written', () => {
    const file = wavFile({ data: [1, 0, 2, 0] });
    file.writeUInt32LE(0xffff_ffff, file.length - 8);
    assert.deepEqual(samplesOf(readSound(file)), [1, 2]);
  });

  it('says what it cannot play', () => {
    assert.equal(problemOf(wavFile({ channels: 2 })), 'it has 2 channels, not one');
    assert.equal(problemOf(wavFile({ sampleRateHz: 16_000 })), 'it has 16000 samples a second, not 8000');
    assert.match(problemOf(wavFile({ bitsPerSample: 24 })), /neither 16-bit PCM/);
    assert.match(problemOf(wavFile({ tag: 2, bitsPerSample: 4 })), /neither 16-bit PCM/);
    assert.equal(problemOf(wavFile({ data: [] })), 'it has no audio');
    assert.equal(problemOf(Buffer.from('RIFF....WAVE')), 'it has no audio');
    assert.equal(problemOf(Buffer.from('an MP3, perhaps')), 'it is no WAV file');
    assert.equal(problemOf(new Uint8Array()), 'it is no WAV file');
  });

  it('never throws, whatever the bytes are', () => {
    const broken = fc
      .tuple(fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 }), fc.nat(80))
      .map(([changes, length]) => {
        const file = wavFile({ data: [1, 0, 2, 0], chunks: [...text('LIST'), 2, 0, 0, 0, 1, 2] });
        for (const [at, octet] of changes) file[at % file.length] = octet;
        return file.subarray(0, length);
      });
    fc.assert(fc.property(fc.oneof(broken, fc.uint8Array({ maxLength: 100 })), (file) => void readSound(file)));
  });
});

function text(chunk: string): number[] {
  return [...Buffer.from(chunk)];
}
