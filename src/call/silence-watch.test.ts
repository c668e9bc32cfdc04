import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { CallTimers } from './call-timers.js';
import type { EndReason } from './end-reason.js';
import { SilenceWatch } from './silence-watch.js';

describe('the watch for silence', () => {
  let clock: ManualClock;
  let ended: EndReason[];
  let held: boolean;
  /** When the last packet came; null: never. */
  let packetMs: number | null;
  let watch: SilenceWatch;

  beforeEach(() => {
    clock = new ManualClock();
    ended = [];
    held = false;
    packetMs = null;
    watch = new SilenceWatch(new CallTimers(clock), {
      silenceMs: async () => (packetMs === null ? null : clock.monotonicMs() - packetMs),
      talkingMs: () => (ended.length > 0 ? null : clock.monotonicMs()),
      isHeld: () => held,
      end: (reason) => ended.push(reason),
    });
  });

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(Math.min(250, left));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it('ends a call in which nobody has ever sent, and one in which nobody sends any more', async () => {
    watch.begin(4_000, 'no-media', false);
    await pass(3_000);
    packetMs = clock.monotonicMs();
    await pass(3_750);
    assert.deepEqual(ended, []);
    await pass(1_000);
    assert.deepEqual(ended, ['no-media']);
  });

  it('asks nobody to send while a side is on hold, nor at once after it', async () => {
    watch.begin(4_000, 'no-media', false);
    await pass(1_000);
    held = true;
    await pass(60_000);
    held = false;
    await pass(3_000);
    assert.deepEqual(ended, []);
    await pass(2_000);
    assert.deepEqual(ended, ['no-media']);
  });

  it('ends it on hold, too, when media is all that is left to go by', async () => {
    held = true;
    watch.begin(4_000, 'signalling-lost', true);
    await pass(5_000);
    assert.deepEqual(ended, ['signalling-lost']);
  });
});
