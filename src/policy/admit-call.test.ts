import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { createPolicy, type TrunkPolicy } from './admit-call.js';

const TRUNK: TrunkPolicy = {
  name: 'pbx',
  country: 'KR',
  classes: ['mobile', 'landline', 'emergency'],
  timeZone: 'Asia/Seoul',
  spendCap: { perDay: '1000' },
};

function admit(dialled: string, changes: Partial<TrunkPolicy> = {}, spent = '0', name = 'pbx') {
  const asked: number[] = [];
  const policy = createPolicy({
    trunks: [{ ...TRUNK, ...changes }],
    spentBy: (_trunk, since) => {
      asked.push(since);
      return spent;
    },
    clock: new ManualClock(Date.UTC(2026, 0, 5, 1)),
  });
  return { result: policy.admit({ trunk: { name }, dialled }), asked };
}

function reasonOf(...ask: Parameters<typeof admit>): string {
  const { result } = admit(...ask);
  return result.ok ? 'admitted' : result.reason;
}

describe('createPolicy', () => {
  it('admits allowed classes with the canonical callee', () => {
    assert.deepEqual(admit('010-1234-5678').result, {
      ok: true,
      callee: { e164: '+821012345678', national: '01012345678', numberClass: 'mobile' },
    });
  });

  it('refuses what is no number', () => {
    assert.equal(reasonOf('not-a-number'), 'bad-number');
    assert.equal(reasonOf('01012'), 'bad-number');
  });

  it('refuses classes that the trunk does not list, telling the callee for the record', () => {
    assert.equal(reasonOf('0607001234'), 'class-not-allowed');
    assert.equal(reasonOf('+14155550100'), 'class-not-allowed');
    assert.equal(reasonOf('+14155550100', { classes: ['international'] }), 'admitted');
    const { result } = admit('0607001234');
    assert.equal(result.callee?.numberClass, 'premium');
  });

  it('refuses calls once the trunk has spent its day’s cap, counted from its own midnight', () => {
    assert.equal(reasonOf('01012345678', {}, '999.99'), 'admitted');
    assert.equal(reasonOf('01012345678', {}, '1000'), 'spend-cap');
    assert.deepEqual(admit('01012345678').asked, [Date.UTC(2026, 0, 4, 15)]);
    assert.deepEqual(admit('01012345678', { timeZone: 'UTC' }).asked, [Date.UTC(2026, 0, 5)]);
  });

  it('has no cap where it is turned off', () => {
    assert.equal(reasonOf('01012345678', { spendCap: false }, '999999999'), 'admitted');
  });

  it('never refuses an emergency number', () => {
    assert.equal(reasonOf('119', { classes: ['mobile'] }, '5000'), 'admitted');
  });

  it('refuses a trunk that it does not know', () => {
    assert.equal(reasonOf('01012345678', {}, '0', 'other'), 'class-not-allowed');
  });
});
