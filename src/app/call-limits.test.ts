// What limits do to live calls, over the whole application: the warning that a caller hears, and the end.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { type RunningApp, startApp } from '../app.js';
import { answers } from '../lab/callee-behaviour.js';
import { correlate } from '../lab/correlate.js';
import { readWav } from '../lab/read-wav.js';
import type { LabCodec } from '../lab/sdp-text.js';
import { speak } from '../lab/speech.js';
import { windowsWithTone } from '../rtp/tone-test-kit.js';
import { Arena } from './testing/arena.js';

/** Softly, so that the tone that is laid over it stands out. */
const CALLEE_SAYS = speak(7, 4).map((sample) => sample / 8);
const CALLER_SAYS = speak(8, 4);
const WARNING_HZ = 1_400;

describe('limits of live calls', () => {
  let arena: Arena;
  let app: RunningApp | undefined;

  beforeEach(async () => {
    arena = await Arena.open(() => answers({ afterMs: 100, says: CALLEE_SAYS }));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await arena.close();
  });

  it('warn the caller by two beeps before the end, in the codec of the call; the recording keeps the callee', async () => {
    app = await startApp(
      arena.config({ call: { maxCallSeconds: 3, warningToneSeconds: 2 }, ledger: { sliceSeconds: 4 } }),
    );
    const codecs: readonly LabCodec[] = ['PCMA', 'PCMU'];
    const calls = await Promise.all(
      codecs.map((codec) => arena.phone.call({ number: '01055550001', says: CALLER_SAYS, codecs: [codec] })),
    );
    const outcomes = await Promise.all(calls.map((call) => call.ended));
    for (const [index, call] of calls.entries()) {
      const { endedBy, reason, talkedMs } = outcomes[index] ?? assert.fail();
      assert.equal(endedBy, 'callee');
      assert.match(reason, /text="max-duration"/);
      assert.ok(talkedMs > 2_500 && talkedMs < 10_000, `talked ${talkedMs} ms`);
      const beeps = windowsWithTone(call.heard(), WARNING_HZ);
      assert.ok(beeps.length >= 18 && beeps.length <= 20, `${beeps.length} windows of 20 ms with the tone`);
      const gapAt = beeps.findIndex((start, at) => start - (beeps[at - 1] ?? start) > 160);
      assert.ok(gapAt >= 9 && gapAt <= 10, `the gap comes after ${gapAt} windows`);
      // It began 1 s after the answer: the callee was heard before it.
      assert.ok((beeps[0] ?? 0) > 4_000, `began at sample ${beeps[0]}`);

      const cdr = await arena.cdrOf(call.sipCallId);
      assert.deepEqual([cdr.endReason, cdr.limit], ['max-duration', { holder: 'config', allowance: null }]);
      assert.equal(cdr.codec, codecs[index]);
      const [left, right] = readWav(readFileSync(cdr.recording?.path ?? '')).channels;
      assert.ok(left !== undefined && right !== undefined);
      assert.deepEqual([windowsWithTone(left, WARNING_HZ), windowsWithTone(right, WARNING_HZ)], [[], []]);
      assert.ok(correlate(CALLEE_SAYS.subarray(0, 20_000), right).coefficient > 0.98);
    }
  }).timeout(20_000);
});
