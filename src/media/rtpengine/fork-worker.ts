// Entry of the fork thread: one UDP socket for the copies of all calls, until shut down.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicNowMs } from '../../lib/clock.js';
import { ForkCore } from './fork-core.js';
import type { ForkInput, ForkOutput, ForkThreadSettings } from './fork-messages.js';

if (parentPort === null) throw new Error('fork-worker.js runs as a worker thread only');
const port = parentPort;
const { bind, maxTapBatches } = workerData as ForkThreadSettings;

/** Some 10,000 packets: what arrives of 100 calls while the thread stands still for a second. The kernel may give less. */
const RECEIVE_BUFFER_BYTES = 4 * 1_048_576;

// performance.now() costs a fraction of hrtime.bigint(), runs on the same clock, and differs by this constant.
const originMs = monotonicNowMs() - performance.now();
const core = new ForkCore(
  maxTapBatches,
  () => originMs + performance.now(),
  (dtmf) => post({ type: 'dtmf', dtmf }),
);
const socket = createSocket(isIPv6(bind.address) ? 'udp6' : 'udp4');

function post(message: ForkOutput): void {
  port.postMessage(message);
}

port.on('message', (input: ForkInput) => {
  switch (input.type) {
    case 'begin':
      return core.begin(input.fork, input.recordingId, input.taps);
    case 'expect':
      return core.expect(input.fork, input.sources, input.engineAddress);
    case 'interrupt':
      return core.interrupt(input.fork, input.side);
    case 'end':
      return core.end(input.fork);
    case 'tap':
      return core.connectTap(input.name, input.port, input.flushMs);
    case 'report':
      return post({ type: 'report', id: input.id, report: core.report(input.fork) });
    case 'counters':
      return post({ type: 'counters', id: input.id, counters: core.counters() });
    case 'shutdown':
      core.shutdown();
      socket.close();
      port.close();
  }
});

socket.on('error', (error) => {
  post({ type: 'failed', message: error.message });
  port.close();
});
socket.on('message', (packet, source) => core.receive(packet, source.address, source.port));
socket.bind({ address: bind.address, port: bind.port, exclusive: true }, () => {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // Kept at the kernel's default.
  }
  post({ type: 'ready', port: socket.address().port });
});
