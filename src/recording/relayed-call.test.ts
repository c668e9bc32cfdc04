// Relay and recorder together, wired as app.ts wires them: what is spoken on one side is heard on its channel.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { monotonicNowMs, SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { type RunningRelay, startRelay } from '../media/relay/relay.js';
import { freePortRange, remoteOf, UdpPeer } from '../media/relay/relay-test-kit.js';
import { type RunningRecorder, startRecorder } from './recorder.js';
import { correlation, FRAMES_PER_PACKET, readStereo, tone, tonePacket } from './recording-test-kit.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const PACKETS = 20;
const FRAMES = PACKETS * FRAMES_PER_PACKET;

/** The recorder's idea of now, so that a test need not wait for the end of what it sent in one go. */
class AheadClock extends SystemClock {
  aheadMs = 0;

  override monotonicMs(): number {
    return monotonicNowMs() + this.aheadMs;
  }
}

/** The best match of a tone anywhere in the channel's first half second. */
function bestMatch(channel: Int16Array, frequencyHz: number): number {
  const wanted = tone(frequencyHz, 0, FRAMES);
  let best = 0;
  for (let at = 0; at + FRAMES <= channel.length && at < 4_000; at += 1) {
    best = Math.max(best, correlation(channel.subarray(at, at + FRAMES), wanted));
  }
  return best;
}

describe('a relayed call that is recorded', () => {
  let dir: string;
  let relay: RunningRelay;
  let recorder: RunningRecorder;
  let clock: AheadClock;
  const peers: UdpPeer[] = [];

  beforeEach(async () => {
    clock = new AheadClock();
    dir = mkdtempSync(join(tmpdir(), 'relayed-call-'));
    const network = { name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts: await freePortRange(8) };
    relay = await startRelay({ networks: [network], log });
    recorder = await startRecorder({ dir, minFreeBytes: 0, log, clock });
    connect();
  });

  afterEach(async () => {
    for (const opened of peers.splice(0)) opened.close();
    await relay.close();
    await recorder.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function connect(): void {
    const { port1, port2 } = new MessageChannel();
    relay.connectTap(port1);
    recorder.connectTap(port2);
  }

  async function peer(address: string): Promise<UdpPeer> {
    const opened = await UdpPeer.open(address);
    peers.push(opened);
    return opened;
  }

  /** A call in which each side sends a tone of its own, and a stranger a third. */
  async function recordedCall(recordingId: string) {
    const [caller, callee, stranger] = [await peer('127.0.0.2'), await peer('127.0.0.3'), await peer('127.0.0.66')];
    const opened = await relay.port.open({ sessionId: recordingId, callerNetwork: 'lan', calleeNetwork: 'lan' });
    assert.ok(opened.ok);
    const call = opened.session;
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee));
    const codecs = { caller: { 8: 'PCMA' }, callee: { 8: 'PCMA' } } as const;
    const recording = recorder.port.begin({ recordingId, callId: recordingId, startedWallMs: clock.wallMs(), codecs });
    call.fork({ recordingId });
    // All at once: the packets come early by their timestamps, never late.
    await Promise.all(
      Array.from({ length: PACKETS }, (_, index) => [
        stranger.sendRtp(tonePacket(1_500, index), call.local('caller')),
        caller.sendRtp(tonePacket(400, index), call.local('caller')),
        callee.sendRtp(tonePacket(650, index), call.local('callee')),
      ]).flat(),
    );
    await callee.receivedCount(PACKETS);
    await caller.receivedCount(PACKETS);
    return { call, recording };
  }

  it('has the caller on the left, the callee on the right, and a stranger nowhere', async () => {
    const { call, recording } = await recordedCall('c1');
    clock.aheadMs += 600;
    const finishing = recording.finish();
    const media = await call.close();
    const report = await finishing;
    assert.equal(report.state, 'complete');
    assert.deepEqual(report.packets, { caller: PACKETS, callee: PACKETS });
    assert.equal(media.caller.dropped.source, PACKETS);
    const { left, right } = readStereo(report.path);
    assert.equal(left.length, Math.round(report.durationMs * 8));
    assert.ok(bestMatch(left, 400) > 0.99);
    assert.ok(bestMatch(right, 650) > 0.99);
    for (const [channel, others] of [
      [left, [650, 1_500]],
      [right, [400, 1_500]],
    ] as const) {
      for (const other of others) assert.ok(bestMatch(channel, other) < 0.1, `${other} Hz is heard`);
    }
  });

  it('goes on with the next call when the recorder was started anew', async () => {
    await recorder.close();
    recorder = await startRecorder({ dir, minFreeBytes: 0, log, clock });
    connect();
    const { call, recording } = await recordedCall('c2');
    call.unfork();
    clock.aheadMs += 600;
    assert.equal((await recording.finish()).state, 'complete');
  });

  it('goes on when the relay was started anew', async () => {
    await relay.close();
    const network = { name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts: await freePortRange(8) };
    relay = await startRelay({ networks: [network], log });
    connect();
    const { call, recording } = await recordedCall('c3');
    call.unfork();
    clock.aheadMs += 600;
    assert.equal((await recording.finish()).state, 'complete');
  });
});
