// For tests of a crash: the process of a history is killed, and the next one ends what it left.
import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { History } from './call-history-kit.js';
import { settled } from './call-test-kit.js';
import { FakeBooks, FakeLedger } from './fake-journal.js';
import { FakeDialler } from './fake-legs.js';
import { AGENT } from './incoming-test-kit.js';
import { recoverCalls } from './recovery.js';

const HOLD_SECONDS = 32;

/** Nothing is left, each call has its record, and nothing is charged twice. @param answer of the gateways to a BYE, null for none */
export async function assertRecovered(history: History, answer: number | null): Promise<void> {
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
    { holdSeconds: HOLD_SECONDS },
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
}
