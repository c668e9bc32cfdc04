import assert from 'node:assert/strict';
import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { readTapBatch, type TapMessage } from '../../rtp/tap-batch.js';
import { type ForkedCall, ForkTaps, RECORDER_TAP } from './fork-taps.js';
import { rtpPacket } from './relay-test-kit.js';

interface Forked {
  readonly fork: number;
  readonly isCallee: boolean;
  readonly arrivalMs: number;
  readonly packet: Buffer;
}

/** The other end of a tap: keeps what comes, and gives buffers back unless it stands still. */
class TapEnd {
  readonly forked: Forked[] = [];
  readonly ended: { fork: number; lostPackets: number }[] = [];
  readonly begun: string[] = [];
  readonly port: MessagePort;
  readonly near: MessagePort;
  #wakeUp: () => void = () => {};

  constructor(isStill = false) {
    const { port1, port2 } = new MessageChannel();
    this.near = port1;
    this.port = port2;
    if (!isStill) this.read();
  }

  read(): void {
    this.port.on('message', (message: TapMessage) => {
      if (message.type === 'fork') this.begun.push(message.recordingId);
      if (message.type === 'unfork') this.ended.push({ fork: message.fork, lostPackets: message.lostPackets });
      if (message.type === 'packets') {
        readTapBatch(message.buffer, message.bytes, (fork, isCallee, arrivalMs, packet) => {
          this.forked.push({ fork, isCallee, arrivalMs, packet: Buffer.from(packet) });
        });
        this.port.postMessage({ type: 'returned', buffer: message.buffer }, [message.buffer]);
      }
      this.#wakeUp();
    });
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
    }
  }
}

describe('ForkTaps', () => {
  let taps: ForkTaps;
  let ends: TapEnd[];
  beforeEach(() => {
    taps = new ForkTaps();
    ends = [];
  });
  afterEach(() => {
    taps.close();
    for (const { port } of ends) port.close();
  });

  function connect(name: string, maxBatches = 4, isStill = false): TapEnd {
    const end = new TapEnd(isStill);
    ends.push(end);
    taps.connect(name, end.near, { maxBatches, flushMs: 1 });
    return end;
  }

  function send(fork: ForkedCall, count: number, from = 0): void {
    for (let index = from; index < from + count; index += 1) {
      fork.add(index % 2 === 1, 1_000.5 + index, rtpPacket({ sequence: index }));
    }
  }

  it('gives every named tap both directions, with headers and the times of arrival', async () => {
    const [recorder, live] = [connect(RECORDER_TAP), connect('live')];
    const fork = taps.begin('rec1', [RECORDER_TAP, 'live']);
    send(fork, 10);
    taps.end(fork);
    for (const end of [recorder, live]) {
      await end.until(() => end.ended.length === 1);
      assert.deepEqual(end.begun, ['rec1']);
      assert.deepEqual(
        end.forked,
        Array.from({ length: 10 }, (_, index) => ({
          fork: fork.id,
          isCallee: index % 2 === 1,
          arrivalMs: 1_000.5 + index,
          packet: rtpPacket({ sequence: index }),
        })),
      );
    }
  });

  it('has a slow tap lose its own packets, counted under its name, while the other gets all', async () => {
    const [recorder, slow] = [connect(RECORDER_TAP), connect('slow', 2, true)];
    const fork = taps.begin('rec1', [RECORDER_TAP, 'slow']);
    for (let sent = 0; sent < 4_000; sent += 500) {
      send(fork, 500, sent);
      await recorder.until(() => recorder.forked.length === sent + 500);
    }
    taps.end(fork);
    await recorder.until(() => recorder.ended.length === 1);
    assert.deepEqual(recorder.ended, [{ fork: fork.id, lostPackets: 0 }]);
    const counters = taps.counters();
    assert.deepEqual(counters[RECORDER_TAP], { forkedPackets: 4_000, lostPackets: 0 });
    const { forkedPackets, lostPackets } = counters.slow ?? { forkedPackets: 0, lostPackets: 0 };
    assert.ok(forkedPackets > 0 && lostPackets > 0);
    assert.equal(forkedPackets + lostPackets, 4_000);
    // When it reads again it has what its queue held, in order, and the number of what is missing.
    slow.read();
    await slow.until(() => slow.ended.length === 1);
    assert.equal(slow.forked.length, forkedPackets);
    assert.deepEqual(slow.ended, [{ fork: fork.id, lostPackets }]);
  });

  it('never keeps more for a tap that stands still than its bound', () => {
    connect('still', 3, true);
    const fork = taps.begin('rec1', ['still']);
    send(fork, 20_000);
    const { forkedPackets } = taps.counters().still ?? { forkedPackets: 0 };
    assert.ok(forkedPackets * 188 <= 3 * 131_072);
  });

  it('goes on for the others when a tap dies, and counts what it had', async () => {
    const [recorder, dying] = [connect(RECORDER_TAP), connect('dying')];
    const fork = taps.begin('rec1', [RECORDER_TAP, 'dying']);
    send(fork, 10);
    await dying.until(() => dying.forked.length === 10);
    const gone = once(dying.near, 'close');
    dying.port.close();
    await gone;
    send(fork, 10, 10);
    taps.end(fork);
    await recorder.until(() => recorder.ended.length === 1);
    assert.equal(recorder.forked.length, 20);
    assert.deepEqual(taps.counters().dying, { forkedPackets: 10, lostPackets: 0 });
  });

  it('goes to the recorder alone when a fork names no tap, and to nobody when its tap is not there', async () => {
    const [recorder, live] = [connect(RECORDER_TAP), connect('live')];
    const forks = [taps.begin('rec1'), taps.begin('rec2', ['live']), taps.begin('rec3', ['nobody'])];
    for (const fork of forks) send(fork, 3);
    for (const fork of forks) taps.end(fork);
    await recorder.until(() => recorder.ended.length === 1);
    await live.until(() => live.ended.length === 1);
    assert.deepEqual([recorder.begun, live.begun], [['rec1'], ['rec2']]);
    assert.deepEqual([recorder.forked.length, live.forked.length], [3, 3]);
  });

  it('gives a tap that takes the place of another of its name what is forked from then on', async () => {
    const first = connect(RECORDER_TAP);
    const fork = taps.begin('rec1');
    send(fork, 5);
    const second = connect(RECORDER_TAP);
    send(fork, 5, 5);
    taps.end(fork);
    await second.until(() => second.ended.length === 1);
    await first.until(() => first.forked.length === 5);
    assert.deepEqual(
      second.forked.map(({ packet }) => packet.readUInt16BE(2)),
      [5, 6, 7, 8, 9],
    );
    assert.deepEqual(taps.counters()[RECORDER_TAP], { forkedPackets: 10, lostPackets: 0 });
  });

  it('tells a tap that connects late of the forks that name it, and of no other', async () => {
    taps.begin('rec1');
    const fork = taps.begin('rec2', ['live']);
    const live = connect('live');
    send(fork, 1);
    await live.until(() => live.forked.length === 1);
    assert.deepEqual(live.begun, ['rec2']);
  });
});
