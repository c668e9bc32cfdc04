import assert from 'node:assert/strict';
import { ReceptionStatistics } from '../../rtp/reception-statistics.js';
import { scoreOf } from '../relay/stream-quality.js';
import { decodeBencode, encodeBencode, type NgArgument, type NgDictionary } from './bencode.js';
import type { ForkedStream } from './fork-messages.js';
import { composeReport, readCounters, type SideHistory, type ToldFigures } from './session-report.js';

const NOTHING: SideHistory = {
  lastPacketAgeMs: null,
  firstPacketWallMs: null,
  source: null,
  told: null,
  audio: null,
  faxPackets: 0,
  transcoded: 0,
  silentMs: 0,
  dtmfEvents: 0,
  dtmfDigits: null,
};

const G711 = { codecName: 'PCMA', packetMs: 20 };

/** As it comes over the wire. */
function reply(value: NgArgument): NgDictionary {
  return decodeBencode(encodeBencode(value)) as NgDictionary;
}

/** As rtpengine 10.5 says it: of each SSRC what its sender has told of what it hears. */
function queried(callerFlags: readonly string[] = ['initialized']): NgDictionary {
  const told = (lost: number, both: number, leg: number, jitter: number) => ({
    'cumulative loss': lost,
    'average MOS': { MOS: 43, 'round-trip time': both, 'round-trip time leg': leg, jitter, samples: 5 },
  });
  return reply({
    result: 'ok',
    SSRC: { '77': told(9, 101_450, 21_460, 7), '88': told(4, 101_450, 79_990, 3) },
    tags: {
      caller: {
        medias: [
          {
            codec: 'PCMA/8000',
            flags: callerFlags,
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
      'callee-0': { medias: [{ flags: [], streams: [{ stats: { packets: 30, bytes: 5_160, errors: 1 } }] }] },
      'callee-1': {
        medias: [
          {
            codec: 'opus/48000/2',
            flags: [],
            streams: [
              {
                endpoint: { family: 'IPv4', address: '0.0.0.0', port: 5_000 },
                SSRC: 88,
                stats: { packets: 200, bytes: 34_400, errors: 0 },
              },
            ],
          },
        ],
      },
    },
  });
}

function countersOf(flags?: readonly string[]) {
  const answer = queried(flags);
  return { caller: readCounters(answer, 'caller'), callee: readCounters(answer, 'callee-0', 'callee-1') };
}

/** What the watch keeps of these counters. */
function historiesOf(counters: ReturnType<typeof countersOf>, changes: Partial<SideHistory> = {}) {
  const of = (told: ToldFigures | null | undefined): SideHistory => ({
    ...NOTHING,
    audio: G711,
    ...changes,
    told: told ?? null,
  });
  return { caller: of(counters.caller?.told), callee: of(counters.callee?.told) };
}

const COPIED: ForkedStream = {
  isOriginal: true,
  packets: 240,
  lost: 10,
  gaps: 2,
  jitterMs: 1.5,
  outOfOrder: 3,
  duplicates: 1,
  firstPacketWallMs: 5,
  lastPacketAgeMs: 40,
};

describe('the counters of a side at rtpengine', () => {
  it('are those of all that the side was called in the call, and of the present its place and its codec', () => {
    const { caller, callee } = countersOf();
    assert.deepEqual([caller?.packets, caller?.bytes, caller?.rtcpPackets, caller?.errors], [250, 43_000, 5, 2]);
    assert.deepEqual([caller?.endpoint, caller?.codecName], ['10.0.0.7:4000', 'PCMA']);
    assert.deepEqual([callee?.packets, callee?.bytes, callee?.errors, callee?.codecName], [230, 39_560, 1, 'opus']);
    assert.equal(callee?.endpoint, null, 'zeros are nowhere');
  });

  it('have fewer than nought lost where a peer heard duplicates', () => {
    const SSRC = { '1': { 'cumulative loss': 0xff_fffe, 'average MOS': {} } };
    const caller = { medias: [{ streams: [{ SSRC: 1, stats: { packets: 1 } }] }] };
    assert.equal(readCounters(reply({ SSRC, tags: { caller } }), 'caller')?.told?.lost, -2);
  });

  for (const [title, value] of [
    ['nothing', {}],
    ['tags that are a list', { tags: ['caller'] }],
    ['a side without media', { tags: { caller: { medias: [] } } }],
    ['media that are text', { tags: { caller: { medias: 'audio' } } }],
    ['streams that are numbers', { tags: { caller: { medias: [{ streams: [1, 2] }] } } }],
  ] as const) {
    it(`are none of a side in ${title}`, () => assert.equal(readCounters(reply(value), 'caller'), null));
  }
});

describe('the report of a session at rtpengine', () => {
  it('says of each stream what the other side told of it, and of each side its own round trip', () => {
    const counters = countersOf();
    const { caller, callee } = composeReport(counters, historiesOf(counters), null);
    assert.deepEqual([caller.lost, caller.jitterMs, caller.peerReport], [4, 3, { lost: 4, jitterMs: 3 }]);
    assert.deepEqual([callee.lost, callee.jitterMs, callee.peerReport], [9, 7, { lost: 9, jitterMs: 7 }]);
    assert.deepEqual([caller.roundTripMs, callee.roundTripMs], [21.5, 80]);
  });

  it('knows of transcoded streams what rtpengine itself missed, and not what the other side did', () => {
    const counters = countersOf(['transcoding']);
    const { caller, callee } = composeReport(counters, historiesOf(counters), null);
    assert.deepEqual([caller.lost, caller.peerReport, callee.lost, callee.peerReport], [9, null, 4, null]);
  });

  it('has what was measured on the copies, where the call was forked', () => {
    const counters = countersOf();
    const histories = historiesOf(counters, { lastPacketAgeMs: 900, firstPacketWallMs: 3 });
    const report = composeReport(counters, histories, {
      caller: COPIED,
      callee: { ...COPIED, lastPacketAgeMs: null, firstPacketWallMs: null },
    });
    const { packets, lost, jitterMs, outOfOrder, duplicates } = report.caller;
    assert.deepEqual([packets, lost, jitterMs, outOfOrder, duplicates], [250, 10, 1.5, 3, 1]);
    assert.equal(report.lastPacketAgeMs, 40);
    assert.equal(report.caller.firstPacketWallMs, 3, 'early media comes before the copies');
    assert.equal(report.callee.firstPacketWallMs, 3);
  });

  it('takes the packets of a fax for a sign of life, of which there are no copies', () => {
    const counters = countersOf();
    const fork = { caller: { ...COPIED, lastPacketAgeMs: 60_000 }, callee: { ...COPIED, lastPacketAgeMs: 60_000 } };
    assert.equal(composeReport(counters, historiesOf(counters, { lastPacketAgeMs: 900 }), fork).lastPacketAgeMs, 900);
  });

  it('rates the copies as the relay rates what it measures: with both round trips, the packet time and the gaps', () => {
    const measured = new ReceptionStatistics(8_000);
    for (let sequence = 0; sequence < 250; sequence += 1) {
      if (sequence % 50 < 5 && sequence > 50) continue;
      measured.receive(7, sequence, sequence * 240, sequence * 30, 252);
    }
    const { packets, lost, gaps, jitterMs, outOfOrder, duplicates } = measured;
    const copied = { ...COPIED, packets, lost, gaps, jitterMs, outOfOrder, duplicates };
    const counters = countersOf();
    const histories = historiesOf(counters, { audio: { codecName: 'PCMU', packetMs: 30 } });
    const asTheRelay = scoreOf(measured, { codecName: 'PCMU', packetMs: 30, roundTripsMs: [21.5, 80] });
    const { caller, callee } = composeReport(counters, histories, { caller: copied, callee: copied });
    assert.ok(lost > 0 && asTheRelay !== null);
    assert.deepEqual([caller.mos, callee.mos], [asTheRelay, asTheRelay]);
  });

  it('rates what RTCP told by the codec and the delay of both legs, and not at all where nobody knows how', () => {
    const counters = countersOf();
    const scoreOfCaller = (audio: SideHistory['audio']) =>
      composeReport(counters, historiesOf(counters, { audio }), null).caller.mos;
    const heard = { packets: 250, duplicates: 0, lost: 4, gaps: 0, jitterMs: 3 };
    const g711 = scoreOf(heard, { codecName: 'PCMU', packetMs: 60, roundTripsMs: [21.5, 80] });
    assert.equal(scoreOfCaller({ codecName: 'PCMU', packetMs: 60 }), g711);
    // 4 of 254 packets: more is taken off for G.729, which is worse from the start.
    assert.ok((scoreOfCaller({ codecName: 'G729', packetMs: 20 }) ?? 5) < (g711 ?? 0) - 0.2);
    for (const codecName of ['opus', 'AMR-WB']) assert.equal(scoreOfCaller({ codecName, packetMs: 20 }), null);
    assert.equal(scoreOfCaller(null), null);
    assert.equal(composeReport(counters, { caller: NOTHING, callee: NOTHING }, null).caller.mos, null);
  });

  it('does not take the datagrams of a fax for audio that came', () => {
    const counters = countersOf();
    const scoreWith = (faxPackets: number) =>
      composeReport(counters, historiesOf(counters, { faxPackets }), null).caller.mos ?? 0;
    assert.ok(scoreWith(150) < scoreWith(0) - 0.1);
  });

  for (const [title, isOriginal, codecName] of [
    ['transcoded copies', false, 'opus'],
    ['copies of a side that has G.711, but sends another codec', true, 'opus'],
  ] as const) {
    it(`does not take the numbering of ${title} for that of the side`, () => {
      const counters = countersOf();
      const copied = { ...COPIED, isOriginal, lost: 0 };
      const histories = historiesOf(counters, { audio: { codecName, packetMs: 20 } });
      const { caller } = composeReport(counters, histories, { caller: copied, callee: copied });
      assert.deepEqual([caller.lost, caller.mos, caller.firstPacketWallMs], [4, null, 5]);
    });
  }
});
