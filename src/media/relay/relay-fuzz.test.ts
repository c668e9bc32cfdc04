// Any packets, in any order, to a call to which anything happens: the relay goes on, counts each of them, and sends to nobody but
// the two sides.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MediaRemote } from '../../call/ports.js';
import type { MediaReport } from '../../call/reports.js';
import { addressesOf, CN, MemoryCall, SESSION, SIDES } from './memory-call.js';
import { EVENTS, PCMA, PCMU, rtcpPacket, rtpPacket } from './relay-test-kit.js';

const STRANGER = '192.0.2.66';
const G729 = { payloadType: 18, name: 'G729', clockRateHz: 8_000 };

/** Packets that are in order, nearly so, and not at all. */
const packets = fc.oneof(
  { weight: 4, arbitrary: fc.nat(65_535).map((sequence) => rtpPacket({ sequence, ssrc: sequence % 3 })) },
  fc.nat(65_535).map((sequence) => rtpPacket({ sequence, payloadType: sequence % 128 })),
  fc
    .tuple(fc.constantFrom(8, 0, 13, 101, 18), fc.boolean(), fc.uint8Array({ maxLength: 400 }))
    .map(([payloadType, isLate, payload]) => rtpPacket({ sequence: isLate ? 65_000 : 7, payloadType }, payload)),
  { weight: 2, arbitrary: fc.nat(1_000).map((ssrc) => rtcpPacket(ssrc)) },
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from([0xb0 | ((bytes[0] ?? 0) & 15), 8, ...bytes])),
  fc.uint8Array({ maxLength: 90 }).map((bytes) => {
    const words = bytes.length >> 2;
    return Buffer.from([
      0x80 | ((bytes[0] ?? 0) & 31),
      200 + ((bytes[1] ?? 0) & 7),
      0,
      words,
      ...bytes.subarray(0, 4 * words),
    ]);
  }),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from([0x81, 200 + ((bytes[0] ?? 0) & 7), 0, ...bytes])),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from([22, 0xfe, 0xfd, ...bytes])),
  fc.constant(rtpPacket({ sequence: 1 }, new Uint8Array(65_000))),
);

const side = fc.constantFrom(...SIDES);
const remotes: fc.Arbitrary<Partial<MediaRemote>> = fc.record(
  {
    address: fc.constantFrom('0.0.0.0', 'nonsense', '10.0.0.2', '10.0.0.3'),
    rtpPort: fc.constantFrom(0, 4_000, 4_100),
    rtcpPort: fc.constantFrom(0, 4_001),
    sends: fc.boolean(),
    nat: fc.constantFrom('auto' as const, 'off' as const),
    codecs: fc.constantFrom(
      [PCMA, EVENTS],
      [PCMU],
      [PCMA, CN],
      [{ ...PCMU, payloadType: 96 }, PCMA],
      [G729, EVENTS],
      [],
    ),
    ptimeMs: fc.constantFrom(0, 20, 60, -1, Number.NaN),
    rtcpMux: fc.boolean(),
    transport: fc.constant({ protocol: 'RTP/SAVP' as const, attributes: [] }),
  },
  { requiredKeys: [] },
);
const source = fc.oneof(
  fc.constant({ kind: 'samples' as const, samples: Int16Array.from({ length: 700 }, (_, index) => index * 40) }),
  fc.record({
    kind: fc.constant('tone' as const),
    frequenciesHz: fc.array(fc.double(), { maxLength: 3 }),
    cadenceMs: fc.array(fc.integer({ min: -1, max: 90 }), { maxLength: 3 }),
  }),
);

const steps = fc.array(
  fc.oneof(
    {
      weight: 14,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        side,
        kind: fc.constantFrom('rtp' as const, 'rtcp' as const),
        address: fc.constantFrom(STRANGER, ...SIDES.flatMap(addressesOf)),
        port: fc.constantFrom(4_000, 4_001, 5_000),
        packet: packets,
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(2_500) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remote' as const), side, changes: remotes }) },
    fc.record({ do: fc.constant('clear' as const), side }),
    fc.record({ do: fc.constant('move' as const), network: fc.constantFrom('lan', 'nowhere') }),
    fc.record({ do: fc.constant('fail' as const), canSend: fc.boolean() }),
    fc.record({ do: fc.constant('fork' as const), isOn: fc.boolean() }),
    fc.record({
      do: fc.constant('play' as const),
      side,
      playId: fc.constantFrom('p1', 'p2'),
      source,
      loop: fc.boolean(),
      mode: fc.constantFrom('replace' as const, 'mix' as const),
    }),
    fc.record({ do: fc.constant('stop' as const), playId: fc.constantFrom('p1', 'p2', 'p3') }),
  ),
  { maxLength: 60 },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

function perform(call: MemoryCall, step: Step): void {
  switch (step.do) {
    case 'send':
      send(call, step);
      break;
    case 'wait':
      call.clock.advance(step.ms);
      call.core.tick();
      break;
    case 'remote':
      call.remote(step.side, step.changes);
      break;
    case 'clear':
      call.core.clearRemote(SESSION, step.side);
      break;
    case 'move':
      call.core.place(SESSION, step.network);
      break;
    case 'fail':
      call.sockets.canSend = () => step.canSend;
      break;
    case 'fork':
      if (step.isOn) call.core.fork(SESSION, 'rec1');
      else call.core.unfork(SESSION);
      break;
    case 'play':
      call.core.play(SESSION, step);
      break;
    case 'stop':
      call.core.stopPlaying(SESSION, step.playId);
      break;
  }
}

function send(call: MemoryCall, { side: to, kind, address, port, packet }: Extract<Step, { do: 'send' }>): void {
  const [sent, counted] = [call.sockets.sent.length, countOf(call.report())];
  call.send({ address, port }, to, kind, packet);
  assert.ok(countOf(call.report()) > counted, 'every packet is counted');
  // The address of one side's SDP may be the other's by now: only who is nobody's is sure to be a stranger.
  if (address === STRANGER) assert.equal(call.sockets.sent.length, sent, 'a stranger has nothing passed');
}

/** All that the relay has counted of what it received. */
function countOf(report: MediaReport): number {
  let count = 0;
  for (const { packets: rtp, rtcpPackets, dropped } of [report.caller, report.callee]) {
    count += rtp + rtcpPackets + Object.values(dropped).reduce((sum, drops) => sum + drops, 0);
  }
  return count;
}

describe('the relay, whatever comes', () => {
  it('goes on, counts every packet, sends to nobody but the two sides, and leaves nothing behind', () => {
    fc.assert(
      fc.property(
        steps,
        fc.boolean(),
        fc.constantFrom(null, 'silence' as const, { noiseDbov: 60 }),
        (all, continuity, fill) => {
          const call = new MemoryCall({
            continuity,
            comfortNoise: { received: 'noise', whenSilent: fill, afterMs: 200 },
          });
          for (const each of SIDES) call.remote(each);
          for (const step of all) perform(call, step);
          assert.ok(call.sockets.sent.every(({ address }) => address !== STRANGER));
          assert.ok(call.sockets.sent.every(({ bytes, port }) => bytes.length > 0 && port > 0));
          call.core.close(SESSION);
          assert.equal(call.sockets.boundPorts, 0);
          call.core.shutdown();
          assert.equal(call.clock.pendingTimers, 0);
        },
      ),
      { numRuns: 1_500 },
    );
  }).timeout(60_000);
});
