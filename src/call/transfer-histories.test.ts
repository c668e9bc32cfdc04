// Any history of calls that are transferred: whatever comes in whatever order, nothing and nobody is left over, and what the records
// say was charged is what the ledger charged, once.
import fc from 'fast-check';
import { History, lossSettings, transferHistories } from './call-history-kit.js';
import { assertRecovered } from './recovery-kit.js';

describe('any history of calls with transfers', () => {
  it('leaves no leg, channel, timer, port or row behind, and one record a call that says what was charged', () =>
    fc.assert(
      fc.asyncProperty(transferHistories, lossSettings, async (events, onLoss) => {
        const history = new History(onLoss, 'simtrunk');
        for (const happened of events) await history.happen(happened);
        await history.end();
        history.bench.assertQuiet();
        history.assertSilent();
      }),
      { numRuns: 100 },
    )).timeout(30_000);

  it('leaves the same to the next start when the process is killed in it, and nothing is charged twice', () =>
    fc.assert(
      fc.asyncProperty(transferHistories, fc.constantFrom(200, 481, null), async (events, answer) => {
        const history = new History('continue', 'simtrunk');
        for (const happened of events) await history.happen(happened);
        await assertRecovered(history, answer);
      }),
      { numRuns: 100 },
    )).timeout(30_000);
});
