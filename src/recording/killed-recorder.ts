// A process for recorder.test.ts to kill: records three seconds of tones that end now, and says so, until it is ended.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { monotonicNowMs, SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { TapMessage } from '../rtp/tap-batch.js';
import { startRecorder } from './recorder.js';
import { packetMessage, tonePacket } from './recording-test-kit.js';

const TALK_MS = 3_000;
const dir = process.argv[2] ?? '';
const startMs = monotonicNowMs() - TALK_MS;

class StartedEarlier extends SystemClock {
  override monotonicMs(): number {
    return startMs;
  }
}

const log = createLogger({ level: 'silent', redactNumbers: false });
const recorder = await startRecorder({ dir, minFreeBytes: 0, log, clock: new StartedEarlier() });
const { port1, port2 } = new MessageChannel();
recorder.connectTap(port2);
recorder.port.begin({
  recordingId: 'killed',
  callId: 'killed',
  startedWallMs: 0,
  codecs: { caller: { 8: 'PCMA' }, callee: { 8: 'PCMA' } },
});
const send = (message: TapMessage) => port1.postMessage(message);
send({ type: 'fork', fork: 1, recordingId: 'killed' });
for (let index = 0; index < TALK_MS / 20; index += 1) {
  send(packetMessage(1, false, startMs + index * 20, tonePacket(400, index)));
  send(packetMessage(1, true, startMs + index * 20, tonePacket(600, index)));
}

const wantedBytes = (TALK_MS - 1_000) * 32;
setInterval(() => {
  const size = statSync(join(dir, 'unfinished', '1970-01-01.killed.partial.wav'), { throwIfNoEntry: false })?.size ?? 0;
  if (size >= wantedBytes) process.send?.('all but the last second is written');
}, 10);
