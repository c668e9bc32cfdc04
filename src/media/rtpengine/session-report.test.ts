import assert from 'node:assert/strict';
import { decodeBencode, encodeBencode, type NgArgument, type NgDictionary } from './bencode.js';
import { composeReport, readCounters, type SideHistory } from './session-report.js';

const NOTHING: SideHistory = {
  lastPacketAgeMs: null,
  firstPacketWallMs: null,
  silentMs: 0,
  dtmfEvents: 0,
  dtmfDigits: null,
};

/** As it comes over the wire. */
function reply(value: NgArgument): NgDictionary {
  return decodeBencode(encodeBencode(value)) as NgDictionary;
}

const PCMA = { caller: 'PCMA', callee: 'PCMA' };

const QUERIED = reply({
  result: 'ok',
  SSRC: {
    '77': { 'cumulative loss': 4, 'average MOS': { MOS: 43, 'round-trip time': 21_500, jitter: 3, samples: 5 } },
  },
  tags: {
    caller: {
      medias: [
        {
          flags: ['initialized', 'transcoding'],
          streams: [
            {
              endpoint: { family: 'IPv4', address: '10.0.0.7', port: 4_000 },
              SSRC: 77,
              stats: { packets: 250, bytes: 43_000, errors: 2 },
            },
            { stats: { packets: 5, bytes: 400, errors: 0 } },
          ],
        },
      ],
    },
    'callee-0': { medias: [{ flags: [], streams: [{ stats: { packets: 0 } }] }] },
  },
});

describe('the report of a session at rtpengine', () => {
  it('has its counters of each side, and what RTCP told', () => {
    const counters = { caller: readCounters(QUERIED, 'caller'), callee: readCounters(QUERIED, 'callee-0') };
    const { caller, callee } = composeReport(counters, { caller: NOTHING, callee: NOTHING }, null, PCMA);
    assert.deepEqual([caller.packets, caller.bytes, caller.rtcpPackets, caller.dropped.source], [250, 43_000, 5, 2]);
    assert.deepEqual(
      [caller.source, caller.transcoded, caller.mos, caller.roundTripMs],
      ['10.0.0.7:4000', 250, 4.24, 21.5],
    );
    assert.deepEqual([caller.lost, caller.jitterMs, caller.peerReport], [4, 3, { lost: 4, jitterMs: 3 }]);
    assert.deepEqual([callee.packets, callee.source, callee.mos, callee.peerReport], [0, null, null, null]);
  });

  it('has what was measured on the copies, where the call was forked', () => {
    const stream = {
      isOriginal: true,
      mos: 4.1,
      packets: 240,
      lost: 10,
      jitterMs: 1.5,
      outOfOrder: 3,
      duplicates: 1,
      firstPacketWallMs: 5,
      lastPacketAgeMs: 40,
    };
    const counters = { caller: readCounters(QUERIED, 'caller'), callee: null };
    const history = { caller: { ...NOTHING, lastPacketAgeMs: 900 }, callee: NOTHING };
    const report = composeReport(
      counters,
      history,
      { caller: stream, callee: { ...stream, lastPacketAgeMs: null } },
      PCMA,
    );
    const { packets, lost, jitterMs, outOfOrder, duplicates, firstPacketWallMs } = report.caller;
    assert.deepEqual([packets, lost, jitterMs, outOfOrder, duplicates, firstPacketWallMs], [250, 10, 1.5, 3, 1, 5]);
    assert.deepEqual([report.caller.mos, report.lastPacketAgeMs], [4.1, 40]);
  });

  it('rates what RTCP told by the codec, as the relay does, and not at all where nobody knows how', () => {
    const counters = { caller: readCounters(QUERIED, 'caller'), callee: null };
    const scoreOf = (codecName: string | null) =>
      composeReport(counters, { caller: NOTHING, callee: NOTHING }, null, { caller: codecName, callee: null }).caller
        .mos;
    // 4 of 254 packets: more is taken off for G.729, which is worse from the start.
    assert.ok((scoreOf('G729') ?? 5) < (scoreOf('PCMU') ?? 0) - 0.2);
    assert.deepEqual([scoreOf('opus'), scoreOf('AMR-WB'), scoreOf(null)], [null, null, null]);
  });

  it('does not take the numbering of transcoded copies for that of the side', () => {
    const copies = { isOriginal: false, mos: 4.4, packets: 240, lost: 0, jitterMs: 0, outOfOrder: 0, duplicates: 0 };
    const stream = { ...copies, firstPacketWallMs: 5, lastPacketAgeMs: 40 };
    const counters = { caller: readCounters(QUERIED, 'caller'), callee: null };
    const { caller } = composeReport(
      counters,
      { caller: NOTHING, callee: NOTHING },
      { caller: stream, callee: stream },
      { caller: 'opus', callee: null },
    );
    assert.deepEqual([caller.lost, caller.mos, caller.firstPacketWallMs], [4, null, 5]);
  });

  for (const [title, value] of [
    ['nothing', {}],
    ['tags that are a list', { tags: ['caller'] }],
    ['a side without media', { tags: { caller: { medias: [] } } }],
    ['media that are text', { tags: { caller: { medias: 'audio' } } }],
    ['streams that are numbers', { tags: { caller: { medias: [{ streams: [1, 2] }] } } }],
  ] as const) {
    it(`has no counters of a side in ${title}`, () => assert.equal(readCounters(reply(value), 'caller'), null));
  }
});
