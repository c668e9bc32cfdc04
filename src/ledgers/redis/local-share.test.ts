import assert from 'node:assert/strict';
import type { AllowanceUsage, ReserveRequest } from '../../quota/ledger.js';
import { LocalShare, type PayerUsage } from './local-share.js';

const REQUEST = { payers: ['account:nobody', 'trunk:pbx'], channelId: 'gw1/1', wallMs: 60_000 } as const;
const ANSWERED_WALL_MS = 100_000;
const ENDLESS = { maxCallSeconds: 7_199, isFinal: false };

/** One cap of 1,000 seconds, of which so many are held. */
function capOf(held: () => number, window: AllowanceUsage['window'] = 'day'): PayerUsage {
  const row = { allowanceId: 'seconds', counts: 'seconds', used: 0, limit: 1_000 } as const;
  return {
    usageOfPayer: (payer, wallMs) =>
      payer === 'trunk:pbx'
        ? [{ ...row, window, held: held(), windowStartWallMs: window === 'rolling' ? wallMs : 0 }]
        : undefined,
  };
}

describe('the local share', () => {
  const request = REQUEST as unknown as ReserveRequest;

  it('refuses calls of a payer as soon as this node’s part of what was left is used or held', () => {
    const share = new LocalShare(['gw1/1'], 25);
    let held = 200;
    const usage = capOf(() => held);
    assert.equal(share.refusalOf(request, usage), undefined);
    held = 399;
    assert.equal(share.refusalOf(request, usage), undefined);
    held = 400;
    const refusal = { ok: false, reason: 'cap-exhausted', payer: 'trunk:pbx', allowanceId: 'seconds' };
    assert.deepEqual(share.refusalOf(request, usage), refusal);
    share.forget();
    assert.equal(share.refusalOf(request, usage), undefined, 'a quarter of the 600 that are left');
  });

  it('bounds a rolling window by one part, though the window starts anew at each instant', () => {
    const share = new LocalShare(['gw1/1'], 25);
    let held = 200;
    const usage = capOf(() => held, 'rolling');
    assert.equal(share.refusalOf({ ...request, wallMs: 1_000 }, usage), undefined);
    held = 400;
    assert.equal(share.refusalOf({ ...request, wallMs: 2_000 }, usage)?.ok, false);
  });

  it('ends a call with what is held once the part is used up, and says whose cap it was', () => {
    const share = new LocalShare(['gw1/1'], 25);
    let held = 200;
    const usage = capOf(() => held);
    const until = ANSWERED_WALL_MS + 30_000;
    assert.equal(share.bounded(ENDLESS, request, ANSWERED_WALL_MS, until, usage), ENDLESS);
    held = 410;
    const limit = { holder: 'trunk:pbx', allowanceId: 'seconds' };
    const bounded = { maxCallSeconds: 29, isFinal: true, limit };
    assert.deepEqual(share.bounded(ENDLESS, request, ANSWERED_WALL_MS, until, usage), bounded);
    assert.deepEqual(share.usedUp(request, usage), limit);
    const sooner = { maxCallSeconds: 12, isFinal: true, limit: { holder: 'sim:1', allowanceId: 'month' } };
    assert.equal(share.bounded(sooner, request, ANSWERED_WALL_MS, until, usage), sooner);
  });
});
