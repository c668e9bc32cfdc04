import assert from 'node:assert/strict';
import { mergeOver, withToday } from './case-config.js';

describe('the adjustments of a case', () => {
  it('merge objects by key and replace scalars and lists of scalars', () => {
    assert.deepEqual(mergeOver({ a: 1, b: { c: 2, d: [1, 2] } }, { b: { c: 3, d: [4] } }), {
      a: 1,
      b: { c: 3, d: [4] },
    });
  });

  it('merge a list of objects by place, and add what is more', () => {
    assert.deepEqual(mergeOver([{ a: 1 }, { a: 2 }], [{ b: 1 }]), [{ a: 1, b: 1 }, { a: 2 }]);
    assert.deepEqual(mergeOver([{ a: 1 }], [{}, { a: 2 }]), [{ a: 1 }, { a: 2 }]);
  });

  it('know a time zone in which it is noon, and the day there', () => {
    const asked = { plans: [{ timeZone: '$noonZone', day: '$dayOfMonth', other: '$other' }] };
    for (let hour = 0; hour < 24; hour += 1) {
      const nowMs = Date.UTC(2026, 10, 30, hour, 59);
      const { plans } = withToday(asked, nowMs) as { plans: { timeZone: string; day: number; other: string }[] };
      const [{ timeZone, day, other } = assert.fail()] = plans;
      const local = new Intl.DateTimeFormat('en', { timeZone, day: 'numeric', hour: 'numeric', hourCycle: 'h23' });
      const parts = new Map(local.formatToParts(nowMs).map(({ type, value }) => [type, Number(value)]));
      assert.deepEqual([parts.get('hour'), parts.get('day'), other], [12, day, '$other']);
    }
  });

  it('add keys that the base has not', () => {
    assert.deepEqual(mergeOver({}, { call: { maxAttempts: 1 } }), { call: { maxAttempts: 1 } });
  });
});
