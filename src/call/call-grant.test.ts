import assert from 'node:assert/strict';
import type { Grant } from '../quota/ledger.js';
import type { CallEffect, CallTimer } from './call-events.js';
import { MachineBench } from './machine-test-kit.js';

const CAP = { holder: 'agent:pbx/201', allowanceId: 'seconds-day' };
const slice = (maxCallSeconds: number): Grant => ({ maxCallSeconds, isFinal: false });
const last = (maxCallSeconds: number, limit = CAP): Grant => ({ maxCallSeconds, isFinal: true, limit });

/** Delay of the last `arm` of a timer, or null when it was disarmed after it, or never armed. */
function armed(effects: readonly CallEffect[], timer: CallTimer): number | null {
  const effect = effects.findLast((any) => (any.type === 'arm' || any.type === 'disarm') && any.timer === timer);
  return effect?.type === 'arm' ? effect.delayMs : null;
}

/** Both sides talk, 10 ms after the answer. */
function talking(grant: Grant | null, warningToneSeconds = 0): MachineBench {
  return new MachineBench({ warningToneSeconds }).talk('a', grant);
}

function renewed(bench: MachineBench, afterMs: number, grant: Grant | null): readonly CallEffect[] {
  return bench.after(afterMs).feed({ type: 'attempt:renewed', attemptId: 'a', grant });
}

function fire(bench: MachineBench, timer: CallTimer): string[] {
  return bench.types({ type: 'timer:fired', timer, attemptId: null });
}

describe('what the ledger grants a call', () => {
  it('moves the end with every renewal, counted from the answer', () => {
    const bench = talking(slice(30));
    assert.equal(armed(bench.all, 'max-duration'), 30_000 - 10);
    assert.equal(armed(bench.all, 'renewal'), 15_000);
    assert.deepEqual(fire(bench.after(15_000), 'renewal'), ['renew']);
    assert.equal(armed(bench.all, 'renewal'), 15_000);
    assert.equal(armed(renewed(bench, 20, slice(60)), 'max-duration'), 60_000 - 15_030);
    assert.equal(armed(renewed(bench, 15_000, last(70)), 'max-duration'), 70_000 - 30_030);
  });

  /** The gateway has answered, and the caller's 200 waits: for its PRACK, 32 s at most. */
  function connecting(grant: Grant): MachineBench {
    const bench = new MachineBench().dial();
    bench.feed({ type: 'attempt:answered', attemptId: 'a' });
    bench.feed({ type: 'attempt:confirmed', attemptId: 'a', grant });
    return bench;
  }

  it('is renewed while the caller’s 200 waits, since the carrier’s clock runs', () => {
    const bench = connecting(slice(30));
    assert.deepEqual([armed(bench.all, 'max-duration'), armed(bench.all, 'renewal')], [30_000, 15_000]);
    assert.deepEqual(fire(bench.after(15_000), 'renewal'), ['renew']);
    assert.equal(armed(renewed(bench, 0, slice(60)), 'max-duration'), 45_000);
    bench.after(5_000).feed({ type: 'caller:connected' });
    assert.equal(armed(bench.all, 'max-duration'), 40_000);
  });

  it('ends the call that has not reached its caller yet, and says whose limit it was', () => {
    const bench = connecting(last(20));
    const effects = fire(bench.after(20_000), 'max-duration');
    assert.deepEqual(effects.slice(0, 3), ['refuse-caller', 'end-leg', 'settle']);
    const { endReason, limit } = bench.state.record;
    assert.deepEqual([endReason, limit], ['cap-exhausted', CAP]);
  });

  it('ends nothing of a callee who has gone while the caller’s 200 waits', () => {
    const bench = connecting(last(20));
    const effects = bench.feed({ type: 'attempt:hung-up', attemptId: 'a', reasons: [] });
    assert.deepEqual([armed(effects, 'max-duration'), armed(effects, 'renewal')], [null, null]);
  });

  it('may be less than it was for one reason: what another answer of the INVITE was charged', () => {
    const bench = talking(slice(30));
    bench.feed({ type: 'attempt:renewed', attemptId: 'a', grant: last(20) });
    assert.equal(armed(bench.all, 'max-duration'), 30_000 - 10);
    const effects = bench.feed({ type: 'attempt:charged-further', attemptId: 'a', grant: last(20) });
    assert.equal(armed(effects, 'max-duration'), 20_000 - 10);
  });

  it('goes on renewing after a final grant: a later one may grant more', () => {
    const bench = talking(last(40));
    fire(bench.after(15_000), 'renewal');
    assert.equal(armed(renewed(bench, 0, last(55)), 'max-duration'), 55_000 - 15_010);
  });

  it('ends both legs at a final grant, and says whose limit it was', () => {
    const ends = [
      [CAP, 'cap-exhausted'],
      [{ holder: 'sim:1', allowanceId: 'seconds-day' }, 'quota-exhausted'],
      [{ holder: 'sim:1', allowanceId: null }, 'max-duration'],
    ] as const;
    for (const [limit, reason] of ends) {
      const bench = talking({ maxCallSeconds: 40, isFinal: true, limit });
      const effects = fire(bench.after(40_000), 'max-duration');
      assert.deepEqual(effects.slice(0, 3), ['end-caller', 'end-leg', 'settle']);
      const { endReason, endedBy, limit: told, sipStatus } = bench.state.record;
      assert.deepEqual([endReason, endedBy, told, sipStatus], [reason, 'simtrunk', limit, 200]);
      for (const type of ['end-caller', 'end-leg'] as const) {
        const effect = bench.all.find((any) => any.type === type);
        assert.equal(effect?.type === type ? effect.reason : undefined, reason);
      }
      assert.deepEqual(
        ['max-duration', 'warning', 'renewal'].map((timer) => armed(bench.all, timer as CallTimer)),
        [...[null, null, null]],
      );
    }
  });

  it('says that it was max-duration where the ledger does not say, or the config is stricter', () => {
    const silent = talking({ maxCallSeconds: 40, isFinal: true });
    fire(silent.after(40_000), 'max-duration');
    assert.deepEqual([silent.state.record.endReason, silent.state.record.limit], ['max-duration', null]);
    const strict = new MachineBench({ maxCallSeconds: 20 }).talk('a', last(40));
    assert.equal(armed(strict.all, 'max-duration'), 20_000 - 10);
    fire(strict.after(20_000), 'max-duration');
    const { endReason, limit } = strict.state.record;
    assert.deepEqual([endReason, limit], ['max-duration', { holder: 'config', allowanceId: null }]);
  });

  it('ends a call whose renewals fail when what was granted is over, never later', () => {
    const bench = talking(slice(30));
    fire(bench.after(15_000), 'renewal');
    assert.equal(armed(renewed(bench, 2_000, null), 'max-duration'), 30_000 - 17_010);
    fire(bench.after(12_990), 'max-duration');
    assert.deepEqual([bench.state.record.endReason, bench.state.record.limit], ['ledger-away', null]);
  });

  it('is saved by a renewal that comes late but in time', () => {
    const bench = talking(slice(30));
    fire(bench.after(15_000), 'renewal');
    assert.equal(armed(renewed(bench, 14_000, slice(60)), 'max-duration'), 60_000 - 29_010);
  });

  it('takes no notice of a renewal after the end', () => {
    const bench = talking(slice(30));
    bench.after(29_000).feed({ type: 'attempt:hung-up', attemptId: 'a', reasons: [] });
    const before = bench.state;
    assert.deepEqual(renewed(bench, 100, slice(60)), []);
    assert.equal(bench.state, before);
  });

  it('takes no second back when an older renewal is answered after a newer one', () => {
    const bench = talking(slice(30));
    renewed(bench, 15_000, last(60));
    assert.equal(armed(renewed(bench, 0, slice(45)), 'max-duration'), 60_000 - 15_010);
    fire(bench.after(45_000), 'max-duration');
    assert.equal(bench.state.record.endReason, 'cap-exhausted');
  });

  it('ends a call at once when the ledger holds nothing for it any more', () => {
    const bench = talking(last(60));
    assert.equal(armed(renewed(bench, 15_000, { maxCallSeconds: 0, isFinal: true }), 'max-duration'), 0);
    fire(bench, 'max-duration');
    assert.deepEqual([bench.state.record.endReason, bench.state.record.limit], ['ledger-away', null]);
  });

  it('lets a call go on by what its reservation held when the answer could not be confirmed in time', () => {
    const bench = talking(null);
    assert.equal(armed(bench.all, 'max-duration'), 600_000 - 10);
    fire(bench.after(600_000), 'max-duration');
    assert.equal(bench.state.record.endReason, 'ledger-away');
  });

  it('ends no emergency call but by the longest call of all', () => {
    const bench = new MachineBench({ maxCallSeconds: 3_600 });
    bench.feed({ type: 'call:admitted', emergency: true });
    bench.talk('a', slice(0));
    assert.equal(armed(bench.all, 'max-duration'), 3_600_000 - 10);
    fire(bench.after(3_600_000), 'max-duration');
    assert.equal(bench.state.record.endReason, 'max-duration');
  });
});

describe('the warning before the end', () => {
  it('is given once the end is final, so long before it', () => {
    const bench = talking(slice(30), 10);
    assert.equal(armed(bench.all, 'warning'), null);
    assert.equal(armed(renewed(bench, 15_000, last(40)), 'warning'), 30_000 - 15_010);
    assert.deepEqual(fire(bench.after(15_000), 'warning'), ['warn-caller']);
  });

  it('is given at once when less is left than that', () => {
    const bench = talking(last(4), 10);
    assert.equal(armed(bench.all, 'warning'), 0);
  });

  it('is given before the longest call of the config too, and never for a call that may not last at all', () => {
    const strict = new MachineBench({ maxCallSeconds: 60, warningToneSeconds: 10 }).talk('a', slice(90));
    assert.equal(armed(strict.all, 'warning'), 50_000 - 10);
    assert.equal(armed(talking(last(0), 10).all, 'warning'), null);
  });

  it('is taken back when a renewal grants more, and given again before the new end', () => {
    const bench = talking(last(40), 10);
    assert.equal(armed(bench.all, 'warning'), 30_000 - 10);
    assert.equal(armed(renewed(bench, 15_000, slice(70)), 'warning'), null);
    assert.equal(armed(renewed(bench, 15_000, last(80)), 'warning'), 70_000 - 30_010);
  });

  it('is not repeated for an end that the caller has been warned of', () => {
    const bench = talking(last(40), 10);
    fire(bench.after(29_990), 'warning');
    assert.equal(armed(renewed(bench, 10, last(40)), 'warning'), null);
    assert.equal(armed(renewed(bench, 10, last(50)), 'warning'), 40_000 - 30_020);
  });

  it('is never given by default', () => {
    const bench = talking(last(40));
    assert.equal(armed(bench.all, 'warning'), null);
  });
});
