import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CallLoad, CallRate } from './call-load.js';

describe('CallLoad', () => {
  it('counts a trunk’s calls until they end, and those to a callee until they have a channel', () => {
    const load = new CallLoad();
    load.admitted('call-1', 'pbx', '+821000000001');
    load.admitted('call-2', 'pbx', '+821000000001');
    assert.deepEqual([load.liveOf('pbx'), load.waitingFor('+821000000001')], [2, 2]);
    load.placed('call-1');
    load.placed('call-1');
    assert.deepEqual([load.liveOf('pbx'), load.waitingFor('+821000000001')], [2, 1]);
    load.ended('call-1');
    load.ended('call-2');
    load.ended('call-2');
    load.placed('call-2');
    assert.deepEqual([load.liveOf('pbx'), load.waitingFor('+821000000001')], [0, 0]);
  });

  it('counts a call once that is admitted twice', () => {
    const load = new CallLoad();
    load.admitted('call-1', 'pbx', '+821000000001');
    load.admitted('call-1', 'other', '+821000000002');
    assert.deepEqual([load.liveOf('pbx'), load.liveOf('other'), load.waitingFor('+821000000001')], [0, 1, 0]);
  });
});

describe('CallRate', () => {
  it('never lets more through in any second than it may, and never fewer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 }),
        (limit, gapsMs) => {
          const rate = new CallRate(limit);
          const passed: number[] = [];
          let nowMs = 0;
          for (const gapMs of gapsMs) {
            nowMs += gapMs;
            const inTheLastSecond = passed.filter((at) => nowMs - at < 1000).length;
            assert.equal(rate.isExceeded(nowMs), inTheLastSecond >= limit);
            if (inTheLastSecond >= limit) continue;
            rate.note(nowMs);
            passed.push(nowMs);
          }
        },
      ),
    );
  });
});
