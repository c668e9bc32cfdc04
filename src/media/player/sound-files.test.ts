import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SoundFiles } from './sound-files.js';
import { wavFile } from './sound-test-kit.js';

describe('SoundFiles', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sounds-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(name: string, sample: number, changedSeconds: number): string {
    const path = join(folder, name);
    writeFileSync(path, wavFile({ data: [sample, 0] }));
    utimesSync(path, changedSeconds, changedSeconds);
    return path;
  }

  async function samplesOf(files: SoundFiles, path: string): Promise<Int16Array> {
    const read = await files.read(path);
    assert.ok(read.ok, JSON.stringify(read));
    return read.samples;
  }

  it('reads a file once while it does not change, and again when it does', async () => {
    const files = new SoundFiles();
    const path = write('a.wav', 1, 1_000);
    const first = await samplesOf(files, path);
    assert.equal(await samplesOf(files, path), first);
    write('a.wav', 2, 2_000);
    assert.deepEqual([...(await samplesOf(files, path))], [2]);
  });

  it('forgets the sound that was used longest ago when there are too many', async () => {
    const files = new SoundFiles(4);
    const [a, b, c] = [write('a.wav', 1, 1_000), write('b.wav', 2, 1_000), write('c.wav', 3, 1_000)];
    const first = await samplesOf(files, a);
    const second = await samplesOf(files, b);
    assert.equal(await samplesOf(files, a), first);
    await samplesOf(files, c);
    assert.equal(await samplesOf(files, a), first);
    assert.notEqual(await samplesOf(files, b), second);
  });

  it('says why a file cannot be played, and never waits for a pipe', async () => {
    const files = new SoundFiles();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    writeFileSync(join(folder, 'text'), 'no sound');
    for (const [path, problem] of [
      [join(folder, 'none.wav'), /ENOENT/],
      [folder, /no file/],
      [pipe, /no file/],
      [join(folder, 'text'), /no WAV file/],
    ] as const) {
      const read = await files.read(path);
      assert.ok(!read.ok);
      assert.match(read.problem, problem);
    }
  });
});
