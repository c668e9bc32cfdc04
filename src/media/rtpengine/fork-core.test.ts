import assert from 'node:assert/strict';
import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { ssrcOf } from '../../rtp/rtp-header.js';
import { readTapBatch, type TapMessage } from '../../rtp/tap-batch.js';
import { rtcpPacket, rtpPacket } from '../relay/relay-test-kit.js';
import { ForkCore } from './fork-core.js';
import type { ForkedDtmf } from './fork-messages.js';

function from(address: string, callerPort: number, calleePort: number) {
  return {
    caller: { address, port: callerPort, eventType: 101, isOriginal: true },
    callee: { address, port: calleePort, eventType: 101, isOriginal: true },
  };
}

/** What a tap gets until its first fork ends. */
async function tapped(
  port: MessagePort,
): Promise<{ fork: number; isCallee: boolean; ssrc: number; arrivalMs: number }[]> {
  const packets: { fork: number; isCallee: boolean; ssrc: number; arrivalMs: number }[] = [];
  for (;;) {
    const [message] = (await once(port, 'message')) as [TapMessage];
    if (message.type === 'unfork') return packets;
    if (message.type !== 'packets') continue;
    readTapBatch(message.buffer, message.bytes, (fork, isCallee, arrivalMs, packet) => {
      packets.push({ fork, isCallee, ssrc: ssrcOf(packet), arrivalMs });
    });
  }
}

describe('ForkCore', () => {
  let core: ForkCore;
  let tap: MessagePort;
  let nowMs: number;
  const told: ForkedDtmf[] = [];

  beforeEach(() => {
    nowMs = 1_000;
    told.length = 0;
    core = new ForkCore(
      8,
      () => nowMs,
      (dtmf) => told.push(dtmf),
    );
    const { port1, port2 } = new MessageChannel();
    core.connectTap('recorder', port1, undefined);
    tap = port2;
  });

  afterEach(() => {
    core.shutdown();
    tap.close();
  });

  function begin(
    id: number,
    recordingId: string,
    taps: string[] | undefined,
    sources: ReturnType<typeof from>,
    engineAddress: string | null,
  ): void {
    core.begin(id, recordingId, taps);
    core.expect(id, sources, engineAddress);
  }

  it('tells calls and sides apart by where copies come from, and gives each its time', async () => {
    begin(7, 'rec7', undefined, from('127.0.0.1', 30_000, 30_002), null);
    core.receive(rtpPacket({ sequence: 1, ssrc: 1 }), '127.0.0.1', 30_000);
    nowMs = 1_020;
    core.receive(rtpPacket({ sequence: 1, ssrc: 2 }), '127.0.0.1', 30_002);
    core.end(7);
    const packets = await tapped(tap);
    assert.deepEqual(
      packets.map(({ isCallee, ssrc, arrivalMs }) => [isCallee, ssrc, arrivalMs]),
      [
        [false, 1, 1_000],
        [true, 2, 1_020],
      ],
    );
  });

  it('tells two rtpengines apart that use one port number', async () => {
    begin(1, 'rec1', undefined, from('10.0.0.1', 30_000, 30_002), null);
    begin(2, 'rec2', undefined, from('10.0.0.2', 30_000, 30_002), null);
    core.receive(rtpPacket({ sequence: 1, ssrc: 22 }), '10.0.0.2', 30_000);
    assert.equal(core.report(1)?.caller.packets, 0);
    assert.equal(core.report(2)?.caller.packets, 1);
  });

  it('takes copies from the address of the engine itself, too', () => {
    begin(1, 'rec1', undefined, from('192.0.2.1', 30_000, 30_002), '10.0.0.1');
    core.receive(rtpPacket({ sequence: 1 }), '10.0.0.1', 30_000);
    assert.equal(core.report(1)?.caller.packets, 1);
  });

  it('drops and counts what comes from anywhere else, and RTCP', () => {
    begin(1, 'rec1', undefined, from('127.0.0.1', 30_000, 30_002), null);
    core.receive(rtpPacket({ sequence: 1 }), '127.0.0.9', 30_000);
    core.receive(rtpPacket({ sequence: 1 }), '127.0.0.1', 30_004);
    core.receive(Buffer.alloc(0), '127.0.0.9', 1);
    core.receive(rtcpPacket(), '127.0.0.1', 30_000);
    core.receive(Buffer.from([1, 2, 3]), '127.0.0.1', 30_000);
    assert.equal(core.counters().strayPackets, 3);
    assert.equal(core.report(1)?.caller.packets, 0);
  });

  it('goes on with a call whose copies come from elsewhere from now on, and forgets where they came from', () => {
    begin(1, 'rec1', undefined, from('127.0.0.1', 30_000, 30_002), null);
    core.receive(rtpPacket({ sequence: 1 }), '127.0.0.1', 30_000);
    begin(1, 'rec1', undefined, from('127.0.0.1', 30_010, 30_012), null);
    core.receive(rtpPacket({ sequence: 2 }), '127.0.0.1', 30_010);
    core.receive(rtpPacket({ sequence: 3 }), '127.0.0.1', 30_000);
    assert.equal(core.report(1)?.caller.packets, 2);
    assert.equal(core.counters().strayPackets, 1);
    core.end(1);
    core.receive(rtpPacket({ sequence: 4 }), '127.0.0.1', 30_010);
    assert.deepEqual([core.report(1), core.counters().strayPackets, core.counters().forks], [null, 2, 0]);
  });

  it('does not take for loss what was not copied: while nothing was, and while another codec was asked for', () => {
    const sources = from('127.0.0.1', 30_000, 30_002);
    begin(1, 'rec1', undefined, sources, null);
    for (const sequence of [1, 2, 4]) core.receive(rtpPacket({ sequence }), '127.0.0.1', 30_000);
    core.interrupt(1, 'caller');
    for (const sequence of [50, 51]) core.receive(rtpPacket({ sequence }), '127.0.0.1', 30_000);
    core.expect(1, sources, null);
    for (const sequence of [90, 93]) core.receive(rtpPacket({ sequence }), '127.0.0.1', 30_000);
    const { lost, gaps, packets } = core.report(1)?.caller ?? {};
    assert.deepEqual([packets, lost, gaps], [7, 3, 2]);
  });

  it('gives copies to the taps that a fork names, and to no other', () => {
    begin(1, 'rec1', ['siprec'], from('127.0.0.1', 30_000, 30_002), null);
    core.receive(rtpPacket({ sequence: 1 }), '127.0.0.1', 30_000);
    assert.deepEqual(core.counters().taps.recorder, { forkedPackets: 0, lostPackets: 0 });
  });

  it('tells a digit of a side under the number of the fork', () => {
    begin(9, 'rec9', undefined, from('127.0.0.1', 30_000, 30_002), null);
    const end = Uint8Array.of(11, 0x8a, 3, 0x20);
    core.receive(rtpPacket({ sequence: 1, timestamp: 8_000, payloadType: 101 }, end), '127.0.0.1', 30_002);
    assert.deepEqual(told, [{ fork: 9, side: 'callee', event: '#', durationMs: 100 }]);
  });
});
