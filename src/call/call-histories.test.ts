// Any history of calls: whatever comes in whatever order, nothing is left over and each call has one record.
import fc from 'fast-check';
import { History, histories, lossSettings } from './call-history-kit.js';
import { assertRecovered } from './recovery-kit.js';

describe('any history of calls', () => {
  it('leaves no channel, timer, port or row behind, and one record a call that says what was charged', () =>
    fc.assert(
      fc.asyncProperty(histories, lossSettings, async (events, onLoss) => {
        const history = new History(onLoss);
        for (const happened of events) await history.happen(happened);
        await history.end();
        history.bench.assertQuiet();
      }),
      { numRuns: 300 },
    )).timeout(30_000);

  it('leaves the same to the next start when the process is killed in it, and nothing is charged twice', () =>
    fc.assert(
      fc.asyncProperty(histories, lossSettings, fc.constantFrom(200, 481, null), async (events, onLoss, answer) => {
        const history = new History(onLoss);
        for (const happened of events) await history.happen(happened);
        await assertRecovered(history, answer);
      }),
      { numRuns: 300 },
    )).timeout(30_000);
});
