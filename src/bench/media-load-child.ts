// The generator of the media benchmark, alone in its process: sends every stream's packet each 20 ms and measures how
// long those take that come back, from just before they leave to when the kernel has them for us: how soon we read them is not
// the relay's. Streams are spread evenly over the 20 ms; one tick sends all that are due.
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicNowMs } from '../lib/clock.js';
import type { MediaSocket } from '../media/relay/media-socket.js';
import { openSockets } from '../media/relay/open-sockets.js';
import { takePrecedence } from '../media/relay/precedence.js';
import { readOrder, serveParent } from './child-process.js';
import { DelayHistogram, loadPortOf, PACKET_MS, SendingStream, sentMsOf } from './media-load.js';

export interface MediaLoadOrder {
  readonly loadPort: number;
  /** The relay's port for each stream: the caller's and the callee's of each call. */
  readonly targetPorts: readonly number[];
}

export interface MediaLoadReport {
  readonly sent: number;
  readonly received: number;
  /** Since the report before. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  /** How late packets were sent, since the report before. */
  readonly pacingP99Ms: number;
  /** How long the generator stood still in all, since the report before: every later packet is sent so much later. */
  readonly stalledMs: number;
}

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const DRAIN_MS = 300;
const SENT_TOGETHER = 16;
const MOST_LATE_MS = 2;
const STEP_MS = 0.2;
const nobody = new Int32Array(new SharedArrayBuffer(4));

const { loadPort, targetPorts } = readOrder<MediaLoadOrder>();
// Its own waiting for a turn, between a packet's time and its sending, is not to be measured.
takePrecedence('auto');
const delays = new DelayHistogram();
const pacing = new DelayHistogram();
const open = new Map<number, MediaSocket>();
// Batched wherever they can be, whatever the relay uses: the generator is to cost little.
const { sockets } = openSockets('auto', monotonicNowMs, {
  receiveBufferBytes: RECEIVE_BUFFER_BYTES,
  hasExactArrivals: true,
});
let sent = 0;
let received = 0;
let reports = 0;
let isSending = true;

const senders = targetPorts.map((targetPort, index) => ({
  socket: socketAt(loadPortOf(loadPort, index)),
  stream: new SendingStream(targetPort, index, (index * PACKET_MS) / targetPorts.length),
}));

let startMs = monotonicNowMs();
let stalledMs = 0;
let next = 0;
let round = 0;
tick();
serveParent({}, report, async () => {
  isSending = false;
  for (const socket of open.values()) socket.close();
  sockets.close();
});

function socketAt(port: number): MediaSocket {
  const known = open.get(port);
  if (known !== undefined) return known;
  const socket = sockets.bind('127.0.0.1', port);
  open.set(port, socket);
  socket.listen({
    received: (packet, _address, _port, arrivalMs) => {
      const sentMs = sentMsOf(packet, targetPorts.length);
      if (Number.isNaN(sentMs)) return;
      received += 1;
      delays.add(arrivalMs - sentMs);
    },
    sendFailed: () => {
      sent -= 1;
    },
  });
  return socket;
}

/** Sends what is due, a few at a time: their time is read just before they leave. */
function tick(): void {
  if (!isSending) return;
  while (sendDue()) sockets.flush?.();
  sockets.flush?.();
  // Timers of Node have steps of a millisecond: each would be a burst.
  Atomics.wait(nobody, 0, 0, STEP_MS);
  setImmediate(tick);
}

/** False when nothing more is due. */
function sendDue(): boolean {
  for (let stamped = 0; stamped < SENT_TOGETHER; stamped += 1) {
    const sender = senders[next];
    if (sender === undefined) return false;
    const dueMs = startMs + round * PACKET_MS + sender.stream.dueOffsetMs;
    const nowMs = monotonicNowMs();
    if (dueMs > nowMs) return false;
    const lateMs = nowMs - dueMs;
    // Peers are machines of their own: when this one stands still, they do not all send at once afterwards.
    if (lateMs > MOST_LATE_MS) {
      startMs += lateMs;
      stalledMs += lateMs;
    }
    pacing.add(lateMs);
    sender.socket.send(sender.stream.next(nowMs), '127.0.0.1', sender.stream.targetPort);
    sent += 1;
    next += 1;
    if (next === senders.length) {
      next = 0;
      round += 1;
    }
  }
  return true;
}

/** The third report ends the sending and waits for what is on its way. */
async function report(): Promise<MediaLoadReport> {
  reports += 1;
  if (reports === 3) {
    isSending = false;
    await pause(DRAIN_MS);
  }
  const result = {
    sent,
    received,
    delayP50Ms: delays.quantile(0.5),
    delayP99Ms: delays.quantile(0.99),
    pacingP99Ms: pacing.quantile(0.99),
    stalledMs: Math.round(stalledMs),
  };
  stalledMs = 0;
  delays.clear();
  pacing.clear();
  return result;
}
