import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { SessionTimer } from './session-timer.js';

describe('a session timer', () => {
  const told: string[] = [];
  let clock: ManualClock;

  beforeEach(() => {
    told.length = 0;
    clock = new ManualClock();
  });

  function timer(earlierMs = 0): SessionTimer {
    const note = (what: string) => () => told.push(`${what} ${clock.monotonicMs() / 1_000}`);
    return new SessionTimer(clock, { refreshDue: note('due'), sessionOver: note('over') }, earlierMs);
  }

  it('refreshes at half the interval, and a little before the end gives it up', () => {
    timer().agree({ seconds: 90, weRefresh: true });
    clock.advance(1_000_000);
    assert.deepEqual(told, ['due 45', 'due 50', 'due 55', 'over 60']);
    assert.equal(clock.pendingTimers, 0);
  });

  it('waits 32 s at most for the last refresh', () => {
    timer().agree({ seconds: 1_800, weRefresh: false });
    clock.advance(10_000_000);
    assert.deepEqual(told, ['over 1768']);
  });

  it('begins anew with each agreement', () => {
    const session = timer();
    session.agree({ seconds: 600, weRefresh: false });
    clock.advance(500_000);
    session.agree({ seconds: 600, weRefresh: true });
    clock.advance(300_000);
    assert.deepEqual(told, ['due 800']);
    session.agree(null);
    clock.advance(10_000_000);
    assert.deepEqual(told, ['due 800']);
    assert.equal(clock.pendingTimers, 0);
  });

  it('is before a server that refreshes at half the interval itself', () => {
    timer(10_000).agree({ seconds: 90, weRefresh: true });
    clock.advance(35_000);
    assert.deepEqual(told, ['due 35']);
  });
});
