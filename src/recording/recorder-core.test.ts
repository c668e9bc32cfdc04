import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordingLossCause } from '../call/ports.js';
import type { TapMessage, TapReturn } from '../rtp/tap-batch.js';
import { RecorderCore, type TapPort } from './recorder-core.js';
import { diskFiles, type RecordingFiles } from './recording-files.js';
import { recordingPaths, UNFINISHED_FOLDER } from './recording-paths.js';
import { correlation, packetMessage, readStereo, tone, tonePacket } from './recording-test-kit.js';
import { WAV_HEADER_BYTES } from './wav-file.js';

const codecs = { caller: { 8: 'PCMA' }, callee: { 8: 'PCMA' } } as const;

/** A disk that can be made to fail. */
class FailingDisk {
  failure: NodeJS.ErrnoException | null = null;
  freeBytes = 1e12;
  readonly files: RecordingFiles = {
    ...diskFiles,
    create: (path) => this.#unlessFailing(() => diskFiles.create(path)),
    // Half of what is asked, so that short writes are met too.
    write: (file, bytes, position) =>
      this.#unlessFailing(() => diskFiles.write(file, bytes.subarray(0, Math.ceil(bytes.length / 2)), position)),
    freeBytes: () => this.freeBytes,
  };

  fail(code: string): void {
    this.failure = Object.assign(new Error(`${code}: no`), { code });
  }

  #unlessFailing<T>(step: () => T): T {
    if (this.failure !== null) throw this.failure;
    return step();
  }
}

class TestTap implements TapPort {
  returned = 0;
  readonly waiting: TapMessage[] = [];

  postMessage(_message: TapReturn): void {
    this.returned += 1;
  }

  drain(): TapMessage[] {
    return this.waiting.splice(0);
  }
}

describe('RecorderCore', () => {
  let dir: string;
  let disk: FailingDisk;
  let core: RecorderCore;
  let tap: TestTap;
  let nowMs: number;
  let losses: RecordingLossCause[];
  let readiness: (RecordingLossCause | null)[];

  function recorder(folder: string, files: RecordingFiles, minFreeBytes = 0): RecorderCore {
    const made = new RecorderCore({ dir: folder, minFreeBytes }, files, () => nowMs, {
      readiness: (unready) => readiness.push(unready),
      loss: (_recordingId, cause) => losses.push(cause),
    });
    made.prepare();
    made.connectTap(tap);
    return made;
  }

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'recorder-'));
    disk = new FailingDisk();
    tap = new TestTap();
    nowMs = 10_000;
    losses = [];
    readiness = [];
    core = recorder(dir, disk.files);
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  function begin(into = core, folder = dir): void {
    const ids = { callId: 'c1', recordingId: 'c1' };
    into.begin({ recordingId: 'c1', paths: recordingPaths(folder, ids, 0), codecs, startMs: nowMs });
    into.handle(tap, { type: 'fork', fork: 1, recordingId: 'c1' });
  }

  /** Two tones for `packets` times 20 ms, with the recorder's ticks. */
  function talk(first: number, packets: number, into = core, startMs = 10_000): void {
    for (let index = first; index < first + packets; index += 1) {
      nowMs = startMs + index * 20;
      into.handle(tap, packetMessage(1, false, nowMs, tonePacket(400, index)));
      into.handle(tap, packetMessage(1, true, nowMs, tonePacket(600, index)));
      if (index % 12 === 0) into.tick();
    }
    nowMs += 20;
  }

  async function finish(into = core) {
    into.handle(tap, { type: 'unfork', fork: 1, lostPackets: 0 });
    const report = await into.finish('c1', nowMs);
    assert.ok(report !== null);
    return report;
  }

  it('has all but about the last second on disk at any time, under a header that fits', () => {
    begin();
    const { partial } = recordingPaths(dir, { callId: 'c1', recordingId: 'c1' }, 0);
    for (let second = 1; second < 6; second += 1) {
      talk((second - 1) * 50, 50);
      core.tick();
      const wantedBytes = (nowMs - 10_000 - 1_000) * 32;
      assert.ok(statSync(partial).size >= wantedBytes, `${statSync(partial).size} of ${wantedBytes}`);
      const { headerDataBytes } = readStereo(partial);
      assert.ok(headerDataBytes <= statSync(partial).size - WAV_HEADER_BYTES);
      assert.ok(headerDataBytes >= wantedBytes - 32_000);
    }
  });

  it('keeps both sides apart', async () => {
    begin();
    talk(0, 100);
    const report = await finish();
    assert.equal(report.state, 'complete');
    assert.equal(report.durationMs, 2_000);
    const { left, right } = readStereo(report.path);
    assert.ok(correlation(left, tone(400, 0, 16_000)) > 0.99);
    assert.ok(correlation(right, tone(600, 0, 16_000)) > 0.99);
    assert.ok(Math.abs(correlation(left, tone(600, 0, 16_000))) < 0.05);
  });

  it('waits at the end for what the tap still holds, and gives every batch back', async () => {
    begin();
    for (let index = 0; index < 10; index += 1) {
      tap.waiting.push(packetMessage(1, false, nowMs + index * 20, tonePacket(400, index)));
    }
    nowMs += 200;
    const finishing = core.finish('c1', nowMs);
    core.handle(tap, { type: 'unfork', fork: 1, lostPackets: 2 });
    const report = await finishing;
    assert.equal(report?.packets?.caller, 10);
    assert.equal(report?.lostPackets, 2);
    assert.equal(report?.state, 'partial');
    assert.equal(tap.returned, 10);
  });

  it('does not wait for a relay that is gone', async () => {
    begin();
    talk(0, 10);
    core.disconnectTap(tap);
    assert.equal((await core.finish('c1', nowMs))?.state, 'complete');
  });

  it('leaves a finished recording alone when a relay that stood still brings more', async () => {
    begin();
    talk(0, 50);
    const report = await core.finish('c1', nowMs);
    assert.equal(report?.state, 'complete');
    talk(50, 150);
    core.tick();
    assert.deepEqual(readdirSync(join(dir, UNFINISHED_FOLDER)), []);
    assert.equal(statSync(report.path).size, report.bytes);
  });

  it('leaves telephone-event out, and takes payload types that are added', async () => {
    begin();
    const event = tonePacket(400, 0);
    event[1] = 101;
    core.handle(tap, packetMessage(1, false, nowMs, event));
    const dynamic = tonePacket(400, 0);
    dynamic[1] = 96;
    core.setCodecs('c1', { caller: { 96: 'PCMA' }, callee: {} });
    core.handle(tap, packetMessage(1, false, nowMs, dynamic));
    nowMs += 100;
    assert.deepEqual((await finish()).packets, { caller: 1, callee: 0 });
  });

  it('takes any packet without harm', async () => {
    begin();
    for (let length = 0; length < 40; length += 1) {
      core.handle(tap, packetMessage(1, false, nowMs, new Uint8Array(length).fill(0xbf)));
      core.handle(tap, packetMessage(1, true, nowMs, new Uint8Array(length).fill(0x88)));
    }
    nowMs += 100;
    assert.equal((await finish()).durationMs, 100);
  });

  it('tells a full disk once, keeps the timeline, and goes on when there is space again', async () => {
    begin();
    talk(0, 100);
    disk.fail('ENOSPC');
    disk.freeBytes = 0;
    talk(100, 100);
    core.tick();
    core.checkDisk();
    assert.deepEqual(losses, ['disk-full']);
    assert.equal(core.unready, 'disk-full');
    disk.failure = null;
    disk.freeBytes = 1e12;
    core.checkDisk();
    assert.equal(core.unready, null);
    talk(200, 100);
    const report = await finish();
    assert.deepEqual(readiness, ['disk-full', null]);
    assert.equal(report.state, 'partial');
    assert.ok((report.lostPackets ?? 0) > 0);
    const { left } = readStereo(report.path);
    assert.equal(left.length, 6_000 * 8);
    // Before the failure and after it every frame is where it belongs; in between there is silence.
    assert.ok(correlation(left.subarray(0, 8_000), tone(400, 0, 8_000)) > 0.99);
    assert.ok(correlation(left.subarray(40_000), tone(400, 40_000, 8_000)) > 0.99);
    assert.ok(left.subarray(16_000, 24_000).every((sample) => sample === 0));
  });

  it('begins the file late when the disk was full at first', async () => {
    disk.fail('ENOSPC');
    begin();
    talk(0, 100);
    disk.failure = null;
    talk(100, 100);
    const report = await finish();
    assert.equal(report.state, 'partial');
    const { left } = readStereo(report.path);
    assert.equal(left.length, 32_000);
    assert.ok(correlation(left.subarray(24_000), tone(400, 24_000, 8_000)) > 0.99);
  });

  it('calls a recording lost of which nothing could be written', async () => {
    disk.fail('EIO');
    begin();
    talk(0, 100);
    const report = await finish();
    assert.equal(report.state, 'lost');
    assert.equal(report.sha256, null);
    assert.deepEqual(losses, ['write-error']);
  });

  it('asks for the least free space', () => {
    const strict = recorder(dir, disk.files, 5_000_000);
    assert.equal(strict.unready, null);
    disk.freeBytes = 4_999_999;
    strict.checkDisk();
    assert.equal(strict.unready, 'disk-full');
  });

  it('repairs partial files, but not those of recordings in progress', async () => {
    begin();
    talk(0, 100);
    const { partial, repaired } = recordingPaths(dir, { callId: 'old', recordingId: 'old' }, 0);
    writeFileSync(partial, Buffer.concat([Buffer.alloc(WAV_HEADER_BYTES), Buffer.alloc(4_003, 1)]));
    writeFileSync(join(dir, 'unfinished', 'notes.txt'), '');
    const found = await core.recover(() => assert.fail('all can be repaired'));
    assert.equal(found.length, 1);
    assert.deepEqual(
      { ...found[0], sha256: undefined },
      {
        recordingId: 'old',
        callId: 'old',
        path: repaired,
        bytes: WAV_HEADER_BYTES + 4_000,
        durationMs: 125,
        sha256: undefined,
      },
    );
    assert.equal(readStereo(repaired).headerDataBytes, 4_000);
    assert.equal((await finish()).state, 'complete');
  });

  it('tells of a partial file that cannot be repaired, and leaves it', async () => {
    const { partial } = recordingPaths(dir, { callId: 'old', recordingId: 'old' }, 0);
    mkdirSync(partial);
    const failed: string[] = [];
    assert.deepEqual(await core.recover((path) => failed.push(path)), []);
    assert.deepEqual(failed, [partial]);
  });

  it('meets a really full disk as a full disk', async function () {
    const mount = join(dir, 'small');
    mkdirSync(mount);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', mount], { stdio: 'ignore' });
    if (mounted.status !== 0) {
      process.stderr.write('      skipped: mounting a small tmpfs needs root\n');
      this.skip();
    }
    try {
      const small = recorder(mount, diskFiles);
      assert.equal(small.unready, null);
      begin(small, mount);
      const ballast = join(mount, 'ballast');
      writeFileSync(ballast, Buffer.alloc(1_500_000));
      talk(0, 300, small);
      small.tick();
      assert.deepEqual(losses, ['disk-full']);
      small.checkDisk();
      assert.equal(small.unready, 'disk-full');
      unlinkSync(ballast);
      small.checkDisk();
      assert.equal(small.unready, null);
      talk(300, 100, small);
      const report = await finish(small);
      assert.equal(report.state, 'partial');
      const { left } = readStereo(report.path);
      assert.equal(left.length, 8_000 * 8);
      assert.ok(correlation(left.subarray(56_000), tone(400, 56_000, 8_000)) > 0.99);
    } finally {
      spawnSync('umount', ['-l', mount]);
    }
  });
});
