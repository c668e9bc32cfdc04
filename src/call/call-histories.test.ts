// Any history of calls: whatever comes in whatever order, nothing is left over and each call has one record.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { History, histories, lossSettings } from './call-history-kit.js';
import { settled } from './call-test-kit.js';
import { FakeBooks, FakeLedger } from './fake-journal.js';
import { FakeDialler } from './fake-legs.js';
import { AGENT } from './incoming-test-kit.js';
import { recoverCalls } from './recovery.js';

const HOLD_SECONDS = 32;

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
        const { trace, journal: killed, dialler: before } = history.bench;
        const journal = killed.kill();
        const clock = new ManualClock(history.bench.clock.wallMs());
        const ledger = new FakeLedger(journal, clock, trace);
        for (const orphan of journal.reservations.values()) ledger.addOrphan(orphan);
        const dialler = new FakeDialler(trace, clock);
        for (const { request } of before.legs) dialler.orphanAnswers.set(request.attemptId, answer);
        const recovering = recoverCalls(
          {
            ...{ ledger, dialler, clock, books: new FakeBooks(journal, clock) },
            log: createLogger({ level: 'silent', redactNumbers: false }),
          },
          { live: [...journal.live.values()], open: [...journal.open.values()], recordings: new Map() },
          HOLD_SECONDS,
          new AbortController().signal,
        );
        await settled();
        clock.advance(HOLD_SECONDS * 1000);
        await recovering;

        const context = trace.join('\n');
        assert.deepEqual(ledger.violations, [], context);
        assert.deepEqual([journal.live.size, journal.open.size, journal.reservations.size], [0, 0, 0], context);
        const keys = journal.published.map(({ record, revision }) => `${record.callId} ${revision}`);
        assert.deepEqual(keys, [...new Set(keys)], context);
        const last = new Map(journal.published.map(({ record }) => [record.callId, record]));
        const attempts = new Map(
          [...last.values()].flatMap((record) => record.attempts.map((attempt) => [attempt.attemptId, attempt])),
        );
        for (const { request } of before.legs) {
          const attempt = attempts.get(request.attemptId);
          // What goes to a trunk costs nothing, and does not wait for the journal.
          if (attempt === undefined && request.gateway === AGENT.peer.name) continue;
          assert.ok(attempt !== undefined, `no record of ${request.attemptId}\n${context}`);
          assert.notEqual(attempt.outcome, null, context);
          assert.equal(attempt.billedSeconds, journal.charged.get(request.attemptId) ?? 0, context);
        }
        for (const { incoming } of last.values()) {
          if (incoming === null) continue;
          assert.equal(incoming.billedSeconds, journal.charged.get(incoming.reservationId) ?? 0, context);
        }
      }),
      { numRuns: 300 },
    )).timeout(30_000);
});
