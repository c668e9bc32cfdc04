import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ChannelStreaks, type EndedAttempt, type StreakSettings } from './channel-streaks.js';

const SETTINGS: StreakSettings = {
  fastFailures: { count: 3, withinMs: 1_000 },
  noAlerting: { count: 4, afterMs: 10_000 },
  shortAnswers: { count: 3, underMs: 3_000 },
  answersWithout18x: { count: 3 },
};

const REFUSED: EndedAttempt = {
  ...{ channelId: 'gw1/1', gateway: 'gw1', outcome: 'refused', alerted: false, setupMs: 200, talkedMs: null },
};
const ANSWERED: EndedAttempt = { ...REFUSED, outcome: 'answered', alerted: true, setupMs: 4_000, talkedMs: 60_000 };

/** What is found after each of these attempts. */
function found(attempts: readonly Partial<EndedAttempt>[], settings = SETTINGS) {
  const streaks = new ChannelStreaks(settings);
  return attempts.map((attempt) => {
    const one = streaks.take({ ...REFUSED, ...attempt });
    return one === null ? '-' : `${one.streak} ${one.count}`;
  });
}

const times = (count: number, attempt: Partial<EndedAttempt>) => Array.from({ length: count }, () => attempt);

describe('streaks of a channel', () => {
  it('are fast failures in a row', () => {
    assert.deepEqual(found(times(3, {})), ['-', '-', 'fast-failures 3']);
  });

  it('are attempts without alerting, however long they took', () => {
    assert.deepEqual(found(times(4, { setupMs: 5_000 })), ['-', '-', '-', 'no-alerting 4']);
    assert.deepEqual(found(times(4, { outcome: 'given-up', setupMs: 20_000 })).at(-1), 'no-alerting 4');
  });

  it('are answers that are over at once', () => {
    assert.deepEqual(found(times(3, { ...ANSWERED, talkedMs: 2_999 })), ['-', '-', 'short-answers 3']);
    assert.deepEqual(found(times(5, { ...ANSWERED, talkedMs: 3_000 })), ['-', '-', '-', '-', '-']);
  });

  it('are answers without 18x, where the gateway has sent one before on any channel', () => {
    const silent = { ...ANSWERED, alerted: false };
    assert.deepEqual(found(times(5, silent)), ['-', '-', '-', '-', '-']);
    const other = { ...ANSWERED, channelId: 'gw1/2' };
    assert.deepEqual(found([other, ...times(3, silent)]), ['-', '-', '-', 'answers-without-18x 3']);
    assert.deepEqual(found([{ ...other, gateway: 'gw2' }, ...times(3, silent)]).at(-1), '-');
  });

  it('end with an attempt that shows the opposite', () => {
    const twice = times(2, {});
    for (const end of [ANSWERED, { outcome: 'callee' as const }, { outcome: 'given-up' as const, alerted: true }]) {
      assert.deepEqual(found([...twice, end, ...twice]), ['-', '-', '-', '-', '-']);
    }
    const short = { ...ANSWERED, talkedMs: 100 };
    assert.deepEqual(found([short, short, ANSWERED, short, short]).at(-1), '-');
  });

  it('go on through attempts that say nothing of the channel', () => {
    const neutral = [
      { outcome: 'other' as const, setupMs: 4_000 },
      { outcome: 'given-up' as const, setupMs: 900 },
    ];
    assert.deepEqual(found([{}, ...neutral, {}, ...neutral, {}]).at(-1), 'fast-failures 3');
    const short = { ...ANSWERED, talkedMs: 100 };
    assert.deepEqual(found([short, {}, short, { outcome: 'callee' }, short]).at(-1), 'short-answers 3');
  });

  it('are counted for each channel alone, and found again with every further attempt', () => {
    const other = { channelId: 'gw1/2' };
    assert.deepEqual(found([{}, {}, other, other, {}, {}]).slice(-2), ['fast-failures 3', 'fast-failures 4']);
  });

  it('are not looked for when a setting is false, and begin anew when the channel does', () => {
    const none: StreakSettings = { fastFailures: null, noAlerting: null, shortAnswers: null, answersWithout18x: null };
    assert.ok(found([...times(30, {}), ...times(30, { ...ANSWERED, talkedMs: 0 })], none).every((one) => one === '-'));
    const streaks = new ChannelStreaks(SETTINGS);
    for (const attempt of times(3, {})) streaks.take({ ...REFUSED, ...attempt });
    streaks.forget('gw1/1');
    assert.equal(streaks.take(REFUSED), null);
  });

  it('are never found before so many attempts of the kind, whatever happened', () => {
    const attempt = fc.record({
      outcome: fc.constantFrom('answered', 'refused', 'callee', 'given-up', 'other') as fc.Arbitrary<
        EndedAttempt['outcome']
      >,
      alerted: fc.boolean(),
      setupMs: fc.nat(20_000),
      talkedMs: fc.nat(6_000),
    });
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 40 }), (attempts) => {
        const streaks = new ChannelStreaks(SETTINGS);
        const hits = { 'fast-failures': 0, 'no-alerting': 0, 'short-answers': 0, 'answers-without-18x': 0 };
        for (const given of attempts) {
          const one = { ...REFUSED, ...given, talkedMs: given.outcome === 'answered' ? given.talkedMs : null };
          if (one.outcome === 'refused' && !one.alerted && one.setupMs < 1_000) hits['fast-failures'] += 1;
          if (!one.alerted && (one.outcome === 'refused' || one.outcome === 'given-up')) hits['no-alerting'] += 1;
          if (one.talkedMs !== null && one.talkedMs < 3_000) hits['short-answers'] += 1;
          if (one.talkedMs !== null && !one.alerted) hits['answers-without-18x'] += 1;
          const said = streaks.take(one);
          if (said !== null) assert.ok(hits[said.streak] >= said.count && said.count >= 3);
        }
      }),
    );
  });
});
