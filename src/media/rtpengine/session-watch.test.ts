import assert from 'node:assert/strict';
import type { MediaEvent, MediaRemote } from '../../call/ports.js';
import { ManualClock } from '../../lib/clock.js';
import type { SideCounters } from './session-report.js';
import { SessionWatch } from './session-watch.js';

const LOOK_MS = 1_000;
const SILENT_AFTER_MS = 5_000;
const PLACE = '10.0.0.7:4000';
const REMOTE: MediaRemote = {
  ...{ address: '10.0.0.7', rtpPort: 4_000, rtcpPort: 4_001, signallingAddress: '10.0.0.7', nat: 'off', sources: [] },
  ...{ codecs: [{ name: 'PCMA', clockRateHz: 8_000, payloadType: 8 }], sends: true },
};

function counters(packets: number, errors: number): SideCounters {
  const rest = { bytes: packets * 172, rtcpPackets: 0, isTranscoding: false, codecName: 'PCMA', told: null };
  return { packets, errors, endpoint: packets === 0 ? null : PLACE, ...rest };
}

describe('the watch of a session at rtpengine', () => {
  let clock: ManualClock;
  let told: string[];
  let watch: SessionWatch;

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    watch = new SessionWatch(clock, false, (event: MediaEvent) => told.push(event.type));
    watch.expect('caller', REMOTE);
    watch.watchSilence(SILENT_AFTER_MS);
  });

  /** Looks again and again, while so many packets and errors come from look to look. */
  function lookFor(ms: number, packetsEach: number, errorsEach: number, before = counters(0, 0)): SideCounters {
    let { packets, errors } = before;
    for (let passedMs = 0; passedMs < ms; passedMs += LOOK_MS) {
      clock.advance(LOOK_MS);
      packets += packetsEach;
      errors += errorsEach;
      watch.see('caller', counters(packets, errors), false);
    }
    return counters(packets, errors);
  }

  it('takes every packet for a sign of life, also one that rtpengine counts as an error and passes all the same', () => {
    lookFor(20_000, 50, 50);
    const { lastPacketAgeMs, source, firstPacketWallMs, silentMs } = watch.history('caller');
    assert.equal(lastPacketAgeMs, 0);
    // Who sent them nobody knows: it may have been somebody else.
    assert.deepEqual([source, firstPacketWallMs, told, silentMs], [null, null, ['silent'], 20_000]);
  });

  it('has no sign of life when nothing comes, whatever cannot be sent to the side', () => {
    const last = lookFor(2_000, 50, 0);
    lookFor(20_000, 0, 50, last);
    const { lastPacketAgeMs, source } = watch.history('caller');
    assert.deepEqual([lastPacketAgeMs, source, told], [20_000, PLACE, ['silent']]);
  });

  it('hears a side at once to whom much could not be sent before', () => {
    const before = lookFor(4_000, 0, 500);
    lookFor(4_000, 50, 0, before);
    const { source, firstPacketWallMs, silentMs } = watch.history('caller');
    assert.deepEqual([source, firstPacketWallMs === null, told, silentMs], [PLACE, false, [], 0]);
  });

  it('hears a side beside somebody else whose packets are dropped', () => {
    lookFor(20_000, 55, 50);
    assert.deepEqual([watch.history('caller').source, told], [PLACE, []]);
  });
});
