import assert from 'node:assert/strict';
import type { MediaEvent } from '../../call/ports.js';
import { createLogger } from '../../lib/logger.js';
import { SessionPlays, type StartPlay } from './session-plays.js';
import type { SoundFileResult, SoundFiles } from './sound-files.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const FILE = { kind: 'file', path: '/sounds/hello.wav' } as const;
const TONE = { kind: 'tone', frequenciesHz: [425] } as const;

class Bench {
  readonly started: StartPlay[] = [];
  readonly stopped: string[] = [];
  readonly told: MediaEvent[] = [];
  #answer: (result: SoundFileResult) => void = () => undefined;
  readonly plays = new SessionPlays(
    'c1',
    { read: () => new Promise((resolve) => (this.#answer = resolve)) } as unknown as SoundFiles,
    { startPlaying: (play) => this.started.push(play), stopPlaying: (playId) => this.stopped.push(playId) },
    (event) => this.told.push(event),
    log,
  );

  /** The file has been read, or not. */
  async read(result: SoundFileResult): Promise<void> {
    this.#answer(result);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('SessionPlays', () => {
  it('hands a tone on at once, and a file when it is read', async () => {
    const bench = new Bench();
    const samples = Int16Array.of(1, 2);
    assert.equal(bench.plays.play('caller', { source: TONE, mode: 'mix', loop: true }), 'c1/1');
    assert.equal(bench.plays.play('callee', { source: FILE, mode: 'replace' }), 'c1/2');
    assert.equal(bench.started.length, 1);
    await bench.read({ ok: true, samples });
    assert.deepEqual(bench.started, [
      { side: 'caller', playId: 'c1/1', source: TONE, loop: true, mode: 'mix' },
      { side: 'callee', playId: 'c1/2', source: { kind: 'samples', samples }, loop: false, mode: 'replace' },
    ]);
    bench.plays.stop('c1/2');
    assert.deepEqual(bench.stopped, ['c1/2']);
  });

  it('tells that a file cannot be played', async () => {
    const bench = new Bench();
    const playId = bench.plays.play('caller', { source: FILE, mode: 'replace' });
    await bench.read({ ok: false, problem: 'it is no WAV file' });
    assert.deepEqual(bench.told, [{ type: 'played', playId, end: 'failed' }]);
    assert.equal(bench.started.length, 0);
  });

  it('does not play what was stopped before its file was read', async () => {
    const bench = new Bench();
    const playId = bench.plays.play('caller', { source: FILE, mode: 'replace' });
    bench.plays.stop(playId);
    await bench.read({ ok: true, samples: Int16Array.of(1) });
    assert.deepEqual(bench.told, [{ type: 'played', playId, end: 'stopped' }]);
    assert.deepEqual([bench.started, bench.stopped], [[], []]);
  });

  it('plays nothing in a call that is over', async () => {
    const bench = new Bench();
    bench.plays.play('caller', { source: FILE, mode: 'replace' });
    bench.plays.close();
    await bench.read({ ok: true, samples: Int16Array.of(1) });
    assert.deepEqual([bench.started, bench.told], [[], []]);
  });
});
