import assert from 'node:assert/strict';
import { type FileHandle, mkdtemp, open, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cdr } from './cdr.js';
import { cdrOf } from './cdr-test-kit.js';
import { NdjsonSink } from './ndjson-sink.js';
import { describeSink, type SinkHarness } from './sink.contract.js';

async function linesIn(dir: string): Promise<Cdr[]> {
  const names = (await readdir(dir).catch(() => [])).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), 'utf8')));
  return texts.flatMap((text) => {
    assert.ok(text === '' || text.endsWith('\n'), 'every line is whole');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Cdr);
  });
}

class NdjsonHarness implements SinkHarness {
  readonly #folder: string;
  readonly #dir: string;
  readonly #sinks: NdjsonSink[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.#dir = join(folder, 'deep', 'cdr');
  }

  async open() {
    const sink = new NdjsonSink(this.#dir);
    this.#sinks.push(sink);
    return sink;
  }

  /** The kernel closes the file; what was written stays. */
  async crash() {
    await this.#sinks.at(-1)?.close();
  }

  stored() {
    return linesIn(this.#dir);
  }

  /** A file in the place of the folder: works for any user, root included. */
  async breakDown() {
    await rename(this.#dir, `${this.#dir}.away`);
    await writeFile(this.#dir, '');
  }

  async repair() {
    await rm(this.#dir);
    await rename(`${this.#dir}.away`, this.#dir);
  }

  async dispose() {
    await Promise.all(this.#sinks.map((sink) => sink.close()));
    await rm(this.#folder, { recursive: true });
  }
}

describeSink('NdjsonSink', async () => new NdjsonHarness(await mkdtemp(join(tmpdir(), 'simtrunk-cdr-'))));

/** A disk that takes at most so many bytes a write, and none once it is full. */
function slowDisk(limits: { bytesAWrite: number; bytesLeft: number }) {
  return async (path: string): Promise<FileHandle> => {
    const handle = await open(path, 'a+').then(async (made) => {
      await made.close();
      return open(path, 'r+');
    });
    const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
    handle.write = (async (buffer: Buffer, offset: number, length: number, position: number) => {
      const taken = Math.min(length, limits.bytesAWrite, limits.bytesLeft);
      if (taken === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      limits.bytesLeft -= taken;
      return write(buffer, offset, taken, position);
    }) as unknown as FileHandle['write'];
    return handle;
  };
}

describe('NdjsonSink', () => {
  let dir = '';
  const sinks: NdjsonSink[] = [];

  const sinkOn = (options?: ConstructorParameters<typeof NdjsonSink>[1]) => {
    const sink = new NdjsonSink(dir, options);
    sinks.push(sink);
    return sink;
  };
  const fileOf = (day: string) => join(dir, `cdr-${day}.ndjson`);
  const today = () => fileOf('2026-11-21');
  const ids = async () => (await linesIn(dir)).map((cdr) => cdr.callId);

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'simtrunk-cdr-'));
  });

  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.close()));
    await rm(dir, { recursive: true, force: true });
  });

  it('puts a record into the file of the UTC day in which its call ended', async () => {
    const sink = sinkOn();
    const late = cdrOf('late', { endedAt: '2026-11-21T23:59:59.999Z' });
    const early = cdrOf('early', { endedAt: '2026-11-22T00:00:00.000Z' });
    await sink.write([early, late, cdrOf('later', { endedAt: '2026-11-22T00:00:01.000Z' })]);
    await sink.write([{ ...late, revision: 2 }]);
    await sink.write([cdrOf('latest', { endedAt: '2026-11-22T00:00:02.000Z' })]);
    assert.deepEqual((await readdir(dir)).sort(), ['cdr-2026-11-21.ndjson', 'cdr-2026-11-22.ndjson']);
    assert.deepEqual(await ids(), ['late', 'late', 'early', 'later', 'latest']);
    assert.equal(NdjsonSink.pathFor(dir, early), fileOf('2026-11-22'));
  });

  for (const cut of [1, 40, 'nothing but zeros'] as const) {
    it(`removes a last line that a crash cut (${cut})`, async () => {
      const sink = sinkOn();
      await sink.write([cdrOf('a'), cdrOf('b')]);
      await sink.close();
      const whole = await readFile(today());
      const torn = Buffer.from(`${JSON.stringify(cdrOf('c'))}\n`);
      const rest = typeof cut === 'number' ? torn.subarray(0, torn.length - cut) : Buffer.alloc(100);
      await writeFile(today(), Buffer.concat([whole, rest]));
      await sinkOn().write([cdrOf('c')]);
      assert.deepEqual(await ids(), ['a', 'b', 'c']);
    });
  }

  it('finds records again in the end of a file that is too long to be read whole', async () => {
    const sink = sinkOn();
    const records = Array.from({ length: 50 }, (_, index) => cdrOf(`call-${index}`));
    await sink.write(records);
    await sink.close();
    await sinkOn({ tailBytes: 4_000 }).write([...records.slice(-3), cdrOf('new')]);
    assert.deepEqual(await ids(), [...records.map((cdr) => cdr.callId), 'new']);
  });

  it('is not stopped by a line in the file that is no record', async () => {
    await writeFile(today(), 'hello\n[1]\nnull\n{"callId":"a","revision":1}\n');
    await sinkOn().write([cdrOf('a'), cdrOf('b')]);
    const lines = (await readFile(today(), 'utf8')).split('\n');
    assert.equal(lines.length, 6);
    assert.equal(JSON.parse(lines[4] ?? '').callId, 'b');
  });

  it('writes all of a batch although the disk takes it piece by piece', async () => {
    const sink = sinkOn({ openFile: slowDisk({ bytesAWrite: 100, bytesLeft: 1e9 }) });
    await sink.write([cdrOf('a'), cdrOf('b')]);
    await sink.write([cdrOf('c')]);
    assert.deepEqual(await linesIn(dir), [cdrOf('a'), cdrOf('b'), cdrOf('c')]);
  });

  it('leaves nothing of a batch for which the disk was too full', async () => {
    const disk = { bytesAWrite: 1e9, bytesLeft: 1_500 };
    const sink = sinkOn({ openFile: slowDisk(disk) });
    await sink.write([cdrOf('a')]);
    await assert.rejects(sink.write([cdrOf('b'), cdrOf('c'), cdrOf('d')]), { code: 'ENOSPC' });
    assert.deepEqual(await ids(), ['a']);
    disk.bytesLeft = 1e9;
    await sink.write([cdrOf('b')]);
    assert.deepEqual(await ids(), ['a', 'b']);
  });

  it('begins a new file when somebody has moved, removed or cut the one it writes to', async () => {
    const sink = sinkOn();
    await sink.write([cdrOf('a')]);
    await rename(today(), join(dir, 'archived'));
    await sink.write([cdrOf('b')]);
    assert.match(await readFile(today(), 'utf8'), /^\{.*"callId":"b".*\}\n$/);
    await rm(today());
    await sink.write([cdrOf('c')]);
    await truncate(today(), 0);
    await sink.write([cdrOf('d')]);
    assert.match(await readFile(today(), 'utf8'), /^\{.*"callId":"d".*\}\n$/);
  });
});
