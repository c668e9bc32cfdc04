import assert from 'node:assert/strict';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { allowancesText, planText } from './terms-text.js';

describe('planText', () => {
  it('says what a plan costs, allows and charges beyond', () => {
    const charge = { kind: 'charge', perStep: '1.98', stepSeconds: 1 } as const;
    const month = { kind: 'month', resetDay: 1 } as const;
    const plan = planOf({
      name: 'consumer',
      monthlyFee: '33000',
      commercialUse: 'forbidden',
      rates: { special: { perStep: '80', stepSeconds: 60 } },
      allowances: [
        allowanceOf({ id: 'seconds-month', counts: 'seconds', limit: 360_000, window: month, beyond: charge }),
        allowanceOf({
          ...{ id: 'sms-days', counts: 'days-over', limit: 10, window: month },
          ...{ daysOver: { counts: 'sms', threshold: 150 }, beyond: { ...charge, perStep: '22' } },
        }),
      ],
    });
    assert.equal(
      planText(plan),
      '33000 KRW a month, commercial use forbidden; special 80 KRW for 60 s; ' +
        'seconds-month 360,000 seconds a month, then 1.98 KRW a second; ' +
        'sms-days 10 days over 150 sms a month, then 22 KRW each',
    );
    assert.equal(planText(planOf({ name: 'free' })), 'commercial use allowed; no limits');
  });

  it('writes amounts of money and rolling windows as people do', () => {
    const rolling = (seconds: number) => ({ kind: 'rolling', seconds }) as const;
    const terms = planOf({
      name: 'any',
      allowances: [
        allowanceOf({ id: 'a', counts: 'spend', limit: 1_500_000 }),
        allowanceOf({ id: 'b', counts: 'calls', limit: 5, window: rolling(1_800) }),
        allowanceOf({ id: 'c', counts: 'calls', limit: 5, window: rolling(7_200) }),
        allowanceOf({ id: 'd', counts: 'calls', limit: 5, window: rolling(259_200) }),
      ],
    });
    assert.equal(allowancesText(terms), 'a 1.5 KRW a day; b 5 calls in 30 min; c 5 calls in 2 h; d 5 calls in 3 days');
  });
});
