import assert from 'node:assert/strict';
import { readWav } from './read-wav.js';

/** A WAV file with a chunk that readers have to skip. */
function wavOf(frames: readonly (readonly number[])[], sampleRateHz = 8000): Buffer {
  const channels = frames[0]?.length ?? 1;
  const data = Buffer.from(Int16Array.from(frames.flat()).buffer);
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRateHz, 4);
  format.writeUInt32LE(sampleRateHz * channels * 2, 8);
  format.writeUInt16LE(channels * 2, 12);
  format.writeUInt16LE(16, 14);
  const chunk = (id: string, content: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.write(id, 'latin1');
    head.writeUInt32LE(content.length, 4);
    return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
  };
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    chunk('fmt ', format),
    chunk('LIST', Buffer.from('odd')),
    chunk('data', data),
  ]);
  const head = Buffer.alloc(8);
  head.write('RIFF');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

describe('readWav', () => {
  it('takes the channels apart', () => {
    const wav = readWav(
      wavOf([
        [1, -1],
        [2, -2],
        [32_767, -32_768],
      ]),
    );
    assert.equal(wav.sampleRateHz, 8000);
    assert.deepEqual(wav.channels, [Int16Array.of(1, 2, 32_767), Int16Array.of(-1, -2, -32_768)]);
  });

  it('refuses what is no WAV file, or one whose header does not fit its length', () => {
    assert.throws(() => readWav(Buffer.from('RIFFxxxxAIFF')), /not a WAV file/);
    assert.throws(() => readWav(wavOf([[1, 2]]).subarray(0, -1)), /the header says/);
  });
});
