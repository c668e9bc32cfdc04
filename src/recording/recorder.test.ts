import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { monotonicNowMs, SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { TapMessage } from '../rtp/tap-batch.js';
import { type RunningRecorder, startRecorder } from './recorder.js';
import { correlation, packetMessage, readStereo, tone, tonePacket } from './recording-test-kit.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
/** A clock in step with the process's own that tests move ahead. */
class SteppedClock extends SystemClock {
  nowMs = monotonicNowMs();

  override monotonicMs(): number {
    return this.nowMs;
  }
}

const codecs = { caller: { 8: 'PCMA' }, callee: { 8: 'PCMA' } } as const;

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

describe('startRecorder', () => {
  let dir: string;
  let recorder: RunningRecorder;
  let tap: MessagePort;
  let clock: SteppedClock;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'recorder-'));
    clock = new SteppedClock();
    recorder = await startRecorder({ dir, minFreeBytes: 0, log, clock });
    const { port1, port2 } = new MessageChannel();
    recorder.connectTap(port2);
    tap = port1;
  });

  afterEach(async () => {
    tap.close();
    await recorder.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function send(message: TapMessage): void {
    tap.postMessage(message);
  }

  function begin(recordingId: string) {
    return recorder.port.begin({ recordingId, callId: recordingId, startedWallMs: Date.UTC(2026, 0, 5), codecs });
  }

  it('writes the caller left and the callee right, as long as the call, and hashes the file', async () => {
    const startMs = clock.nowMs;
    const recording = begin('call-1');
    send({ type: 'fork', fork: 1, recordingId: 'call-1' });
    for (let index = 0; index < 10; index += 1) {
      send(packetMessage(1, false, startMs + 20 * index, tonePacket(440, index)));
      send(packetMessage(1, true, startMs + 20 * index, tonePacket(700, index)));
    }
    send({ type: 'unfork', fork: 1, lostPackets: 0 });
    clock.nowMs += 230;
    const report = await recording.finish();
    assert.equal(report.path, join(dir, '2026', '01', '05', 'call-1.wav'));
    assert.equal(report.path, recording.path);
    assert.equal(report.state, 'complete');
    assert.deepEqual(report.packets, { caller: 10, callee: 10 });
    assert.equal(report.durationMs, 230);
    const { left, right, headerDataBytes } = readStereo(report.path);
    assert.equal(headerDataBytes, left.length * 4);
    assert.ok(correlation(left.subarray(0, 1600), tone(440, 0, 1600)) > 0.99);
    assert.ok(correlation(right.subarray(0, 1600), tone(700, 0, 1600)) > 0.99);
    assert.equal(report.sha256, sha256Of(report.path));
    assert.deepEqual(readdirSync(join(dir, 'unfinished')), []);
  });

  it('knows a recording before its fork, though they come by different ports', async () => {
    for (let round = 0; round < 40; round += 1) {
      const recording = begin(`round-${round}`);
      send({ type: 'fork', fork: round, recordingId: `round-${round}` });
      send(packetMessage(round, false, clock.nowMs, tonePacket(440, 0)));
      send({ type: 'unfork', fork: round, lostPackets: 3 });
      const report = await recording.finish();
      assert.deepEqual(report.packets, { caller: 1, callee: 0 });
      assert.equal(report.lostPackets, 3);
      assert.equal(report.state, 'partial');
    }
  });

  it('finishes a recording in which nobody sent', async () => {
    const report = await begin('call-3').finish();
    assert.equal(report.state, 'complete');
    assert.ok(existsSync(report.path));
  });

  it('leaves a playable file when the process is killed, and repairs it at the next start', async () => {
    const child = fork(fileURLToPath(new URL('./killed-recorder.js', import.meta.url)), [dir]);
    await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const partial = join(dir, 'unfinished', '1970-01-01.killed.partial.wav');
    const before = readStereo(partial);
    assert.ok(before.headerDataBytes >= 1_000 * 32 && before.headerDataBytes <= before.left.length * 4);
    const [repaired, ...more] = await recorder.recover();
    assert.ok(repaired !== undefined && more.length === 0);
    assert.equal(repaired.recordingId, 'killed');
    assert.equal(repaired.path, join(dir, '1970', '01', '01', 'killed.repaired.wav'));
    assert.equal(repaired.sha256, sha256Of(repaired.path));
    const { left, right, headerDataBytes } = readStereo(repaired.path);
    assert.equal(headerDataBytes, left.length * 4);
    assert.ok(left.length >= 16_000);
    assert.ok(correlation(left.subarray(0, 16_000), tone(400, 0, 16_000)) > 0.99);
    assert.ok(correlation(right.subarray(0, 16_000), tone(600, 0, 16_000)) > 0.99);
    assert.equal(existsSync(partial), false);
    assert.deepEqual(await recorder.recover(), []);
    // Whoever knows only where it should have been finds it all the same.
    const found = await recorder.find(join(dir, '1970', '01', '01', 'killed.wav'));
    const { path, sha256, bytes, durationMs } = repaired;
    const unknown = { packets: null, reanchored: null, lostPackets: null };
    assert.deepEqual(found, { state: 'partial', path, sha256, bytes, durationMs, ...unknown });
    assert.equal(await recorder.find(join(dir, 'nothing.wav')), null);
  });

  it('tells recordings when its thread ends, and gives what was written of them', async () => {
    clock.nowMs -= 2_000;
    const [recording, other] = [begin('call-4'), begin('call-5')];
    send({ type: 'fork', fork: 1, recordingId: 'call-4' });
    for (let index = 0; index < 100; index += 1) {
      send(packetMessage(1, false, clock.nowMs + 20 * index, tonePacket(440, index)));
    }
    const partial = join(dir, 'unfinished', '2026-01-05.call-4.partial.wav');
    const isWritten = () => (statSync(partial, { throwIfNoEntry: false })?.size ?? 0) > 8_000 * 4 + 44;
    while (!isWritten()) await new Promise((resolve) => setImmediate(resolve));
    const ended = new Promise<Error>((resolve) => recorder.onExit(resolve));
    const causes: string[] = [];
    for (const live of [recording, other]) live.onLoss((cause) => causes.push(cause));
    // No codecs at all is a defect of ours, which is what ends a thread; a finish that waits is settled all the same.
    recording.setCodecs(null as never);
    const finishing = other.finish();
    await ended;
    assert.deepEqual(causes, ['recorder-down', 'recorder-down']);
    assert.deepEqual(recorder.port.readiness(), { ok: false, cause: 'recorder-down' });
    const report = await recording.finish();
    assert.equal(report.state, 'partial');
    assert.equal(report.path, join(dir, '2026', '01', '05', 'call-4.repaired.wav'));
    assert.equal(report.sha256, sha256Of(report.path));
    assert.ok(correlation(readStereo(report.path).left.subarray(0, 8_000), tone(440, 0, 8_000)) > 0.99);
    assert.equal((await finishing).state, 'lost');
    const late = begin('call-6');
    late.onLoss((cause) => causes.push(cause));
    assert.equal((await late.finish()).state, 'lost');
    assert.equal(causes.length, 3);
  });

  it('finishes recordings in progress when it is closed', async () => {
    const recording = begin('call-7');
    await recorder.close();
    assert.equal((await recording.finish()).state, 'complete');
  });

  it('begins a recording once, and ends it once', async () => {
    const recording = begin('call-8');
    assert.equal(begin('call-8'), recording);
    assert.equal(await recording.finish(), await recording.finish());
  });

  it('refuses to start where it cannot write', async () => {
    writeFileSync(join(dir, 'file'), '');
    const settings = { dir: join(dir, 'file', 'folder'), minFreeBytes: 0, log, clock };
    await assert.rejects(startRecorder(settings), { code: 'RECORDING_UNAVAILABLE' });
  });

  it('is not ready on a disk with less than the least free space', async () => {
    const settings = { dir, minFreeBytes: Number.MAX_SAFE_INTEGER, log, clock };
    const full = await startRecorder(settings);
    assert.deepEqual(full.port.readiness(), { ok: false, cause: 'disk-full' });
    await full.close();
    assert.deepEqual(recorder.port.readiness(), { ok: true });
  });
});
